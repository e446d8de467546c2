"""The part of a graph that gradients flow through: the operations between xs and ys."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from holdfast.graph import Operation


def reached_from(ops: Iterable[Operation]) -> set[Operation]:
    """Return the operations that depend on the outputs of ``ops``, these included."""
    reached: set[Operation] = set()
    queue = deque(ops)
    while queue:
        op = queue.popleft()
        if op not in reached:
            reached.add(op)
            for tensor in op.outputs:
                queue.extend(tensor.consumers())
    return reached


def pending_counts(to_ops: Iterable[Operation], from_ops: Iterable[Operation]) -> dict[Operation, int]:
    """Return the operations between ``from_ops`` and ``to_ops``, with the number of uses that lie between too."""
    reached = reached_from(from_ops)
    pending: dict[Operation, int] = {}
    queue = deque(to_ops)
    while queue:
        op = queue.popleft()
        if op in reached and op not in pending:
            pending[op] = 0
            queue.extend(tensor.op for tensor in op.inputs)
    for op in list(pending):
        for tensor in op.inputs:
            if tensor.op in pending:
                pending[tensor.op] += 1
    return pending


def ends(from_ops: Sequence[Operation], pending: dict[Operation, int]) -> set[Operation]:
    """Return the ``from_ops`` that need not pass gradients on: none of their inputs is waited for."""
    return {op for op in from_ops if not any(pending.get(tensor.op, 0) > 0 for tensor in op.inputs)}
