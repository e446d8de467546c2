"""Placeholders that nobody fed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from holdfast import errors
from holdfast.checkpoint import escaped
from holdfast.runtime.plan import RunStep

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.lowering import Lowering
    from holdfast.runtime.plan import Guard

PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
"""Op types whose value comes from a feed, or not at all."""

_TYPE_NAMES = {"float16": "half", "float32": "float", "float64": "double"}
"""TensorFlow's C++ names, where they differ."""


class _Unfed:
    """Stands for the kernel of a placeholder in a branch: the run fails if the branch is taken."""

    def __init__(self, message: str) -> None:
        self._message = message

    def __call__(self, context: Any, *inputs: Any) -> NoReturn:
        raise errors.InvalidArgumentError(None, None, self._message)


def lower_placeholder(lowering: Lowering, op: Operation, device: Device, guard: Guard) -> None:
    """Raise for a placeholder that the run needs and that is not fed, before anything has run.

    Raises
    ------
    InvalidArgumentError
        Unless it is fed, or needed in a branch only.
    """
    output = op.outputs[0]
    if output in lowering.values:
        return
    message = _message(output)
    if not guard:
        raise errors.InvalidArgumentError(op.node_def, op, message)
    register = lowering.registers.new(device)
    lowering.define(output, register)
    lowering.emit(RunStep(op, device, guard, _Unfed(message), (), (register,)))


def _message(output: Tensor) -> str:
    """Return TensorFlow's sentence."""
    dims = output.shape.as_tuple()
    shape = "" if dims is None else f" and shape [{','.join('?' if d is None else str(d) for d in dims)}]"
    name = output.dtype.base_dtype.name
    # A placeholder without dimensions says no shape either.
    return (
        f"You must feed a value for placeholder tensor '{escaped(output.op.name)}' with dtype "
        f"{_TYPE_NAMES.get(name, name)}{shape if dims else ''}"
    )
