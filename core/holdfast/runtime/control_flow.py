"""Lowering of Switch and Merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.runtime import guards
from holdfast.runtime.plan import AnyStep, Guard, MergeStep

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.operation import Operation
    from holdfast.runtime.lowering import Lowering


def lower_switch(lowering: Lowering, op: Operation, device: Device, guard: Guard) -> None:
    """Lower a Switch: both outputs are its input, each under one value of the predicate; nothing runs."""
    data, predicate = op._inputs
    host = lowering.devices.host.device
    pred = lowering.value(predicate, op, host, guard)
    is_ref = data in lowering.refs and data not in lowering.values and op.type == "RefSwitch"
    register = -1 if is_ref else lowering.value(data, op, lowering.device_of(data, device), guard)
    for index, taken in ((0, False), (1, True)):
        output = op.outputs[index]
        if output in lowering.values:
            continue
        if is_ref:
            lowering.refs[output] = lowering.refs[data]
        else:
            lowering.values[output] = register
        lowering.guards[output] = guards.conjunction([guard, ((pred, taken),)])


def lower_merge(lowering: Lowering, op: Operation, device: Device) -> None:
    """Lower a Merge: it takes the input that exists, and exists where one does."""
    registers = lowering.registers
    control = guards.conjunction(lowering.op_guards.get(o, ()) for o in op._control_inputs)
    sides = [lowering.guards.get(t, ()) for t in op._inputs]
    base = guards.common(sides)
    rests = [guards.without(side, base) for side in sides]
    inner = guards.conjunction([base, control])
    if not guards.exhaustive(rests):
        alive = registers.new(None, set())
        lowering.emit(AnyStep(op, device, inner, tuple(rests), alive))
        inner = guards.conjunction([inner, ((alive, True),)])
    lowering.op_guards[op] = inner
    if inner:
        lowering.guards.update((t, inner) for t in op.outputs if t not in lowering.values)
    is_ref = op.type == "RefMerge" and all(t in lowering.refs and t not in lowering.values for t in op._inputs)
    if is_ref:
        inputs = [lowering.refs[t] for t in op._inputs]
        output = registers.new_chosen_slot(inputs)
        lowering.refs[op.outputs[0]] = output
    else:
        inputs = [lowering.value(t, op, device, side) for t, side in zip(op._inputs, sides, strict=True)]
        output = registers.new(device, set().union(*(registers.roots[i] for i in inputs)))
        lowering.values.setdefault(op.outputs[0], output)
    index = registers.new(None, set())
    lowering.values.setdefault(op.outputs[1], index)
    lowering.emit(MergeStep(op, device, inner, tuple(zip(rests, inputs, strict=True)), output, index))
