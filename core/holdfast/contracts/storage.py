"""Storage: the file operations that checkpoints use. Nothing else opens a checkpoint file."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What a storage knows of one file."""

    size: int
    """Bytes."""
    modified: float
    """Seconds since the epoch."""
    is_regular: bool
    """Whether it is a regular file (not a directory, FIFO or device); symbolic links are followed."""
    is_directory: bool
    """Whether it is a directory; symbolic links are followed."""


class WritableFile(Protocol):
    """A new file, written from start to end."""

    path: str
    """Where it lies now: the temporary name."""

    def write(self, data: Buffer) -> int:
        """Append all of ``data`` (short writes are handled) and return its length in bytes."""

    def tell(self) -> int:
        """Return the bytes written so far."""

    def sync(self) -> None:
        """Make what was written durable. Called once, after the last write; a failure is final and never retried."""

    def close(self) -> None:
        """Close the file; a storage of objects gives up one that was not synced. Closing twice is allowed."""


class ReadableFile(Protocol):
    """An open regular file, read by position."""

    path: str
    """Its path."""
    size: int
    """Bytes when it was opened."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes.

        Raises
        ------
        TruncatedCheckpointError
            If the file ends before.
        """

    def read_into(self, offset: int, buffer: Buffer) -> None:
        """Fill a writable buffer with the bytes from ``offset`` on; raises as :meth:`read_at`."""

    def close(self) -> None:
        """Close the file. Closing twice is allowed."""


@runtime_checkable
class ConcurrentFile(ReadableFile, Protocol):
    """Optional ability of an open file: to be read by several threads at once. Without it, one reads at a time."""

    @property
    def concurrent_reads(self) -> int:
        """How many threads at most should read at once."""


@runtime_checkable
class MappableFile(ReadableFile, Protocol):
    """Optional ability of an open file: its contents as memory, without reading them first.

    If somebody else shortens the file, touching that memory ends the process. So formats use it only where they were
    told to.
    """

    def map(self, offset: int, length: int) -> memoryview:
        """Return bytes of the file as writable memory of the caller's own: what is written to it changes no file.

        The memory stays valid when the file was closed. ``length`` is at least 1. Raises as :meth:`read_at`.
        """


class Storage(Protocol):
    """The operations that every storage has; how something is committed is up to two more Protocols.

    A storage is either a :class:`RenamingStorage` or an :class:`ObjectStorage`. Paths are the storage's own strings.
    Failures are OSError with errno, except where stated. Files may be written and read by several threads at once,
    each file by one, unless it is a :class:`ConcurrentFile`.
    """

    def create(self, path: str) -> WritableFile:
        """Create a file that must not exist yet, following no symbolic link at its last component."""

    def open(self, path: str) -> ReadableFile:
        """Open a regular file without ever blocking.

        Raises
        ------
        NotFoundError
            If there is none.
        CorruptCheckpointError
            If it is a directory, FIFO, socket or device.
        """

    def remove(self, path: str) -> None:
        """Remove a file."""

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; empty if it does not exist."""

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file, or None if there is none."""

    def make_directories(self, path: str) -> None:
        """Make a directory and its parents, durably; existing ones are fine."""

    def lock(self, directory: str, timeout: float) -> AbstractContextManager[None]:
        """Hold the directory's lock for writing: re-entrant within a thread, waits up to ``timeout`` seconds.

        Raises
        ------
        CheckpointLockedError
            If another process or thread holds it for longer, naming the holder's pid.
        """

    def resolve(self, path: str) -> str:
        """Return the path that is meant once symbolic links are followed; the path itself where there are none."""

    def join(self, directory: str, name: str) -> str:
        """Return the path of a name in a directory."""

    def split(self, path: str) -> tuple[str, str]:
        """Return a path's directory (``"."``, or its like, where it has none) and its last component."""


@runtime_checkable
class RenamingStorage(Storage, Protocol):
    """A storage that commits by renaming, such as a disk.

    What is open for reading stays readable after the file was renamed over or removed.
    """

    def rename(self, source: str, target: str) -> None:
        """Move a file over ``target`` in one step: at every instant the old file stands there, or the new one."""

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""


@runtime_checkable
class ObjectStorage(Storage, Protocol):
    """A storage that commits by writing a small object whole, such as a bucket.

    Nothing is renamed there: files get their own names at once, and may be visible before they are whole. So
    checkpoints are found by their manifests only. Directories need not exist, ``lock`` need not keep anybody out, and
    a file that is open for reading may become unreadable when it is removed.
    """

    def put(self, path: str, data: Buffer) -> None:
        """Write an object whole and durably: at every instant the old one stands there, or the new one.

        After an OSError either may.
        """
