"""Broadcasting: the static rule, and its reverse, which gradients need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast import dtypes
from holdfast.graph.op_def import define_op, not_differentiable, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.shapes import TensorShape, unknown_shape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

Dims: TypeAlias = "tuple[int | None, ...]"


def broadcast_dims(x: Dims, y: Dims) -> Dims:
    """Return the dimensions that two shapes broadcast to, None for unknown ones.

    Raises
    ------
    ValueError
        If two sizes differ and neither is 1.
    """
    if not y or (x == y and None not in x):
        return x
    if not x:
        return y
    rank = max(len(x), len(y))
    pairs = zip((1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y, strict=True)
    return tuple([_broadcast_size(a, b) for a, b in pairs])


def _broadcast_size(a: int | None, b: int | None) -> int | None:
    """Return the size that two sizes broadcast to; an unknown one may turn out to be 1."""
    if a is None or b is None:
        known = b if a is None else a
        return None if known in {None, 1} else known
    if a != b and 1 not in {a, b}:
        raise ValueError(f"Dimensions must be equal, but are {a} and {b}")
    return b if a == 1 else a


def broadcast_shape(op: Operation) -> list[TensorShape]:
    """Give the only output the shape that the two inputs broadcast to."""
    left, right = op._inputs
    x, y = left._shape.as_tuple(), right._shape.as_tuple()
    if x is None or y is None:
        return [unknown_shape()]
    return [TensorShape._of(broadcast_dims(x, y))]


def _gradient_args_shape(op: Operation) -> list[TensorShape]:
    for tensor in op.inputs:
        shape_rules.check_rank(tensor.shape, 1)
    return [unknown_shape(1), unknown_shape(1)]


define_op(
    "BroadcastGradientArgs",
    "s0: T, s1: T -> r0: T, r1: T",
    attrs={"T": type_attr(dtypes.int32, dtypes.int64, default=dtypes.int32)},
    shape=_gradient_args_shape,
)
not_differentiable("BroadcastGradientArgs")


def summed_to_inputs(op: Operation, grad_x: Tensor, grad_y: Tensor) -> list[Tensor]:
    """Return the gradients of a broadcasting op's two inputs, summed over what broadcasting repeated."""
    x, y = op.inputs[:2]
    x_dims, y_dims = x.shape.as_tuple(), y.shape.as_tuple()
    if x_dims is not None and y_dims is not None and None not in x_dims and None not in y_dims:
        return [_summed_to(grad_x, x_dims, y_dims), _summed_to(grad_y, y_dims, x_dims)]
    x_shape, y_shape = (apply_op("Shape", tensor).outputs[0] for tensor in (x, y))
    x_axes, y_axes = apply_op("BroadcastGradientArgs", x_shape, y_shape).outputs
    return [_summed(grad_x, x_axes, x_shape), _summed(grad_y, y_axes, y_shape)]


def _summed_to(grad: Tensor, dims: Any, others: Any) -> Tensor:
    """Sum a gradient over what broadcasting ``dims`` with ``others`` repeated, all of it known statically."""
    rank = max(len(dims), len(others))
    padded, other = (1,) * (rank - len(dims)) + dims, (1,) * (rank - len(others)) + others
    axes = [i for i in range(rank) if i < rank - len(dims) or (padded[i] == 1 and other[i] != 1)]
    if not axes:
        return grad
    return _summed(grad, constant(axes, dtypes.int32), constant(dims, dtypes.int32))


def _summed(grad: Tensor, axes: Tensor, shape: Tensor) -> Tensor:
    """Sum a gradient over axes and give it a shape."""
    total = apply_op("Sum", grad, axes).outputs[0]
    return apply_op("Reshape", total, shape).outputs[0]
