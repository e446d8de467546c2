"""What kernels made of feeds of certain shapes: noted in one run, so that later ones need not look."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from holdfast.runtime.plan import RunStep, Step, Stretch
from holdfast.runtime.slots import Slot

if TYPE_CHECKING:
    from holdfast.contracts import Array, Kernel, RunContext
    from holdfast.runtime.checkpoint_ops import SessionKernel
    from holdfast.runtime.plan import Plan

Shape: TypeAlias = tuple[int, ...]

_MOST_KEPT = 4096
"""Elements of results that are kept from run to run; what is larger is made anew."""


class Noted(NamedTuple):
    """What is known of one call of a kernel."""

    inputs: tuple[Shape, ...]
    """Shapes of the inputs."""
    outputs: tuple[Shape, ...]
    """Shapes of the outputs."""
    values: tuple[Array, ...] | None
    """The outputs themselves, where they are small."""


class Observation:
    """The first calls of the kernels of a plan, with feeds of certain shapes.

    Parameters
    ----------
    plan
        The plan.
    feeds
        The shapes of its feeds.
    """

    def __init__(self, plan: Plan, feeds: tuple[Shape, ...]) -> None:
        self.plan = plan
        """The plan."""
        self.feeds = feeds
        """The shapes of its feeds."""
        self.calls: dict[int, Noted] = {}
        """What was noted, by the identity of the step; steps in branches that were never taken are missing."""
        self.variables: dict[int, Shape] = {}
        """Shapes of the variables at the end of the first run, by register."""

    def end(self) -> None:
        """Note the variables, when a run has ended."""
        for register, slot in enumerate(self.plan.template):
            if isinstance(slot, Slot) and slot.buffer is not None:
                self.variables[register] = tuple(slot.buffer.array.shape)

    def noting(self) -> Plan:
        """Return the plan with kernels that note what they do."""
        stretches = [Stretch(s.guard, list(map(self._noting_step, s.steps))) for s in self.plan.stretches]
        return replace(self.plan, stretches=stretches)

    def _noting_step(self, step: Step) -> Step:
        """Return a step with such a kernel."""
        if not isinstance(step, RunStep):
            return step
        result = copy(step)
        result.kernel = self.noting_kernel(step)
        return result

    def noting_kernel(self, step: RunStep) -> Kernel:
        """Return the kernel of a step in a form that notes its first call."""
        return _NotingKernel(step.kernel, self.calls, id(step))


class _NotingKernel:
    """A kernel that notes its first call."""

    __slots__ = ("_calls", "_kernel", "_number")

    def __init__(self, kernel: Kernel | SessionKernel, calls: dict[int, Noted], number: int) -> None:
        self._kernel = kernel
        self._calls = calls
        self._number = number

    @property
    def aliases(self) -> Any:
        """As the kernel says, if it says anything."""
        return self._kernel.aliases  # type: ignore[union-attr]

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Call the kernel."""
        outputs: tuple[Array, ...] = self._kernel(context, *inputs)  # type: ignore[arg-type]
        if self._number not in self._calls:
            shapes = _shapes(outputs)
            small = sum(map(prod, shapes)) <= _MOST_KEPT
            self._calls[self._number] = Noted(_shapes(inputs), shapes, outputs if small else None)
        return outputs


def _shapes(arrays: Sequence[Any]) -> tuple[Shape, ...]:
    """Return the shapes of arrays."""
    return tuple(tuple(array.shape) for array in arrays)
