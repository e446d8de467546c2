"""Variable storage: copy on write between a session's updates and those who hold a value."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from holdfast import errors
from holdfast.checkpoint import escaped

if TYPE_CHECKING:
    from holdfast.contracts import Array, Device
    from holdfast.dtypes import DType
    from holdfast.graph.operation import Operation


_counting = threading.RLock()
"""Holds may end on any thread, outside of the session's lock, and while Python collects garbage."""


class Buffer:
    """One array and the number of those who rely on its values staying as they are."""

    __slots__ = ("array", "holders")

    def __init__(self, array: Array) -> None:
        self.array = array
        self.holders = 0

    def hold(self) -> None:
        """Rely on the values from now on."""
        with _counting:
            self.holders += 1


class Slot:
    """The storage of one variable in one session.

    Its buffer is written to only where nobody holds it and no live value of the run aliases it; else the update goes
    to another buffer, and the slot moves on to that one.
    """

    __slots__ = ("buffer", "device", "dtype", "op", "spare")

    def __init__(self, op: Operation, device: Device, dtype: DType) -> None:
        self.op = op
        self.device = device
        self.dtype = dtype
        self.buffer: Buffer | None = None
        """Current values; None while uninitialised."""
        self.spare: Array | None = None
        """Memory that nobody uses any more: the next copy on write takes it."""

    def require(self) -> Buffer:
        """Return the current buffer.

        Raises
        ------
        FailedPreconditionError
            If the variable is uninitialised.
        """
        if self.buffer is None:
            made = f" It was made at {self.op.site}." if self.op.site is not None else ""
            msg = (
                f"Attempting to use uninitialized value {escaped(self.op.name)}\nThe variable has no value in this "
                f"session.{made} Run its initializer (tf.global_variables_initializer() runs all) or restore it from a "
                "checkpoint first."
            )
            raise errors.FailedPreconditionError(None, None, msg)
        return self.buffer

    def fresh(self, shape: tuple[int, ...]) -> Array:
        """Return an array for new values, with undefined contents."""
        spare, self.spare = self.spare, None
        if spare is not None and tuple(spare.shape) == shape:
            return spare
        return self.device.empty(shape, self.dtype)

    def replace(self, array: Array) -> Buffer | None:
        """Make ``array`` the variable's values, which the slot owns from now on; return the buffer it had."""
        old = self.buffer
        self.buffer = Buffer(array)
        return old

    def release(self, buffer: Buffer, *, reuse: bool = True) -> None:
        """End a hold; the memory of a former buffer that nobody holds any more serves the next copy on write."""
        with _counting:
            buffer.holders -= 1
            # Holds begin while a buffer is the current one: a former one comes to 0 once.
            if reuse and buffer.holders == 0 and buffer is not self.buffer:
                self.spare = buffer.array


class Hold:
    """The value of one variable at one instant, held as in a :class:`Snapshot`; made by :func:`hold`."""

    __slots__ = ("_held", "array")

    def __init__(self, slot: Slot, buffer: Buffer) -> None:
        self.array = buffer.array
        """The value: to be read only, and only until the release."""
        self._held = [(slot, buffer)]

    def release(self) -> None:
        """Let go of the value. Releasing twice is allowed, also on two threads at once."""
        try:
            slot, buffer = self._held.pop()
        except IndexError:
            return
        slot.release(buffer)


def hold(slots: Iterable[Slot]) -> list[Hold]:
    """Hold what variables have now; those without a value are left out.

    It is done while no run is going on, or by the run itself.
    """
    with _counting:
        holds = []
        for slot in slots:
            buffer = slot.buffer
            if buffer is not None:
                buffer.holders += 1
                holds.append(Hold(slot, buffer))
    return holds


class Snapshot:
    """The values of some variables at one instant, held: updates go elsewhere meanwhile. Release it when done.

    It is taken while no run is going on, or by the run itself.
    """

    __slots__ = ("_held",)

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._held = [(slot, slot.buffer) for slot in slots]
        for _, buffer in self._held:
            if buffer is not None:
                buffer.hold()

    def arrays(self) -> list[Array]:
        """Return the values, in the order of the slots: to be read only, and only until the release.

        Raises
        ------
        FailedPreconditionError
            If one of the variables was uninitialised.
        """
        return [slot.require().array if buffer is None else buffer.array for slot, buffer in self._held]

    def put_back(self) -> None:
        """Give the variables these values again; those that were uninitialised become so again."""
        for slot, buffer in self._held:
            slot.buffer = buffer

    def release(self, *, only_current: bool = False) -> None:
        """Let go of the values, or only of those that still are the variables' own. Releasing twice is allowed."""
        kept = []
        for slot, buffer in self._held:
            if only_current and slot.buffer is not buffer:
                kept.append((slot, buffer))
            elif buffer is not None:
                slot.release(buffer)
        self._held = kept


class SlotStore:
    """All variables of a session, by container and shared name."""

    __slots__ = ("_slots",)

    def __init__(self) -> None:
        self._slots: dict[tuple[bytes, bytes], Slot] = {}

    def slot(self, op: Operation, device: Device) -> Slot:
        """Return the slot of a variable op, made on ``device`` at first.

        Raises
        ------
        InvalidArgumentError
            If another op of another dtype has the same shared name.
        """
        key = op.attrs.get("container", b""), op.attrs.get("shared_name", b"") or op.name.encode()
        dtype = op.outputs[0].dtype.base_dtype
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(op, device, dtype)
        elif slot.dtype is not dtype:
            shared = escaped(key[1].decode(errors="replace"))
            msg = (
                f"Trying to access variable {shared} with wrong dtype. Expected {slot.dtype.name} got {dtype.name}\n"
                f"The ops '{escaped(slot.op.name)}' and '{escaped(op.name)}' have the same shared name: give them "
                "different ones."
            )
            raise errors.InvalidArgumentError(op.node_def, op, msg)
        return slot

    def clear(self) -> None:
        """Forget all values."""
        self._slots.clear()
