from __future__ import annotations

from typing import Any

import pytest

from holdfast import dtypes
from holdfast.graph import IndexedSlices, control_dependencies, device, get_default_graph
from holdfast.ops import grouping
from holdfast.ops.constants import constant
from holdfast.ops.identities import identity, placeholder, placeholder_with_default
from holdfast.runtime import Session


def test_group_waits_for_all() -> None:
    """A group is one operation after all of its inputs."""
    a, b = grouping.no_op("a"), constant(1)
    group = grouping.group(a, b)
    assert (group.name, group.type, group.control_inputs) == ("group_deps", "NoOp", [a, b.op])
    assert grouping.group(name="none").control_inputs == []


def test_group_over_several_devices() -> None:
    """One operation a device waits for that device's inputs, the group for these."""
    with device("/cpu:0"):
        a = grouping.no_op("a")
    with device("/gpu:0"):
        b = grouping.no_op("b")
    group = grouping.group(a, b, constant(1), name="g")
    assert [op.name for op in group.control_inputs] == ["g/NoOp", "g/NoOp_1", "g/NoOp_2"]
    assert [op.device for op in group.control_inputs] == ["", "/device:CPU:0", "/device:GPU:0"]


def test_group_of_something_else() -> None:
    """Only elements of a graph can be grouped, under one keyword."""
    with pytest.raises(TypeError, match="Expected a tensor, operation or variable to group, got 3"):
        grouping.group(3)
    with pytest.raises(ValueError, match="Unknown keyword arguments: foo"):
        grouping.group(foo=3)


def test_tuple_gates_its_tensors() -> None:
    """Each tensor of a tuple is an identity behind one group of them all."""
    a, b = placeholder(dtypes.float32, [2], name="b"), placeholder(dtypes.float32, [3], name="a")
    first, none, second = grouping.tuple([b, None, a], control_inputs=[a.op, b])
    assert none is None
    assert (first.name, second.name) == ("tuple/control_dependency:0", "tuple/control_dependency_1:0")
    gate = get_default_graph().get_operation_by_name("tuple/group_deps")
    assert gate.control_inputs == [a.op, b.op]
    assert first.op.control_inputs == [gate]
    assert first.op.colocation_groups() == [b"loc:@a"]


def test_tuple_of_slices() -> None:
    """Indexed slices are gated by their values."""
    slices = IndexedSlices(placeholder(dtypes.float32, [2]), placeholder(dtypes.int32, [2]))
    [gated] = grouping.tuple([slices])
    assert gated.values.op.type == "Identity"
    assert gated.indices is slices.indices


@pytest.mark.parametrize(
    "tensors,control,error,message",
    [
        ([None], None, ValueError, r"Must have at least one Tensor: \[None\]"),
        ([], [3], TypeError, "Control input must be Operation or Tensor: 3"),
    ],
)
def test_tuples_that_are_refused(tensors: Any, control: Any, error: type[Exception], message: str) -> None:
    """A tuple needs a tensor, and graph elements to wait for."""
    with pytest.raises(error, match=message):
        grouping.tuple(tensors, control_inputs=control)


def test_with_dependencies() -> None:
    """The output is to be had only after the dependencies."""
    first = grouping.no_op("first")
    tensor = grouping.with_dependencies([first], constant(7, name="c"))
    assert (tensor.name, tensor.op.control_inputs) == ("control_dependency:0", [first])
    with Session() as session:
        assert session.run(tensor) == 7


def test_placeholder_with_default() -> None:
    """A placeholder with a default takes a feed of its declared shape, else the default."""
    x = placeholder_with_default([1.0, 2.0], [None])
    assert (x.op.type, x.op.inputs[0].name) == ("PlaceholderWithDefault", "PlaceholderWithDefault/input:0")
    with Session() as session:
        assert session.run(identity(x)).tolist() == [1.0, 2.0]
        assert session.run(identity(x), {x: [3.0]}).tolist() == [3.0]
    with pytest.raises(ValueError, match="Shapes must be equal rank, but are 1 and 2"):
        placeholder_with_default([1.0], [None, None])


def test_control_dependencies_of_identity() -> None:
    """An identity within a block waits for it."""
    op = grouping.no_op("d")
    x = constant(1)
    with control_dependencies([op]):
        assert identity(x).op.control_inputs == [op]
