"""What a plan may do with memory: update in place, take over, hand out, let go of."""

from __future__ import annotations

from holdfast.runtime.plan import AssignStep, Fetch, Step, UpdateStep, reads, writes
from holdfast.runtime.registers import BORROWED, NOT_OURS, Registers


def decide_memory(steps: list[Step], registers: Registers, fetches: list[Fetch]) -> None:
    """Note in all steps and fetches what may be done with memory."""
    read = [reads(step) for step in steps]
    last_use = _last_uses(read, fetches)
    _decide_updates(steps, read, registers, last_use)
    _decide_fetches(fetches, registers)
    _let_go(steps, read, registers, last_use)


def _last_uses(read: list[list[int]], fetches: list[Fetch]) -> dict[int, int]:
    """Return for each register the index of the last step that reads it; fetches come after all steps."""
    last: dict[int, int] = {}
    for i, registers in enumerate(read):
        for register in registers:
            last[register] = i
    end = len(read)
    for fetch in fetches:
        last[fetch.register] = end
        for register, _ in fetch.guard:
            last[register] = end
    return last


class _Live:
    """The registers that are still to be read, by the memory they may share."""

    def __init__(self, registers: Registers) -> None:
        self._roots = registers.roots
        self._by_root: dict[int, set[int]] = {}

    def add(self, register: int) -> None:
        """Note that a register was written."""
        for root in self._roots[register]:
            self._by_root.setdefault(root, set()).add(register)

    def remove(self, register: int) -> None:
        """Note that a register was read for the last time."""
        for root in self._roots[register]:
            self._by_root.get(root, set()).discard(register)

    def sharing(self, roots: frozenset[int]) -> set[int]:
        """Return the live registers that may share memory of the given roots."""
        return set().union(*(self._by_root.get(root, ()) for root in roots))


def _decide_updates(steps: list[Step], read: list[list[int]], registers: Registers, last_use: dict[int, int]) -> None:
    """Find the updates that may write in place, and the assignments that may steal their value.

    An update must leave alone what is still to be read, or is being read by the update itself.
    """
    live = _Live(registers)
    for i, step in enumerate(steps):
        if isinstance(step, (AssignStep, UpdateStep)):
            slots = (step.slot,) if isinstance(step, AssignStep) else step.slots
            targets = [registers.slot_roots[slot] for slot in slots]
            union = frozenset[int]().union(*targets)
            distinct = len(union) == sum(map(len, targets))
            step.in_place = distinct and not live.sharing(union)
        if isinstance(step, AssignStep):
            step.steal = last_use[step.value] == i and _may_steal(step.value, live, registers)
        for register in writes(step):
            if last_use.get(register, -1) > i:
                live.add(register)
        for register in read[i]:
            if last_use[register] == i:
                live.remove(register)


def _may_steal(value: int, live: _Live, registers: Registers) -> bool:
    """Whether an assignment may take a value's memory: a temporary that no other live register shares."""
    roots = registers.roots[value]
    ours = roots.isdisjoint(NOT_OURS) and not any(registers.is_slot(root) for root in roots)
    return ours and live.sharing(roots) <= {value}


def _decide_fetches(fetches: list[Fetch], registers: Registers) -> None:
    """Find the fetches that must be copied: those that may share memory with anything but themselves."""
    handed_out: set[int] = set()
    for fetch in fetches:
        roots = registers.roots[fetch.register]
        fetch.slots = tuple(sorted(root for root in roots if registers.is_slot(root)))
        fetch.borrowed = BORROWED in roots
        fetch.copy = bool(fetch.slots) or not roots.isdisjoint(NOT_OURS | handed_out)
        handed_out |= roots


def _let_go(steps: list[Step], read: list[list[int]], registers: Registers, last_use: dict[int, int]) -> None:
    """Note at each step which registers nothing reads any more."""
    constants = registers.constants
    for i, step in enumerate(steps):
        candidates = {*read[i], *writes(step)}
        step.dead = tuple(sorted([r for r in candidates if r not in constants and last_use.get(r, -1) <= i]))
