"""Lowering of Switch and Merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast import errors
from holdfast.checkpoint import escaped
from holdfast.runtime import guards
from holdfast.runtime.plan import AnyStep, Guard, MergeStep

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.operation import Operation
    from holdfast.runtime.lowering import Lowering
    from holdfast.runtime.slots import Slot


def lower_switch(lowering: Lowering, op: Operation, device: Device, guard: Guard) -> None:
    """Lower a Switch: both outputs are its input, each under one value of the predicate; nothing runs."""
    data, predicate = op._inputs
    pred = lowering.value(predicate, op, lowering.devices.host.device, guard)
    lowering.predicates.setdefault(pred, predicate.name)
    as_ref = op.type == "RefSwitch" and lowering.is_ref(data)
    register = -1 if as_ref else lowering.value(data, op, lowering.device_of(data, device), guard)
    for output, taken in zip(op.outputs, (False, True), strict=True):
        if output in lowering.values:
            continue
        lowering.guards[output] = guards.conjunction([guard, ((pred, taken),)])
        if as_ref:
            lowering.refs[output] = lowering.refs[data]
        else:
            lowering.define(output, register)


def lower_merge(lowering: Lowering, op: Operation, device: Device) -> None:
    """Lower a Merge: it takes the first input that exists, and exists where one does.

    Its control inputs only order it: it lives on where one of them does not run.
    """
    registers = lowering.registers
    sides = [lowering.guards.get(t, ()) for t in op._inputs]
    guard = guards.common(sides)
    rests = [guards.without(side, guard) for side in sides]
    if not guards.exhaustive(rests):
        alive = registers.new(None)
        lowering.emit(AnyStep(op, device, guard, tuple(rests), alive))
        lowering.predicates[alive] = f"{op.name} has an input"
        guard = guards.conjunction([guard, ((alive, True),)])
    if guard:
        lowering.set_guard(op, guard)
    if op.type == "RefMerge" and all(map(lowering.is_ref, op._inputs)):
        inputs = [lowering.refs[t] for t in op._inputs]
        _check_one_device(op, registers.slots(inputs))
        output = registers.new_chosen_slot(inputs)
        lowering.refs[op.outputs[0]] = output
    else:
        inputs = [lowering.value(t, op, device, side) for t, side in zip(op._inputs, sides, strict=True)]
        output = registers.new(device, frozenset[int]().union(*(registers.roots[i] for i in inputs)))
        lowering.define(op.outputs[0], output)
    index = registers.new(None)
    lowering.define(op.outputs[1], index)
    lowering.emit(MergeStep(op, device, guard, tuple(zip(rests, inputs, strict=True)), output, index))


def _check_one_device(op: Operation, slots: Sequence[Slot]) -> None:
    """Raise unless all variables that a merge may choose are on one device: where what updates the choice runs."""
    if len({id(slot.device) for slot in slots}) > 1:
        places = ", ".join(f"{escaped(s.op.name)} on {s.device.device_type}:{s.device.index}" for s in slots)
        raise errors.InvalidArgumentError(
            op.node_def,
            op,
            f"'{escaped(op.name)}' ({op.type}) chooses between variables on different devices: {places}. Put them on "
            "one device, or merge their values.",
        )
