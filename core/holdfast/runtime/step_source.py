"""How each kind of step is written in the function of a compiled plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.runtime.abilities import has_expression, is_plain, is_shaped, is_shaped_update
from holdfast.runtime.assigning import assign
from holdfast.runtime.expressions import inline
from holdfast.runtime.facts import VIEWS
from holdfast.runtime.plan import (
    AnyStep,
    AssignStep,
    CopyStep,
    InitializedStep,
    MergeStep,
    ReadStep,
    RunStep,
    Step,
    UpdateStep,
    inputs_of,
)
from holdfast.runtime.transfers import transfer

if TYPE_CHECKING:
    from holdfast.contracts import Array, Source
    from holdfast.runtime.compiler import Compiler
    from holdfast.runtime.places import Place


def _run(compiler: Compiler, step: RunStep) -> None:
    """Do what a kernel does, in as few words as it can be said."""
    if _is_constant(compiler, step) or _is_copy(compiler, step) or _is_fixed_view(compiler, step):
        return
    inputs = tuple(map(compiler.name, step.inputs))
    place, value = compiler.place(step), None
    if place is not None:
        _run_into(compiler, step, place, inputs)
        return
    if compiler.is_seen(step):
        if has_expression(step.kernel) and inputs and all(map(compiler.is_scalar, step.inputs)):
            value = inline(step.kernel.expression, inputs, compiler.source.constant)
        else:
            value = _shaped(compiler, step, inputs, ())
    if value is None:
        _call(compiler, step, inputs)
    else:
        _store(compiler, step, value)


def _is_constant(compiler: Compiler, step: RunStep) -> bool:
    """Settle what a step makes, if it makes the same in each run; else return False."""
    values = [compiler.known(register) for register in step.outputs]
    if not values or any(value is None for value in values):
        return False
    for register, value in zip(step.outputs, values, strict=True):
        compiler.settle(register, value)
    return True


def _is_copy(compiler: Compiler, step: RunStep) -> bool:
    """Give the output its input, if it need be no copy of it; else return False."""
    source = compiler.copied(step.outputs[0]) if step.outputs else None
    if source is None:
        return False
    value = compiler.settled(source)
    if value is None:
        compiler.source.line(f"{compiler.new(step.outputs[0])} = {compiler.name(source)}")
    else:
        compiler.settle(step.outputs[0], value)
    return True


def _is_fixed_view(compiler: Compiler, step: RunStep) -> bool:
    """Settle a view of memory that is the same in each run; else return False."""
    if step.op.type not in VIEWS or not is_plain(step.kernel):
        return False
    source, *others = step.inputs
    if not compiler.is_fixed(source) or any(compiler.known(register) is None for register in others):
        return False
    memory = compiler.settled(source)
    view = step.kernel.plain(memory, *map(compiler.known, others))
    if not isinstance(view, np.ndarray) or not np.may_share_memory(view, memory):
        return False
    compiler.settle(step.outputs[0], view)
    return True


def _run_into(compiler: Compiler, step: RunStep, place: Place, inputs: Sequence[str]) -> None:
    """Have a kernel write into memory of the plan, if its inputs are like those that it was made for."""
    constant, line = compiler.source.constant, compiler.source.line
    statement = _shaped(compiler, step, inputs, place.outputs) or _call_into(compiler, step, place, inputs)
    if not place.checks:
        line(statement)
        for register, buffer in zip(step.outputs, place.outputs, strict=True):
            compiler.settle(register, buffer)
        return
    checks = " and ".join(f"{inputs[i]}.shape == {constant(shape)}" for i, shape in place.checks)
    line(f"if {checks}:")
    line(f" {statement}")
    compiler.let_go(_dead_inputs(step))
    targets = "".join(f"{compiler.new(register)}, " for register in step.outputs).rstrip()
    line(f" {targets} = {constant(place.outputs)}")
    line(f"else: {targets} = {constant(step.kernel)}({', '.join((compiler.context(step.device), *inputs))})")


def _shaped(compiler: Compiler, step: RunStep, inputs: Sequence[str], outputs: tuple[Array, ...]) -> str | None:
    """Return the source of a kernel for inputs of these shapes, if it has any."""
    kernel, operands = step.kernel, compiler.operands(step.inputs)
    if operands is None or not is_shaped(kernel) or not (outputs or len(step.outputs) == 1):
        return None
    return inline(
        lambda names: kernel.shaped(names, operands, outputs, compiler.scratch(step.device)),
        inputs,
        compiler.source.constant,
    )


def _call_into(compiler: Compiler, step: RunStep, place: Place, inputs: Sequence[str]) -> str:
    """Return the call of a kernel that writes into buffers."""
    constant = compiler.source.constant
    arguments = ", ".join((compiler.context(step.device), constant(place.outputs), *inputs))
    return f"{constant(place.into)}({arguments})"


def _call(compiler: Compiler, step: RunStep, inputs: Sequence[str]) -> None:
    """Call a kernel for fresh outputs."""
    kernel, constant = compiler.kernel(step), compiler.source.constant
    if is_plain(kernel):
        _store(compiler, step, f"{constant(kernel.plain)}({', '.join(inputs)})")
    else:
        value = f"{constant(kernel)}({', '.join((compiler.context(step.device), *inputs))})"
        _store_all(compiler, step, step.outputs, value)


def _store(compiler: Compiler, step: RunStep, value: str) -> None:
    """Write the value of an expression to a step's only output."""
    compiler.let_go(_dead_inputs(step))
    compiler.source.line(f"{compiler.new(step.outputs[0])} = {value}")


def _store_all(compiler: Compiler, step: Step, outputs: Sequence[int], value: str) -> None:
    """Write the tuple that an expression gives to registers, or only evaluate it."""
    compiler.let_go(_dead_inputs(step))
    targets = "".join(f"{compiler.new(register)}, " for register in outputs)
    compiler.source.line(f"({targets.rstrip()}) = {value}" if targets else value)


def _dead_inputs(step: Step) -> list[int]:
    """Return the inputs that nobody reads after a step: its outputs may have their names."""
    inputs = inputs_of(step)
    return [register for register in step.dead if register in inputs]


def _read(compiler: Compiler, step: ReadStep) -> None:
    """Take a variable's array; where it has none, the error is told by ``Slot.require``."""
    number = "[()]" if step.output in compiler.scalars else ""
    compiler.source.line(f"{compiler.new(step.output)} = {compiler.name(step.slot)}.buffer.array{number}")


def _assign(compiler: Compiler, step: AssignStep) -> None:
    """Assign by the function that the interpreter has as well."""
    slot, value = compiler.name(step.slot), compiler.name(step.value)
    compiler.source.line(f"{compiler.source.constant(partial(assign, step))}({slot}, {value}, moves)")


def _update(compiler: Compiler, step: UpdateStep) -> None:
    """Call an update kernel, on the variables' own arrays where nobody holds them."""
    line = compiler.source.line
    slots = tuple(map(compiler.name, step.slots))
    for i, slot in enumerate(slots):
        line(f"b{i} = {slot}.buffer")
        line(f"v{i} = o{i} = b{i}.array")
    shape = compiler.source.constant(_shape)
    for i, slot in enumerate(slots):
        line(f"{f'if b{i}.holders: ' if step.in_place else ''}o{i} = {slot}.fresh({shape}(v{i}))")
    inputs = tuple(map(compiler.name, step.inputs))
    statement = _shaped_update(compiler, step, inputs)
    if statement is not None:
        line(statement)
    else:
        current, out = (f"({''.join(f'{letter}{i}, ' for i in range(len(slots))).rstrip()})" for letter in "vo")
        update = compiler.source.constant(step.kernel.update)
        # Not before the buffers are moved: a variable that was chosen at run time is in a register itself.
        outputs = [compiler.new(register) for register in step.outputs]
        call = f"{update}({', '.join((compiler.context(step.device), current, out, *inputs))})"
        line(f"({', '.join(outputs)},) = {call}" if outputs else call)
    for i, slot in enumerate(slots):
        line(f"if o{i} is not v{i}: moves.move({slot}, o{i})")


def _shaped_update(compiler: Compiler, step: UpdateStep, inputs: tuple[str, ...]) -> str | None:
    """Return the source of an update of variables and inputs of these shapes, if the kernel has any."""
    kernel, count = step.kernel, len(step.slots)
    variables, operands = compiler.variables(step.slots), compiler.operands(step.inputs)
    if variables is None or operands is None or step.outputs or not is_shaped_update(kernel):
        return None
    scratch = compiler.scratch(step.device)

    def shaped(names: tuple[str, ...]) -> Source | None:
        current, out, rest = names[:count], names[count : 2 * count], names[2 * count :]
        return kernel.shaped_update(current, out, rest, (*variables, *operands), scratch)

    current, out = ([f"{letter}{i}" for i in range(count)] for letter in "vo")
    return inline(shaped, (*current, *out, *inputs), compiler.source.constant)


def _shape(array: Any) -> tuple[int, ...]:
    """Return an array's shape as a tuple, whatever its library makes of it."""
    return tuple(array.shape)


def _initialized(compiler: Compiler, step: InitializedStep) -> None:
    boolean = compiler.source.constant(np.bool_)
    compiler.source.line(f"{compiler.new(step.output)} = {boolean}({compiler.name(step.slot)}.buffer is not None)")


def _merge(compiler: Compiler, step: MergeStep) -> None:
    """Take the first input whose guard holds: a chain of ``if`` and ``elif``."""
    source = compiler.source
    choices = [(compiler.condition(guard), compiler.name(register)) for guard, register in step.choices]
    output, index = compiler.new(step.output), compiler.new(step.index)
    word = "if"
    for number, (condition, value) in enumerate(choices):
        source.line(f"{word} {condition}:")
        source.line(f" {output} = {value}")
        source.line(f" {index} = {source.constant(np.int32(number))}")
        word = "elif"


def _any(compiler: Compiler, step: AnyStep) -> None:
    conditions = " or ".join(f"({compiler.condition(guard)})" for guard in step.guards)
    compiler.source.line(f"{compiler.new(step.output)} = {conditions}")


def _copy(compiler: Compiler, step: CopyStep) -> None:
    """Bring a value to another device."""
    function = compiler.source.constant(partial(transfer, source=step.source, target=step.device))
    compiler.source.line(f"{compiler.new(step.output)} = {function}({compiler.name(step.input)})")


WRITE: dict[type[Step], Callable[[Compiler, Any], None]] = {
    RunStep: _run,
    ReadStep: _read,
    AssignStep: _assign,
    UpdateStep: _update,
    InitializedStep: _initialized,
    MergeStep: _merge,
    AnyStep: _any,
    CopyStep: _copy,
}
"""Writers by kind of step: they name all outputs and may let go of inputs."""
