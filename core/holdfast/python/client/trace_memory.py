"""What the tensors of a trace take of memory, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from holdfast.python.client.trace_nodes import Node


@dataclass(slots=True, eq=False)
class AllocatedTensor:
    """Memory that a node took for one of its outputs. Times are microseconds since the epoch."""

    name: str
    allocator: str
    num_bytes: int
    create_time: float
    last_unref: float
    """When the last node that took it, or shared its memory, had ended."""


class AllocationMaximum(NamedTuple):
    """The most that one allocator had given out at once."""

    timestamp: float
    num_bytes: int
    tensors: frozenset[AllocatedTensor]


def allocated_tensors(nodes: Iterable[Node]) -> list[AllocatedTensor]:
    """Return the memory that nodes took, by the time when they did.

    An output that lies where another one lay before it, and is not its only user, shares that memory.
    """
    found: list[AllocatedTensor] = []
    there: dict[int, AllocatedTensor] = {}
    for node in nodes:
        for output in node.outputs:
            memory = output.description.allocation_description
            end = max([node.ended, *(user.ended for user in output.users)])
            sharing = None if memory.has_single_reference else there.get(memory.ptr)
            if sharing is not None:
                sharing.last_unref = max(sharing.last_unref, end)
            elif memory.allocated_bytes:
                tensor = AllocatedTensor(output.name, memory.allocator_name, memory.requested_bytes, node.began, end)
                found.append(tensor)
                if memory.ptr:
                    there[memory.ptr] = tensor
    return found


def memory_in_use(tensors: Iterable[AllocatedTensor]) -> dict[str, list[tuple[float, int]]]:
    """Return for each allocator the instants at which something changed, with the bytes in use from then on."""
    changes: dict[str, list[tuple[float, int]]] = {}
    for tensor in tensors:
        changes.setdefault(tensor.allocator, []).extend(
            [(tensor.create_time, tensor.num_bytes), (tensor.last_unref, -tensor.num_bytes)]
        )
    in_use: dict[str, list[tuple[float, int]]] = {}
    for allocator in sorted(changes):
        total, course = 0, []
        for time, group in groupby(sorted(changes[allocator], key=itemgetter(0)), key=itemgetter(0)):
            total += sum(change for _, change in group)
            course.append((time, total))
        in_use[allocator] = course
    return in_use


def maximums(tensors: Iterable[AllocatedTensor]) -> dict[str, AllocationMaximum]:
    """Return for each allocator when it had given out the most."""
    tensors = list(tensors)
    result = {}
    for allocator, course in memory_in_use(tensors).items():
        time, size = max(course, key=itemgetter(1))
        there = (t for t in tensors if t.allocator == allocator and t.create_time <= time < t.last_unref)
        result[allocator] = AllocationMaximum(time, size, frozenset(there))
    return result
