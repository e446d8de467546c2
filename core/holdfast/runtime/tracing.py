"""Traces: when each step of a run began and ended, and what it made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from holdfast.runtime.abilities import may_alias
from holdfast.runtime.plan import CopyStep, ReadStep, RunStep, Step, UpdateStep, writes
from holdfast.runtime.slots import Slot

if TYPE_CHECKING:
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.plan import Fetch, Plan

Item: TypeAlias = "Step | Fetch"
"""What a record is about: a step, or a fetched value that is handed out."""


@dataclass(slots=True)
class Made:
    """One value, as it was right after its step."""

    shape: tuple[int, ...]
    """Its shape."""
    address: int
    """Where its elements are; 0 where that is not known."""
    allocated: bool
    """Whether the step took memory for it, beside that of its inputs, of variables and of workspaces."""
    kept: bool
    """Whether its memory is kept from run to run: a variable's, a workspace's."""


@dataclass(slots=True)
class Record:
    """One step of a run. Times are nanoseconds since the epoch."""

    item: Item
    began: int
    ended: int
    cleared: int
    """When what nobody reads after it had been let go of."""
    made: list[Made]


class Trace:
    """The records of one run, which is about to begin.

    Parameters
    ----------
    synchronize
        Whether to wait for the device after each step: the work that was started on it counts as the step's then.
    """

    def __init__(self, *, synchronize: bool) -> None:
        self.records: list[Record] = []
        """What has run, in order."""
        self.fed: list[tuple[Tensor, Made]] = []
        """What was fed, in the order of the plan's."""
        self.plan: Plan | None = None
        """What was run; None as long as nothing was."""
        self.thread = threading.get_native_id()
        """The thread that runs it."""
        self._since_epoch = time.time_ns() - time.perf_counter_ns()
        self.began = self._now()
        """When ``run`` was called."""
        self.taken = self.began
        """When the feeds had been taken: checked and converted."""
        self._synchronize = synchronize
        self._current: tuple[Item, int] | None = None
        self._described = 0
        self._memory = _Memory()

    def _now(self) -> int:
        """Return the time in nanoseconds since the epoch; it never goes back within a trace."""
        return self._since_epoch + time.perf_counter_ns()

    def took_feeds(self) -> None:
        """Note that all fed values are ready for the plan."""
        self.taken = self._now()

    def start(self, plan: Plan, fed: Sequence[Tensor], feeds: Sequence[Any]) -> None:
        """Note what is going to be run, with these values of the fed tensors."""
        self.plan = plan
        made = [Made(_shape(value), _address(value), allocated=False, kept=False) for value in feeds]
        self.fed = list(zip(fed, made, strict=True))
        self._memory.keep(map(_owner, (*_arrays(plan.template), *feeds)))

    def begin(self, item: Item) -> None:
        """Note that a step begins."""
        self._current = item, self._now()

    def end(self, values: Sequence[Any], *, kept: bool = False) -> None:
        """Note that the step has ended, with the values in the registers that :func:`watching.shown` names."""
        item, began = self._current  # type: ignore[misc]  # nothing ends that has not begun
        if self._synchronize and item.device is not None:
            item.device.synchronize()
        ended = self._now()
        made = self._made_by(item, values, kept=kept) if isinstance(item, Step) else self._handed_out(values)
        self.records.append(Record(item, began, ended, ended, made))
        self._described = self._now()

    def cleared(self) -> None:
        """Note that the registers which nobody reads any more were let go of."""
        record = self.records[-1]
        record.cleared += self._now() - self._described
        if isinstance(record.item, Step):
            self._memory.let_go(record.item.dead)

    # -- what there is afterwards --------------------------------------------------------------------------------------

    def _made_by(self, step: Step, values: Sequence[Any], *, kept: bool) -> list[Made]:
        """Describe what a step has written."""
        registers = writes(step)
        made = [self._written(step, i, value, kept=kept) for i, value in enumerate(values[: len(registers)])]
        made += [self._updated(slot) for slot in values[len(registers) :]]
        owners = [_owner(value) for value in values[: len(registers)]]
        self._memory.enter(registers, owners)
        return made

    def _written(self, step: Step, index: int, value: Any, *, kept: bool) -> Made:
        """Describe the value of a register."""
        if isinstance(value, Slot):  # a variable that was chosen in the run
            return self._updated(value)
        shape, address, owner = _shape(value), _address(value), _owner(value)
        if kept or isinstance(step, ReadStep):
            return Made(shape, address, allocated=False, kept=True)
        if owner:
            return Made(shape, address, allocated=not self._memory.has(owner), kept=False)
        # A number without memory of its own, or another library's array: the kernel says what it only passes on.
        passed = isinstance(step, RunStep) and may_alias(step.kernel) and index in step.kernel.aliases
        made = isinstance(step, (RunStep, UpdateStep, CopyStep)) and not passed
        return Made(shape, address, allocated=made, kept=False)

    def _updated(self, slot: Slot) -> Made:
        """Describe the value of a variable."""
        if slot.buffer is None:
            return Made((), 0, allocated=False, kept=True)
        array = slot.buffer.array
        owner = _owner(array)
        allocated = owner != 0 and not self._memory.has(owner)
        self._memory.keep((owner,))
        return Made(_shape(array), _address(array), allocated=allocated, kept=True)

    def _handed_out(self, values: Sequence[Any]) -> list[Made]:
        """Describe what the caller of the run gets: a copy, or the value itself."""
        owners = map(_owner, values)
        return [
            Made(_shape(value), _address(value), allocated=owner != 0 and not self._memory.has(owner), kept=False)
            for value, owner in zip(values, owners, strict=True)
        ]


class _Memory:
    """The memory that values of a run lie in, by address: to tell what a step has allocated."""

    __slots__ = ("_kept", "_of_register", "_users")

    def __init__(self) -> None:
        self._kept: set[int] = set()
        """What is there all the time: variables, feeds, constants."""
        self._of_register: dict[int, int] = {}
        self._users: dict[int, int] = {}
        """How many registers have values in it."""

    def keep(self, owners: Iterable[int]) -> None:
        """Note memory that stays until the end of the run."""
        self._kept.update(owners)

    def has(self, owner: int) -> bool:
        """Whether memory was there before."""
        return owner in self._kept or owner in self._users

    def enter(self, registers: Iterable[int], owners: Iterable[int]) -> None:
        """Note the memory of registers' values."""
        for register, owner in zip(registers, owners, strict=True):
            if owner:
                self._of_register[register] = owner
                self._users[owner] = self._users.get(owner, 0) + 1

    def let_go(self, registers: Iterable[int]) -> None:
        """Note that nothing reads registers any more: their memory may be given to others."""
        for register in registers:
            owner = self._of_register.pop(register, 0)
            if owner:
                self._users[owner] -= 1
                if not self._users[owner]:
                    del self._users[owner]


def _arrays(template: Sequence[Any]) -> Iterable[Any]:
    """Return the constants of a plan and the memory of its variables."""
    for value in template:
        if isinstance(value, Slot):
            if value.buffer is not None:
                yield value.buffer.array
            if value.spare is not None:
                yield value.spare
        elif value is not None:
            yield value


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of a value; numbers have none."""
    return tuple(getattr(value, "shape", ()))


def _address(value: Any) -> int:
    """Return where the elements of a NumPy array are; 0 for anything else."""
    if isinstance(value, np.ndarray):
        address: int = value.__array_interface__["data"][0]
        return address
    return 0


def _owner(value: Any) -> int:
    """Return where the memory begins that an array lies in; 0 where there is none, or none that can be told."""
    while isinstance(value, np.ndarray) and isinstance(value.base, np.ndarray):
        value = value.base
    return _address(value)
