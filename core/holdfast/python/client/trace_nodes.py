"""The nodes of a ``StepStats`` message: with names, inputs and times as a timeline needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.graph import Graph
    from holdfast.protos import StepStats

_RECEIVED = re.compile(r"/_\d+$")
"""How TensorFlow marks the node that receives a tensor from another device."""
_GRID = 250
"""Nanoseconds. Trace viewers keep times as doubles of microseconds, which tell quarters of one at today's dates."""


@dataclass(slots=True)
class Output:
    """One tensor that a node made."""

    name: str
    """As inputs are written: the first output of a node has no number."""
    node: Node
    description: Any
    """Its ``TensorDescription``."""
    users: list[Node] = field(default_factory=list)
    """The nodes that took it."""


@dataclass(slots=True)
class Node:
    """One node of a trace. Times are microseconds since the epoch."""

    device: str
    name: str
    op: str
    inputs: list[str]
    began: float
    ended: float
    stats: Any
    """Its ``NodeExecStats``."""
    lane: int = 0
    """The row of its device that it is on: nodes that overlap are on different ones."""
    outputs: list[Output] = field(default_factory=list)


def nodes_of(step_stats: StepStats, graph: Graph | None) -> list[Node]:
    """Return the nodes of a trace by the time of their beginnings, with who took what from whom.

    Parameters
    ----------
    graph
        The graph that was run: by it the way through operations is found that were dropped and are not in the trace.
    """
    nodes = [_node(device.device, stats) for device in step_stats.dev_stats for stats in device.node_stats]
    nodes.sort(key=attrgetter("began"))
    _assign_lanes(nodes)
    known: dict[str, Output] = {}
    for node in nodes:
        for name in node.inputs:
            for output in _sources(name, known, graph):
                output.users.append(node)
        for description in node.stats.output:
            name = f"{node.name}:{description.slot}" if description.slot else node.name
            known[name] = Output(name, node, description.tensor_description)
            node.outputs.append(known[name])
    return nodes


def _node(device: str, stats: Any) -> Node:
    """Read one node."""
    op, inputs = _label(stats.node_name, stats.timeline_label)
    began, ended = _times(stats)
    return Node(device, stats.node_name, op, inputs, began, ended, stats)


def _times(stats: Any) -> tuple[float, float]:
    """Return beginning and end; messages of TensorFlow 1.4 have no nanoseconds."""
    nanos = getattr(stats, "all_start_nanos", 0)
    if nanos:
        quarters = 1000 / _GRID
        return nanos // _GRID / quarters, (nanos + stats.all_end_rel_nanos) // _GRID / quarters
    return stats.all_start_micros, stats.all_start_micros + stats.all_end_rel_micros


def _label(name: str, label: str) -> tuple[str, list[str]]:
    """Return op type and inputs from a label such as ``y = MatMul(x, w/read)``; names may contain anything."""
    rest = label.removeprefix(f"{name} = ")
    op, bracket, inputs = rest.partition("(")
    if rest == label or not bracket or not inputs.endswith(")"):
        return "unknown", []
    return op, [item for item in inputs[:-1].split(", ") if item]


def _assign_lanes(nodes: Iterable[Node]) -> None:
    """Put each node on the first row of its device that is free."""
    ends: dict[str, list[float]] = {}
    for node in nodes:
        lanes = ends.setdefault(node.device, [])
        node.lane = next((i for i, end in enumerate(lanes) if end <= node.began), len(lanes))
        lanes[node.lane : node.lane + 1] = [node.ended]


def _sources(name: str, known: dict[str, Output], graph: Graph | None) -> list[Output]:
    """Return the outputs behind an input: itself, or what it comes from past dropped operations."""
    stack, seen, found = [name], {name}, []
    while stack:
        current = stack.pop()
        output = known.get(current) or known.get(_RECEIVED.sub("", current))
        if output is not None:
            found.append(output)
            continue
        for before in _inputs(current, graph):
            if before not in seen:
                seen.add(before)
                stack.append(before)
    return found


def _inputs(name: str, graph: Graph | None) -> Sequence[str]:
    """Return the inputs of the operation that a tensor is of, as labels have them."""
    if graph is None or name.startswith("^"):
        return ()
    try:
        op = graph.get_operation_by_name(name.partition(":")[0])
    except (KeyError, ValueError):
        return ()
    return [f"{t.op.name}:{t.value_index}" if t.value_index else t.op.name for t in op.inputs]
