"""Softmax and its logarithm, along any dimension."""

from __future__ import annotations

from typing import Any

from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, sequences, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.joining import concat
from holdfast.ops.reshaping import reshape, transpose
from holdfast.ops.shape_queries import rank, shape
from holdfast.shapes import TensorShape

__all__ = ["log_softmax", "softmax"]

_FLOATING = type_attr(*number_types.FLOATING)


def _row_shape(op: Operation) -> list[TensorShape]:
    shape_rules.of_rank_at_least(op.inputs[0].shape, 1)
    return [op.inputs[0].shape]


define_op("Softmax", "logits: T -> softmax: T", attrs={"T": _FLOATING}, shape=_row_shape)
define_op("LogSoftmax", "logits: T -> logsoftmax: T", attrs={"T": _FLOATING}, shape=_row_shape)


@register_gradient("Softmax")
def _softmax_gradient(op: Operation, grad: Tensor) -> Tensor:
    result = op.outputs[0]
    total = apply_op("Sum", grad * result, [-1], keep_dims=True).outputs[0]
    return (grad - total) * result


@register_gradient("LogSoftmax")
def _log_softmax_gradient(op: Operation, grad: Tensor) -> Tensor:
    powers = apply_op("Exp", op.outputs[0]).outputs[0]
    return grad - apply_op("Sum", grad, -1, keep_dims=True).outputs[0] * powers


def softmax(logits: Any, dim: int = -1, name: str | None = None) -> Tensor:
    """Return ``exp(logits) / sum(exp(logits))`` along ``dim``, without overflow.

    Parameters
    ----------
    logits
        At least one-dimensional; float16, float32 or float64.
    dim
        The dimension of the classes.

    Raises
    ------
    ValueError
        If ``logits`` is a scalar, or has no such dimension.
    """
    return _along("Softmax", logits, dim, name)


def log_softmax(logits: Any, dim: int = -1, name: str | None = None) -> Tensor:
    """Return ``logits - log(sum(exp(logits)))`` along ``dim``; parameters and errors as for :func:`softmax`."""
    return _along("LogSoftmax", logits, dim, name)


def _along(op_type: str, logits: Any, dim: int, name: str | None) -> Tensor:
    """Apply an op on rows to any dimension of a tensor of any rank."""
    logits = convert_to_tensor(logits)
    ndims = logits.shape.ndims
    dim = checked_dim(dim, ndims)
    last = dim in {-1, None if ndims is None else ndims - 1}
    if ndims == 2 and last:
        return apply_op(op_type, logits, name=name).outputs[0]
    if last:
        result = _on_rows(op_type, logits, name)
    else:
        input_rank = rank(logits)
        swapped = _swap_with_last(logits, dim, _less_one(input_rank))
        result = _swap_with_last(_on_rows(op_type, swapped, None), dim, _less_one(input_rank), name)
    result.set_shape(logits.shape)
    return result


def checked_dim(dim: int, ndims: int | None) -> int:
    """Return a dimension, counted from the front unless it is -1 or the rank is unknown.

    Raises
    ------
    ValueError
        If there is none such.
    """
    if ndims is None or dim == -1:
        if ndims == 0:
            raise ValueError("The logits are a scalar, which has no dimension of classes; at least rank 1 is expected.")
        return dim
    if not -ndims <= dim < ndims:
        raise ValueError(f"dim must be in the range [{-ndims}, {ndims}) for logits of rank {ndims}, got {dim}.")
    return dim % ndims


def _on_rows(op_type: str, logits: Tensor, name: str | None) -> Tensor:
    """Apply an op to the last dimension, all others flattened meanwhile."""
    input_shape = shape(logits)
    rows = apply_op(op_type, flatten_outer_dims(logits)).outputs[0]
    return reshape(rows, input_shape, name=name)


def _less_one(number: Tensor) -> Tensor:
    """Return the number before this one."""
    return apply_op("Sub", number, 1).outputs[0]


def flatten_outer_dims(logits: Tensor) -> Tensor:
    """Return a tensor as a matrix of the rows along its last dimension."""
    input_rank, input_shape = rank(logits), shape(logits)
    row = apply_op("Slice", input_shape, [_less_one(input_rank)], [1]).outputs[0]
    result = reshape(logits, concat([[-1], row], 0))
    dims = logits.shape.as_tuple()
    if dims is not None and None not in dims:
        rows = 1
        for size in dims[:-1]:
            rows *= size or 0
        result.set_shape([rows, dims[-1]])
    return result


def _swap_with_last(logits: Tensor, dim: int, last: Tensor, name: str | None = None) -> Tensor:
    """Exchange a dimension and the last one, whose number is given as a tensor."""
    before, behind = sequences.range(dim), sequences.range(dim + 1, last)
    return transpose(logits, concat([before, [last], behind, [dim]], 0), name=name or "transpose")


def move_to_end(logits: Tensor, dim: int, input_rank: Tensor) -> Tensor:
    """Put a dimension behind all others."""
    before, behind = sequences.range(dim), sequences.range(dim + 1, input_rank)
    return transpose(logits, concat([before, behind, [dim]], 0))
