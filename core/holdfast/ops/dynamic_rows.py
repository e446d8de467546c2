"""Rows sent to and taken from lists of tensors: dynamic_partition, dynamic_stitch, segment_sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph.op_def import define_op, integer, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.gathering import gather
from holdfast.ops.number_types import ARITHMETIC
from holdfast.ops.reshaping import reshape
from holdfast.ops.sequences import range as range_of
from holdfast.ops.shape_queries import shape
from holdfast.ops.static import constant_value

__all__ = ["dynamic_partition", "dynamic_stitch", "segment_sum"]


def _partition_shape(op: Operation) -> list[shapes.TensorShape]:
    data, partitions = op.inputs[0].shape.as_tuple(), op.inputs[1].shape.as_tuple()
    count = op.attrs["num_partitions"]
    if data is None or partitions is None:
        return [shapes.unknown_shape()] * count
    if len(partitions) > len(data):
        raise ValueError(f"Shape must be at least rank {len(partitions)} but is rank {len(data)}")
    for first, second in zip(data, partitions, strict=False):
        shape_rules.check_equal_dimensions(first, second)
    return [shapes.TensorShape([None, *data[len(partitions) :]])] * count


def _stitch_shape(op: Operation) -> list[shapes.TensorShape]:
    count = op.attrs["N"]
    row = shapes.unknown_shape()
    largest: int | None = -1
    for indices, data in zip(op.inputs[:count], op.inputs[count:], strict=True):
        known = constant_value(indices)
        if known is None:
            largest = None
        elif largest is not None and known.size:
            largest = max(largest, int(known.max()))
        prefix, dims = indices.shape.as_tuple(), data.shape.as_tuple()
        if prefix is None or dims is None:
            continue
        shape_rules.of_rank_at_least(data.shape, len(prefix))
        shape_rules.merged(shapes.TensorShape(dims[: len(prefix)]), indices.shape)
        row = shape_rules.merged(row, shapes.TensorShape(dims[len(prefix) :]))
    return [shapes.TensorShape([None if largest is None else largest + 1]).concatenate(row)]


def _segment_shape(op: Operation) -> list[shapes.TensorShape]:
    data, segments = op.inputs
    count = shape_rules.of_rank(segments.shape, 1)[0]
    dims = shape_rules.of_rank_at_least(data.shape, 1)
    if dims is None:
        return [shapes.unknown_shape()]
    shape_rules.check_equal_dimensions(dims[0], count)
    return [shapes.TensorShape([None, *dims[1:]])]


define_op(
    "DynamicPartition",
    "data: T, partitions: int32 -> outputs: num_partitions * T",
    attrs={"num_partitions": integer(minimum=1), "T": type_attr()},
    shape=_partition_shape,
)
define_op(
    "DynamicStitch",
    "indices: N * int32, data: N * T -> merged: T",
    attrs={"N": integer(minimum=1), "T": type_attr()},
    shape=_stitch_shape,
)
define_op(
    "SegmentSum",
    "data: T, segment_ids: Tindices -> output: T",
    attrs={"T": type_attr(*ARITHMETIC), "Tindices": type_attr(dtypes.int32, dtypes.int64)},
    shape=_segment_shape,
)


@register_gradient("DynamicPartition")
def _partition_gradient(op: Operation, *grads: Tensor) -> Any:
    from holdfast.ops.reductions import reduce_prod

    data, partitions = op.inputs
    prefix = shape(partitions)
    positions = reshape(range_of(reduce_prod(prefix)), prefix)
    parts = dynamic_partition(positions, partitions, op.attrs["num_partitions"])
    return [reshape(dynamic_stitch(parts, list(grads)), shape(data)), None]


@register_gradient("DynamicStitch")
def _stitch_gradient(op: Operation, grad: Tensor) -> Any:
    count = op.attrs["N"]
    return [None] * count + [gather(grad, indices) for indices in op.inputs[:count]]


@register_gradient("SegmentSum")
def _segment_gradient(op: Operation, grad: Tensor) -> Any:
    return [gather(grad, op.inputs[1]), None]


def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: str | None = None) -> list[Tensor]:
    """Return ``num_partitions`` tensors: the rows of ``data`` by the number that ``partitions`` gives each.

    Parameters
    ----------
    data
        A tensor whose shape begins with that of ``partitions``.
    partitions
        int32. Running it raises :class:`holdfast.errors.InvalidArgumentError` if one is not in
        ``[0, num_partitions)``.

    Raises
    ------
    ValueError
        If the shapes are known not to fit.
    """
    return apply_op("DynamicPartition", data, partitions, num_partitions=num_partitions, name=name).outputs


def dynamic_stitch(indices: Sequence[Any], data: Sequence[Any], name: str | None = None) -> Tensor:
    """Return rows put together: ``merged[indices[m][i]] = data[m][i]``; of several for one place, the last.

    Parameters
    ----------
    indices
        int32 tensors, not negative.
    data
        As many tensors, each with a shape that begins with that of its indices.

    Raises
    ------
    ValueError
        If the shapes are known not to fit.
    """
    return apply_op("DynamicStitch", indices, data, name=name).outputs[0]


def segment_sum(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """Return sums of neighbouring rows: ``output[k] = sum of data[i] with segment_ids[i] == k``.

    Parameters
    ----------
    segment_ids
        Sorted integers. Running it raises :class:`holdfast.errors.InvalidArgumentError` if they are not.

    Raises
    ------
    ValueError
        If the shapes are known not to fit.
    """
    return apply_op("SegmentSum", data, segment_ids, name=name).outputs[0]
