"""Operation, Tensor, IndexedSlices: what they tell of themselves and what they refuse."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast import dtypes
from holdfast.graph import (
    Graph,
    IndexedSlices,
    control_dependencies,
    convert_to_tensor,
    device,
    get_default_graph,
    register_tensor_conversion_function,
)
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import identity, placeholder


def test_texts_of_tensors() -> None:
    """Name, shape as far as known, dtype, and device where one was asked for."""
    c = constant([1.0, 2.0], name="c")
    p, u = placeholder("float32", [None, 3], name="p"), placeholder("int64", name="u")
    with device("/gpu:0"):
        d = constant(1, name="d")
    assert str(c) == 'Tensor("c:0", shape=(2,), dtype=float32)'
    assert repr(c) == "<tf.Tensor 'c:0' shape=(2,) dtype=float32>"
    assert (str(p), repr(p)) == (
        'Tensor("p:0", shape=(?, 3), dtype=float32)',
        "<tf.Tensor 'p:0' shape=(?, 3) dtype=float32>",
    )
    assert (str(u), repr(u)) == ('Tensor("u:0", dtype=int64)', "<tf.Tensor 'u:0' shape=<unknown> dtype=int64>")
    assert str(d) == 'Tensor("d:0", shape=(), dtype=int32, device=/device:GPU:0)'


def test_texts_of_operations() -> None:
    """Repr is short; str is the node as text, attributes sorted."""
    n = no_op("n")
    p = placeholder("float32", [None], name="p").op
    assert (repr(n), str(n)) == ("<tf.Operation 'n' type=NoOp>", 'name: "n"\nop: "NoOp"\n')
    assert str(p) == (
        'name: "p"\nop: "Placeholder"\nattr {\n  key: "dtype"\n  value {\n    type: DT_FLOAT\n  }\n}\n'
        'attr {\n  key: "shape"\n  value {\n    shape {\n      dim {\n        size: -1\n      }\n    }\n  }\n}\n'
    )


def test_what_a_tensor_is_not() -> None:
    """It is no sequence, no truth value and no number, and says what to use instead."""
    c = constant([1.0, 2.0])
    refused: list[tuple[Callable[[Any], Any], str]] = [
        (iter, "'Tensor' object is not iterable."),
        (list, "'Tensor' object is not iterable."),
        (len, r"object of type 'Tensor' has no len\(\): use tf.shape"),
        (bool, "Using a `tf.Tensor` as a Python `bool` is not allowed. Use `if t is not None:` instead of `if t:`"),
        (float, "float\\(\\) argument must be a string or a real number, not 'Tensor'"),
    ]
    for function, message in refused:
        with pytest.raises(TypeError, match=message):
            function(c)


def test_equality_is_identity() -> None:
    """Tensors are keys of dicts; a copy is the same node."""
    c, d = constant(1), constant(1)
    assert (c == c, c == d, c != d) == (True, False, True)  # noqa: PLR0124  # what is tested
    assert {c: 1, d: 2}[c] == 1
    assert copy.copy(c) is c
    assert copy.copy(c.op) is c.op


def test_set_shape_merges() -> None:
    """What is known adds up; a contradiction is refused and changes nothing."""
    p = placeholder("float32", [None, 3])
    p.set_shape([2, None])
    assert p.shape.as_list() == [2, 3]
    p.set_shape(None)
    for wrong in ([3, 3], [None], 5):
        with pytest.raises(ValueError, match=r"Shapes \(2, 3\) and \(.*\) are not compatible"):
            p.set_shape(wrong)
    assert p.get_shape().as_list() == [2, 3]


def test_an_element_keeps_its_name_and_shape() -> None:
    """They are read only; programs may keep notes of their own on elements."""
    c = constant(1, name="c")
    with pytest.raises(AttributeError):
        c.shape = 3  # type: ignore[misc, assignment]  # what is tested
    with pytest.raises(AttributeError):
        c.op.name = "x"  # type: ignore[misc]  # what is tested
    note: Any = c
    note.my_note = 5
    assert note.my_note == 5


def test_consumers_are_listed_once() -> None:
    """Each operation that takes the tensor, in order of creation."""
    c = constant(1.0, name="c")
    with Graph().as_default():
        pass
    ops = [identity(c, name="a").op, identity(c, name="b").op]
    assert c.consumers() == ops
    assert ops[0].outputs[0].consumers() == []


def test_an_input_may_be_replaced() -> None:
    """Consumers follow; a tensor of another graph is refused."""
    c, d = constant(1.0, name="c"), constant(2.0, name="d")
    op = identity(c).op
    op._update_input(0, d)
    assert (op.inputs, c.consumers(), d.consumers()) == ((d,), [], [op])
    with Graph().as_default():
        stranger = constant(1.0)
    with pytest.raises(ValueError, match="must be from the same graph as"):
        op._update_input(0, stranger)


def test_inputs_and_outputs_of_an_operation() -> None:
    """Inputs, control inputs, outputs and values()."""
    c = constant(1.0, name="c")
    with control_dependencies([no_op("first")]):
        t = identity(c, name="i")
    op = t.op
    assert (list(op.inputs), [o.name for o in op.control_inputs]) == ([c], ["first"])
    assert (op.outputs, op.values(), op.output_types) == ([t], (t,), [dtypes.float32])
    assert (t.op, t.value_index, t.name, t.graph, t.device) == (op, 0, "i:0", get_default_graph(), "")
    assert list(op.node_def.input) == ["c", "^first"]
    assert op.op_def.name == "Identity"


def test_attributes_as_tensorflow_gives_them() -> None:
    """Types as DType, shapes and tensors as messages, strings as bytes."""
    p, c = placeholder("float32", [None, 3]).op, constant([1.0, 2.0]).op
    assert p.get_attr("dtype") is dtypes.float32
    assert [d.size for d in p.get_attr("shape").dim] == [-1, 3]
    assert c.get_attr("value").tensor_content == bytes.fromhex("0000803f00000040")
    with get_default_graph().colocate_with(c):
        assert no_op().get_attr("_class") == [b"loc:@Const"]


def test_an_unknown_attribute_is_told_with_the_known_ones() -> None:
    """The message has TensorFlow's first line, then the attributes there are."""
    with pytest.raises(
        ValueError, match=r"No attr named 'nope' in name: \"c\"\nop: \"Const\"\nIts attrs: dtype, value\."
    ):
        constant(1, name="c").op.get_attr("nope")


def test_an_operation_knows_the_line_that_made_it() -> None:
    """The innermost line outside of holdfast counts, through context managers too."""
    op = identity(constant(1.0)).op
    assert op.site is not None
    assert Path(op.site.filename).name == Path(__file__).name
    assert op.site.function == "test_an_operation_knows_the_line_that_made_it"
    assert op.traceback == [(*op.site, None)]
    assert str(op.site) == f"{__file__}:{op.site.lineno}, in {op.site.function}"


def test_running_without_a_session() -> None:
    """The message says what to do."""
    with pytest.raises(ValueError, match=r"Cannot evaluate tensor using `eval\(\)`: No default session is registered."):
        constant(1).eval()
    with pytest.raises(
        ValueError, match=r"Cannot execute operation using `run\(\)`: No default session is registered."
    ):
        no_op().run()


def test_indexed_slices() -> None:
    """They stand for a tensor of the dense shape's rank, and print their parts."""
    values, indices = constant([[1.0, 2.0]], name="v"), constant([0], name="i")
    slices = IndexedSlices(values, indices, constant([4, 2], name="d"))
    assert (slices.name, slices.dtype, slices.op, slices.graph) == ("v:0", dtypes.float32, values.op, values.graph)
    assert slices.shape.as_list() == [None, 2]
    assert str(slices) == (
        'IndexedSlices(indices=Tensor("i:0", shape=(1,), dtype=int32), values=Tensor("v:0", shape=(1, 2), '
        'dtype=float32), dense_shape=Tensor("d:0", shape=(2,), dtype=int32))'
    )
    with Graph().as_default():
        stranger = constant([0])
    with pytest.raises(ValueError, match="must be from the same graph as"):
        IndexedSlices(values, stranger)


def test_an_operation_is_no_value() -> None:
    """Converting it to a tensor is refused by name."""
    with pytest.raises(TypeError, match="Can't convert Operation 'n' to Tensor"):
        convert_to_tensor(no_op("n"))


def test_a_tensor_converts_to_itself_if_the_dtype_fits() -> None:
    """Another dtype is refused with both names."""
    p = placeholder("float32", name="p")
    assert convert_to_tensor(p) is convert_to_tensor(p, dtype="float32") is p
    with pytest.raises(ValueError, match="requested dtype int32 for Tensor with dtype float32: 'Tensor"):
        convert_to_tensor(p, dtype="int32")


def test_a_preferred_dtype_is_only_tried() -> None:
    """Where the value cannot have it, its own is taken."""
    assert convert_to_tensor(1, preferred_dtype="float32").dtype is dtypes.float32
    assert convert_to_tensor("a", preferred_dtype="float32").dtype is dtypes.string


def test_registered_conversions_must_keep_their_contract() -> None:
    """A function that gives no tensor, or one of another dtype, is told by name; NotImplemented passes on."""

    class Thing:
        answer: Any = None

    register_tensor_conversion_function(Thing, lambda value, **_: value.answer)
    thing = Thing()
    with pytest.raises(RuntimeError, match="returned non-Tensor: None"):
        convert_to_tensor(thing)
    thing.answer = constant(1)
    assert convert_to_tensor(thing) is thing.answer
    with pytest.raises(RuntimeError, match="returned incompatible dtype: requested = float32, actual = int32"):
        convert_to_tensor(thing, dtype="float32")
    thing.answer = NotImplemented
    with pytest.raises(TypeError, match="Failed to convert object of type"):
        convert_to_tensor(thing)


@pytest.mark.parametrize(
    "base, function, message",
    [(3, len, "base_type must be"), ((str, 3), len, "base_type must be"), (str, 3, "must be callable")],
)
def test_what_cannot_be_registered(base: Any, function: Any, message: str) -> None:
    """Types and a function are needed."""
    with pytest.raises(TypeError, match=message):
        register_tensor_conversion_function(base, function)
