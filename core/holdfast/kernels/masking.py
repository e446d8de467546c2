"""Kernels that choose elements by booleans."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


@generic("Where")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(condition: Array) -> Array:
        if condition.ndim == 0:
            raise _refuse("WhereOp : Unhandled input dimensions: 0")
        return xp.stack([xp.astype(axis, xp.int64) for axis in xp.nonzero(condition)], axis=1)

    return Pure(compute)


@generic("Select")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(condition: Array, then: Array, other: Array) -> Array:
        chosen, first, second = (xp.asarray(x) for x in (condition, then, other))
        if chosen.shape != first.shape:
            chosen = _spread(xp, chosen, first)
        if first.shape != second.shape:
            raise _refuse(
                "Inputs to operation Select of type Select must have the same size and shape.  Input 0: "
                f"{shape_text(condition.shape)} != input 2: {shape_text(second.shape)}"
            )
        return xp.where(chosen, first, second)

    return Pure(compute)


def _spread(xp: Any, chosen: Array, then: Array) -> Array:
    """Return a scalar or a vector that chooses rows in a shape that broadcasts against them."""
    if chosen.ndim == 0:
        return chosen
    if chosen.ndim != 1:
        raise _refuse(f"'cond' must be a vector, but saw shape: {shape_text(chosen.shape)}")
    if then.ndim < 1:
        raise _refuse(f"'then' must be at least a vector, but saw shape: {shape_text(then.shape)}")
    if then.shape[0] != chosen.shape[0]:
        raise _refuse(
            f"Number of batches of 'then' must match size of 'cond', but saw: {then.shape[0]} vs. {chosen.shape[0]}"
        )
    return xp.reshape(chosen, chosen.shape + (1,) * (then.ndim - 1))
