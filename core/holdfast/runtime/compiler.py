"""The compiler: writes a plan as one Python function, which does what the interpreter does, step by step.

What the function consists of is made here, but for the expressions of kernels, which are checked: no text of a graph is
ever part of it. Its lines know their steps, so that an error is told with its op at no cost to the runs without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from holdfast.runtime.compiled import CompiledPlan
from holdfast.runtime.hand_outs import giver, not_taken
from holdfast.runtime.places import plan_places
from holdfast.runtime.plan import Fetch, Guard, Plan, Step, inputs_of
from holdfast.runtime.scalars import as_scalar, scalar_registers
from holdfast.runtime.source import Origin, Source
from holdfast.runtime.step_source import WRITE

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.workspaces import Memory, Place


def compile_plan(plan: Plan, fed: Sequence[Tensor]) -> CompiledPlan:
    """Return a plan, of these fed tensors, as a function."""
    return Compiler(plan, fed).compile()


class Compiler:
    """One compilation."""

    def __init__(self, plan: Plan, fed: Sequence[Tensor]) -> None:
        self.source = Source()
        self.scalars = scalar_registers(plan, fed)
        self._plan = plan
        self._places = plan_places(plan)
        self._constants = list(map(as_scalar, plan.template))
        self._names: dict[int, str] = {}
        self._contexts: dict[int, str] = {}
        self._prologue: list[str] = []
        self._left: set[str] = set()
        """Names that are free and still hold what is to be forgotten."""

    def compile(self) -> CompiledPlan:
        """Write the function and return it."""
        plan, source = self._plan, self.source
        feeds = [self.new(register) for register in plan.feeds]
        self._take_feeds()
        if plan.stretches:
            source.line(f"with {source.constant(partial(np.errstate, all='ignore'))}():")
            source.indent()
            for stretch in plan.stretches:
                self._stretch(stretch.guard, stretch.steps)
            source.dedent()
        values = [self._fetched(index, fetch) for index, fetch in enumerate(plan.fetches)]
        source.line(f"return [{', '.join(values)}]")
        prologue = [*self._prologue, *self._without_values(len(feeds))]
        text = source.text(feeds, prologue)
        return CompiledPlan(
            plan,
            text,
            source.function(text),
            source.origins(prologue),
            needs_run=bool(self._contexts),
            places=self._places.values(),
        )

    def _take_feeds(self) -> None:
        """Make scalars of fed arrays without dimensions."""
        array = self.source.constant(np.ndarray)
        for register in self._plan.feeds:
            if register in self.scalars:
                name = self.name(register)
                self._prologue.append(f"if {name}.__class__ is {array}: {name} = {name}[()]")

    def _without_values(self, feeds: int) -> list[str]:
        """Return what gives all names a value, where a branch that is not taken would leave one without."""
        names = [f"r{i}" for i in range(feeds, self.source.names_made)]
        guarded = any(stretch.guard for stretch in self._plan.stretches)
        return [" = ".join((*names, "None"))] if guarded and names else []

    def _stretch(self, guard: Guard, steps: Sequence[Step]) -> None:
        """Write consecutive steps under one guard."""
        if guard:
            self.source.line(f"if {self.condition(guard)}:")
            self.source.indent()
        for step in steps:
            self._step(step)
        if guard:
            self.source.dedent()

    def _step(self, step: Step) -> None:
        """Write one step, and let go of what nobody reads after it."""
        source = self.source
        source.begin(Origin(step, tuple(map(self.name, inputs_of(step)))))
        WRITE[type(step)](self, step)
        source.begin(None)
        self.let_go(step.dead)
        if self._left:
            source.line(" = ".join((*sorted(self._left), "None")))
            self._left.clear()

    def _fetched(self, index: int, fetch: Fetch) -> str:
        """Return the expression of a fetched value, after a check that there is one."""
        source = self.source
        if fetch.guard:
            source.line(
                f"if not ({self.condition(fetch.guard)}): {source.constant(partial(not_taken, fetch, index))}()"
            )
        slots = {slot: self._plan.template[slot] for slot in fetch.slots}
        return f"{source.constant(giver(fetch, slots))}({self.name(fetch.register)}, copy)"

    # -- names ---------------------------------------------------------------------------------------------------------

    def new(self, register: int) -> str:
        """Return the name of a register that is written."""
        name = self._names.get(register)
        if name is None:
            name = self._names[register] = self.source.take()
            self._left.discard(name)
        return name

    def name(self, register: int) -> str:
        """Return the name of a register's value, or of the slot in it."""
        name = self._names.get(register)
        return self.source.constant(self._constants[register]) if name is None else name

    def let_go(self, registers: Sequence[int]) -> None:
        """Let others have the names of registers that are not read any more; what they hold is to be forgotten."""
        for register in registers:
            name = self._names.pop(register, None)
            if name is not None:
                self.source.give_back(name)
                if register not in self.scalars:
                    self._left.add(name)

    def is_scalar(self, register: int) -> bool:
        """Whether a register's value is known to have no dimensions."""
        return register in self.scalars or isinstance(self._constants[register], np.generic)

    def place(self, step: Step) -> Place | Memory | None:
        """Return where in a workspace a step writes its outputs, or remembers them."""
        return self._places.get(id(step))

    def context(self, device: Device) -> str:
        """Return the name of a device's context in this run."""
        name = self._contexts.get(id(device))
        if name is None:
            name = self._contexts[id(device)] = f"c{len(self._contexts)}"
            self._prologue.append(f"{name} = run.context({self.source.constant(device)})")
        return name

    def condition(self, guard: Guard) -> str:
        """Return the expression of a guard. Outer predicates come first: without them inner ones have no value."""
        return " and ".join(self.name(r) if wanted else f"not {self.name(r)}" for r, wanted in guard) or "True"
