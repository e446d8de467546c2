"""A plan as a function: called, and asked which op it was when it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import errors
from holdfast.runtime.abilities import has_expression, is_plain, is_shaped
from holdfast.runtime.failures import raise_at
from holdfast.runtime.moves import Moves
from holdfast.runtime.plan import AssignStep, ReadStep, RunStep, Step, UpdateStep, inputs_of
from holdfast.runtime.slots import Snapshot

if TYPE_CHECKING:
    from contextvars import Context
    from types import FunctionType

    from holdfast.runtime.context import Run
    from holdfast.runtime.observation import Shape
    from holdfast.runtime.plan import Plan
    from holdfast.runtime.slots import Slot
    from holdfast.runtime.source import Origin


class CompiledPlan:
    """One compiled plan.

    Without memory of its own it may be run by itself again while it runs, and by several threads.
    """

    __slots__ = ("_enter", "_function", "_origins", "_plan", "_updates", "needs_run", "slots", "text")

    def __init__(
        self,
        plan: Plan,
        text: str,
        function: FunctionType,
        origins: Sequence[Origin | None],
        *,
        needs_run: bool,
        quiet: Context | None,
        slots: Sequence[tuple[Slot, Shape]],
    ) -> None:
        self.text = text
        """The source text, for people."""
        self.needs_run = needs_run
        """Whether any kernel asks its run for anything."""
        self.slots = slots
        """Variables that must have these shapes."""
        self._plan = plan
        self._function = function
        self._origins = origins
        self._enter: Callable[..., Any] = _at_once if quiet is None else quiet.run
        self._updates = bool(plan.slots_restored) or any(
            isinstance(step, (AssignStep, UpdateStep)) for stretch in plan.stretches for step in stretch.steps
        )

    def __call__(self, feeds: Sequence[Any], run: Run | None, *, copy: bool) -> list[Any]:
        """Run the plan and return the fetched values; as :func:`holdfast.runtime.interpreter.interpret`.

        Parameters
        ----------
        run
            The run; it may be missing where the plan needs none.
        """
        if self._updates:
            return self._run_and_clear_up(feeds, run, copy=copy)
        try:
            values: list[Any] = self._enter(self._function, run, copy, None, *feeds)
        except Exception as error:
            self._fail(error)
            raise
        if run is not None:
            run.succeed()
        return values

    def _run_and_clear_up(self, feeds: Sequence[Any], run: Run | None, *, copy: bool) -> list[Any]:
        """Run a plan that updates variables."""
        moves, before = Moves(), self._plan.slots_restored and Snapshot(self._plan.slots_restored)
        try:
            try:
                values: list[Any] = self._enter(self._function, run, copy, moves, *feeds)
            except Exception as error:
                self._fail(error)
                raise
            if run is not None:
                run.succeed()
            return values
        except BaseException:
            if before:
                before.put_back()
            raise
        finally:
            if before:
                before.release()
            moves.end()

    def _fail(self, error: Exception) -> None:
        """Raise the failure of the step that an error comes from; return if it comes from none."""
        inner = error.__traceback__
        while inner is not None and inner.tb_frame.f_code is not self._function.__code__:
            inner = inner.tb_next
        if inner is None:
            return
        origin = self._origins[inner.tb_lineno]
        if origin is None:
            return
        registers = self._plan.template.copy()
        values = {**self._function.__globals__, **inner.tb_frame.f_locals}
        for register, name in zip(inputs_of(origin.step), origin.names, strict=True):
            if name in values:
                registers[register] = values[name]
        raise_at(origin.step, registers, _told(origin.step, registers, error))


def _at_once(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function."""
    return function(*arguments)


def _told(step: Step, registers: Sequence[Any], error: Exception) -> Exception:
    """Return the error that is to be told: that of the kernel itself, or of a variable without a value."""
    try:
        match step:
            case RunStep(kernel=kernel) if _is_source(kernel) and not isinstance(error, errors.OpError):
                with np.errstate(all="ignore"):
                    # Such kernels ask nothing of their run.
                    step.kernel(None, *(registers[i] for i in step.inputs))  # type: ignore[arg-type]
            case ReadStep():
                registers[step.slot].require()
            case UpdateStep():
                for slot in step.slots:
                    registers[slot].require()
    except Exception as own:  # noqa: BLE001  (whatever it is)
        return own
    return error


def _is_source(kernel: Any) -> bool:
    """Whether something else than the kernel itself may stand in the source for it."""
    return has_expression(kernel) or is_plain(kernel) or is_shaped(kernel)
