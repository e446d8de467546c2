"""The largest elements of rows."""

from __future__ import annotations

from typing import Any, NamedTuple

from holdfast import dtypes
from holdfast.graph import name_scope
from holdfast.graph.op_def import boolean, define_op, integer, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, sequences, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.reductions import reduce_prod
from holdfast.ops.reshaping import expand_dims, reshape
from holdfast.ops.shape_queries import shape
from holdfast.ops.static import constant_value
from holdfast.shapes import TensorShape

__all__ = ["TopKV2", "in_top_k", "top_k"]

_TARGETS = type_attr(dtypes.int32, dtypes.int64, default=dtypes.int32)


class TopKV2(NamedTuple):
    """What :func:`top_k` returns."""

    values: Tensor
    """The elements, largest first."""
    indices: Tensor
    """Where they are in their rows; int32."""


def _top_k_shape(op: Operation) -> list[TensorShape]:
    dims = shape_rules.of_rank_at_least(op.inputs[0].shape, 1)
    k = op.inputs[1]
    if k.shape.ndims not in {0, None}:
        raise ValueError(f"Input must be scalar but has rank {k.shape.ndims}")
    known = constant_value(k)
    count = None if known is None else int(known)
    if count is not None and count < 0:
        raise ValueError(f"Dimension size, given by scalar input 1, must be non-negative but is {count}")
    if dims is None:
        return [TensorShape(None)] * 2
    if count is not None and dims[-1] is not None and dims[-1] < count:
        raise ValueError(f"input must have last dimension >= k = {count} but is {dims[-1]}")
    return [TensorShape((*dims[:-1], count))] * 2


def _in_top_k_shape(op: Operation) -> list[TensorShape]:
    rows, _ = shape_rules.of_rank(op.inputs[0].shape, 2)
    (targets,) = shape_rules.of_rank(op.inputs[1].shape, 1)
    shape_rules.check_equal_dimensions(rows, targets)
    return [TensorShape([targets if rows is None else rows])]


define_op(
    "TopKV2",
    "input: T, k: int32 -> values: T, indices: int32",
    attrs={
        "sorted": boolean(True),
        "T": type_attr(*number_types.ORDERED),
    },
    shape=_top_k_shape,
)
define_op(
    "InTopK",
    "predictions: float32, targets: T -> precision: bool",
    attrs={"k": integer(), "T": _TARGETS},
    shape=_in_top_k_shape,
)
define_op(
    "InTopKV2",
    "predictions: float32, targets: T, k: T -> precision: bool",
    attrs={"T": _TARGETS},
    shape=_in_top_k_shape,
)


@register_gradient("TopKV2")
def _top_k_gradient(op: Operation, grad: Tensor, _: Tensor | None) -> list[Tensor | None]:
    # Each gradient goes where its element was; the flat place is that of the row and that within the row.
    found = shape(op.inputs[0])
    rows = reshape(op.outputs[1], [-1, shape(op.outputs[1])[-1]])
    starts = sequences.range(shape(rows)[0]) * found[-1]
    places = reshape(rows + expand_dims(starts, -1), [-1])
    flat = apply_op("UnsortedSegmentSum", reshape(grad, [-1]), places, reduce_prod(found)).outputs[0]
    return [reshape(flat, found), None]


def top_k(input: Any, k: Any = 1, sorted: bool = True, name: str | None = None) -> TopKV2:
    """Return the ``k`` largest elements of each row and where they are; of equal ones the first come first.

    Parameters
    ----------
    input
        At least one-dimensional, real; a row is what lies along the last dimension.
    k
        How many; an int32 scalar.
    sorted
        Whether they shall be in descending order. They always are.

    Raises
    ------
    ValueError
        If ``input`` is a scalar or its rows are known to be shorter than ``k``.
    """
    values, indices = apply_op("TopKV2", input, k, sorted=sorted, name=name).outputs
    return TopKV2(values, indices)


def in_top_k(predictions: Any, targets: Any, k: Any, name: str | None = None) -> Tensor:
    """Return, for each row of predictions, whether the target's is among the ``k`` largest; ties count as such.

    Parameters
    ----------
    predictions
        float32 ``[batch, classes]``; a row with an element that is not finite gives False.
    targets
        Numbers of classes, int32 or int64 ``[batch]``.

    Raises
    ------
    ValueError
        If the shapes cannot fit.
    """
    with name_scope(name, "in_top_k"):
        return apply_op("InTopKV2", predictions, targets, k, name=name).outputs[0]
