"""Rows by their keys: distinct values, and sums of rows that share one. Sparse gradients are added up with these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from holdfast import dtypes
from holdfast.graph.conversion import register_tensor_conversion_function
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.ops.apply import apply_op
from holdfast.ops.gathering import gather
from holdfast.ops.shape_rules import check_equal_dimensions, check_rank, of_rank, of_rank_at_least
from holdfast.ops.state_ops import NUMBERS
from holdfast.ops.static import constant_value
from holdfast.shapes import TensorShape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


class Unique(NamedTuple):
    """Result of :func:`unique`."""

    y: Tensor
    """The distinct values in the order of their first occurrence."""
    idx: Tensor
    """Where each element of the input stands in ``y``."""


def _unique_shape(op: Operation) -> list[TensorShape]:
    of_rank(op.inputs[0].shape, 1)
    return [TensorShape([None]), op.inputs[0].shape]


def _unsorted_segment_sum_shape(op: Operation) -> list[TensorShape]:
    data, segments, count = (t.shape for t in op.inputs)
    check_rank(count, 0)
    prefix, dims = segments.as_tuple(), data.as_tuple()
    if prefix is None or dims is None:
        return [TensorShape(None)]
    of_rank_at_least(data, len(prefix))
    for first, second in zip(dims, prefix, strict=False):
        check_equal_dimensions(first, second)
    rows = constant_value(op.inputs[2])
    return [TensorShape([None if rows is None else int(rows), *dims[len(prefix) :]])]


define_op(
    "Unique",
    "x: T -> y: T, idx: out_idx",
    attrs={"T": type_attr(), "out_idx": type_attr(dtypes.int32, dtypes.int64, default=dtypes.int32)},
    shape=_unique_shape,
)
define_op(
    "UnsortedSegmentSum",
    "data: T, segment_ids: Tindices, num_segments: int32 -> output: T",
    attrs={"T": type_attr(*NUMBERS), "Tindices": type_attr(dtypes.int32, dtypes.int64)},
    shape=_unsorted_segment_sum_shape,
)


@register_gradient("UnsortedSegmentSum")
def _(op: Operation, grad: Any) -> list[Any]:
    return [gather(grad, op.inputs[1]), None, None]


def unique(x: Any, out_idx: Any = dtypes.int32, name: str | None = None) -> Unique:
    """Return the distinct values of a vector, and where each of its elements stands among them.

    Parameters
    ----------
    out_idx
        Dtype of the positions, int32 or int64.
    """
    return Unique(*apply_op("Unique", x, out_idx=out_idx, name=name).outputs)


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """Return sums of the rows that share a key: ``output[k] = sum of data[i] with segment_ids[i] == k``.

    Parameters
    ----------
    data
        A tensor of numbers whose shape begins with that of ``segment_ids``.
    segment_ids
        int32 or int64. Running it raises :class:`holdfast.errors.InvalidArgumentError` if one is not in
        ``[0, num_segments)``.
    num_segments
        Number of rows of the result.
    """
    return apply_op("UnsortedSegmentSum", data, segment_ids, num_segments, name=name).outputs[0]


def _dense(value: IndexedSlices, dtype: Any = None, name: str | None = None, *, as_ref: bool = False) -> Tensor:
    """Convert indexed slices to the full tensor."""
    if dtype is not None and not dtype.is_compatible_with(value.dtype):
        raise ValueError(
            f"Tensor conversion requested dtype {dtype.name} for IndexedSlices with dtype {value.dtype.name}"
        )
    if value.dense_shape is None:
        raise ValueError(f"Tensor conversion requested for IndexedSlices without dense_shape: {value}")
    return unsorted_segment_sum(value.values, value.indices, value.dense_shape[0], name=name)


register_tensor_conversion_function(IndexedSlices, _dense)
