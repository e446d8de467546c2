"""Reductions along axes: sum, mean, product, extremes, all, any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes
from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.op_def import boolean, define_op, not_differentiable, type_attr
from holdfast.graph.tensor import Tensor
from holdfast.ops import sequences, shape_queries
from holdfast.ops.casting import cast
from holdfast.ops.constants import constant
from holdfast.ops.elementwise import node
from holdfast.ops.number_types import INDICES, NUMBERS
from holdfast.ops.static import known_value
from holdfast.shapes import TensorShape, unknown_shape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation

__all__ = [
    "count_nonzero",
    "reduce_all",
    "reduce_any",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
]


def reduced_axes(axes: Any, rank: int) -> tuple[int, ...]:
    """Return the axes to reduce, counted from the front, sorted, each once.

    Raises
    ------
    ValueError
        If there is no such axis.
    """
    found = set()
    for axis in np.reshape(axes, -1).tolist():
        if not -rank <= axis < rank:
            raise ValueError(f"Invalid reduction dimension {axis} for input with {rank} dimensions.")
        found.add(axis + rank if axis < 0 else axis)
    return tuple(sorted(found))


def _reduced_shape(op: Operation) -> list[TensorShape]:
    dims, axes = op.inputs[0].shape.as_tuple(), op.inputs[1]
    if axes.shape.ndims is not None and axes.shape.ndims > 1:
        raise ValueError(f"Shape must be at most rank 1 but is rank {axes.shape.ndims}")
    keep = op.attrs["keep_dims"]
    if dims is None:
        return [unknown_shape()]
    known = known_value(axes)
    if known is None:
        return [unknown_shape(len(dims) if keep else None)]
    gone = reduced_axes(known, len(dims))
    if keep:
        return [TensorShape([1 if i in gone else d for i, d in enumerate(dims)])]
    return [TensorShape([d for i, d in enumerate(dims) if i not in gone])]


_AXES = type_attr(*INDICES, default=dtypes.int32)
for _op_type in ("Sum", "Mean", "Prod", "Min", "Max"):
    define_op(
        _op_type,
        "input: T, reduction_indices: Tidx -> output: T",
        attrs={"keep_dims": boolean(False), "T": type_attr(*NUMBERS), "Tidx": _AXES},
        shape=_reduced_shape,
    )
for _op_type in ("All", "Any"):
    define_op(
        _op_type,
        "input: bool, reduction_indices: Tidx -> output: bool",
        attrs={"keep_dims": boolean(False), "Tidx": _AXES},
        shape=_reduced_shape,
    )
not_differentiable("All", "Any")


def _axes_of(x: Any, axis: Any, reduction_indices: Any) -> Any:
    """Return the axes a caller asks for: all, as a tensor, where none is named."""
    if reduction_indices is not None:
        if axis is not None:
            raise ValueError("Can't specify both axis' and 'reduction_indices'.")
        axis = reduction_indices
    if axis is not None:
        return axis
    if isinstance(x, Tensor) and x.shape.ndims is not None:
        return constant(np.arange(x.shape.ndims, dtype=np.int32))
    return sequences.range(0, shape_queries.rank(x))


def _reduce(op_type: str, x: Any, axis: Any, keep_dims: bool, name: str | None, reduction_indices: Any) -> Tensor:
    """Apply a reduction."""
    return node(op_type, x, _axes_of(x, axis, reduction_indices), keep_dims=keep_dims, name=name)


def reduce_sum(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return the sum along axes.

    Parameters
    ----------
    input_tensor
        Numbers. float16 and bfloat16 are summed in float32; integers wrap around.
    axis
        One or several axes, negative ones counted from the back; by default all.
    keep_dims
        Keep reduced axes with size 1.
    reduction_indices
        Old name of ``axis``.

    Returns
    -------
    Tensor
        Of the dtype of the input. 0 where nothing is summed.

    Raises
    ------
    ValueError
        If there is no such axis, or both names are given.
    """
    return _reduce("Sum", input_tensor, axis, keep_dims, name, reduction_indices)


def reduce_mean(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return the mean along axes; of integers, truncated. NaN of nothing (integers: 0). As :func:`reduce_sum` else."""
    return _reduce("Mean", input_tensor, axis, keep_dims, name, reduction_indices)


def reduce_prod(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return the product along axes; 1 of nothing. As :func:`reduce_sum` else."""
    return _reduce("Prod", input_tensor, axis, keep_dims, name, reduction_indices)


def reduce_min(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return the least element along axes; of nothing, the largest value of the dtype. As :func:`reduce_sum` else."""
    return _reduce("Min", input_tensor, axis, keep_dims, name, reduction_indices)


def reduce_max(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return the largest element along axes; of nothing, the least value of the dtype. As :func:`reduce_sum` else."""
    return _reduce("Max", input_tensor, axis, keep_dims, name, reduction_indices)


def reduce_all(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return whether all bools along axes are true; True of none. As :func:`reduce_sum` else."""
    return _reduce("All", input_tensor, axis, keep_dims, name, reduction_indices)


def reduce_any(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return whether any bool along axes is true; False of none. As :func:`reduce_sum` else."""
    return _reduce("Any", input_tensor, axis, keep_dims, name, reduction_indices)


def reduce_logsumexp(
    input_tensor: Any, axis: Any = None, keep_dims: bool = False, name: str | None = None, reduction_indices: Any = None
) -> Tensor:
    """Return ``log(sum(exp(x)))`` along axes, without overflow; floating point. As :func:`reduce_sum` else."""
    with name_scope(name, "ReduceLogSumExp", [input_tensor]):
        largest = reduce_max(input_tensor, axis, keep_dims=True, reduction_indices=reduction_indices)
        finite = node("IsFinite", largest)
        shift = node("StopGradient", node("Select", finite, largest, sequences.zeros_like(largest)))
        powers = node("Exp", input_tensor - shift)
        total = reduce_sum(powers, axis, keep_dims=True, reduction_indices=reduction_indices)
        result = node("Log", total) + shift
        if keep_dims:
            return result
        return _without_axes(result, axis if reduction_indices is None else reduction_indices)


def _without_axes(kept: Tensor, axis: Any) -> Tensor:
    """Drop the axes of size 1 that a reduction kept; they must be known statically."""
    if axis is None:
        return node("Squeeze", kept)
    static = known_value(axis) if isinstance(axis, Tensor) else np.asarray(axis)
    if static is None:
        raise TypeError(f"Expected list for 'squeeze_dims' argument to 'squeeze' Op, not {axis!r}.")
    axes = static.reshape(-1).tolist()
    # Without axes, Squeeze would drop all of size 1.
    return node("Squeeze", kept, squeeze_dims=axes) if axes else kept


def count_nonzero(
    input_tensor: Any,
    axis: Any = None,
    keep_dims: bool = False,
    dtype: Any = dtypes.int64,
    name: str | None = None,
    reduction_indices: Any = None,
) -> Tensor:
    """Return how many numbers along axes are not zero, as ``dtype``. As :func:`reduce_sum` else."""
    with name_scope(name, "count_nonzero", [input_tensor]):
        x = conversion.convert_to_tensor(input_tensor, name="input_tensor")
        found = node("NotEqual", x, np.zeros((), x.dtype.as_numpy_dtype))
        return cast(reduce_sum(cast(found, dtypes.int64, "ToInt64"), axis, keep_dims, None, reduction_indices), dtype)
