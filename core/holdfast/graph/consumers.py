"""Which operations take a tensor: looked up when somebody asks, since to build and run a graph nobody needs it."""

from __future__ import annotations

import threading
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

_looking_up = threading.Lock()
"""Sessions of several threads may ask at once while they plan their runs."""


class Consumers:
    """The operations of one graph by the tensors that they take, as of the last question."""

    __slots__ = ("_found", "_mutations", "_version")

    def __init__(self) -> None:
        self._found: dict[Tensor, list[Operation]] = {}
        self._version = 0
        self._mutations = 0

    def of(self, tensor: Tensor, graph: Graph) -> list[Operation]:
        """Return the operations that take a tensor, each once, in the order they were made."""
        with _looking_up:
            self._catch_up(graph)
            return list(dict.fromkeys(self._found.get(tensor, ())))

    def _catch_up(self, graph: Graph) -> None:
        """Enter the operations that were made since; all of them, if inputs may have been changed."""
        if self._mutations != graph.mutations:
            self._found.clear()
            self._version, self._mutations = 0, graph.mutations
        if self._version != graph.version:
            new = [*takewhile(lambda op: op._id > self._version, reversed(graph._ops.values()))]
            for op in reversed(new):
                for tensor in op._inputs:
                    self._found.setdefault(tensor, []).append(op)
            self._version = graph.version
