"""Variable storage: copy on write between a session's updates and those who hold a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from holdfast import errors

if TYPE_CHECKING:
    from holdfast.contracts import Array, Device
    from holdfast.dtypes import DType
    from holdfast.graph.operation import Operation


class Buffer:
    """One array and the number of those who rely on its values staying as they are."""

    __slots__ = ("array", "holders")

    def __init__(self, array: Array) -> None:
        self.array = array
        self.holders = 0

    def hold(self) -> None:
        """Rely on the values from now on."""
        self.holders += 1

    def release(self) -> None:
        """Rely on them no longer."""
        self.holders -= 1


class Slot:
    """The storage of one variable in one session."""

    __slots__ = ("buffer", "device", "dtype", "op", "spare")

    def __init__(self, op: Operation, device: Device, dtype: DType) -> None:
        self.op = op
        self.device = device
        self.dtype = dtype
        self.buffer: Buffer | None = None
        """Current values; None while uninitialised."""
        self.spare: Array | None = None
        """A buffer of the same shape that nobody uses any more: the next copy on write takes it."""

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
                f"Attempting to use uninitialized value {self.op.name}\nThe variable has no value in this "
                f"session.{made} Run its "
                "initializer (tf.global_variables_initializer() runs all) or restore it from a checkpoint first."
            )
            raise errors.FailedPreconditionError(None, None, msg)
        return self.buffer

    def fresh(self) -> Array:
        """Return an array like the current one, with undefined contents."""
        array = self.require().array
        spare, self.spare = self.spare, None
        if spare is not None and spare.shape == array.shape:
            return spare
        return self.device.empty(tuple(array.shape), self.dtype)

    def replace(self, array: Array) -> Buffer | None:
        """Make ``array`` the variable's values; the slot owns it. Returns the buffer it had."""
        old = self.buffer
        self.buffer = Buffer(array)
        return old

    def recycle(self, buffer: Buffer) -> None:
        """Keep a former buffer for the next copy on write if nobody holds it."""
        if buffer.holders == 0 and buffer is not self.buffer:
            self.spare = buffer.array


class Snapshot:
    """The values of some variables at one instant; training goes on meanwhile. Release it when done."""

    __slots__ = ("_buffers", "_slots")

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._slots = list(slots)
        self._buffers = [slot.require() for slot in self._slots]
        for buffer in self._buffers:
            buffer.hold()

    def arrays(self) -> list[Array]:
        """Return the values, in the order of the slots; read only for callers."""
        return [buffer.array for buffer in self._buffers]

    def release(self) -> None:
        """Let go of the values; releasing twice is allowed."""
        for slot, buffer in zip(self._slots, self._buffers, strict=True):
            buffer.release()
            slot.recycle(buffer)
        self._slots, self._buffers = [], []


class SlotStore:
    """All variables of a session, by container and shared name."""

    __slots__ = ("_slots",)

    def __init__(self) -> None:
        self._slots: dict[tuple[bytes, str], Slot] = {}

    def slot(self, op: Operation, device: Device) -> Slot:
        """Return the slot of a variable op, made on ``device`` at first."""
        shared = op.attrs.get("shared_name", b"")
        key = (op.attrs.get("container", b""), shared.decode() if shared else op.name)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(op, device, op.outputs[0].dtype.base_dtype)
        return slot

    def clear(self) -> None:
        """Forget all values."""
        self._slots.clear()
