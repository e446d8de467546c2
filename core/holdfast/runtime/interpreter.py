"""The interpreter: runs the steps of a plan one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import errors
from holdfast.runtime.failures import raise_at
from holdfast.runtime.plan import (
    AnyStep,
    AssignStep,
    CopyStep,
    Fetch,
    Guard,
    InitializedStep,
    MergeStep,
    Plan,
    ReadStep,
    RunStep,
    Step,
    UpdateStep,
)

if TYPE_CHECKING:
    from holdfast.contracts import Array, Device
    from holdfast.runtime.context import Context
    from holdfast.runtime.slots import Buffer, Slot

_UNSET: Any = None
"""What a register holds before it is written, and after it was let go of."""


class Frame:
    """One run: its registers, its contexts, and the buffers that it made superfluous."""

    __slots__ = ("_context_for", "_contexts", "registers", "retired")

    def __init__(self, registers: list[Any], context_for: Callable[[Device], Context]) -> None:
        self.registers = registers
        self.retired: list[tuple[Slot, Buffer]] = []
        self._context_for = context_for
        self._contexts: dict[int, Context] = {}

    def context(self, device: Device) -> Context:
        """Return the context of a device, made at first need."""
        context = self._contexts.get(id(device))
        if context is None:
            context = self._contexts[id(device)] = self._context_for(device)
        return context

    def replace(self, slot: Slot, array: Array) -> None:
        """Give a variable a new buffer; the old one is used again after the run, if nobody holds it."""
        old = slot.replace(array)
        if old is not None:
            self.retired.append((slot, old))


def interpret(plan: Plan, feeds: Sequence[Any], context_for: Callable[[Device], Context], *, copy: bool) -> list[Any]:
    """Run a plan and return the fetched values; see ``Session.run`` for what the caller owns."""
    registers = plan.template.copy()
    for register, value in zip(plan.feeds, feeds, strict=True):
        registers[register] = value
    frame = Frame(registers, context_for)
    try:
        with np.errstate(all="ignore"):
            for stretch in plan.stretches:
                if stretch.guard and not holds(stretch.guard, registers):
                    continue
                _run_steps(stretch.steps, frame)
        return [_hand_out(fetch, registers, copy=copy) for fetch in plan.fetches]
    finally:
        for slot, buffer in frame.retired:
            slot.recycle(buffer)


def _run_steps(steps: list[Step], frame: Frame) -> None:
    """Run steps whose guard holds."""
    registers = frame.registers
    for step in steps:
        try:
            _EXECUTE[type(step)](step, frame)
        except Exception as error:  # noqa: BLE001  (every failure is told with its op)
            raise_at(step, registers, error)
        for register in step.dead:
            registers[register] = _UNSET


def holds(guard: Guard, registers: list[Any]) -> bool:
    """Whether all predicates of a guard have their values."""
    return all(bool(registers[register]) is wanted for register, wanted in guard)


def _run(step: RunStep, frame: Frame) -> None:
    registers = frame.registers
    results = step.kernel(frame.context(step.device), *[registers[i] for i in step.inputs])
    for register, value in zip(step.outputs, results, strict=True):
        registers[register] = value


def _read(step: ReadStep, frame: Frame) -> None:
    frame.registers[step.output] = frame.registers[step.slot].require().array


def _assign(step: AssignStep, frame: Frame) -> None:
    slot: Slot = frame.registers[step.slot]
    value = frame.registers[step.value]
    device = slot.device
    buffer = slot.buffer
    if step.validate_shape:
        _check_assigned_shape(slot, tuple(np.shape(value)))
    if step.steal and device.ownable(value):
        frame.replace(slot, value)
    elif step.in_place and buffer is not None and buffer.holders == 0 and buffer.array.shape == np.shape(value):
        device.copy_into(buffer.array, value)
    else:
        frame.replace(slot, device.copy(value))


def _check_assigned_shape(slot: Slot, found: tuple[int, ...]) -> None:
    """Raise TensorFlow's error unless a value has the variable's shape."""
    if slot.buffer is not None:
        wanted: tuple[int | None, ...] | None = tuple(slot.buffer.array.shape)
    else:
        wanted = slot.op.outputs[0].shape.as_tuple()
    if wanted is None or (None in wanted and len(wanted) == len(found)) or wanted == found:
        return
    left, right = ("[" + ",".join(map(str, dims)) + "]" for dims in (wanted, found))
    msg = f"Assign requires shapes of both tensors to match. lhs shape= {left} rhs shape= {right}"
    raise errors.InvalidArgumentError(None, None, msg)


def _update(step: UpdateStep, frame: Frame) -> None:
    registers = frame.registers
    slots: list[Slot] = [registers[i] for i in step.slots]
    buffers = [slot.require() for slot in slots]
    current = tuple(buffer.array for buffer in buffers)
    out = tuple(
        buffer.array if step.in_place and buffer.holders == 0 else slot.fresh()
        for slot, buffer in zip(slots, buffers, strict=True)
    )
    inputs = [registers[i] for i in step.inputs]
    results = step.kernel.update(frame.context(step.device), current, out, *inputs)
    for slot, old, new in zip(slots, current, out, strict=True):
        if new is not old:
            frame.replace(slot, new)
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


def transfer(value: Any, source: Device | None, target: Device) -> Any:
    """Bring a value to a device, past the host where the libraries can."""
    if target.owns(value):
        return value
    if source is None and isinstance(value, (np.ndarray, np.generic)):
        return target.from_host(np.asarray(value))
    adopted = target.adopt(value)
    if adopted is not None:
        return adopted
    return target.from_host(np.asarray(value) if source is None else source.to_host(value))


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


def _hand_out(fetch: Fetch, registers: list[Any], *, copy: bool) -> Any:
    """Return a fetched value as the caller's own, or, without ``copy``, read-only."""
    if fetch.guard and not holds(fetch.guard, registers):
        msg = f"Retval[0] does not have value\nThe branch that computes '{fetch.name}' was not taken in this run."
        raise errors.InvalidArgumentError(None, None, msg)
    value = registers[fetch.register]
    if fetch.device is not None and not isinstance(value, (np.ndarray, np.generic)):
        value = fetch.device.to_host(value)
    if np.ndim(value) == 0:
        return np.asarray(value)[()]
    value = np.asarray(value)
    if not copy:
        return _read_only(fetch, registers, value)
    if fetch.copy or not (value.flags.c_contiguous and value.flags.writeable and value.dtype.isnative):
        return np.array(value, order="C", dtype=value.dtype.newbyteorder("="))
    return value


def _read_only(fetch: Fetch, registers: list[Any], value: Any) -> Any:
    """Return a read-only view; a variable it may alias keeps these values for it and moves on."""
    for register in fetch.alias_of:
        buffer = registers[register].buffer
        if buffer is not None and np.may_share_memory(buffer.array, value):
            # Views of the view cannot be followed: the hold lasts, and the variable leaves this memory at its next
            # update.
            buffer.hold()
    view = value.view()
    view.flags.writeable = False
    return view
