"""Ops that ask for the shape of a tensor, and for shapes that broadcast."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.dtypes import DType
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, integer, not_differentiable, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant

__all__ = ["broadcast_dynamic_shape", "broadcast_static_shape", "rank", "shape", "shape_n", "size"]

_OUT = type_attr(dtypes.int32, dtypes.int64, default=dtypes.int32)


def _shapes_shape(op: Operation) -> list[shapes.TensorShape]:
    return [shapes.vector(tensor.shape.ndims) for tensor in op.inputs]


def _broadcast_args_shape(op: Operation) -> list[shapes.TensorShape]:
    sizes = [shape_rules.of_rank(tensor.shape, 1)[0] for tensor in op.inputs]
    known = [size for size in sizes if size is not None]
    return [shapes.vector(max(known) if len(known) == len(sizes) else None)]


define_op("Shape", "input: T -> output: out_type", attrs={"T": type_attr(), "out_type": _OUT}, shape=_shapes_shape)
define_op(
    "ShapeN",
    "input: N * T -> output: N * out_type",
    attrs={"N": integer(minimum=1), "T": type_attr(), "out_type": _OUT},
    shape=_shapes_shape,
)
define_op(
    "Size",
    "input: T -> output: out_type",
    attrs={"T": type_attr(), "out_type": _OUT},
    shape=shape_rules.scalar_output,
)
define_op("Rank", "input: T -> output: int32", attrs={"T": type_attr()}, shape=shape_rules.scalar_output)
define_op(
    "BroadcastArgs",
    "s0: T, s1: T -> r0: T",
    attrs={"T": type_attr(dtypes.int32, dtypes.int64, default=dtypes.int32)},
    shape=_broadcast_args_shape,
)
not_differentiable("Shape", "ShapeN", "Size", "Rank", "BroadcastArgs")


def shape(input: Any, name: str | None = None, out_type: Any = dtypes.int32) -> Tensor:
    """Return the shape of ``input`` as a vector of ``out_type`` (int32 or int64)."""
    return shape_internal(input, name, out_type=dtypes.as_dtype(out_type))


def shape_internal(
    input: Any, name: str | None = None, *, optimize: bool = True, out_type: DType = dtypes.int32
) -> Tensor:
    """Return the shape of ``input``; with ``optimize`` as a constant, where it is known statically."""
    with default.name_scope(name, "Shape", [input]) as scope:
        input = _as_tensor(input)
        if optimize and input.shape.is_fully_defined():
            return constant(input.shape.as_list(), out_type, name=scope)
        return apply_op("Shape", input, out_type=out_type, name=scope).outputs[0]


def _as_tensor(value: Any) -> Tensor:
    """Return a value as a tensor; a variable as its value, not its reference."""
    return conversion.convert_to_tensor(value)


def shape_n(input: Any, out_type: Any = dtypes.int32, name: str | None = None) -> list[Tensor]:
    """Return the shapes of several tensors of one dtype."""
    return apply_op("ShapeN", input, out_type=dtypes.as_dtype(out_type), name=name).outputs


def size(input: Any, name: str | None = None, out_type: Any = dtypes.int32) -> Tensor:
    """Return the number of elements of ``input`` as a scalar of ``out_type`` (int32 or int64)."""
    return size_internal(input, name, out_type=dtypes.as_dtype(out_type))


def size_internal(
    input: Any, name: str | None = None, *, optimize: bool = True, out_type: DType = dtypes.int32
) -> Tensor:
    """Return the number of elements; with ``optimize`` as a constant, where it is known statically."""
    with default.name_scope(name, "Size", [input]) as scope:
        input = _as_tensor(input)
        if optimize and input.shape.is_fully_defined():
            return constant(input.shape.num_elements(), out_type, name=scope)
        return apply_op("Size", input, out_type=out_type, name=scope).outputs[0]


def rank(input: Any, name: str | None = None) -> Tensor:
    """Return the number of dimensions of ``input`` as an int32 scalar."""
    return rank_internal(input, name)


def rank_internal(input: Any, name: str | None = None, *, optimize: bool = True) -> Tensor:
    """Return the number of dimensions; with ``optimize`` as a constant, where it is known statically."""
    with default.name_scope(name, "Rank", [input]) as scope:
        input = _as_tensor(input)
        if optimize and input.shape.ndims is not None:
            return constant(input.shape.ndims, dtypes.int32, name=scope)
        return apply_op("Rank", input, name=scope).outputs[0]


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """Return the shape that two shapes, vectors of integers, broadcast to."""
    return apply_op("BroadcastArgs", shape_x, shape_y).outputs[0]


def broadcast_static_shape(shape_x: Any, shape_y: Any) -> shapes.TensorShape:
    """Return the static shape that two static shapes broadcast to.

    Raises
    ------
    ValueError
        If they do not broadcast.
    """
    x, y = shapes.as_shape(shape_x), shapes.as_shape(shape_y)
    left, right = x.as_tuple(), y.as_tuple()
    if left is None or right is None:
        return shapes.unknown_shape()
    count = max(len(left), len(right))
    pairs = zip((1,) * (count - len(left)) + left, (1,) * (count - len(right)) + right, strict=True)
    dims: list[int | None] = []
    for a, b in pairs:
        if a is None or b is None:
            known = b if a is None else a
            dims.append(known if known is not None and known > 1 else None)
        elif a != b and 1 not in {a, b}:
            raise ValueError(f"Incompatible shapes for broadcasting: {x} and {y}")
        else:
            dims.append(b if a == 1 else a)
    return shapes.TensorShape(dims)


def known_shape(tensor: Tensor) -> Any:
    """Return a tensor's shape as a list of integers where it is known statically, else as a tensor."""
    if tensor.shape.is_fully_defined():
        return tensor.shape.as_list()
    return shape(tensor)
