"""Variants of a plan: functions for feeds of certain shapes, each with memory of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.runtime.compiler import compile_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.compiled import CompiledPlan
    from holdfast.runtime.context import Run
    from holdfast.runtime.observation import Observation

_MOST_AT_ONCE = 4
"""So many functions wait for the next run."""


class Variant:
    """A plan for feeds whose shapes are known, and for variables whose shapes are what they were.

    A run takes a function and brings it back, so that runs within runs and on other threads have one each: what lies in
    a function's memory is one run's alone. What leaves the run never lies there.

    Parameters
    ----------
    observation
        What kernels have made of such feeds.
    fed
        The fed tensors.
    watched
        Whether runs tell their watch what they do.
    """

    __slots__ = (
        "_calls",
        "_fed",
        "_known",
        "_slots",
        "_waiting",
        "_watched",
        "_watched_form",
        "needs_run",
        "observation",
    )

    def __init__(self, observation: Observation, fed: Sequence[Tensor], *, watched: bool = False) -> None:
        self.observation = observation
        """What it was made from."""
        self._fed = fed
        self._watched = watched
        self._calls = observation.calls
        self._known = len(observation.calls)
        self._watched_form: Variant | None = None
        first = self._compiled()
        self._slots = first.slots
        self._waiting = [first]
        self.needs_run = first.needs_run
        """Whether any kernel asks its run for anything."""

    def _compiled(self) -> CompiledPlan:
        """Return a function that nobody else has."""
        return compile_plan(self.observation.plan, self._fed, self.observation, watched=self._watched)

    def fits(self) -> bool:
        """Whether the variables have the shapes that they had, and nothing more is known than was."""
        for slot, shape in self._slots:
            buffer = slot.buffer
            if buffer is None or buffer.array.shape != shape:
                return False
        return len(self._calls) == self._known

    def is_outgrown(self) -> bool:
        """Whether a branch has been taken since that had never been before: now it is known what comes of it."""
        return len(self._calls) > self._known

    def __call__(self, feeds: Sequence[Any], run: Run | None, *, copy: bool) -> list[Any]:
        """Run the plan; as :class:`CompiledPlan`."""
        waiting = self._waiting
        function = waiting.pop() if waiting else self._compiled()
        try:
            return function(feeds, run, copy=copy)
        finally:
            if len(waiting) < _MOST_AT_ONCE:
                waiting.append(function)

    def watched_form(self) -> Variant:
        """Return the variant that tells the run's watch of each step."""
        if self._watched_form is None:
            self._watched_form = Variant(self.observation, self._fed, watched=True)
        return self._watched_form

    @property
    def texts(self) -> list[str]:
        """The source of each function, for people."""
        return [function.text for function in self._waiting]
