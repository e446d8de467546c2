"""Sums of the gradients that reach one tensor by several ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast import dtypes
from holdfast.graph import IndexedSlices, Operation, Tensor, colocate_with, name_scope
from holdfast.ops.casting import cast
from holdfast.ops.joining import concat
from holdfast.ops.sequences import range as range_op
from holdfast.ops.shape_queries import shape_internal
from holdfast.ops.sums import add_n


class AggregationMethod:
    """How ``gradients`` adds up gradients. All give the same sums, up to rounding."""

    ADD_N = 0
    """One sum of all at once."""
    DEFAULT = ADD_N
    EXPERIMENTAL_TREE = 1
    """A sum of two at a time."""
    EXPERIMENTAL_ACCUMULATE_N = 2
    """Accepted; the same as :attr:`ADD_N`, whose buffers are reused."""


METHODS = frozenset(
    [AggregationMethod.ADD_N, AggregationMethod.EXPERIMENTAL_TREE, AggregationMethod.EXPERIMENTAL_ACCUMULATE_N]
)


def aggregate(gradients: Sequence[Any], op: Operation, method: int) -> Any:
    """Return the sum of gradients, Tensors and IndexedSlices, of one output of ``op``; None where there is none."""
    if len(gradients) <= 1:
        return gradients[0] if gradients else None
    if not all(isinstance(g, Tensor) for g in gradients):
        return _joined(gradients)
    if method == AggregationMethod.EXPERIMENTAL_TREE:
        return _pairwise_sum(gradients, op)
    return _sum_by_device(gradients)


def _sum_by_device(tensors: Sequence[Tensor]) -> Tensor:
    """Add tensors up, first those of each device, there."""
    by_device: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        by_device.setdefault(tensor.device, []).append(tensor)
    sums = []
    for _, group in sorted(by_device.items()):
        with colocate_with(group[0].op, ignore_existing=True):
            sums.append(add_n(group))
    return sums[0] if len(sums) == 1 else add_n(sums)


def _pairwise_sum(tensors: Sequence[Tensor], op: Operation) -> Tensor:
    """Add tensors up one by one."""
    with name_scope(f"{op.name}_gradient_sum"):
        total = tensors[0]
        for tensor in tensors[1:]:
            total = add_n([total, tensor])
        return total


def _joined(gradients: Sequence[Any]) -> IndexedSlices:
    """Return indexed slices with the rows of all: that they add up is what equal indices mean."""
    slices = _with_equal_indices([_as_slices(g) for g in gradients])
    return IndexedSlices(
        concat([s.values for s in slices], 0), concat([s.indices for s in slices], 0), slices[0].dense_shape
    )


def _as_slices(gradient: Any) -> IndexedSlices:
    """Return a gradient as indexed slices, a tensor as all its rows."""
    if isinstance(gradient, IndexedSlices):
        return gradient
    dense_shape = shape_internal(gradient, optimize=True)
    return IndexedSlices(gradient, range_op(0, dense_shape[0]), dense_shape)


def _with_equal_indices(slices: list[IndexedSlices]) -> list[IndexedSlices]:
    """Give indices of several integer dtypes one of them."""
    if len({s.indices.dtype for s in slices}) == 1:
        return slices
    return [IndexedSlices(s.values, cast(s.indices, dtypes.int64), s.dense_shape) for s in slices]
