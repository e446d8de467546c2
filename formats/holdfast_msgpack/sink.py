"""Few large writes: what is large goes straight to the file, what is small is gathered first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_msgpack import layout

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from holdfast.contracts import WritableFile

_DIRECT_BYTES = 128 << 10
_MOST_GATHERED = 1 << 20


class Sink:
    """Writes a file from start to end.

    Parameters
    ----------
    file
        Where to.
    """

    def __init__(self, file: WritableFile) -> None:
        self.offset = 0
        """Bytes so far, those included that are still gathered."""
        self._file = file
        self._gathered = bytearray()

    def write(self, data: Buffer) -> None:
        """Append some bytes; they may change after this."""
        view = memoryview(data)
        self.offset += view.nbytes
        if view.nbytes >= _DIRECT_BYTES:
            self.flush()
            self._file.write(view)
            return
        self._gathered += view
        if len(self._gathered) >= _MOST_GATHERED:
            self.flush()

    def align(self, alignment: int) -> None:
        """Append zeros up to a multiple."""
        self.write(bytes(layout.aligned(self.offset, alignment) - self.offset))

    def flush(self) -> None:
        """Hand over what is gathered."""
        if self._gathered:
            gathered, self._gathered = self._gathered, bytearray()
            self._file.write(gathered)
