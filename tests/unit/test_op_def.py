"""Definitions of op types: signatures, attributes, gradients, and their messages."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast import dtypes, protos, shapes
from holdfast.graph import op_def as definitions
from holdfast.graph.op_def import (
    boolean,
    define_op,
    floating,
    gradient_function,
    integer,
    list_of,
    not_differentiable,
    op_def,
    op_types,
    register_gradient,
    shape_attr,
    string,
    tensor_attr,
    type_attr,
)
from holdfast.graph.op_def_messages import op_def_message
from holdfast.graph.operation import Operation
from holdfast.ops.gradient_registry import NoGradient, NotDifferentiable, RegisterGradient
from holdfast.ops.op_list import stripped_op_list_for_graph


@pytest.fixture(autouse=True)
def _registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test registries of its own."""
    monkeypatch.setattr(definitions, "_OP_DEFS", dict(definitions._OP_DEFS))
    monkeypatch.setattr(definitions, "_GRADIENTS", dict(definitions._GRADIENTS))


def _no_shapes(_: Operation) -> list[shapes.TensorShape]:
    return []


def test_a_signature_is_parsed() -> None:
    """Fixed types, type attributes, references, repeated and mixed lists."""
    defined = define_op(
        "Zoo",
        "a: int32, b: T, c: Ref(T), d: N * T, e: Ts -> x: Ref(T), y: N * int64",
        attrs={"T": type_attr(), "N": integer(), "Ts": list_of("type")},
        shape=_no_shapes,
    )
    a, b, c, d, e = defined.inputs
    assert (a.name, a.dtype, b.type_attr, b.dtype) == ("a", dtypes.int32, "T", None)
    assert (c.type_attr, c.is_ref) == ("T", True)
    assert (d.type_attr, d.number_attr, e.type_list_attr) == ("T", "N", "Ts")
    x, y = defined.outputs
    assert (x.is_ref, y.dtype, y.number_attr) == (True, dtypes.int64, "N")
    assert defined.ref_of_output == {0: 2}
    assert op_def("Zoo") is defined
    assert "Zoo" in op_types()


@pytest.mark.parametrize("signature", ["a", "a b: T", "a: Ref(T", "a: T)", "->: int32", "a: 3 4"])
def test_a_malformed_signature_is_refused(signature: str) -> None:
    """The part that cannot be parsed is shown."""
    with pytest.raises(ValueError, match="Cannot parse argument"):
        define_op("Zoo", signature, attrs={"T": type_attr()}, shape=_no_shapes)


def test_an_unknown_type_in_a_signature_is_refused() -> None:
    """It is neither an attribute nor a dtype."""
    with pytest.raises(TypeError, match="Cannot convert value 'U'"):
        define_op("Zoo", "a: U", shape=_no_shapes)


def test_an_op_type_is_defined_once() -> None:
    """A second definition is an error."""
    define_op("Zoo", "", shape=_no_shapes)
    with pytest.raises(ValueError, match="Op type 'Zoo' is defined already"):
        define_op("Zoo", "", shape=_no_shapes)


def test_defaults_are_in_canonical_form() -> None:
    """Text is bytes, tuples are lists, shapes are TensorShapes; attributes without default have none."""
    defined = define_op(
        "Zoo",
        "",
        attrs={
            "s": string("x"),
            "l": list_of("int", (1, 2)),
            "h": shape_attr([2]),
            "t": type_attr(),
            "b": boolean(True),
        },
        shape=_no_shapes,
    )
    assert defined.defaults == {"s": b"x", "l": [1, 2], "h": shapes.TensorShape([2]), "b": True}


def test_gradients_are_registered_once() -> None:
    """The message says where the first one was registered."""

    @register_gradient("Zoo", "Zebra")
    def first(op: Operation, grad: Any) -> Any:
        return grad

    assert gradient_function("Zoo") is gradient_function("Zebra") is first
    with pytest.raises(
        KeyError, match=r"Registering two gradient with name 'Zoo' !\(Previous registration was in .*first"
    ):
        register_gradient("Zoo")(first)
    not_differentiable("Lion")
    assert gradient_function("Lion") is None
    with pytest.raises(KeyError, match="Registering two gradient with name 'Lion'"):
        register_gradient("Lion")(first)


def test_a_missing_gradient_is_a_lookup_error() -> None:
    """The name of the type is in the message."""
    with pytest.raises(LookupError, match="gradient registry has no entry for: Zoo"):
        gradient_function("Zoo")


def test_public_registration_of_gradients() -> None:
    """RegisterGradient returns the function; NoGradient is the old name of NotDifferentiable."""

    def gradient(op: Operation, grad: Any) -> Any:
        return grad

    assert RegisterGradient("Zoo")(gradient) is gradient
    assert gradient_function("Zoo") is gradient
    NotDifferentiable("Lion")
    assert gradient_function("Lion") is None
    assert NoGradient is NotDifferentiable
    for function in (RegisterGradient, NotDifferentiable):
        with pytest.raises(TypeError, match="op_type must be a string"):
            function(3)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(KeyError, match="Registering two gradient with name 'MatMul'"):
        RegisterGradient("MatMul")(gradient)


def test_messages_of_definitions() -> None:
    """The message has what TensorFlow's has: arguments, attributes, defaults, limits, allowed values."""
    message = op_def_message(
        define_op(
            "Zoo",
            "a: T, b: N * Ref(T), c: Ts -> d: bool",
            attrs={
                "T": type_attr(dtypes.float32, dtypes.int32, default=dtypes.float32),
                "N": integer(minimum=2),
                "Ts": list_of("type", minimum=1),
                "p": string(allowed=[b"SAME", b"VALID"]),
                "f": floating(0.5),
                "v": tensor_attr(),
                "l": list_of("int", []),
            },
            shape=_no_shapes,
            stateful=True,
        )
    )
    assert [(a.name, a.type_attr, a.number_attr, a.type_list_attr, a.is_ref) for a in message.input_arg] == [
        ("a", "T", "", "", False),
        ("b", "T", "N", "", True),
        ("c", "", "", "Ts", False),
    ]
    assert (message.output_arg[0].type, message.is_stateful) == (dtypes.bool.as_datatype_enum, True)
    attrs = {a.name: a for a in message.attr}
    assert list(attrs) == ["T", "N", "Ts", "p", "f", "v", "l"]
    assert attrs["T"].default_value.type == 1
    assert list(attrs["T"].allowed_values.list.type) == [1, 3]
    assert (attrs["N"].has_minimum, attrs["N"].minimum, attrs["N"].HasField("default_value")) == (True, 2, False)
    assert (attrs["Ts"].type, attrs["Ts"].minimum) == ("list(type)", 1)
    assert list(attrs["p"].allowed_values.list.s) == [b"SAME", b"VALID"]
    assert (attrs["f"].default_value.f, attrs["v"].type) == (0.5, "tensor")
    assert attrs["l"].default_value.WhichOneof("value") == "list"


def test_the_op_list_of_a_graph_has_each_type_once() -> None:
    """Sorted by name; functions of the graph's library count as known."""
    graph = protos.GraphDef()
    for name, op in (("a", "NoOp"), ("b", "Const"), ("c", "NoOp"), ("d", "f")):
        graph.node.add(name=name, op=op)
    graph.library.function.add().signature.name = "f"
    graph.library.function[0].node_def.add(name="x", op="Identity")
    assert [op.name for op in stripped_op_list_for_graph(graph).op] == ["Const", "Identity", "NoOp"]


def test_an_op_list_needs_known_types() -> None:
    """An undefined type, or something that is no graph, is refused."""
    graph = protos.GraphDef()
    graph.node.add(name="a", op="Nope")
    with pytest.raises(ValueError, match="Op Nope is used by the graph, but is not registered"):
        stripped_op_list_for_graph(graph)
    with pytest.raises(TypeError, match="graph_def must be a GraphDef proto, not int"):
        stripped_op_list_for_graph(5)
