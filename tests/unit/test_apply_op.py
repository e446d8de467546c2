"""apply_op: from Python arguments to a node, with TensorFlow's errors where they do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, shapes
from holdfast.graph import get_default_graph, name_scope
from holdfast.graph import op_def as definitions
from holdfast.graph.op_def import boolean, define_op, floating, integer, list_of, string, type_attr
from holdfast.graph.operation import Operation
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.ops.state_ops import variable_op_v2


def _scalars(op: Operation) -> list[shapes.TensorShape]:
    """Make as many scalars as the op has outputs."""
    return [shapes.scalar()] * op.attrs.get("N", 1)


@pytest.fixture(autouse=True)
def _ops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Define some op types for the test."""
    monkeypatch.setattr(definitions, "_OP_DEFS", dict(definitions._OP_DEFS))
    numbers = type_attr(dtypes.float32, dtypes.int32)
    define_op("Two", "x: T, y: T -> z: T", attrs={"T": numbers}, shape=_scalars)
    define_op("Fixed", "x: int64 -> z: bool", shape=_scalars)
    define_op("Many", "xs: N * T -> z: N * T", attrs={"T": type_attr(), "N": integer(minimum=2)}, shape=_scalars)
    define_op(
        "Pairs",
        "xs: N * T, ys: N * T -> z: T",
        attrs={"T": type_attr(), "N": integer()},
        shape=lambda _: _scalars(_)[:1],
    )
    define_op("Mixed", "xs: Ts -> z: bool", attrs={"Ts": list_of("type", minimum=1)}, shape=_scalars)
    define_op("Update", "ref: Ref(T), x: T -> out: Ref(T)", attrs={"T": type_attr()}, shape=_scalars)
    define_op("Prefers", "x: T -> z: T", attrs={"T": type_attr(default=dtypes.float64)}, shape=_scalars)
    define_op(
        "Attrs",
        "-> z: bool",
        attrs={
            "i": integer(3, minimum=1),
            "f": floating(0.5),
            "b": boolean(True),
            "s": string("a", allowed=[b"a", b"b"]),
            "l": list_of("int", [1, 2]),
            "t": type_attr(dtypes.float32, dtypes.int32, default=dtypes.float32),
        },
        shape=_scalars,
    )
    define_op("Needs", "-> z: bool", attrs={"i": integer()}, shape=_scalars)


def test_python_values_become_constants_below_the_op() -> None:
    """Their names are those of the op's arguments, their dtype that of the inputs before."""
    x = placeholder("int32", [], name="x")
    with name_scope("s"):
        op = apply_op("Two", x, 2, name="o")
    y = op.inputs[1]
    assert (op.name, y.name, y.dtype) == ("s/o", "s/o/y:0", dtypes.int32)
    assert op.attrs == {"T": dtypes.int32}


def test_the_default_name_is_the_type() -> None:
    """A second one gets a number."""
    assert [apply_op("Fixed", 1).name for _ in range(2)] == ["Fixed", "Fixed_1"]


def test_a_default_dtype_is_preferred() -> None:
    """An attribute's default decides about Python numbers, not about tensors."""
    assert apply_op("Prefers", 1).outputs[0].dtype is dtypes.float64
    assert apply_op("Prefers", constant(1)).outputs[0].dtype is dtypes.int32


def test_lists_of_one_dtype() -> None:
    """The length gives the number, one tensor among the values the dtype of all."""
    op = apply_op("Many", [1, placeholder("float32", name="p"), 2])
    assert op.attrs == {"T": dtypes.float32, "N": 3}
    assert [t.name for t in op.inputs] == ["Many/xs_0:0", "p:0", "Many/xs_2:0"]
    assert [t.name for t in op.outputs] == ["Many:0", "Many:1", "Many:2"]


def test_lists_of_several_dtypes() -> None:
    """The dtypes are an attribute, inferred or given."""
    assert apply_op("Mixed", [1, 2.0, "a"]).attrs == {"Ts": [dtypes.int32, dtypes.float32, dtypes.string]}
    assert apply_op("Mixed", [1, 2], Ts=["int64", "float32"]).attrs == {"Ts": [dtypes.int64, dtypes.float32]}


def test_references_are_required_where_a_variable_is_changed() -> None:
    """A value is refused; the op stays with the variable."""
    v = variable_op_v2([], "float32", name="v")
    op = apply_op("Update", v, 1.0)
    assert op.outputs[0].dtype is dtypes.float32_ref
    assert op.colocation_groups() == [b"loc:@v"]
    with pytest.raises(
        TypeError, match=r"'Update' Op requires that input 'ref' be a mutable tensor \(e.g.: a tf.Variable\)"
    ):
        apply_op("Update", constant(1.0), 1.0)


FLOAT, INT = "float32", "int32"


@pytest.mark.parametrize(
    "op_type, values, message",
    [
        ("Two", (FLOAT, INT), "Input 'y' of 'Two' Op has type int32 that does not match type float32 of argument 'x'."),
        ("Two", (INT, 1.5), "Expected int32 passed to parameter 'y' of op 'Two', got 1.5 of type 'float' instead."),
        ("Two", ("string", "a"), "parameter 'x' has DataType string not in list of allowed values: float32, int32"),
        ("Fixed", (FLOAT,), "Input 'x' of 'Fixed' Op has type float32 that does not match expected type of int64."),
        ("Many", (3,), "Expected list for 'xs' argument to 'Many' Op, not 3."),
        ("Many", ([FLOAT, INT],), r"'xs' of 'Many' Op have types \[float32, int32\] that don't all match."),
        ("Two", (1,), r"Op Two takes 2 inputs \(x, y\); got 1."),
    ],
)
def test_inputs_that_do_not_fit(op_type: str, values: tuple[Any, ...], message: str) -> None:
    """The messages are TensorFlow's; names of dtypes stand for placeholders here."""

    def made(value: Any) -> Any:
        if isinstance(value, list):
            return [made(item) for item in value]
        return placeholder(value, []) if isinstance(value, str) and value != "a" else value

    with pytest.raises(TypeError, match=message):
        apply_op(op_type, *(made(value) for value in values))


def test_lists_that_must_have_one_length() -> None:
    """The argument that gave the length is named; a minimum counts too."""
    with pytest.raises(
        ValueError, match="List argument 'ys' to 'Pairs' Op with length 1 must match length 2 of argument 'xs'"
    ):
        apply_op("Pairs", [1, 2], [3])
    with pytest.raises(ValueError, match=r"length of list argument 'xs' of 'Many' Op passed 1 less than minimum 2."):
        apply_op("Many", [1])


def test_attributes_are_made_canonical() -> None:
    """Defaults are filled in; text becomes bytes, NumPy numbers Python's, floats what single precision keeps."""
    assert apply_op("Attrs").attrs == {"i": 3, "f": 0.5, "b": True, "s": b"a", "l": [1, 2], "t": dtypes.float32}
    given = apply_op("Attrs", i=np.int64(4), f=0.1, b=np.False_, s="b", l=(3,), t=np.int32).attrs
    assert given == {"i": 4, "f": float(np.float32(0.1)), "b": False, "s": b"b", "l": [3], "t": dtypes.int32}
    assert [type(given[name]) for name in "ifb"] == [int, float, bool]


def test_none_stands_for_the_default() -> None:
    """As with arguments that were not given."""
    assert apply_op("Attrs", i=None, s=None).attrs == apply_op("Attrs").attrs


@pytest.mark.parametrize(
    "attrs, error, message",
    [
        ({"i": 1.5}, TypeError, "Expected int for argument 'i' of op 'Attrs' not 1.5."),
        ({"i": True}, TypeError, "Expected int for argument 'i' of op 'Attrs' not True."),
        ({"b": 1}, TypeError, "Expected bool for argument 'b' of op 'Attrs' not 1."),
        ({"f": "x"}, TypeError, "Expected float for argument 'f' of op 'Attrs' not 'x'."),
        ({"l": 3}, TypeError, "Expected list for attr l of op 'Attrs', got int."),
        ({"i": 0}, ValueError, "Attr 'i' of 'Attrs' Op passed 0 less than minimum 1."),
        ({"s": "c"}, ValueError, "Attr 's' of 'Attrs' Op passed string 'c' not in: \"a\", \"b\"."),
        ({"t": "string"}, TypeError, "parameter 't' has DataType string not in list of allowed values: float32, int32"),
        ({"zz": 1}, TypeError, r"apply_op\(\) got unexpected keyword arguments: zz for op Attrs"),
    ],
)
def test_attributes_that_do_not_fit(attrs: dict[str, Any], error: type[Exception], message: str) -> None:
    """Wrong kinds, illegal values and unknown names are told."""
    with pytest.raises(error, match=message):
        apply_op("Attrs", **attrs)


def test_what_cannot_be_left_out() -> None:
    """An attribute without default, and the definition itself."""
    with pytest.raises(TypeError, match="No argument for attr i of op Needs"):
        apply_op("Needs")
    with pytest.raises(RuntimeError, match="Unrecognized Op name Nope"):
        apply_op("Nope")


def test_the_name_scope_is_restored_after_an_error() -> None:
    """An op that fails leaves no scope open."""
    with name_scope("s"):
        with pytest.raises(TypeError):
            apply_op("Two", placeholder("int32", []), 1.5)
        assert get_default_graph().get_name_scope() == "s"
