"""Assignment: a variable takes over, or copies, a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import errors

if TYPE_CHECKING:
    from holdfast.runtime.moves import Moves
    from holdfast.runtime.plan import AssignStep
    from holdfast.runtime.slots import Slot


def assign(step: AssignStep, slot: Slot, value: Any, moves: Moves) -> None:
    """Give a variable a value, in place where nobody needs the old one."""
    device, buffer = slot.device, slot.buffer
    shape = tuple(np.shape(value))
    if step.validate_shape:
        _check_shape(slot, shape)
    if step.steal and device.ownable(value):
        # A temporary moves in, so that no memory need be kept for the next copy on write.
        moves.move(slot, value, reuse=False)
    elif step.in_place and buffer is not None and buffer.holders == 0 and tuple(buffer.array.shape) == shape:
        device.copy_into(buffer.array, value)
    else:
        array = slot.fresh(shape)
        device.copy_into(array, value)
        moves.move(slot, array)


def _check_shape(slot: Slot, found: tuple[int, ...]) -> None:
    """Raise TensorFlow's error unless a value has the shape of the variable's, or, before it has one, may have it."""
    wanted = slot.op.outputs[0].shape.as_tuple() if slot.buffer is None else tuple(slot.buffer.array.shape)
    if wanted is None:
        return
    if len(wanted) != len(found) or any(w not in (None, f) for w, f in zip(wanted, found, strict=True)):
        left, right = ("[" + ",".join("?" if d is None else str(d) for d in dims) + "]" for dims in (wanted, found))
        text = f"Assign requires shapes of both tensors to match. lhs shape= {left} rhs shape= {right}"
        raise errors.InvalidArgumentError(None, None, text)
