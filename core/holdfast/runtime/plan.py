"""The lowered form of a run: a flat list of steps over numbered registers. Interpreter and compiler run the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from holdfast.contracts import Device, Kernel, UpdateKernel
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
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


def inputs_of(step: Step) -> list[int]:
    """Return the registers that a step takes values or variables from."""
    match step:
        case RunStep():
            return [*step.inputs]
        case ReadStep() | InitializedStep():
            return [step.slot]
        case AssignStep():
            return [step.slot, step.value]
        case UpdateStep():
            return [*step.slots, *step.inputs]
        case MergeStep():
            return [register for _, register in step.choices]
        case CopyStep():
            return [step.input]
    return []


def reads(step: Step) -> list[int]:
    """Return the registers that a step reads, those of predicates included."""
    if not step.guard and isinstance(step, (RunStep, AssignStep, UpdateStep)):
        return inputs_of(step)
    guards = [step.guard]
    match step:
        case MergeStep():
            guards += [guard for guard, _ in step.choices]
        case AnyStep():
            guards += step.guards
    return [*(register for guard in guards for register, _ in guard), *inputs_of(step)]


def writes(step: Step) -> tuple[int, ...]:
    """Return the registers that a step writes."""
    match step:
        case RunStep() | UpdateStep():
            return step.outputs
        case ReadStep() | InitializedStep() | AnyStep() | CopyStep():
            return (step.output,)
        case MergeStep():
            return (step.output, step.index)
    return ()


@dataclass(slots=True)
class Fetch:
    """One fetched tensor."""

    tensor: Tensor
    """The tensor."""
    register: int
    """Where its value is."""
    guard: Guard
    """When it has one."""
    device: Device | None
    """Where the value lies; None for a feed."""
    copy: bool = True
    """Whether the value may share memory with anything the caller must not get."""
    borrowed: bool = True
    """Whether it may share memory of a feed or a Python function's, which can change any time."""
    slots: tuple[int, ...] = ()
    """Registers of variables whose memory it may share: they are held by hand-outs that are not copied."""


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
    """What is handed out, in the order of the plan's key."""
    slots_read: tuple[Slot, ...]
    """Variables whose storage registers may alias: held while other threads may run the session."""
    slots_restored: tuple[Slot, ...]
    """All variables that a run with a restore writes: if it fails, they get back what they had."""
    folded: int
    """Ops that were computed once, when the plan was made."""
    predicates: Mapping[int, str]
    """Names of the predicates in guards, for ``explain``."""
    notes: Mapping[str, str]
    """Op names to remarks for ``explain``: fallbacks to the host and to other devices."""


def stretches_of(steps: list[Step]) -> list[Stretch]:
    """Group consecutive steps by guard."""
    result: list[Stretch] = []
    for step in steps:
        if not result or result[-1].guard != step.guard:
            result.append(Stretch(step.guard, []))
        result[-1].steps.append(step)
    return result
