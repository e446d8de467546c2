"""Copies between devices: inserted where an op takes a value that lies elsewhere, once per value and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.runtime.plan import CopyStep, Guard

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.operation import Operation
    from holdfast.runtime.lowering import Lowering


class Transfers:
    """The copies between devices of one lowering."""

    def __init__(self, lowering: Lowering) -> None:
        self._lowering = lowering
        # Where every device takes NumPy's arrays as they are, host values need no copies.
        self._numpy_only = all(d.device.owns(np.empty(0)) for d in lowering.devices.all)
        self._known: dict[tuple[int, int], tuple[int, Guard]] = {}

    def on_device(self, register: int, op: Operation, device: Device, guard: Guard) -> int:
        """Return a register with the same value on the given device."""
        registers = self._lowering.registers
        where = registers.where[register]
        if where is device or (where is None and self._numpy_only):
            return register
        key = register, id(device)
        known = self._known.get(key)
        if known is not None and set(known[1]) <= set(guard):
            return known[0]
        if register in registers.constants:
            # Copied once, when the plan is made.
            output = registers.constant(transfer(registers.constants[register], where, device), device)
            self._known[key] = output, ()
            return output
        # It may share memory with what it was copied from, where devices do.
        output = registers.new(device, registers.roots[register])
        self._lowering.emit(CopyStep(op, device, guard, where, register, output))
        self._known[key] = output, guard
        return output


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
