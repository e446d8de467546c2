"""Workspaces: buffers that kernels write their outputs into, run after run, instead of new arrays.

A compiled plan has a pool of workspaces for each combination of the feeds' shapes that it has seen. A run checks one
out and brings it back, so that runs within runs and on other threads have one each. What leaves the run never lies in
one: what is fetched, and what a variable takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from holdfast.contracts import Array, Device
    from holdfast.dtypes import DType

Entry: TypeAlias = tuple[Any, ...]
"""Buffers of a step, or None; then what its inputs must be like for these to fit."""

_MOST_REMEMBERED = 4096
"""Elements of results that are kept from run to run; what is larger is made anew."""
_MOST_SHAPES = 4
"""So many combinations of the feeds' shapes have workspaces at once."""
_MOST_AT_ONCE = 4
"""So many workspaces of one combination wait for the next run."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step writes."""

    into: Callable[..., None]
    """The kernel's way of computing into buffers."""
    number: int
    """Its entry in a workspace."""
    buffers: tuple[int, ...]
    """For each output the buffer of a workspace that it may use."""
    device: Device
    """Where the buffers are."""
    dtypes: tuple[DType, ...]
    """Their dtypes."""
    by_shape: tuple[int, ...]
    """Inputs, by position, whose shape decides about those of the outputs."""
    by_value: tuple[int, ...]
    """Inputs whose very values do: axes and sizes that are computed in the run."""
    by_identity: tuple[int, ...]
    """The same, of inputs that are kept from run to run."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Where a step keeps what depends on nothing but shapes: what it made of the same shapes before holds good."""

    number: int
    """Its entry in a workspace."""
    by_shape: tuple[int, ...]
    """Inputs, by position, of which only the shape counts."""
    by_identity: tuple[int, ...]
    """Inputs that are kept by other steps in the same way: the same object has the same value."""


class Workspace:
    """The buffers of one run at a time."""

    __slots__ = ("buffers", "entries")

    def __init__(self, entries: Sequence[Entry], buffers: int) -> None:
        self.entries = list(entries)
        """For each place its entry."""
        self.buffers: list[Array | None] = [None] * buffers
        """Memory that steps share which do not need it at the same time."""

    def learn(self, place: Place, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Note what a step made of its inputs, so that it finds its buffers the next time."""
        out = []
        for number, dtype, found in zip(place.buffers, place.dtypes, outputs, strict=True):
            shape, buffer = tuple(found.shape), self.buffers[number]
            if buffer is None or tuple(buffer.shape) != shape:
                buffer = self.buffers[number] = place.device.empty(shape, dtype)
            out.append(buffer)
        shapes = (inputs[i].shape for i in place.by_shape)
        values = (inputs[i].tobytes() for i in place.by_value)
        self.entries[place.number] = tuple(out), *shapes, *values, *(inputs[i] for i in place.by_identity)

    def remember(self, memory: Memory, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Note what a step made of shapes, unless it is large."""
        if sum(prod(output.shape) for output in outputs) <= _MOST_REMEMBERED:
            shapes = (inputs[i].shape for i in memory.by_shape)
            self.entries[memory.number] = tuple(outputs), *shapes, *(inputs[i] for i in memory.by_identity)


class WorkspacePool:
    """The workspaces of a compiled plan that no run is using."""

    __slots__ = ("_buffers", "_entries", "_waiting")

    def __init__(self, places: Collection[Place | Memory]) -> None:
        self._entries: list[Entry] = [(None,)] * len(places)
        numbers = [number for place in places if isinstance(place, Place) for number in place.buffers]
        self._buffers = 1 + max(numbers, default=-1)
        self._waiting: dict[Any, list[Workspace]] = {}

    def check_out(self, shapes: Any) -> Workspace:
        """Return a workspace for feeds of these shapes that nobody else has."""
        waiting = self._waiting.get(shapes)
        return waiting.pop() if waiting else Workspace(self._entries, self._buffers)

    def bring_back(self, shapes: Any, workspace: Workspace) -> None:
        """Let the next run of these shapes have a workspace."""
        waiting = self._waiting.get(shapes)
        if waiting is None:
            if len(self._waiting) >= _MOST_SHAPES:
                del self._waiting[next(iter(self._waiting))]
            waiting = self._waiting[shapes] = []
        if len(waiting) < _MOST_AT_ONCE:
            waiting.append(workspace)
