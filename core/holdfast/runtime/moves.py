"""How variables move to other memory within a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.contracts import Array
    from holdfast.runtime.slots import Buffer, Slot


class Moves:
    """The buffers that the variables of one run left behind."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: list[tuple[Slot, Buffer, bool]] = []

    def move(self, slot: Slot, array: Array, *, reuse: bool = True) -> None:
        """Give a variable a new buffer. What it had is held until the run has ended, as registers may alias it."""
        old = slot.replace(array)
        if old is not None:
            old.hold()
            self._left.append((slot, old, reuse))

    def end(self) -> None:
        """Let go of the buffers that were left behind."""
        for slot, buffer, reuse in self._left:
            slot.release(buffer, reuse=reuse)
