"""Which steps of a plan write into memory that stays from run to run, and which of them share it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from holdfast.runtime.abilities import has_into, may_alias, may_be_in_place
from holdfast.runtime.plan import RunStep
from holdfast.runtime.scalars import is_scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.contracts import Array, IntoKernel
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.facts import Facts
    from holdfast.runtime.lifetimes import Lifetimes
    from holdfast.runtime.observation import Noted, Shape
    from holdfast.runtime.plan import Plan


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step writes."""

    into: Callable[..., None]
    """The kernel's way of computing into buffers."""
    outputs: tuple[Array, ...]
    """For each output its buffer."""
    checks: tuple[tuple[int, Shape], ...]
    """Inputs, by position, that fit only if they have these shapes."""


def plan_places(plan: Plan, facts: Facts, lifetimes: Lifetimes) -> dict[int, Place]:
    """Return where steps write their outputs, in new buffers, by the identity of the step."""
    buffers = _Buffers()
    places: dict[int, Place] = {}
    steps = [step for stretch in plan.stretches for step in stretch.steps]
    for i, step in enumerate(steps):
        if isinstance(step, RunStep) and _writes_into(step, facts, lifetimes):
            noted = facts.call(step)
            if noted is not None:
                outputs = _take(buffers, i, step, noted, lifetimes)
                unsure = tuple((j, noted.inputs[j]) for j, r in enumerate(step.inputs) if r not in facts.shapes)
                places[id(step)] = Place(cast("IntoKernel", step.kernel).into, outputs, unsure)
    return places


def _writes_into(step: RunStep, facts: Facts, lifetimes: Lifetimes) -> bool:
    """Whether a step writes into buffers: its outputs fit the next run, and do not leave this one."""
    kernel = step.kernel
    return (
        has_into(kernel)
        and not may_alias(kernel)
        and not all(map(is_scalar, step.op.outputs))
        and lifetimes.kept.isdisjoint(step.outputs)
        and not any(r in facts.values or r in facts.copies for r in step.outputs)
        and facts.decides_by_shapes(step)
    )


def _take(buffers: _Buffers, number: int, step: RunStep, noted: Noted, lifetimes: Lifetimes) -> tuple[Array, ...]:
    """Return the buffers of a step's outputs."""
    taken = []
    for register, tensor, shape in zip(step.outputs, step.op.outputs, noted.outputs, strict=True):
        likeness = _likeness(step, tensor, shape)
        until = lifetimes.last[register]
        inherited = _inherited(buffers, number, step, likeness, lifetimes) if len(step.outputs) == 1 else None
        taken.append(buffers.take(register, likeness, number, until, inherited))
    return tuple(taken)


def _inherited(buffers: _Buffers, number: int, step: RunStep, likeness: Any, lifetimes: Lifetimes) -> int | None:
    """Return the input whose buffer the output takes over, which ends with this step."""
    kernel = step.kernel
    if may_be_in_place(kernel):
        for i in kernel.in_place:
            register = step.inputs[i]
            if buffers.likeness(register) == likeness and lifetimes.dies(register, number, step.inputs):
                return register
    return None


def _likeness(step: RunStep, tensor: Tensor, shape: Shape) -> Any:
    """Return what buffers that may stand for each other have in common."""
    return step.device, tensor.dtype.base_dtype, shape


class _Buffers:
    """Buffers: taken over by later steps when they are free."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[Array, Any]] = {}
        """By register, its buffer with its likeness."""
        self._busy: list[tuple[int, int]] = []
        self._free: dict[Any, list[Array]] = {}

    def likeness(self, register: int) -> Any:
        """Return the likeness of a register's buffer; None where it has none."""
        found = self._of.get(register)
        return None if found is None else found[1]

    def take(self, register: int, likeness: Any, step: int, until: int, inherited: int | None) -> Array:
        """Return the buffer of a register that is written in a step, and read or shared until another."""
        while self._busy and self._busy[0][0] < step:
            self._give_back(heapq.heappop(self._busy)[1])
        if inherited is not None:
            buffer, _ = self._of.pop(inherited)
        elif self._free.get(likeness):
            # The one that was used last: it may still be in a cache.
            buffer = self._free[likeness].pop()
        else:
            device, dtype, shape = likeness
            buffer = device.empty(shape, dtype)
        self._of[register] = buffer, likeness
        heapq.heappush(self._busy, (until, register))
        return buffer

    def _give_back(self, register: int) -> None:
        """Let other steps have the buffer of a register, unless one has taken it over."""
        found = self._of.pop(register, None)
        if found is not None:
            buffer, likeness = found
            self._free.setdefault(likeness, []).append(buffer)
