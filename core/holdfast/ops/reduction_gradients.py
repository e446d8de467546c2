"""Gradients of the reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holdfast import dtypes
from holdfast.graph.op_def import register_gradient
from holdfast.ops.casting import cast
from holdfast.ops.complex_numbers import conj
from holdfast.ops.constants import constant
from holdfast.ops.elementwise import node
from holdfast.ops.reductions import reduced_axes
from holdfast.ops.sequences import range as numbers
from holdfast.ops.shape_queries import shape, size
from holdfast.ops.static import known_value

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


def _static_axes(op: Operation) -> tuple[int, ...] | None:
    """Return the reduced axes, if they and the rank of the input are known."""
    rank, axes = op.inputs[0].shape.ndims, known_value(op.inputs[1])
    return None if rank is None or axes is None else reduced_axes(axes, rank)


def _kept(op: Operation) -> Tensor:
    """Return which axes of the input are not reduced: a vector of bools, computed when it runs."""
    rank = node("Size", shape(op.inputs[0]))
    axes = node("Reshape", cast(op.inputs[1], dtypes.int32), [-1, 1])
    axes = node("FloorMod", axes + rank, rank)
    is_reduced = node("Any", node("Equal", axes, numbers(0, rank)), 0)
    return node("LogicalNot", is_reduced)


def _with_kept_axes(op: Operation, reduced: Tensor) -> Tensor:
    """Return the output of a reduction, or its gradient, with the reduced axes as axes of size 1."""
    if op.attrs["keep_dims"]:
        return reduced
    axes = _static_axes(op)
    if axes is None:
        sizes = shape(op.inputs[0])
        return node("Reshape", reduced, node("Select", _kept(op), sizes, node("OnesLike", sizes)))
    dims = op.inputs[0].shape.as_list()
    if all(dims[i] is not None for i in range(len(dims)) if i not in axes):
        return node("Reshape", reduced, _vector([1 if i in axes else dims[i] or 0 for i in range(len(dims))]))
    for axis in axes:
        reduced = node("ExpandDims", reduced, axis)
    return reduced


def _vector(values: list[int]) -> Tensor:
    """Return a constant vector of int32."""
    return constant(np.asarray(values, np.int32))


def _spread(op: Operation, grad: Tensor) -> Tensor:
    """Repeat the gradient of a reduction along the reduced axes, to the shape of the input."""
    x, axes = op.inputs[0], _static_axes(op)
    dims = x.shape.as_tuple()
    if axes is not None and dims is not None:
        if not axes:
            return grad
        if len(axes) == len(dims):
            return node("Fill", shape(x), node("Reshape", grad, _vector([])))
        if all(dims[i] is not None for i in axes):
            repeats = _vector([dims[i] or 0 if i in axes else 1 for i in range(len(dims))])
            return node("Tile", _with_kept_axes(op, grad), repeats)
    sizes = shape(x)
    kept = _kept(op) if axes is None else constant(np.array([i not in axes for i in range(len(dims or ()))]))
    repeats = node("Select", kept, node("OnesLike", sizes), sizes)
    return node("Tile", _with_kept_axes(op, grad), repeats)


@register_gradient("Sum")
def _sum_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    return [_spread(op, grad), None]


@register_gradient("Mean")
def _mean_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    x, mean = op.inputs[0], op.outputs[0]
    before, after = x.shape.num_elements(), mean.shape.num_elements()
    if before is not None and after is not None:
        count = constant(before // max(after, 1), dtypes.int32)
    else:
        count = node("FloorDiv", size(x), node("Maximum", size(mean), 1))
    return [_spread(op, grad / cast(count, grad.dtype)), None]


@register_gradient("Max", "Min")
def _extreme_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    x = op.inputs[0]
    # The gradient is shared evenly by all elements that are the extreme one.
    is_extreme = cast(node("Equal", x, _with_kept_axes(op, op.outputs[0])), grad.dtype)
    count = node("Sum", is_extreme, op.inputs[1], keep_dims=True)
    return [is_extreme / count * _with_kept_axes(op, grad), None]


@register_gradient("Prod")
def _prod_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    """Multiply, for each element, the others of its group, before and after it: right where some are zero."""
    x = op.inputs[0]
    order, group = _groups(op)
    grouped = node("Transpose", x, order)
    grouped_shape = shape(grouped)
    flat = node("Reshape", grouped, group)
    left = node("Cumprod", flat, 0, exclusive=True)
    right = node("Cumprod", flat, 0, exclusive=True, reverse=True)
    others = node("Reshape", conj(left) * conj(right), grouped_shape)
    back = node("Transpose", others, node("InvertPermutation", order))
    return [_spread(op, grad) * back, None]


def _groups(op: Operation) -> tuple[Tensor, Tensor]:
    """Return the order of axes with the reduced ones first, and the shape with those merged and the others merged."""
    x, axes = op.inputs[0], _static_axes(op)
    dims = x.shape.as_tuple()
    if axes is not None and dims is not None:
        order = _vector([*axes, *(i for i in range(len(dims)) if i not in axes)])
        if all(dims[i] is not None for i in axes):
            merged = int(np.prod([dims[i] or 0 for i in axes], dtype=np.int64))
            # An inferred size is impossible where the other one is 0.
            if merged:
                return order, _vector([merged, -1])
        sizes = node("Gather", shape(x), order)
        count = len(axes)
        parts = [node("Slice", sizes, [0], [count]), node("Slice", sizes, [count], [-1])]
        return order, node("Pack", [node("Prod", part, 0) for part in parts])
    kept = _kept(op)
    indices = [node("Reshape", node("Where", mask), [-1]) for mask in (node("LogicalNot", kept), kept)]
    order = cast(node("ConcatV2", indices, 0), dtypes.int32)
    parts = [node("Gather", shape(x), index) for index in indices]
    return order, node("Pack", [node("Prod", part, 0) for part in parts])
