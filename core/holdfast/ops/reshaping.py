"""Ops that arrange the elements of a tensor anew: reshape, transpose, expand_dims, squeeze."""

from __future__ import annotations

import math
from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, list_of, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.shape_queries import shape
from holdfast.ops.static import constant_value, constant_value_as_shape

__all__ = ["expand_dims", "matrix_transpose", "reshape", "squeeze", "transpose"]

_INDEX = type_attr(dtypes.int32, dtypes.int64, default=dtypes.int32)


def _reshape_shape(op: Operation) -> list[shapes.TensorShape]:
    shape_rules.check_rank(op.inputs[1].shape, 1)
    wanted, count = constant_value_as_shape(op.inputs[1]), op.inputs[0].shape.num_elements()
    dims = wanted.as_tuple()
    if dims is None or count is None:
        return [wanted]
    known = math.prod(d for d in dims if d is not None)
    if None not in dims and known != count:
        text = ",".join(map(str, dims))
        raise ValueError(f"Cannot reshape a tensor with {count} elements to shape [{text}] ({known} elements)")
    if dims.count(None) != 1 or known == 0:
        return [wanted]
    if count % known:
        raise ValueError(f"Dimension size must be evenly divisible by {known} but is {count}")
    return [shapes.TensorShape([count // known if d is None else d for d in dims])]


def _transpose_shape(op: Operation) -> list[shapes.TensorShape]:
    x, perm = op.inputs
    size = shape_rules.of_rank(perm.shape, 1)[0]
    order = constant_value(perm)
    rank = x.shape.ndims if x.shape.ndims is not None else size
    if order is not None:
        rank = len(order) if rank is None else rank
    if rank is None:
        return [shapes.unknown_shape()]
    dims = shape_rules.of_rank(x.shape, rank)
    if size is not None and size != rank:
        raise ValueError(f"Dimension must be {rank} but is {size}")
    if order is None:
        # A vector or scalar has but one order.
        return [shapes.TensorShape(dims) if rank < 2 else shapes.unknown_shape(rank)]
    result = []
    for axis in order.tolist():
        if not -rank <= axis < rank:
            raise ValueError(f"perm dim {axis} is out of range of input rank {rank}")
        result.append(dims[axis])
    return [shapes.TensorShape(result)]


def _expand_dims_shape(op: Operation) -> list[shapes.TensorShape]:
    dims, axis = op.inputs[0].shape.as_tuple(), constant_value(op.inputs[1])
    if axis is not None and axis.size != 1:
        raise ValueError(f"'dim' input must be a tensor with a single value, got {axis.size} values")
    if dims is None or axis is None:
        return [shapes.unknown_shape()]
    at = int(axis.reshape(-1)[0])
    if not -len(dims) - 1 <= at <= len(dims):
        raise ValueError(f"dim {at} not in the interval [{-len(dims) - 1}, {len(dims)}].")
    at = at + len(dims) + 1 if at < 0 else at
    return [shapes.TensorShape([*dims[:at], 1, *dims[at:]])]


def _squeeze_shape(op: Operation) -> list[shapes.TensorShape]:
    dims, axes = op.inputs[0].shape.as_tuple(), op.attrs["squeeze_dims"]
    if dims is None:
        return [shapes.unknown_shape()]
    return [shapes.TensorShape(squeezed_dims(dims, axes))]


def squeezed_dims(dims: tuple[int | None, ...], axes: list[int]) -> tuple[int | None, ...] | None:
    """Return the sizes that a squeeze leaves, None if even the rank is unknown; ValueError if one is not 1."""
    rank = len(dims)
    if not axes:
        return None if None in dims else tuple(d for d in dims if d != 1)
    dropped = set()
    for i, axis in enumerate(axes):
        if not -rank <= axis < rank:
            raise ValueError(f"squeeze_dims[{i}] not in [{-rank},{rank}).")
        at = axis % rank
        if dims[at] not in {1, None}:
            raise ValueError(f"Can not squeeze dim[{at}], expected a dimension of 1, got {dims[at]}")
        dropped.add(at)
    return tuple(d for i, d in enumerate(dims) if i not in dropped)


define_op(
    "Reshape",
    "tensor: T, shape: Tshape -> output: T",
    attrs={"T": type_attr(), "Tshape": _INDEX},
    shape=_reshape_shape,
)
define_op("Transpose", "x: T, perm: Tperm -> y: T", attrs={"T": type_attr(), "Tperm": _INDEX}, shape=_transpose_shape)
define_op(
    "ExpandDims",
    "input: T, dim: Tdim -> output: T",
    attrs={"T": type_attr(), "Tdim": _INDEX},
    shape=_expand_dims_shape,
)
define_op(
    "Squeeze",
    "input: T -> output: T",
    attrs={"T": type_attr(), "squeeze_dims": list_of("int", default=(), minimum=0)},
    shape=_squeeze_shape,
)


@register_gradient("Reshape", "ExpandDims")
def _reshape_gradient(op: Operation, grad: Tensor) -> Any:
    return [reshape(grad, shape(op.inputs[0])), None]


@register_gradient("Squeeze")
def _squeeze_gradient(op: Operation, grad: Tensor) -> Any:
    return reshape(grad, shape(op.inputs[0]))


@register_gradient("Transpose")
def _transpose_gradient(op: Operation, grad: Tensor) -> Any:
    from holdfast.ops.reordering import invert_permutation

    return [transpose(grad, invert_permutation(op.inputs[1])), None]


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """Return the elements of ``tensor``, in their order, in another shape.

    Parameters
    ----------
    shape
        Vector of integers; one of them may be -1: what is left.

    Raises
    ------
    ValueError
        If the number of elements is known to differ.
    """
    return apply_op("Reshape", tensor, shape, name=name).outputs[0]


def transpose(a: Any, perm: Any = None, name: str = "transpose") -> Tensor:
    """Return ``a`` with its axes in the order ``perm``, by default reversed.

    Raises
    ------
    ValueError
        If ``perm`` is known not to fit the rank.
    """
    with default.name_scope(name, "transpose", [a]) as scope:
        if perm is not None:
            return apply_op("Transpose", a, perm, name=scope).outputs[0]
        rank = apply_op("Rank", a).outputs[0]
        reversed_order = (rank - 1) - apply_op("Range", 0, rank, 1).outputs[0]
        result = apply_op("Transpose", a, reversed_order, name=scope).outputs[0]
        dims = result.op.inputs[0].shape.as_tuple()
        if dims is not None:
            result.set_shape(dims[::-1])
        return result


def matrix_transpose(a: Any, name: str = "matrix_transpose") -> Tensor:
    """Return ``a`` with its last two axes exchanged.

    Raises
    ------
    ValueError
        If its rank is known to be less than 2.
    """
    from holdfast.ops.joining import concat

    with default.name_scope(name, "matrix_transpose", [a]):
        a = conversion.convert_to_tensor(a, name="a")
        ndims = a.shape.ndims
        if ndims is not None:
            if ndims < 2:
                raise ValueError(f"Argument 'a' should be a (batch) matrix, with rank >= 2.  Found: {a.shape}")
            return transpose(a, [*range(ndims - 2), ndims - 1, ndims - 2])
        rank = apply_op("Rank", a).outputs[0]
        batch = apply_op("Range", 0, rank - 2, 1).outputs[0]
        return transpose(a, concat((batch, [rank - 1, rank - 2]), 0))


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """Return ``input`` with a new axis of size 1 at ``axis`` (an older name: ``dim``).

    Raises
    ------
    ValueError
        If both names are given, or the axis is out of range.
    """
    if dim is not None:
        if axis is not None:
            raise ValueError("can't specify both 'dim' and 'axis'")
        axis = dim
    return apply_op("ExpandDims", input, axis, name=name).outputs[0]


def squeeze(input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None) -> Tensor:
    """Return ``input`` without the given axes, which are of size 1; by default without all such.

    ``squeeze_dims`` is an older name of ``axis``.

    Raises
    ------
    ValueError
        If both names are given, or an axis is known not to be of size 1.
    """
    if squeeze_dims is not None:
        if axis is not None:
            raise ValueError("Cannot specify both 'squeeze_dims' and 'axis'")
        axis = squeeze_dims
    axes = [] if axis is None else list(axis) if isinstance(axis, (list, tuple)) else [axis]
    return apply_op("Squeeze", input, squeeze_dims=axes, name=name).outputs[0]
