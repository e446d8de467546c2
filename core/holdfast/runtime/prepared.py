"""A plan with its forms: interpreted while it is new, compiled when it comes back, and again for feeds of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

from holdfast.runtime.interpreter import interpret
from holdfast.runtime.observation import Observation

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.compiled import CompiledPlan
    from holdfast.runtime.context import Run
    from holdfast.runtime.observation import Shape
    from holdfast.runtime.plan import Plan
    from holdfast.runtime.variants import Variant

_MOST_VARIANTS = 4
"""For so many combinations of the feeds' shapes there are functions at once."""
_MOST_COUNTED = 64
_PATIENCE = 2
"""The second time that other shapes are fed it is noted what comes of them; from the third on they have a function."""
_shape = attrgetter("shape")


class Form(Protocol):
    """One way to carry a plan out."""

    needs_run: bool
    """Whether it asks its run for anything."""

    def __call__(self, feeds: Sequence[Any], run: Any, *, copy: bool) -> list[Any]:
        """Run the plan and return the fetched values."""


class PreparedPlan:
    """The plan of a session for some fetches and feeds."""

    __slots__ = (
        "_compiled",
        "_observations",
        "_patience",
        "_runs",
        "_times",
        "_variants",
        "_watched",
        "fed",
        "interpreted",
        "ops",
        "plan",
    )

    def __init__(self, plan: Plan, fed: tuple[Tensor, ...], ops: Sequence[Operation]) -> None:
        self.plan = plan
        """The lowered form."""
        self.fed = fed
        """The tensors that its feeds are for."""
        self.ops = ops
        """The operations that it was made of."""
        self.interpreted: Form = _Interpreted(plan)
        """What carries it out step by step."""
        self._runs = 0
        self._compiled: CompiledPlan | None = None
        self._watched: CompiledPlan | None = None
        self._variants: dict[Any, Variant] = {}
        self._observations: dict[Any, Observation] = {}
        self._times: dict[Any, int] = {}
        """How often shapes were fed that there is no function for."""
        self._patience = _PATIENCE

    def form(self, interpreted_runs: int, feeds: Sequence[Any]) -> Form:
        """Return what carries out one more run; so many are to be interpreted first."""
        shapes = tuple(map(_shape, feeds))
        variant = self._variants.get(shapes)
        if variant is not None and variant.fits():
            return variant
        return self._other_form(interpreted_runs, shapes)

    def watched_form(self, interpreted_runs: int, feeds: Sequence[Any]) -> Form:
        """As :meth:`form`, in a form that tells the run's watch of each step."""
        usual = self.form(interpreted_runs, feeds)
        if usual in self._variants.values():
            return cast("Variant", usual).watched_form()
        if usual is not self._compiled:
            return usual
        if self._watched is None:
            from holdfast.runtime.compiler import compile_plan

            self._watched = compile_plan(self.plan, self.fed, watched=True)
        return self._watched

    def _other_form(self, interpreted_runs: int, shapes: tuple[Shape, ...]) -> Form:
        """Return the form for shapes that no function is for, or none that still fits."""
        self._runs += 1
        if self._runs < interpreted_runs:
            return self.interpreted
        observation = self._observations.pop(shapes, None) or self._without_variant(shapes)
        if observation is not None:
            return self._new_variant(observation)
        times = self._times[shapes] = self._times.get(shapes, 0) + 1
        if self._runs == interpreted_runs or times >= self._patience:
            return _Observed(Observation(self.plan, shapes), self._observations)
        if len(self._times) > _MOST_COUNTED:
            self._times.clear()
        return self._general()

    def _general(self) -> CompiledPlan:
        """Return the function for feeds of any shape."""
        if self._compiled is None:
            from holdfast.runtime.compiler import compile_plan

            self._compiled = compile_plan(self.plan, self.fed)
        return self._compiled

    def _new_variant(self, observation: Observation) -> Form:
        """Return a new function for shapes that were observed."""
        from holdfast.runtime.variants import Variant

        if len(self._variants) >= _MOST_VARIANTS:
            self._without_variant(next(iter(self._variants)))
        variant = self._variants[observation.feeds] = Variant(observation, self.fed)
        return variant if variant.fits() else self._general()

    def _without_variant(self, shapes: tuple[Shape, ...]) -> Observation | None:
        """Drop the function for some shapes; return what was observed, if that is more than it was made from."""
        variant = self._variants.pop(shapes, None)
        if variant is None:
            return None
        if variant.is_outgrown():
            return variant.observation
        # Where shapes come and go, compiling must not become what the time is spent on.
        self._patience *= 2
        self._times.clear()
        return None


class _Interpreted:
    """Runs a plan step by step."""

    needs_run = True

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __call__(self, feeds: Sequence[Any], run: Run, *, copy: bool) -> list[Any]:
        """Run the plan."""
        return interpret(self._plan, feeds, run, copy=copy)


class _Observed:
    """Runs a plan step by step, and notes what comes of the shapes of its feeds."""

    needs_run = True

    def __init__(self, observation: Observation, observations: dict[Any, Observation]) -> None:
        self._observation = observation
        self._observations = observations

    def __call__(self, feeds: Sequence[Any], run: Run, *, copy: bool) -> list[Any]:
        """Run the plan."""
        observation = self._observation
        values = interpret(observation.noting(), feeds, run, copy=copy)
        observation.end()
        self._observations.clear()
        self._observations[observation.feeds] = observation
        return values
