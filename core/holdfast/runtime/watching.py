"""Runs that are watched: each step tells its beginning and its end, to a time limit, to a trace, or to both.

A plan that is watched has a compiled form of its own, so that runs without a watch do nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdfast.runtime.plan import AssignStep, Fetch, Step, UpdateStep, writes

if TYPE_CHECKING:
    from holdfast.protos import GraphDef
    from holdfast.runtime.locking import SessionLock
    from holdfast.runtime.prepared import PreparedPlan
    from holdfast.runtime.time_limits import TimeLimit
    from holdfast.runtime.tracing import Trace


def shown(step: Step) -> tuple[int, ...]:
    """Return the registers that a watch is told after a step: what it wrote, then the variables that it updated."""
    match step:
        case AssignStep():
            return (step.slot,)
        case UpdateStep():
            return (*step.outputs, *step.slots)
    return writes(step)


class Watch:
    """What the steps of one run tell."""

    __slots__ = ("_limit", "graphs", "partitions", "trace")

    def __init__(self, limit: TimeLimit | None, trace: Trace | None = None, *, partitions: bool = False) -> None:
        self._limit = limit
        self.trace = trace
        """The trace, or None."""
        self.partitions = partitions
        """Whether the graphs of the devices are asked for."""
        self.graphs: list[GraphDef] = []
        """These, once the run has ended."""

    def took_feeds(self) -> None:
        """Note that all fed values are ready for the plan."""
        if self.trace is not None:
            self.trace.took_feeds()

    def start(self, plan: PreparedPlan, feeds: Sequence[Any]) -> None:
        """Note what is run from now on, with these values of the fed tensors."""
        if self._limit is not None:
            self._limit.resume()
        if self.trace is not None:
            self.trace.start(plan.plan, plan.fed, feeds)

    @contextmanager
    def holding(self, lock: SessionLock) -> Iterator[None]:
        """Hold a session's lock within the block, if it can be had in time."""
        if self._limit is None:
            lock.acquire(-1)
        else:
            self._limit.start()
            if not lock.acquire(self._limit.remaining()):
                raise self._limit.expired_waiting()
            self._limit.pause()
        try:
            yield
        finally:
            lock.release()

    def begin(self, item: Step | Fetch) -> None:
        """Note that a step begins, or the hand-out of a fetch.

        Raises
        ------
        DeadlineExceededError
            If the time is over.
        """
        if self._limit is not None:
            self._limit.check(item.op if isinstance(item, Step) else item.tensor.op)
        if self.trace is not None:
            self.trace.begin(item)

    def end(self, *values: Any) -> None:
        """Note that it has ended, with the values in the registers that :func:`shown` names."""
        if self.trace is not None:
            self.trace.end(values)

    def kept(self, *values: Any) -> None:
        """As :meth:`end`, of a step that writes into memory that is kept from run to run."""
        if self.trace is not None:
            self.trace.end(values, kept=True)

    def cleared(self) -> None:
        """Note that what nobody reads after the step was let go of."""
        if self.trace is not None:
            self.trace.cleared()

    def finish(self) -> None:
        """Note that all has been done.

        Raises
        ------
        DeadlineExceededError
            If the time is over.
        """
        if self._limit is not None:
            self._limit.check(None)
