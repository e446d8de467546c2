"""Control dependencies: the stack behind ``tf.control_dependencies``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


class ControlDependencies:
    """One ``with graph.control_dependencies(...)`` block."""

    __slots__ = ("_graph", "_new_stack", "_old_context", "_old_stack", "_seen", "control_inputs")

    def __init__(self, graph: Graph, control_inputs: Sequence[Operation] | None) -> None:
        self._graph = graph
        # None means a new stack: no dependencies, and no control flow context, from outside.
        self._new_stack = control_inputs is None
        self.control_inputs: list[Operation] = list(control_inputs or ())
        self._seen: set[Operation] = set()

    def __enter__(self) -> None:
        graph = self._graph
        self._old_stack: list[ControlDependencies] = graph._control_stack
        self._old_context = graph._control_flow_context
        if self._new_stack:
            graph._control_stack = []
            graph._control_flow_context = None
        if self.control_inputs:
            graph._control_stack = [*graph._control_stack, self]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._graph._control_stack = self._old_stack
        self._graph._control_flow_context = self._old_context

    def add_op(self, op: Operation) -> None:
        """Note an op that depends on this block's inputs."""
        self._seen.add(op)

    def dominates(self, ops: set[Operation]) -> bool:
        """Whether one of the ops already depends on this block's inputs."""
        return not self._seen.isdisjoint(ops)


def control_inputs_for(
    stack: Sequence[ControlDependencies], inputs: Sequence[Tensor], control_inputs: Collection[Operation] = ()
) -> list[Operation]:
    """Return the control inputs that a new op with these inputs gets, besides its own, from the blocks around it."""
    ops = {t._op for t in inputs}
    ops.update(control_inputs)
    result: dict[Operation, None] = {}
    for block in stack:
        if not block.dominates(ops):
            result.update((op, None) for op in block.control_inputs if op not in ops)
    return list(result)
