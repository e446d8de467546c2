"""Errors of a run: TensorFlow's class, with the op, where it was made, its device and the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from holdfast import errors
from holdfast.checkpoint import escaped
from holdfast.runtime.plan import ReadStep, Step, inputs_of
from holdfast.runtime.slots import Slot

if TYPE_CHECKING:
    from holdfast.graph import Operation

_TELLING = OSError, errors.PluginError, errors.ConfigError
"""Errors of files and of the configuration: callers look for them as such, so they stay what they are."""


def raise_at(step: Step, registers: Sequence[Any], error: Exception) -> NoReturn:
    """Raise ``error`` as the failure of a step's op; one of another run, within a ``py_func``, says its own."""
    if isinstance(error, errors.OpError):
        if error.op is None:
            error.attach(step.op, describe(step, registers))
        raise error
    if isinstance(error, _TELLING):
        error.add_note(describe(step, registers))
        raise error
    op = step.op
    if isinstance(error, MemoryError):
        failure: errors.OpError = errors.ResourceExhaustedError(
            None, None, f"Out of memory in op '{escaped(op.name)}': {error}"
        )
    else:
        msg = f"The kernel of op '{escaped(op.name)}' ({escaped(op.type)}) failed with {type(error).__name__}: {error}"
        failure = errors.InternalError(None, None, msg)
    failure.attach(op, describe(step, registers))
    raise failure from error


def tell_op(op: Operation, error: Exception) -> None:
    """Let an error that arose outside of a run say which op it is about."""
    where = f"  op '{escaped(op.name)}' ({escaped(op.type)})"
    note = where if op.site is None else f"{where}\n  made at {op.site}"
    if isinstance(error, _TELLING):
        error.add_note(note)
    elif isinstance(error, errors.OpError) and error.op is None:
        error.attach(op, note)


def describe(step: Step, registers: Sequence[Any]) -> str:
    """Return what a message says of the op behind a step."""
    op = step.op
    lines = [f"  op '{escaped(op.name)}' ({escaped(op.type)}) on {step.device.device_type}:{step.device.index}"]
    if op.site is not None:
        lines.append(f"  made at {op.site}")
    if not isinstance(step, ReadStep):
        shapes = [_shape(registers[r]) for r in inputs_of(step)]
        lines.append(f"  with inputs {', '.join(shapes)}" if shapes else "  without inputs")
    return "\n".join(lines)


def _shape(value: Any) -> str:
    """Return dtype and shape of a register's value."""
    if isinstance(value, Slot):
        inside = "uninitialised" if value.buffer is None else _shape(value.buffer.array)
        return f"variable {escaped(value.op.name)} ({inside})"
    dtype = str(getattr(value, "dtype", type(value).__name__)).rpartition(".")[2]
    return f"{'string' if dtype == 'object' else dtype}{list(np.shape(value))}"
