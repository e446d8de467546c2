"""Registers of a plan: where values lie, and what may share memory with what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.runtime.slots import Slot

if TYPE_CHECKING:
    from holdfast.contracts import Device

BORROWED = -1
"""Root of memory that belongs to the caller, who may change it later: feeds, what a Python function returned."""
CONSTANT = -2
"""Root of memory that belongs to the plan or the graph and never changes."""
NOT_OURS = frozenset({BORROWED, CONSTANT})
"""What a run may neither write to, keep, nor give away."""
_CONSTANTS = frozenset({CONSTANT})


class Registers:
    """The registers of one plan.

    The *roots* of a register name the memory it may share: registers of fresh values (their own number), slots of
    variables, :data:`BORROWED` or :data:`CONSTANT`. Two registers may overlap only if they have a root in common.
    """

    def __init__(self) -> None:
        self.roots: list[frozenset[int]] = []
        self.where: list[Device | None] = []
        """Device of the value; None for NumPy values of the host: feeds, constants, flags."""
        self.constants: dict[int, Any] = {}
        """Registers that are filled when the plan is made: constants and slots."""
        self.slot_roots: dict[int, frozenset[int]] = {}
        """Registers that hold slots, with the slots they may be."""
        self._slot_registers: dict[int, int] = {}

    def new(self, device: Device | None, roots: Collection[int] = ()) -> int:
        """Return a new register; with no roots, of fresh memory."""
        number = len(self.roots)
        self.roots.append(frozenset(roots or (number,)))
        self.where.append(device)
        return number

    def constant(self, value: Any, device: Device | None) -> int:
        """Return a new register with a constant."""
        number = self.new(device, _CONSTANTS)
        self.constants[number] = value
        return number

    def new_slot(self, slot: Slot) -> int:
        """Return the register that stands for a variable."""
        number = self._slot_registers.get(id(slot))
        if number is None:
            number = self._slot_registers[id(slot)] = self.new(slot.device)
            self.constants[number] = slot
            self.slot_roots[number] = self.roots[number]
        return number

    def new_chosen_slot(self, choices: Sequence[int]) -> int:
        """Return a new register that will hold one of several slots."""
        number = self.new(None)
        self.slot_roots[number] = frozenset().union(*(self.slot_roots[c] for c in choices))
        return number

    def is_slot(self, register: int) -> bool:
        """Whether a register holds a slot instead of a value."""
        return register in self.slot_roots

    def slots(self, registers: Collection[int]) -> tuple[Slot, ...]:
        """Return the slots that registers may hold, each once."""
        roots = {root for register in registers for root in self.slot_roots[register]}
        return tuple(self.constants[root] for root in sorted(roots))

    def slot_device(self, register: int) -> Device:
        """Return the device of the variable in a slot's register."""
        return self.slots((register,))[0].device
