"""What shape rules agree on: merging of static shapes, with TensorFlow's sentences where they cannot fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.shapes import as_shape, scalar, unknown_shape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape


def merged(first: TensorShape, second: TensorShape) -> TensorShape:
    """Return what two shapes say together.

    Raises
    ------
    ValueError
        If their ranks or sizes differ.
    """
    left, right = first.as_tuple(), second.as_tuple()
    if left is None or left == right:
        return second
    if right is None:
        return first
    if len(left) != len(right):
        raise ValueError(f"Shapes must be equal rank, but are {len(left)} and {len(right)}")
    dims = []
    for i, (a, b) in enumerate(zip(left, right, strict=True)):
        if a is not None and b is not None and a != b:
            raise ValueError(f"Dimension {i} in both shapes must be equal, but are {a} and {b}")
        dims.append(b if a is None else a)
    return as_shape(dims)


def check_rank(shape: TensorShape, rank: int) -> None:
    """Raise ValueError if a shape is known to have another rank."""
    dims = shape.as_tuple()
    if dims is not None and len(dims) != rank:
        raise ValueError(f"Shape must be rank {rank} but is rank {len(dims)}")


def check_equal_dimensions(first: int | None, second: int | None) -> None:
    """Raise ValueError if two sizes are known to differ."""
    if first is not None and second is not None and first != second:
        raise ValueError(f"Dimensions must be equal, but are {first} and {second}")


def first_input(op: Operation) -> list[TensorShape]:
    """Give the only output the shape of the first input."""
    return [op._inputs[0]._shape]


def all_inputs_merged(op: Operation) -> list[TensorShape]:
    """Give the only output the shape that all inputs must have."""
    shape = op.inputs[0].shape
    for tensor in op.inputs[1:]:
        shape = merged(shape, tensor.shape)
    return [shape]


def scalar_output(op: Operation) -> list[TensorShape]:
    """Give the only output the shape of a scalar."""
    return [scalar()]


def of_rank(shape: TensorShape, rank: int) -> tuple[int | None, ...]:
    """Return the dimensions of a shape, None for unknown ones; ValueError if it has another rank."""
    check_rank(shape, rank)
    dims = shape.as_tuple()
    return (None,) * rank if dims is None else dims


def of_rank_at_least(shape: TensorShape, rank: int) -> tuple[int | None, ...] | None:
    """Return the dimensions of a shape, None where its rank is unknown; ValueError if the rank is less."""
    dims = shape.as_tuple()
    if dims is not None and len(dims) < rank:
        raise ValueError(f"Shape must be at least rank {rank} but is rank {len(dims)}")
    return dims


def axis_in(axis: int, rank: int) -> int:
    """Return an axis counted from the front; ValueError if there is no such axis."""
    if not -rank <= axis < rank:
        raise ValueError(f"Dimension size, given by scalar input {axis} must be in range [-{rank}, {rank})")
    return axis + rank if axis < 0 else axis


def unknown_output(op: Operation) -> list[TensorShape]:
    """Say nothing of the only output's shape."""
    return [unknown_shape()]


def no_outputs(op: Operation) -> list[TensorShape]:
    """Return the shapes of an op without outputs."""
    return []
