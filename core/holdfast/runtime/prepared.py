"""A plan with its function: interpreted while it is new, compiled when it comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast.runtime.interpreter import interpret

if TYPE_CHECKING:
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.compiled import CompiledPlan
    from holdfast.runtime.context import Run
    from holdfast.runtime.plan import Plan


class PreparedPlan:
    """The plan of a session for some fetches and feeds."""

    __slots__ = ("_compiled", "_fed", "_runs", "plan")

    def __init__(self, plan: Plan, fed: tuple[Tensor, ...]) -> None:
        self.plan = plan
        """The lowered form."""
        self._fed = fed
        self._runs = 0
        self._compiled: CompiledPlan | None = None

    def function(self, interpreted_runs: int) -> CompiledPlan | None:
        """Return the compiled plan for one more run, or None for as many runs as are to be interpreted."""
        if self._compiled is None:
            self._runs += 1
            if self._runs > interpreted_runs:
                from holdfast.runtime.compiler import compile_plan

                self._compiled = compile_plan(self.plan, self._fed)
        return self._compiled

    def interpret(self, feeds: Sequence[Any], run: Run, *, copy: bool) -> list[Any]:
        """Run the plan step by step."""
        return interpret(self.plan, feeds, run, copy=copy)
