"""How each kind of step is written in the function of a compiled plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.runtime.abilities import has_expression, is_plain
from holdfast.runtime.assigning import assign
from holdfast.runtime.expressions import inline
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
from holdfast.runtime.workspaces import Memory

if TYPE_CHECKING:
    from holdfast.contracts import Array, RunContext
    from holdfast.runtime.compiler import Compiler
    from holdfast.runtime.workspaces import Place, Workspace


def _run(compiler: Compiler, step: RunStep) -> None:
    """Call a kernel, or write its expression where all inputs are numbers."""
    inputs = tuple(map(compiler.name, step.inputs))
    kernel, place, constant = step.kernel, compiler.place(step), compiler.source.constant
    if isinstance(place, Memory):
        _run_once(compiler, step, place, inputs)
        return
    if has_expression(kernel) and inputs and all(map(compiler.is_scalar, step.inputs)):
        value = inline(kernel, inputs, constant)
    elif place is not None:
        _run_into(compiler, step, place, inputs)
        return
    elif is_plain(kernel):
        value = f"{constant(kernel.plain)}({', '.join(inputs)})"
    else:
        value = f"{constant(kernel)}({', '.join((compiler.context(step.device), *inputs))})"
        _store_all(compiler, step, step.outputs, value)
        return
    compiler.let_go(_dead_inputs(step))
    compiler.source.line(f"{compiler.new(step.outputs[0])} = {value}")


def _run_into(compiler: Compiler, step: RunStep, place: Place, inputs: Sequence[str]) -> None:
    """Have a kernel write into the workspace, if its inputs are like those that the buffers were made for."""
    constant, line = compiler.source.constant, compiler.source.line
    same = _sameness(place.by_shape, place.by_value, place.by_identity, inputs)
    context = compiler.context(step.device)
    compiler.let_go(_dead_inputs(step))
    targets = "".join(f"{compiler.new(register)}, " for register in step.outputs).rstrip()
    arguments = "".join(f", {name}" for name in inputs)
    line(f"e0 = work.entries[{place.number}]")
    line(f"if {same}:")
    line(f" {constant(place.into)}({context}, e0[0]{arguments})")
    line(f" {targets} = e0[0]")
    line(f"else: {targets} = {constant(partial(_compute, step.kernel, place))}({context}, work{arguments})")


def _sameness(
    by_shape: Sequence[int], by_value: Sequence[int], by_identity: Sequence[int], inputs: Sequence[str]
) -> str:
    """Return the expression that tells whether an entry of the workspace, ``e0``, was made for such inputs."""
    looks = [f" == {inputs[i]}.shape" for i in by_shape]
    looks += [f" == {inputs[i]}.tobytes()" for i in by_value]
    looks += [f" is {inputs[i]}" for i in by_identity]
    return " and ".join(("e0[0]", *(f"e0[{i}]{look}" for i, look in enumerate(looks, 1))))


def _run_once(compiler: Compiler, step: RunStep, memory: Memory, inputs: Sequence[str]) -> None:
    """Have what a kernel makes of shapes at hand, as long as the shapes are the same."""
    constant, line = compiler.source.constant, compiler.source.line
    arguments = "".join(f", {name}" for name in (compiler.context(step.device), *inputs))
    same = _sameness(memory.by_shape, (), memory.by_identity, inputs)
    compiler.let_go(_dead_inputs(step))
    targets = "".join(f"{compiler.new(register)}, " for register in step.outputs).rstrip()
    line(f"e0 = work.entries[{memory.number}]")
    line(f"{targets} = e0[0] if {same} else {constant(partial(_remember, step.kernel, memory))}(work{arguments})")


def _remember(kernel: Any, memory: Memory, work: Workspace, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
    """Run a kernel and keep what it returns for the next run."""
    outputs: tuple[Array, ...] = kernel(context, *inputs)
    work.remember(memory, inputs, outputs)
    return outputs


def _compute(kernel: Any, place: Place, context: RunContext, work: Workspace, *inputs: Array) -> tuple[Array, ...]:
    """Run a kernel as usual, and prepare the workspace for the next run."""
    outputs: tuple[Array, ...] = kernel(context, *inputs)
    work.learn(place, inputs, outputs)
    return outputs


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
    inputs = "".join(f", {compiler.name(register)}" for register in step.inputs)
    for i, slot in enumerate(slots):
        line(f"b{i} = {slot}.buffer")
        line(f"v{i} = b{i}.array")
    shape = compiler.source.constant(_shape)
    for i, slot in enumerate(slots):
        fresh = f"{slot}.fresh({shape}(v{i}))"
        line(f"o{i} = {fresh} if b{i}.holders else v{i}" if step.in_place else f"o{i} = {fresh}")
    current, out = (f"({''.join(f'{letter}{i}, ' for i in range(len(slots))).rstrip()})" for letter in "vo")
    update = compiler.source.constant(step.kernel.update)
    # Not before the buffers are moved: a variable that was chosen at run time is in a register itself.
    outputs = [compiler.new(register) for register in step.outputs]
    call = f"{update}({compiler.context(step.device)}, {current}, {out}{inputs})"
    line(f"({', '.join(outputs)},) = {call}" if outputs else call)
    for i, slot in enumerate(slots):
        line(f"if o{i} is not v{i}: moves.move({slot}, o{i})")
    # The former memory may serve again as soon as the run has ended.
    names = [f"{letter}{i}" for i in range(len(slots)) for letter in "bvo"]
    line(" = ".join((*names, "None")))


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
