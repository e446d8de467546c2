"""The files of a checkpoint in memory, for tests of formats: quick, and every byte is in reach."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from holdfast.contracts import FormatSpec
from holdfast.errors import NotFoundError, TruncatedCheckpointError

if TYPE_CHECKING:
    from typing_extensions import Buffer


class MemoryDisk:
    """Room for files.

    Parameters
    ----------
    most
        Bytes after which it is full; None for never.
    """

    def __init__(self, most: int | None = None) -> None:
        self._left = most

    def take(self, count: int) -> None:
        """Take room for some bytes; OSError with ENOSPC if there is not enough."""
        if self._left is None:
            return
        if count > self._left:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._left -= count


class MemoryWritableFile:
    """A file that is written; an implementation of :class:`holdfast.contracts.WritableFile`.

    Parameters
    ----------
    path
        What it is called.
    disk
        What it lies on.
    """

    def __init__(self, path: str, disk: MemoryDisk) -> None:
        self.path = path
        self.data = bytearray()
        self._disk = disk

    def write(self, data: Buffer) -> int:
        """Append all of `data`; OSError with ENOSPC when the disk is full."""
        added = bytes(data)
        self._disk.take(len(added))
        self.data += added
        return len(added)

    def tell(self) -> int:
        """Return the bytes written so far."""
        return len(self.data)

    def sync(self) -> None:
        """Do nothing: memory is as durable as it gets."""

    def close(self) -> None:
        """Do nothing: what was written stays readable."""


class MemoryReadableFile:
    """A file that is read; an implementation of :class:`holdfast.contracts.ReadableFile`."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.size = len(data)
        self._data = data

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes."""
        if offset + length > self.size:
            expected = f"at least {offset + length:,} bytes"
            raise TruncatedCheckpointError(
                path=self.path, field="file length", found=f"{self.size:,} bytes", expected=expected, offset=offset
            )
        return self._data[offset : offset + length]

    def read_into(self, offset: int, buffer: Buffer) -> None:
        """Fill a buffer with the bytes from `offset` on."""
        view = memoryview(buffer).cast("B")
        view[:] = self.read_at(offset, len(view))

    def close(self) -> None:
        """Do nothing."""


class MemoryOutputs:
    """Where a format writes; an implementation of :class:`holdfast.contracts.Outputs`.

    Parameters
    ----------
    spec
        The format.
    most
        Bytes after which the disk is full; None for never.
    """

    def __init__(self, spec: FormatSpec, most: int | None = None) -> None:
        self._spec = spec
        self._disk = MemoryDisk(most)
        self._files: dict[str, MemoryWritableFile] = {}

    def create(self, suffix: str) -> MemoryWritableFile:
        """Create a file, once for each of the format's suffixes."""
        if suffix not in self._spec.suffixes or suffix in self._files:
            raise AssertionError(f"created {suffix!r}, allowed is each of {self._spec.suffixes} once")
        self._files[suffix] = MemoryWritableFile(f"memory{suffix}", self._disk)
        return self._files[suffix]

    @property
    def contents(self) -> dict[str, bytes]:
        """What was written, by suffix."""
        return {suffix: bytes(file.data) for suffix, file in self._files.items()}


class MemoryInputs:
    """Where a format reads; an implementation of :class:`holdfast.contracts.Inputs`.

    Parameters
    ----------
    spec
        The format.
    contents
        The files, by suffix.
    """

    def __init__(self, spec: FormatSpec, contents: dict[str, bytes]) -> None:
        self.path = f"memory{spec.suffixes[0]}"
        self._contents = contents

    def open(self, suffix: str) -> MemoryReadableFile:
        """Open one of the files."""
        if suffix not in self._contents:
            raise NotFoundError(None, None, f"memory{suffix}; No such file or directory")
        return MemoryReadableFile(f"memory{suffix}", self._contents[suffix])
