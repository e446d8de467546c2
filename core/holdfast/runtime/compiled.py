"""A plan as a function: called, and asked which op it was when it fails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import errors
from holdfast.contracts import ExpressionKernel, PlainKernel
from holdfast.runtime.failures import raise_at
from holdfast.runtime.moves import Moves
from holdfast.runtime.plan import AssignStep, ReadStep, RunStep, Step, UpdateStep, inputs_of
from holdfast.runtime.slots import Snapshot
from holdfast.runtime.workspaces import WorkspacePool

if TYPE_CHECKING:
    from types import FunctionType

    from holdfast.runtime.context import Run
    from holdfast.runtime.plan import Plan
    from holdfast.runtime.source import Origin
    from holdfast.runtime.workspaces import Memory, Place, Workspace


class CompiledPlan:
    """One compiled plan; it may be run by itself again while it runs, and by several threads."""

    __slots__ = ("_function", "_moves", "_origins", "_plan", "_pool", "needs_run", "text")

    def __init__(
        self,
        plan: Plan,
        text: str,
        function: FunctionType,
        origins: Sequence[Origin | None],
        *,
        needs_run: bool,
        places: Collection[Place | Memory],
    ) -> None:
        self.text = text
        """The source text, for people."""
        self.needs_run = needs_run
        """Whether any kernel asks its run for anything."""
        self._plan = plan
        self._function = function
        self._origins = origins
        self._pool = WorkspacePool(places) if places else None
        self._moves = any(
            isinstance(step, (AssignStep, UpdateStep)) for stretch in plan.stretches for step in stretch.steps
        )

    def __call__(self, feeds: Sequence[Any], run: Run | None, *, copy: bool) -> list[Any]:
        """Run the plan and return the fetched values; as :func:`holdfast.runtime.interpreter.interpret`.

        Parameters
        ----------
        run
            The run; it may be missing where the plan needs none.
        """
        if self._pool is not None:
            key = tuple([value.shape for value in feeds])
            work = self._pool.check_out(key)
            try:
                return self._run(feeds, run, work, copy=copy)
            finally:
                self._pool.bring_back(key, work)
        return self._run(feeds, run, None, copy=copy)

    def _run(self, feeds: Sequence[Any], run: Run | None, work: Workspace | None, *, copy: bool) -> list[Any]:
        """Run the plan with a workspace."""
        if self._moves or self._plan.slots_restored:
            return self._run_and_clear_up(feeds, run, work, copy=copy)
        try:
            values: list[Any] = self._function(run, copy, None, work, *feeds)
        except Exception as error:
            self._fail(error)
            raise
        if run is not None:
            run.succeed()
        return values

    def _run_and_clear_up(
        self, feeds: Sequence[Any], run: Run | None, work: Workspace | None, *, copy: bool
    ) -> list[Any]:
        """Run a plan that updates variables."""
        moves = Moves()
        before = Snapshot(self._plan.slots_restored)
        try:
            try:
                values: list[Any] = self._function(run, copy, moves, work, *feeds)
            except Exception as error:
                self._fail(error)
                raise
            if run is not None:
                run.succeed()
            return values
        except BaseException:
            before.put_back()
            raise
        finally:
            before.release()
            moves.end()

    def _fail(self, error: Exception) -> None:
        """Raise the failure of the step that an error comes from; return if it comes from none."""
        traceback = error.__traceback__
        inner = None if traceback is None else traceback.tb_next
        if inner is None or inner.tb_frame.f_code is not self._function.__code__:
            return
        origin = self._origins[inner.tb_lineno]
        if origin is None:
            return
        registers = self._plan.template.copy()
        values = inner.tb_frame.f_locals
        for register, name in zip(inputs_of(origin.step), origin.names, strict=True):
            if name in values:
                registers[register] = values[name]
        raise_at(origin.step, registers, _told(origin.step, registers, error))


def _told(step: Step, registers: Sequence[Any], error: Exception) -> Exception:
    """Return the error that is to be told: that of the kernel itself, or of a variable without a value."""
    try:
        match step:
            case RunStep(kernel=PlainKernel() | ExpressionKernel()) if not isinstance(error, errors.OpError):
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
