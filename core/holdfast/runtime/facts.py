"""What is known of a plan's registers before a run, where feeds have the shapes of an earlier one."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from holdfast import dtypes
from holdfast.contracts import Operand
from holdfast.runtime.abilities import has_into
from holdfast.runtime.lifetimes import CALLS, FOREIGN
from holdfast.runtime.plan import AssignStep, CopyStep, ReadStep, RunStep
from holdfast.runtime.scalars import as_scalar
from holdfast.runtime.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.contracts import Array
    from holdfast.graph.op_def import ArgDef
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.lifetimes import Lifetimes
    from holdfast.runtime.observation import Noted, Observation, Shape
    from holdfast.runtime.plan import Step

_DATA = frozenset({"Tindices", "Tlabels", "SrcT"})
"""Dtype attributes of inputs that never decide about the shape of an output, integers though they may be."""
_OF_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank"})
"""Ops that look at nothing but the shapes of their inputs."""
VIEWS = frozenset({"ExpandDims", "Reshape", "Slice", "Squeeze", "StridedSlice", "Transpose"})
"""Ops that look at nothing but the shape of their first input, and at the values of the others."""
_REDUCTIONS = frozenset({"All", "Any", "Max", "Mean", "Min", "Prod", "Sum"})
"""Ops that reduce their first input along the axes that the second one names."""
_DRAWS = frozenset({"RandomStandardNormal", "RandomUniform", "RandomUniformInt", "TruncatedNormal"})
"""Ops that return as many random numbers as their first input says."""
_MOST_STEERING = 64
"""No shape, permutation or list of axes is longer; longer vectors of integers are data."""


class Facts:
    """What is known where feeds have certain shapes.

    Parameters
    ----------
    observation
        What kernels have made of such feeds.
    lifetimes
        The memory of the plan's values.
    """

    def __init__(self, observation: Observation, lifetimes: Lifetimes) -> None:
        plan = observation.plan
        self.shapes: dict[int, Shape] = {}
        """Shapes that are the same each time; those of other registers are to be looked at."""
        self.values: dict[int, Array] = {}
        """Values that are the same each time: constants, and what depends on nothing but shapes."""
        self.slots: dict[int, tuple[Slot, Shape]] = {}
        """By register, the variables whose shape is the same from the beginning of a run to its end."""
        self.copies: dict[int, int] = {}
        """Registers that would be mere copies of others, and may as well be these."""
        self._calls = observation.calls
        self._lifetimes = lifetimes
        for register, shape in zip(plan.feeds, observation.feeds, strict=True):
            self.shapes[register] = shape
        steps = [step for stretch in plan.stretches for step in stretch.steps]
        self._enter_template(observation, steps)
        for step in steps:
            self._enter_step(step)

    def _enter_template(self, observation: Observation, steps: Sequence[Step]) -> None:
        """Note constants and variables."""
        template = observation.plan.template
        for register, value in enumerate(template):
            if value is not None and not isinstance(value, Slot):
                self.values[register] = as_scalar(value)
                self.shapes[register] = tuple(value.shape)
        if not any(map(_unsettles, steps)):
            self.slots = {register: (template[register], shape) for register, shape in observation.variables.items()}

    def _enter_step(self, step: Step) -> None:
        """Note what a step writes."""
        match step:
            case RunStep():
                noted = self._calls.get(id(step))
                if noted is not None:
                    self._enter_call(step, noted)
            case ReadStep() if step.slot in self.slots:
                self.shapes[step.output] = self.slots[step.slot][1]
            case CopyStep() if step.input in self.shapes:
                self.shapes[step.output] = self.shapes[step.input]

    def _enter_call(self, step: RunStep, noted: Noted) -> None:
        """Note what a kernel returned."""
        if noted.values is not None:
            if self._is_constant(step):
                self.values.update(zip(step.outputs, map(as_scalar, noted.values), strict=True))
            else:
                # Nobody asks for the values of one run.
                self._calls[id(step)] = noted._replace(values=None)
        if self._only_copies(step):
            self.copies[step.outputs[0]] = step.inputs[0]
        sure = self.are_sure(step.inputs) and self.decides_by_shapes(step)
        for register, shape in zip(step.outputs, noted.outputs, strict=True):
            if sure or register in self.values:
                self.shapes[register] = shape

    def are_sure(self, registers: Sequence[int]) -> bool:
        """Whether the shapes of registers are the same each time."""
        return all(register in self.shapes for register in registers)

    def _is_constant(self, step: RunStep) -> bool:
        """Whether a step returns the same each time, in memory that nobody else gets."""
        op = step.op
        pure = not (op.op_def.stateful or op.op_def.effects or op.type in CALLS)
        if not pure or _has_strings(op) or not self._lifetimes.kept.isdisjoint(step.outputs):
            return False
        if op.type in _OF_SHAPES:
            return self.are_sure(step.inputs)
        return all(register in self.values for register in step.inputs)

    def _only_copies(self, step: RunStep) -> bool:
        """Whether a step copies what the plan has made, as reductions along no axis do, and neither leaves the run."""
        if step.op.type not in _REDUCTIONS or step.outputs[0] in self.values:
            return False
        axes = self.values.get(step.inputs[1])
        memory = self._lifetimes.roots(step.inputs[0]) | set(step.outputs)
        return axes is not None and not axes.size and memory.isdisjoint(self._lifetimes.kept | {FOREIGN})

    def decides_by_shapes(self, step: RunStep) -> bool:
        """Whether the shapes of a step's outputs follow from those of its inputs, and from values that are known."""
        op = step.op
        if not (has_into(step.kernel) or op.type in VIEWS or op.type in _DRAWS) or _has_strings(op):
            return False
        return all(
            register in self.values or not _may_steer(tensor, arg)
            for register, tensor, arg in zip(step.inputs, op._inputs, _arguments(op), strict=True)
        )

    def call(self, step: RunStep) -> Noted | None:
        """Return what was noted of a step."""
        return self._calls.get(id(step))

    def variables(self, registers: Sequence[int]) -> tuple[Operand, ...] | None:
        """Return what is known of variables; None where a shape is not sure."""
        if not self.slots.keys() >= set(registers):
            return None
        return tuple(Operand(self.slots[register][1]) for register in registers)


def lets_others_in(step: Step) -> bool:
    """Whether other runs may go on during a step, on other threads or within it."""
    return isinstance(step, RunStep) and (step.op.op_def.effects or step.op.type in CALLS)


def _unsettles(step: Step) -> bool:
    """Whether variables may have other shapes after a step than before it."""
    return lets_others_in(step) or (isinstance(step, AssignStep) and not step.validate_shape)


def _has_strings(op: Operation) -> bool:
    """Whether an op has to do with strings."""
    return any(tensor.dtype.base_dtype is dtypes.string for tensor in (*op._inputs, *op.outputs))


def _may_steer(tensor: Tensor, arg: ArgDef) -> bool:
    """Whether the values of an input may decide about the shape of an output: axes, sizes."""
    if not tensor.dtype.base_dtype.is_integer or arg.type_attr in _DATA:
        return False
    if arg.type_attr != "T":
        return True
    dims = tensor.shape.as_tuple()
    if dims is None or (len(dims) == 1 and dims[0] is None):
        return True
    return len(dims) < 2 and prod(d for d in dims if d is not None) <= _MOST_STEERING


def _arguments(op: Operation) -> list[ArgDef]:
    """Return for each input the argument that it belongs to."""
    found: list[ArgDef] = []
    for arg in op.op_def.inputs:
        count = 1
        if arg.number_attr:
            count = op.attrs[arg.number_attr]
        elif arg.type_list_attr:
            count = len(op.attrs[arg.type_list_attr])
        found.extend([arg] * count)
    return found
