"""The interpreter: runs the steps of a plan one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.runtime.assigning import assign
from holdfast.runtime.failures import raise_at
from holdfast.runtime.hand_outs import hand_out, not_taken
from holdfast.runtime.moves import Moves
from holdfast.runtime.plan import (
    AnyStep,
    AssignStep,
    CopyStep,
    Guard,
    InitializedStep,
    MergeStep,
    Plan,
    ReadStep,
    RunStep,
    Step,
    UpdateStep,
)
from holdfast.runtime.slots import Slot, Snapshot
from holdfast.runtime.transfers import transfer
from holdfast.runtime.watching import shown

if TYPE_CHECKING:
    from holdfast.runtime.context import Run

_UNSET: Any = None
"""What a register holds before it is written, and after it was let go of."""


class Frame(Moves):
    """What one run of a plan works on: registers, and the buffers that its variables left behind."""

    __slots__ = ("registers", "run")

    def __init__(self, registers: list[Any], run: Run) -> None:
        super().__init__()
        self.registers = registers
        self.run = run


def interpret(plan: Plan, feeds: Sequence[Any], run: Run, *, copy: bool) -> list[Any]:
    """Run a plan and return the fetched values; see ``Session.run`` for what the caller owns."""
    registers = plan.template.copy()
    for register, value in zip(plan.feeds, feeds, strict=True):
        registers[register] = value
    frame = Frame(registers, run)
    before = Snapshot(plan.slots_restored)
    try:
        with np.errstate(all="ignore"):
            for stretch in plan.stretches:
                if not stretch.guard or holds(stretch.guard, registers):
                    _run_steps(stretch.steps, frame)
        values = [_fetched(plan, i, frame, copy=copy) for i in range(len(plan.fetches))]
        run.succeed()
        return values
    except BaseException:
        before.put_back()
        raise
    finally:
        before.release()
        frame.end()


def _run_steps(steps: list[Step], frame: Frame) -> None:
    """Run steps whose guard holds."""
    registers, watch = frame.registers, frame.run.watch
    for step in steps:
        if watch is not None:
            watch.begin(step)
        try:
            _EXECUTE[type(step)](step, frame)
        except Exception as error:  # noqa: BLE001  (every failure is told with its op)
            raise_at(step, registers, error)
        if watch is not None:
            watch.end(*[registers[register] for register in shown(step)])
        for register in step.dead:
            registers[register] = _UNSET
        if watch is not None and step.dead:
            watch.cleared()


def holds(guard: Guard, registers: list[Any]) -> bool:
    """Whether all predicates of a guard have their values."""
    return all(bool(registers[register]) is wanted for register, wanted in guard)


def _fetched(plan: Plan, index: int, frame: Frame, *, copy: bool) -> Any:
    """Return a fetched value."""
    fetch, registers, watch = plan.fetches[index], frame.registers, frame.run.watch
    if fetch.guard and not holds(fetch.guard, registers):
        not_taken(fetch, index)
    if watch is None:
        return hand_out(fetch, registers, copy=copy)
    watch.begin(fetch)
    value = hand_out(fetch, registers, copy=copy)
    watch.end(value)
    return value


def _run(step: RunStep, frame: Frame) -> None:
    registers = frame.registers
    results = step.kernel(frame.run.context(step.device), *[registers[i] for i in step.inputs])
    for register, value in zip(step.outputs, results, strict=True):
        registers[register] = value


def _read(step: ReadStep, frame: Frame) -> None:
    frame.registers[step.output] = frame.registers[step.slot].require().array


def _assign(step: AssignStep, frame: Frame) -> None:
    assign(step, frame.registers[step.slot], frame.registers[step.value], frame)


def _update(step: UpdateStep, frame: Frame) -> None:
    registers = frame.registers
    slots: list[Slot] = [registers[i] for i in step.slots]
    buffers = [slot.require() for slot in slots]
    current = tuple(buffer.array for buffer in buffers)
    out = tuple(
        buffer.array if step.in_place and buffer.holders == 0 else slot.fresh(tuple(buffer.array.shape))
        for slot, buffer in zip(slots, buffers, strict=True)
    )
    inputs = [registers[i] for i in step.inputs]
    results = step.kernel.update(frame.run.context(step.device), current, out, *inputs)
    for slot, old, new in zip(slots, current, out, strict=True):
        if new is not old:
            frame.move(slot, new)
    for register, value in zip(step.outputs, results, strict=True):
        registers[register] = value


def _initialized(step: InitializedStep, frame: Frame) -> None:
    frame.registers[step.output] = np.bool_(frame.registers[step.slot].buffer is not None)


def _merge(step: MergeStep, frame: Frame) -> None:
    registers = frame.registers
    for index, (guard, source) in enumerate(step.choices):
        if holds(guard, registers):
            registers[step.output] = registers[source]
            registers[step.index] = np.int32(index)
            return


def _any(step: AnyStep, frame: Frame) -> None:
    frame.registers[step.output] = any(holds(guard, frame.registers) for guard in step.guards)


def _copy(step: CopyStep, frame: Frame) -> None:
    frame.registers[step.output] = transfer(frame.registers[step.input], step.source, step.device)


_EXECUTE: dict[type[Step], Callable[[Any, Frame], None]] = {
    RunStep: _run,
    ReadStep: _read,
    AssignStep: _assign,
    UpdateStep: _update,
    InitializedStep: _initialized,
    MergeStep: _merge,
    AnyStep: _any,
    CopyStep: _copy,
}
