"""Events of the "Trace Event Format", which chrome://tracing and Perfetto read.

Names come from graphs, which may come from anywhere: they are only ever data, which JSON escapes.
"""

from __future__ import annotations

import json
from typing import Any


class ChromeTrace:
    """The events of one file."""

    def __init__(self) -> None:
        self._metadata: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def process(self, name: str, pid: int) -> None:
        """Name a process: the viewers' word for a group of rows."""
        self._metadata.append({"name": "process_name", "ph": "M", "pid": pid, "args": {"name": name}})

    def region(self, began: float, ended: float, pid: int, tid: int, name: str, args: dict[str, Any]) -> None:
        """Add an operation, from its beginning to its end."""
        self._add("X", "Op", name, pid, tid, began, dur=ended - began, args=args)

    def flow(self, number: int, name: str, start: tuple[float, int, int], end: tuple[float, int, int]) -> None:
        """Add an arrow; its ends are time, process and row."""
        for phase, (time, pid, tid) in (("s", start), ("t", end)):
            self._add(phase, "DataFlow", name, pid, tid, time, id=number)

    def life(self, number: int, name: str, pid: int, times: tuple[float, float, float], snapshot: str) -> None:
        """Add a tensor: when it was begun, when it was there, when it was gone."""
        created, there, gone = times
        self._add("N", "Tensor", name, pid, 0, created, id=number)
        self._add("O", "Tensor", name, pid, 0, there, id=number, args={"snapshot": {"tensor_description": snapshot}})
        self._add("D", "Tensor", name, pid, 0, gone, id=number)

    def counter(self, name: str, pid: int, time: float, value: int) -> None:
        """Add a value of a counter, which holds until the next one."""
        self._add("C", "Memory", name, pid, 0, time, args={name: value})

    def _add(self, phase: str, category: str, name: str, pid: int, tid: int, time: float, **more: Any) -> None:
        """Add an event."""
        self._events.append({"ph": phase, "cat": category, "name": name, "pid": pid, "tid": tid, "ts": time, **more})

    def format_to_string(self, pretty: bool = False) -> str:
        """Return the file's text; with ``pretty`` over many lines, keys sorted."""
        trace = {"traceEvents": self._metadata + self._events}
        if pretty:
            return json.dumps(trace, indent=4, separators=(",", ": "), sort_keys=True)
        return json.dumps(trace, separators=(",", ":"))
