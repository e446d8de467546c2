"""Time limits of runs: looked at between steps, never within one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from holdfast import errors
from holdfast.checkpoint import escaped

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation

clock = time.monotonic
"""What limits are measured by, in seconds."""


class TimeLimit:
    """The time that one run may take: waiting for other runs of the session, and its steps; not making its plan.

    Parameters
    ----------
    milliseconds
        The limit.
    source
        The setting that it comes from.
    """

    __slots__ = ("_began", "_limit", "_op", "_paused", "_since", "_source")

    def __init__(self, milliseconds: int, source: str) -> None:
        self._limit = milliseconds
        self._source = source
        self._began = self._since = self._paused = clock()
        self._op: Operation | None = None

    def start(self) -> None:
        """Count from now on."""
        self._began = clock()

    def pause(self) -> None:
        """Do not count what follows."""
        self._paused = clock()

    def resume(self) -> None:
        """Count again."""
        self._began += clock() - self._paused

    def remaining(self) -> float:
        """Return the seconds that are left, at least 0."""
        return max(0.0, self._began + self._limit / 1000 - clock())

    def check(self, coming: Operation | None) -> None:
        """Raise if the time is over; else an op begins, or None at the end.

        Raises
        ------
        DeadlineExceededError
            If the time is over; the error tells the op that ended before.
        """
        now = clock()
        if (now - self._began) * 1000 >= self._limit:
            raise self._error(now)
        self._op, self._since = coming, now

    def expired_waiting(self) -> errors.DeadlineExceededError:
        """Return the error of a run that did not come to begin."""
        return self._exceeded(clock(), "the session was still busy with runs of other threads.")

    def _error(self, now: float) -> errors.DeadlineExceededError:
        """Return the error of a run that has begun."""
        if self._op is None:
            return self._exceeded(now, "none of its operations had run, for waiting for runs of other threads.")
        op, took = self._op, (now - self._since) * 1000
        site = "" if op.site is None else f", made at {op.site}"
        return self._exceeded(
            now,
            f"it stopped after op '{escaped(op.name)}' ({escaped(op.type)}{site}), which took {took:.1f} ms. Updates "
            "that were made stay made.",
        )

    def _exceeded(self, now: float, how: str) -> errors.DeadlineExceededError:
        """Return the error, TensorFlow's sentence first."""
        taken = f"{(now - self._began) * 1000:.1f} ms of at most {self._limit} ms ({self._source})"
        return errors.DeadlineExceededError(None, None, f"Timed out waiting for notification\nAfter {taken}, {how}")
