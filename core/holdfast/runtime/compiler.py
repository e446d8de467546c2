"""The compiler: writes a plan as one Python function, which does what the interpreter does, step by step.

What the function consists of is made here, but for the expressions of kernels, which are checked: no text of a graph is
ever part of it. Its lines know their steps, so that an error is told with its op at no cost to the runs without one.

With facts about the shapes of values the function is for feeds of certain shapes only. What follows from shapes is then
done when it is compiled, and values lie in memory that is the function's own, so that one run at a time may use it.
"""

from __future__ import annotations

import contextvars
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.contracts import Operand
from holdfast.runtime.compiled import CompiledPlan
from holdfast.runtime.facts import Facts, lets_others_in
from holdfast.runtime.hand_outs import giver, not_taken
from holdfast.runtime.lifetimes import Lifetimes
from holdfast.runtime.places import plan_places
from holdfast.runtime.plan import CopyStep, Fetch, Guard, MergeStep, Plan, RunStep, Step, UpdateStep, inputs_of, writes
from holdfast.runtime.scalars import as_scalar, scalar_registers
from holdfast.runtime.scratch import ScratchMemory
from holdfast.runtime.source import Origin, Source
from holdfast.runtime.step_source import WRITE
from holdfast.runtime.watching import shown

if TYPE_CHECKING:
    from holdfast.contracts import Array, Device, Scratch
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.observation import Observation
    from holdfast.runtime.places import Place


def compile_plan(
    plan: Plan, fed: Sequence[Tensor], observation: Observation | None = None, *, watched: bool = False
) -> CompiledPlan:
    """Return a plan, of these fed tensors, as a function.

    Parameters
    ----------
    observation
        What kernels made of feeds of certain shapes: the function is for such feeds, and for one run at a time.
    watched
        Whether it tells the run's watch what it does.
    """
    return Compiler(plan, fed, observation, watched=watched).compile()


class Compiler:
    """One compilation."""

    def __init__(self, plan: Plan, fed: Sequence[Tensor], observation: Observation | None, *, watched: bool) -> None:
        self.source = Source()
        self.scalars = scalar_registers(plan, fed)
        self._observation = observation
        self.facts: Facts | None = None
        """What is known of registers."""
        self._plan = plan
        self._lifetimes = Lifetimes(plan)
        self._places: dict[int, Place] = {}
        if observation is not None:
            self.facts = Facts(observation, self._lifetimes)
            self._lifetimes = Lifetimes(plan, self.facts.copies)
            self._places = plan_places(plan, self.facts, self._lifetimes)
        self._scratch: dict[int, ScratchMemory] = {}
        self._objects = list(map(as_scalar, plan.template))
        self._fixed: set[int] = set()
        """Registers whose memory is the same in each run."""
        self._names: dict[int, str] = {}
        self._contexts: dict[int, str] = {}
        self._prologue: list[str] = []
        self._left: set[str] = set()
        """Names that are free and still hold what is to be forgotten."""
        self._made = {
            register
            for stretch in plan.stretches
            for step in stretch.steps
            if isinstance(step, (RunStep, UpdateStep, MergeStep, CopyStep))
            for register in writes(step)
        }
        """Registers that may hold what is to be forgotten: memory that was taken in this run."""
        self._watched = watched
        self._step_number = 0

    def compile(self) -> CompiledPlan:
        """Write the function and return it."""
        plan, source = self._plan, self.source
        feeds = [self.new(register) for register in plan.feeds]
        self._take_feeds()
        quiet = self._quiet_context()
        if plan.stretches:
            if quiet is None:
                source.line(f"with {source.constant(partial(np.errstate, all='ignore'))}():")
                source.indent()
            for stretch in plan.stretches:
                self._stretch(stretch.guard, stretch.steps)
            if quiet is None:
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
            needs_run=bool(self._contexts) or self._watched,
            quiet=quiet,
            slots=[] if self.facts is None else list(self.facts.slots.values()),
        )

    def _quiet_context(self) -> contextvars.Context | None:
        """Return a context in which NumPy says nothing of overflows, for a function that NumPy's kernels alone run in.

        To enter it takes a tenth of the time that ``np.errstate`` takes.
        """
        steps = [step for stretch in self._plan.stretches for step in stretch.steps]
        mine = np.empty(0)
        if self.facts is None or not all(step.device.owns(mine) and not lets_others_in(step) for step in steps):
            return None
        context = contextvars.Context()
        context.run(partial(np.seterr, all="ignore"))
        return context

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
        if not guard:
            for step in steps:
                self._step(step)
            return
        self.source.line(f"if {self.condition(guard)}:")
        self.source.indent()
        begin = self.source.length
        for step in steps:
            self._step(step)
        if self.source.length == begin:
            self.source.line("pass")
        self.source.dedent()

    def _step(self, step: Step) -> None:
        """Write one step, and let go of what nobody reads after it."""
        source = self.source
        self._tell("begin", source.constant(step))
        source.begin(Origin(step, tuple(map(self.name, inputs_of(step)))))
        for scratch in self._scratch.values():
            scratch.begin()
        WRITE[type(step)](self, step)
        source.begin(None)
        self._tell("kept" if self._is_kept(step) else "end", *map(self.name, shown(step)))
        self._step_number += 1
        self.let_go(step.dead)
        if self._left:
            source.line(" = ".join((*sorted(self._left), "None")))
            self._left.clear()
        if step.dead:
            self._tell("cleared")

    def _is_kept(self, step: Step) -> bool:
        """Whether what a step has made stays from run to run."""
        return isinstance(step, RunStep) and bool(step.outputs) and self._fixed.issuperset(step.outputs)

    def _tell(self, what: str, *arguments: str) -> None:
        """Tell the watch, if there is one."""
        if self._watched:
            self.source.line(f"run.watch.{what}({', '.join(arguments)})")

    def _fetched(self, index: int, fetch: Fetch) -> str:
        """Return the expression of a fetched value, after a check that there is one."""
        source = self.source
        if fetch.guard:
            source.line(
                f"if not ({self.condition(fetch.guard)}): {source.constant(partial(not_taken, fetch, index))}()"
            )
        slots = {slot: self._plan.template[slot] for slot in fetch.slots}
        value = f"{source.constant(giver(fetch, slots))}({self.name(fetch.register)}, copy)"
        if not self._watched:
            return value
        name = source.take()
        self._tell("begin", source.constant(fetch))
        source.line(f"{name} = {value}")
        self._tell("end", name)
        return name

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
        return self.source.constant(self._objects[register]) if name is None else name

    def let_go(self, registers: Sequence[int]) -> None:
        """Let others have the names of registers that are not read any more; what they hold is to be forgotten."""
        for register in registers:
            name = self._names.pop(register, None)
            if name is not None:
                self.source.give_back(name)
                if register in self._made and register not in self.scalars:
                    self._left.add(name)

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

    # -- what is known -------------------------------------------------------------------------------------------------

    def is_scalar(self, register: int) -> bool:
        """Whether a register's value is known to have no dimensions."""
        return register in self.scalars or isinstance(self._objects[register], np.generic)

    def settle(self, register: int, value: Array) -> None:
        """Give a register an object that it has in each run."""
        self._objects[register] = value
        self._fixed.add(register)

    def settled(self, register: int) -> Array | None:
        """Return the object that a register has in each run, or None."""
        return self._objects[register] if register in self._fixed else self.known(register)

    def known(self, register: int) -> Array | None:
        """Return the value that a register has in each run, or None."""
        return None if self.facts is None else self.facts.values.get(register)

    def copied(self, register: int) -> int | None:
        """Return the register that one is, instead of a copy of it; None where it is its own."""
        return None if self.facts is None else self.facts.copies.get(register)

    def is_fixed(self, register: int) -> bool:
        """Whether a register has the same memory in each run, with other contents."""
        return register in self._fixed and self.known(register) is None

    def place(self, step: Step) -> Place | None:
        """Return where a step writes its outputs."""
        return self._places.get(id(step))

    def operands(self, registers: Sequence[int]) -> tuple[Operand, ...] | None:
        """Return what is known of the inputs of the present step; None where a shape is not sure."""
        if self.facts is None or not self.facts.are_sure(registers):
            return None
        return tuple(
            Operand(self.facts.shapes[register], self.known(register), self._is_free(register, registers))
            for register in registers
        )

    def _is_free(self, register: int, registers: Sequence[int]) -> bool:
        """Whether the present step may write to an input of its own: memory of the plan that nobody reads any more."""
        return self.is_fixed(register) and self._lifetimes.dies(register, self._step_number, registers)

    def variables(self, registers: Sequence[int]) -> tuple[Operand, ...] | None:
        """Return what is known of the variables in registers; None where a shape is not sure."""
        return None if self.facts is None else self.facts.variables(registers)

    def is_seen(self, step: RunStep) -> bool:
        """Whether nothing can be learnt from a run of a step."""
        return self._observation is None or id(step) in self._observation.calls

    def kernel(self, step: RunStep) -> Any:
        """Return the kernel of a step, in a form that notes what it does where that is not known yet."""
        if self._observation is None or id(step) in self._observation.calls:
            return step.kernel
        return self._observation.noting_kernel(step)

    def scratch(self, device: Device) -> Scratch:
        """Return the scratch memory of a device."""
        found = self._scratch.get(id(device))
        if found is None:
            found = self._scratch[id(device)] = ScratchMemory(device.empty)
        return found
