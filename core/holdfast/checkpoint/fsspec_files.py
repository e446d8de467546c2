"""Files of fsspec file systems, as checkpoints write and read them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.errors import TruncatedCheckpointError

if TYPE_CHECKING:
    from typing_extensions import Buffer

Translate: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""Turns errors of a file system into OSError."""

_WRITE_BYTES = 8 << 20  # what a file system is given at once: it may buffer all of that besides its own block
_BLOCK_BYTES = 1 << 20
_MOST_BLOCKS = 8


class FsspecWritableFile:
    """A new object; see :class:`holdfast.contracts.WritableFile`. Closed without being synced, it is given up."""

    def __init__(self, path: str, filesystem: Any, key: str, translate: Translate) -> None:
        self.path = path
        self._translate = translate
        self._written = 0
        self._file: Any = filesystem.open(key, "wb")

    def write(self, data: Buffer) -> int:
        """Append all of `data`."""
        if self._file is None:
            raise ValueError(f"{self.path}: the file is closed")
        view = memoryview(data).cast("B")
        with self._translate(self.path):
            for start in range(0, len(view), _WRITE_BYTES):
                self._file.write(bytes(view[start : start + _WRITE_BYTES]))
        self._written += len(view)
        return len(view)

    def tell(self) -> int:
        """Return the bytes written so far."""
        return self._written

    def sync(self) -> None:
        """End the upload."""
        if self._file is None:
            raise ValueError(f"{self.path}: the file is closed")
        with self._translate(self.path):
            try:
                self._file.close()
            except BaseException:
                self.close()
                raise
        self._file = None

    def close(self) -> None:
        """Give up an upload that was not ended."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            with self._translate(self.path):
                discard = getattr(file, "discard", None)
                if discard is not None:
                    discard()
        finally:
            with suppress(AttributeError):  # otherwise the garbage collector would end the upload
                file.closed = True


class FsspecReadableFile:
    """An object, read by position; see :class:`holdfast.contracts.ReadableFile`.

    A small object is fetched whole and at once, so that it is of one piece even if it is replaced meanwhile. Of a large
    one the blocks around small reads are kept for the next ones. It is a
    :class:`holdfast.contracts.ConcurrentFile` too.
    """

    concurrent_reads = 16
    """So many requests at a time are usual."""

    def __init__(self, path: str, filesystem: Any, key: str, size: int, translate: Translate) -> None:
        self.path = path
        self.size = size
        self._fs = filesystem
        self._key = key
        self._translate = translate
        self._guard = threading.Lock()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._whole: bytes | None = None
        if size <= _BLOCK_BYTES:
            self._whole = filesystem.cat_file(key)
            self.size = len(self._whole)

    def _fetch(self, start: int, stop: int) -> bytes:
        """Return a range of the object, as much of it as there is."""
        if self._whole is not None:
            return self._whole[start:stop]
        with self._translate(self.path):
            data: bytes = self._fs.cat_file(self._key, start=start, end=stop)
        return data

    def _block(self, number: int) -> bytes:
        """Return one block, kept or fetched."""
        with self._guard:
            if number in self._blocks:
                self._blocks.move_to_end(number)
                return self._blocks[number]
        start = number * _BLOCK_BYTES
        data = self._fetch(start, min(start + _BLOCK_BYTES, self.size))
        with self._guard:
            self._blocks[number] = data
            while len(self._blocks) > _MOST_BLOCKS:
                self._blocks.popitem(last=False)
        return data

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes."""
        if offset + length > self.size:
            raise self._ends_early(self.size, offset, length)
        if self._whole is not None or length >= _BLOCK_BYTES:
            data = self._fetch(offset, offset + length) if length else b""
        else:
            first, last = offset // _BLOCK_BYTES, max(offset + length - 1, offset) // _BLOCK_BYTES
            joined = b"".join(self._block(number) for number in range(first, last + 1))
            data = joined[offset - first * _BLOCK_BYTES :][:length]
        if len(data) != length:
            raise self._ends_early(offset + len(data), offset, length)
        return data

    def _ends_early(self, size: int, offset: int, length: int) -> TruncatedCheckpointError:
        """Return the error for an object that ends before what is read."""
        return TruncatedCheckpointError(
            path=self.path,
            field="file length",
            found=f"{size:,} bytes",
            expected=f"at least {offset + length:,} bytes",
            offset=offset,
        )

    def read_into(self, offset: int, buffer: Buffer) -> None:
        """Fill a buffer with the bytes from `offset` on."""
        view = memoryview(buffer).cast("B")
        for start in range(0, len(view), _WRITE_BYTES):
            part = view[start : start + _WRITE_BYTES]
            part[:] = self.read_at(offset + start, len(part))

    def close(self) -> None:
        """Let go of what was kept."""
        with self._guard:
            self._blocks.clear()
