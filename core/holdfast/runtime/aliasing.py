"""Registers of a plan: what may share memory with what, and until when each is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.runtime.plan import (
    AnyStep,
    AssignStep,
    CopyStep,
    Fetch,
    InitializedStep,
    MergeStep,
    Plan,
    ReadStep,
    RunStep,
    Step,
    UpdateStep,
    stretches_of,
)
from holdfast.runtime.slots import Slot

if TYPE_CHECKING:
    from holdfast.contracts import Device

BORROWED = -1
"""Root of memory that belongs to someone else: feeds and constants."""


class Registers:
    """The registers of one plan.

    The *roots* of a register name the memory it may share: registers of fresh values (their own number), slots of
    variables, or :data:`BORROWED`. Two registers may overlap only if they have a root in common.
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

    def new(self, device: Device | None, roots: set[int]) -> int:
        """Return a new register; with no roots, of fresh memory."""
        number = len(self.roots)
        self.roots.append(frozenset(roots or {number}))
        self.where.append(device)
        return number

    def constant(self, value: Any, device: Device | None) -> int:
        """Return a new register with a constant."""
        number = self.new(device, {BORROWED})
        self.constants[number] = value
        return number

    def new_slot(self, slot: Slot) -> int:
        """Return a new register that stands for a variable."""
        known = self._slot_registers.get(id(slot))
        if known is not None:
            return known
        number = self._slot_registers[id(slot)] = self.new(slot.device, set())
        self.constants[number] = slot
        self.slot_roots[number] = frozenset({number})
        return number

    def new_chosen_slot(self, choices: Sequence[int]) -> int:
        """Return a new register that will hold one of several slots."""
        number = self.new(None, set())
        self.slot_roots[number] = frozenset().union(*(self.slot_roots[c] for c in choices))
        return number

    def is_slot(self, register: int) -> bool:
        """Whether a register holds a slot instead of a value."""
        return register in self.slot_roots

    def slot_device(self, register: int, default: Device) -> Device:
        """Return the device of the variable in a slot's register."""
        slots = [self.constants[r] for r in sorted(self.slot_roots[register])]
        return slots[0].device if slots else default


def reads(step: Step) -> Iterator[int]:
    """Yield the registers that a step reads, its guard's included."""
    for register, _ in step.guard:
        yield register
    match step:
        case RunStep():
            yield from step.inputs
        case ReadStep() | InitializedStep():
            yield step.slot
        case AssignStep():
            yield step.slot
            yield step.value
        case UpdateStep():
            yield from step.slots
            yield from step.inputs
        case MergeStep():
            for guard, register in step.choices:
                yield from (literal[0] for literal in guard)
                yield register
        case AnyStep():
            yield from (literal[0] for guard in step.guards for literal in guard)
        case CopyStep():
            yield step.input


def finish(
    steps: list[Step],
    registers: Registers,
    feeds: tuple[int, ...],
    fetches: list[Fetch],
    folded: int,
    notes: dict[str, str],
) -> Plan:
    """Decide what is updated in place, stolen and let go of, and return the plan."""
    last_use = _last_uses(steps, fetches)
    _decide_updates(steps, registers, last_use)
    _decide_fetches(fetches, registers)
    template = [registers.constants.get(i) for i in range(len(registers.roots))]
    _let_go(steps, registers, last_use)
    read = {r for step in steps if isinstance(step, ReadStep) for r in registers.slot_roots[step.slot]}
    slots = tuple(registers.constants[r] for r in sorted(read))
    return Plan(stretches_of(steps), template, feeds, fetches, slots, folded, notes)


def _last_uses(steps: list[Step], fetches: list[Fetch]) -> dict[int, int]:
    """Return for each register the index of the last step that reads it; fetches come after all steps."""
    last: dict[int, int] = {}
    for i, step in enumerate(steps):
        for register in reads(step):
            last[register] = i
    end = len(steps)
    for fetch in fetches:
        last[fetch.register] = end
        for register, _ in fetch.guard:
            last[register] = end
    return last


def _decide_updates(steps: list[Step], registers: Registers, last_use: dict[int, int]) -> None:
    """Find the updates that may write in place, and the assignments that may steal their value.

    An update must leave alone what is still to be read, or is being read by the update itself.
    """
    live: set[int] = set()
    for i, step in enumerate(steps):
        if isinstance(step, (AssignStep, UpdateStep)):
            slots = (step.slot,) if isinstance(step, AssignStep) else step.slots
            targets = frozenset().union(*(registers.slot_roots[s] for s in slots))
            users = {r for r in live if registers.roots[r] & targets and last_use.get(r, -1) >= i}
            distinct = len({root for s in slots for root in registers.slot_roots[s]}) >= len(slots)
            step.in_place = not users and distinct
        if isinstance(step, AssignStep):
            step.steal = _may_steal(step.value, i, live, registers, last_use)
        live.update(_writes(step))
        live = {r for r in live if last_use.get(r, -1) > i}


def _may_steal(value: int, index: int, live: set[int], registers: Registers, last_use: dict[int, int]) -> bool:
    """Whether an assignment may take its value's memory: a temporary that no other live register shares."""
    roots = registers.roots[value]
    if value in registers.constants or last_use[value] > index:
        return False
    if BORROWED in roots or any(registers.is_slot(root) for root in roots):
        return False
    return not any(r != value and last_use.get(r, -1) >= index and registers.roots[r] & roots for r in live)


def _writes(step: Step) -> tuple[int, ...]:
    """Return the registers that a step writes."""
    match step:
        case RunStep() | UpdateStep():
            return step.outputs
        case ReadStep() | InitializedStep() | AnyStep() | CopyStep():
            return (step.output,)
        case MergeStep():
            return (step.output, step.index)
    return ()


def _decide_fetches(fetches: list[Fetch], registers: Registers) -> None:
    """Find the fetches that must be copied: those that may share memory with anything but themselves."""
    handed_out: set[int] = set()
    for fetch in fetches:
        roots = registers.roots[fetch.register]
        slots = frozenset(root for root in roots if root != BORROWED and registers.is_slot(root))
        fetch.alias_of = slots
        fetch.copy = BORROWED in roots or bool(slots) or not handed_out.isdisjoint(roots)
        handed_out |= roots


def _let_go(steps: list[Step], registers: Registers, last_use: dict[int, int]) -> None:
    """Note at each step which registers nothing reads any more."""
    for i, step in enumerate(steps):
        candidates = {*reads(step), *_writes(step)}
        step.dead = tuple(sorted(r for r in candidates if last_use.get(r, -1) <= i and r not in registers.constants))
