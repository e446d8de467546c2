"""Which steps of a plan write into workspaces, and which of them share buffers."""

from __future__ import annotations

import heapq
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes
from holdfast.runtime.abilities import has_into, may_alias
from holdfast.runtime.plan import AssignStep, CopyStep, MergeStep, RunStep, UpdateStep, inputs_of, writes
from holdfast.runtime.scalars import is_scalar
from holdfast.runtime.workspaces import Memory, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from holdfast.graph.op_def import ArgDef
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.plan import Plan, Step

_DATA = frozenset({"Tindices", "Tlabels", "SrcT"})
"""Dtype attributes of inputs that never decide about the shape of an output, integers though they may be."""
_OF_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank"})
"""Ops that look at nothing but the shapes of their inputs."""
_CALLS = frozenset({"PyFunc", "PyFuncStateless"})
"""Ops that call back into Python: what they return is not the plan's to keep."""
_MOST_STEERING = 64
"""No shape, permutation or list of axes is longer; longer vectors of integers are data."""


def plan_places(plan: Plan) -> dict[int, Place | Memory]:
    """Return where steps write their outputs, or keep them from run to run, by the identity of the step."""
    steps = [step for stretch in plan.stretches for step in stretch.steps]
    carried = _carried(steps)
    kept = _kept(plan, steps, carried)
    last = _last_uses(steps, carried)
    buffers = _Buffers()
    places: dict[int, Place | Memory] = {}
    of_shapes: set[int] = set()
    for i, step in enumerate(steps):
        if not isinstance(step, RunStep) or not kept.isdisjoint(step.outputs):
            continue
        memory = _memory(step, len(places), plan, of_shapes)
        if memory is not None:
            places[id(step)] = memory
            of_shapes.update(step.outputs)
            continue
        if not has_into(step.kernel):
            continue
        steering = _steering(step, plan, of_shapes)
        if steering is None:
            continue
        taken = tuple(
            buffers.take((id(step.device), tensor.dtype, tensor.shape.as_tuple()), i, last[register])
            for register, tensor in zip(step.outputs, step.op.outputs, strict=True)
        )
        output_dtypes = tuple(tensor.dtype.base_dtype for tensor in step.op.outputs)
        places[id(step)] = Place(step.kernel.into, len(places), taken, step.device, output_dtypes, *steering)
    return places


def _memory(step: RunStep, number: int, plan: Plan, of_shapes: Collection[int]) -> Memory | None:
    """Return how a step remembers its outputs, if they depend on nothing but shapes and constants."""
    op = step.op
    pure = not (op.op_def.stateful or op.op_def.effects or op.type in _CALLS)
    if not pure or any(t.dtype.base_dtype is dtypes.string for t in (*op._inputs, *op.outputs)) or not op.outputs:
        return None
    if op.type in _OF_SHAPES:
        return Memory(number, tuple(range(len(step.inputs))), ())
    varying = tuple(i for i, register in enumerate(step.inputs) if plan.template[register] is None)
    if varying and all(step.inputs[i] in of_shapes for i in varying):
        return Memory(number, (), varying)
    return None


def _carried(steps: Sequence[Step]) -> dict[int, frozenset[int]]:
    """Return for each register the outputs of kernels whose memory it may share."""
    carried: dict[int, frozenset[int]] = {}

    def of(registers: Sequence[int]) -> frozenset[int]:
        return frozenset[int]().union(*(carried.get(register, ()) for register in registers))

    for step in steps:
        match step:
            case RunStep(kernel=kernel):
                aliases = kernel.aliases if may_alias(kernel) else {}
                for i, register in enumerate(step.outputs):
                    carried[register] = of([step.inputs[j] for j in aliases.get(i, ())]) | {register}
            case UpdateStep() | MergeStep() | CopyStep():
                carried.update(dict.fromkeys(writes(step), of(inputs_of(step))))
    return carried


def _kept(plan: Plan, steps: Sequence[Step], carried: dict[int, frozenset[int]]) -> frozenset[int]:
    """Return the outputs whose memory lives on after the run: fetched, or taken over by a variable."""
    registers = [fetch.register for fetch in plan.fetches]
    registers += [step.value for step in steps if isinstance(step, AssignStep) and step.steal]
    return frozenset[int]().union(*(carried.get(register, ()) for register in registers))


def _last_uses(steps: Sequence[Step], carried: dict[int, frozenset[int]]) -> dict[int, int]:
    """Return for each output of a kernel the number of the last step that reads or shares its memory."""
    last: dict[int, int] = {}
    for i, step in enumerate(steps):
        for register in (*inputs_of(step), *writes(step)):
            last.update(dict.fromkeys(carried.get(register, ()), i))
    return last


class _Buffers:
    """Buffers of a workspace: taken over by later steps when they are free."""

    def __init__(self) -> None:
        self._count = 0
        self._busy: list[tuple[int, int, Any]] = []
        self._free: dict[Any, list[int]] = {}

    def take(self, likeness: Any, step: int, until: int) -> int:
        """Return a buffer for a step that nobody needs from that step on, of those for values that are alike."""
        while self._busy and self._busy[0][0] < step:
            _, number, kind = heapq.heappop(self._busy)
            self._free.setdefault(kind, []).append(number)
        free = self._free.get(likeness)
        if free:
            number = free.pop()
        else:
            number, self._count = self._count, self._count + 1
        heapq.heappush(self._busy, (until, number, likeness))
        return number


def _steering(
    step: RunStep, plan: Plan, of_shapes: Collection[int]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    """Return which inputs decide about the shapes of outputs, by shape, value and identity; None: that is unknown."""
    op = step.op
    if all(map(is_scalar, op.outputs)) or any(t.dtype.base_dtype is dtypes.string for t in (*op._inputs, *op.outputs)):
        return None
    by_shape, by_value, by_identity = [], [], []
    for i, (register, tensor, arg) in enumerate(zip(step.inputs, op._inputs, _arguments(op), strict=True)):
        if plan.template[register] is not None:
            continue
        if register in of_shapes:
            by_identity.append(i)
            continue
        by_shape.append(i)
        steers = _steers(tensor, arg)
        if steers is None or (steers and not step.device.owns(np.empty(0))):
            return None
        if steers:
            by_value.append(i)
    return tuple(by_shape), tuple(by_value), tuple(by_identity)


def _steers(tensor: Tensor, arg: ArgDef) -> bool | None:
    """Whether the values of an input may decide about the shape of an output: axes, sizes; None: too large to watch."""
    if not tensor.dtype.base_dtype.is_integer or arg.type_attr in _DATA:
        return False
    if arg.type_attr != "T":
        return True
    dims = tensor.shape.as_tuple()
    if dims is None or (len(dims) == 1 and dims[0] is None):
        return None
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
