"""Traces of runs as files for chrome://tracing and https://ui.perfetto.dev, as TensorFlow's module of this name makes.

``Timeline(run_metadata.step_stats).generate_chrome_trace_format()`` is the text of such a file: each device with its
operations, arrows to operations on other rows, and, where it is asked for, the memory that tensors took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from holdfast.dtypes import as_dtype
from holdfast.python.client.trace_events import ChromeTrace
from holdfast.python.client.trace_memory import AllocationMaximum, allocated_tensors, maximums, memory_in_use
from holdfast.python.client.trace_nodes import Node, nodes_of

if TYPE_CHECKING:
    from holdfast.graph import Graph
    from holdfast.protos import StepStats

__all__ = ["AllocationMaximum", "ChromeTrace", "StepStatsAnalysis", "Timeline"]

_ALLOCATORS = 0
"""The process that has the counters of memory."""


class StepStatsAnalysis(NamedTuple):
    """What there is to be said of a trace."""

    chrome_trace: ChromeTrace
    """Its events; ``format_to_string()`` is the text of a file."""
    allocator_maximums: dict[str, AllocationMaximum]
    """For each allocator the most that operations had in use of it at once; empty without ``show_memory``."""


class Timeline:
    """A trace, to be looked at.

    Parameters
    ----------
    step_stats
        ``step_stats`` of the ``RunMetadata`` of a traced run; of TensorFlow as well.
    graph
        The graph that was run. With it arrows and lifetimes go through operations that holdfast leaves out of plans,
        such as identities.
    """

    def __init__(self, step_stats: StepStats, graph: Graph | None = None) -> None:
        self._nodes = nodes_of(step_stats, graph)
        self._devices = [device.device for device in step_stats.dev_stats]

    def generate_chrome_trace_format(self, show_dataflow: bool = True, show_memory: bool = False) -> str:
        """Return the trace as the text of a file for chrome://tracing or Perfetto.

        Parameters
        ----------
        show_dataflow
            Add an arrow wherever an operation takes a tensor from another row.
        show_memory
            Add the lives of tensors, and how many bytes the operations had in use.
        """
        return self.analyze_step_stats(show_dataflow, show_memory).chrome_trace.format_to_string(pretty=True)

    def analyze_step_stats(self, show_dataflow: bool = True, show_memory: bool = True) -> StepStatsAnalysis:
        """Return the events of the trace, and with ``show_memory`` the most memory that was in use."""
        trace = ChromeTrace()
        if show_memory:
            trace.process("Allocators", _ALLOCATORS)
        for device in self._devices:
            trace.process(f"{device} Compute", self._compute(device))
            if show_memory:
                trace.process(f"{device} Tensors", self._tensors(device))
        for node in self._nodes:
            trace.region(node.began, node.ended, self._compute(node.device), node.lane, node.op, _arguments(node))
        if show_dataflow:
            self._show_dataflow(trace)
        if not show_memory:
            return StepStatsAnalysis(trace, {})
        return StepStatsAnalysis(trace, self._show_memory(trace))

    def _compute(self, device: str) -> int:
        """Return the process of a device's operations."""
        return 1 + 2 * self._devices.index(device)

    def _tensors(self, device: str) -> int:
        """Return the process of a device's tensors."""
        return 2 + 2 * self._devices.index(device)

    def _show_dataflow(self, trace: ChromeTrace) -> None:
        """Add the arrows between rows."""
        number = 0
        for node in self._nodes:
            start = node.ended, self._compute(node.device), node.lane
            for output in node.outputs:
                for user in output.users:
                    end = user.began, self._compute(user.device), user.lane
                    if end[1:] != start[1:]:
                        trace.flow(number, output.name, start, end)
                        number += 1

    def _show_memory(self, trace: ChromeTrace) -> dict[str, AllocationMaximum]:
        """Add tensors and counters, and return the maximums."""
        outputs = [(node, output) for node in self._nodes for output in node.outputs]
        for number, (node, output) in enumerate(outputs):
            gone = max([node.ended, *(user.ended for user in output.users)])
            times = node.began, node.ended, gone
            trace.life(number, output.name, self._tensors(node.device), times, str(output.description))
        tensors = allocated_tensors(self._nodes)
        for allocator, course in memory_in_use(tensors).items():
            for time, size in course:
                trace.counter(allocator, _ALLOCATORS, time, size)
        return maximums(tensors)


def _arguments(node: Node) -> dict[str, Any]:
    """Return what a viewer shows of a node that is clicked."""
    arguments: dict[str, Any] = {"name": node.name, "op": node.op}
    arguments.update((f"input{i}", name) for i, name in enumerate(node.inputs))
    for output in node.stats.output:
        description = output.tensor_description
        dims = [dim.size for dim in description.shape.dim]
        arguments[f"output{output.slot}"] = f"{as_dtype(description.dtype).name} {dims}"
    taken = sum(memory.total_bytes for memory in node.stats.memory)
    if taken:
        arguments["allocated_bytes"] = taken
    return arguments
