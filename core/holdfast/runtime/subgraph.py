"""Which operations a run needs, and in which order they run."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from holdfast import errors

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


_creation = attrgetter("_id")


def needed_ops(targets: Iterable[Operation], tensors: Iterable[Tensor], fed: Collection[Tensor]) -> list[Operation]:
    """Return the operations that the targets and tensors need when the fed tensors are given, in the order they run.

    The order is that of creation, which is topological unless edges were changed afterwards.
    """
    stack = [*targets, *(t.op for t in tensors if t not in fed)]
    seen = set(stack)
    is_topological = True
    while stack:
        op = stack.pop()
        for other in _dependencies(op, fed):
            if other not in seen:
                seen.add(other)
                stack.append(other)
            if other._id >= op._id:
                is_topological = False
    ops = sorted(seen, key=_creation)
    return ops if is_topological else _sorted(ops, fed)


def _dependencies(op: Operation, fed: Collection[Tensor]) -> list[Operation]:
    """Return the operations that must run before ``op``."""
    before = [t._op for t in op._inputs if t not in fed] if fed else [t._op for t in op._inputs]
    return [*before, *op._control_inputs] if op._control_inputs else before


def _sorted(ops: list[Operation], fed: Collection[Tensor]) -> list[Operation]:
    """Return the ops in the topological order that keeps closest to creation order.

    Raises
    ------
    InvalidArgumentError
        If they depend on each other in a circle.
    """
    waiting = dict.fromkeys(ops, 0)
    after: dict[Operation, list[Operation]] = {op: [] for op in ops}
    for op in ops:
        for other in set(_dependencies(op, fed)):
            waiting[op] += 1
            after[other].append(op)
    ready = [(op._id, op.name) for op in ops if waiting[op] == 0]
    by_name = {op.name: op for op in ops}
    heapq.heapify(ready)
    result = []
    while ready:
        op = by_name[heapq.heappop(ready)[1]]
        result.append(op)
        for other in after[op]:
            waiting[other] -= 1
            if waiting[other] == 0:
                heapq.heappush(ready, (other._id, other.name))
    if len(result) < len(ops):
        circle = sorted(op.name for op in ops if waiting[op])
        msg = f"The graph has a cycle among {len(circle)} operations, such as {circle[:5]}: nothing can run first."
        raise errors.InvalidArgumentError(None, None, msg)
    return result
