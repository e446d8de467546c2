"""How long the memory lives that kernels return, and who may share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from holdfast.runtime.abilities import may_alias
from holdfast.runtime.plan import AssignStep, CopyStep, MergeStep, RunStep, UpdateStep, inputs_of, reads, writes

if TYPE_CHECKING:
    from holdfast.runtime.plan import Plan, Step

CALLS = frozenset({"PyFunc", "PyFuncStateless"})
"""Ops that call back into Python: what they return is not the plan's."""
FOREIGN = -1
"""Root of memory that is not made by a kernel of this run: feeds, constants, variables, what a function returned."""
_FOREIGN_ALONE = frozenset((FOREIGN,))
_NO_COPIES: Mapping[int, int] = {}


class Lifetimes:
    """The memory of a plan's values.

    The *roots* of a register name the memory that it may share: the registers of kernels' fresh outputs, and
    :data:`FOREIGN`.

    Parameters
    ----------
    plan
        The plan.
    copies
        Registers that are others themselves, and not copies of these.
    """

    def __init__(self, plan: Plan, copies: Mapping[int, int] = _NO_COPIES) -> None:
        self._copies = copies
        self._steps = [step for stretch in plan.stretches for step in stretch.steps]
        self._roots: dict[int, frozenset[int]] = {}
        for step in self._steps:
            self._enter(step)
        self.kept = self._kept(plan)
        """Roots that live on after the run: fetched, or taken over by a variable."""
        self.last = self._last_uses()
        """For each root the number of the last step that reads or shares it."""

    def roots(self, register: int) -> frozenset[int]:
        """Return the roots of a register."""
        return self._roots.get(register, _FOREIGN_ALONE)

    def dies(self, register: int, step: int, inputs: Sequence[int]) -> bool:
        """Whether nobody needs the memory of a register any more once a step has read it as one of its inputs."""
        roots = self.roots(register)
        others = frozenset[int]().union(*(self.roots(other) for other in inputs if other != register))
        return (
            FOREIGN not in roots
            and roots.isdisjoint(others | self.kept)
            and all(self.last[root] == step for root in roots)
        )

    def _enter(self, step: Step) -> None:
        """Note the roots of what a step writes."""
        match step:
            case RunStep(kernel=kernel):
                aliases = kernel.aliases if may_alias(kernel) else {}
                for i, register in enumerate(step.outputs):
                    if step.op.type in CALLS:
                        self._roots[register] = _FOREIGN_ALONE
                    elif register in self._copies:
                        self._roots[register] = self.roots(self._copies[register])
                    elif i in aliases:
                        self._roots[register] = self._union([step.inputs[j] for j in aliases[i]]) | {register}
                    else:
                        self._roots[register] = frozenset((register,))
            case UpdateStep():
                self._roots.update((register, frozenset((register,))) for register in step.outputs)
            case MergeStep() | CopyStep():
                self._roots.update(dict.fromkeys(writes(step), self._union(inputs_of(step))))

    def _union(self, registers: Sequence[int]) -> frozenset[int]:
        """Return the roots of several registers."""
        return frozenset[int]().union(*map(self.roots, registers))

    def _kept(self, plan: Plan) -> frozenset[int]:
        """Return the roots that live on."""
        registers = [fetch.register for fetch in plan.fetches]
        registers += [register for fetch in plan.fetches for register, _ in fetch.guard]
        registers += [step.value for step in self._steps if isinstance(step, AssignStep) and step.steal]
        return self._union(registers)

    def _last_uses(self) -> dict[int, int]:
        """Return the last use of each root."""
        last: dict[int, int] = {}
        for i, step in enumerate(self._steps):
            for register in (*reads(step), *writes(step)):
                last.update(dict.fromkeys(self.roots(register), i))
        return last
