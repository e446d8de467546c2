"""The lowered form of a run: a flat list of steps over numbered registers. Interpreter and compiler run the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from holdfast.contracts import Device, Kernel, UpdateKernel
    from holdfast.graph.operation import Operation
    from holdfast.runtime.checkpoint_ops import SessionKernel
    from holdfast.runtime.slots import Slot

Literal: TypeAlias = tuple[int, bool]
"""A register with a predicate, and the value it must have."""
Guard: TypeAlias = tuple[Literal, ...]
"""All must hold for a step to run; sorted, so that equal guards compare equal."""


@dataclass(slots=True)
class Step:
    """One thing to do. Registers are indices into the frame; a ref is a register that holds a :class:`Slot`."""

    op: Operation
    """The op it comes from: for errors and ``explain``."""
    device: Device
    """Where it runs."""
    guard: Guard
    """When it runs."""
    dead: tuple[int, ...] = field(default=(), init=False)
    """Registers that nothing reads after it: the frame lets them go."""


@dataclass(slots=True)
class RunStep(Step):
    """Run a kernel."""

    kernel: Kernel | SessionKernel
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(slots=True)
class ReadStep(Step):
    """Read a variable: the output aliases its storage."""

    slot: int
    output: int


@dataclass(slots=True)
class AssignStep(Step):
    """Give a variable a value."""

    slot: int
    value: int
    validate_shape: bool
    steal: bool = False
    """Whether the value is a temporary that nobody needs afterwards: the variable may take its memory."""
    in_place: bool = False
    """Whether no live register may alias the storage: it may be written to if nobody else holds it."""


@dataclass(slots=True)
class UpdateStep(Step):
    """Run an update kernel."""

    kernel: UpdateKernel
    slots: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    in_place: bool = False
    """As in :class:`AssignStep`."""


@dataclass(slots=True)
class InitializedStep(Step):
    """Tell whether a variable is initialised."""

    slot: int
    output: int


@dataclass(slots=True)
class MergeStep(Step):
    """Take the first input whose guard holds."""

    choices: tuple[tuple[Guard, int], ...]
    output: int
    index: int
    """Register of the number of the input that was taken."""


@dataclass(slots=True)
class AnyStep(Step):
    """Tell whether one of several guards holds."""

    guards: tuple[Guard, ...]
    output: int


@dataclass(slots=True)
class CopyStep(Step):
    """Bring a value to another device."""

    source: Device | None
    """Device it comes from; None for a feed."""
    input: int
    output: int


@dataclass(slots=True)
class Fetch:
    """One fetched tensor."""

    name: str
    register: int
    guard: Guard
    device: Device | None
    """Where the value lies; None for a feed."""
    copy: bool
    """Whether the value may share memory with anything the caller must not get."""
    alias_of: frozenset[int]
    """Registers of variables, as slots, that it may alias: their buffers are held by hand-outs that are not copied."""


@dataclass(slots=True)
class Stretch:
    """Consecutive steps under one guard: one ``if``."""

    guard: Guard
    steps: list[Step]


@dataclass(slots=True)
class Plan:
    """All that a run of these fetches with these feeds does."""

    stretches: list[Stretch]
    """The steps in their order."""
    template: list[Any]
    """Initial frame: constants and slots in their registers."""
    feeds: tuple[int, ...]
    """Registers of the fed tensors, in the order of the plan's key."""
    fetches: list[Fetch]
    slots_read: tuple[Slot, ...]
    """Variables whose storage registers may alias: pinned when another thread may run the session."""
    folded: int = 0
    """Ops that were computed once, when the plan was made."""
    notes: dict[str, str] = field(default_factory=dict)
    """Op names to remarks for ``explain``: fallbacks to the host and to other devices."""

    @property
    def steps(self) -> list[Step]:
        """All steps."""
        return [step for stretch in self.stretches for step in stretch.steps]


def stretches_of(steps: list[Step]) -> list[Stretch]:
    """Group consecutive steps by guard."""
    result: list[Stretch] = []
    for step in steps:
        if not result or result[-1].guard != step.guard:
            result.append(Stretch(step.guard, []))
        result[-1].steps.append(step)
    return result
