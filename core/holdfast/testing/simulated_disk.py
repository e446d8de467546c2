"""A disk in memory that keeps a journal of what was done to it, for tests of what a power cut leaves behind."""

from __future__ import annotations

import errno
import itertools
import os
import posixpath
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.contracts import FileStatus, ReadableFile, WritableFile
from holdfast.errors import NotFoundError
from holdfast.testing.memory_files import MemoryReadableFile

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes were appended to a file."""

    inode: int
    """Number of the file, whatever it is called."""
    data: bytes
    """What was appended."""


@dataclass(frozen=True, slots=True)
class Synced:
    """A file was made durable, but not its name."""

    inode: int
    """Number of the file."""


@dataclass(frozen=True, slots=True)
class Named:
    """Names changed, all of them or none: a creation, a renaming or a removal."""

    changes: tuple[tuple[str, int | None], ...]
    """Paths and the files that they stand for now; None where there is none any more."""


@dataclass(frozen=True, slots=True)
class DirectorySynced:
    """The names in a directory were made durable."""

    directory: str
    """Its path."""


Step = Written | Synced | Named | DirectorySynced

# Times of modification: no two writes on any of these disks have the same.
_clock = itertools.count(1)


class SimulatedDisk:
    """Files in memory; an implementation of :class:`holdfast.contracts.Storage`. Directories exist by themselves.

    Parameters
    ----------
    files
        What is on the disk to begin with, durably: contents by path.
    """

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._contents = [bytearray(data) for data in (files or {}).values()]
        self._modified = [next(_clock) for _ in self._contents]
        self._names = {path: inode for inode, path in enumerate(files or {})}
        self.journal: list[Step] = []
        """What was done so far."""

    @property
    def files(self) -> dict[str, bytes]:
        """What is on the disk as long as the power is on: contents by path."""
        return {path: bytes(self._contents[inode]) for path, inode in self._names.items()}

    def _inode(self, path: str) -> int:
        """Return the number of a file; FileNotFoundError if there is none."""
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._names[path]

    def _name(self, *changes: tuple[str, int | None]) -> None:
        """Change names."""
        self.journal.append(Named(changes))
        for path, inode in changes:
            if inode is None:
                del self._names[path]
            else:
                self._names[path] = inode

    def create(self, path: str) -> WritableFile:
        """Create a file."""
        if path in self._names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        self._contents.append(bytearray())
        self._modified.append(next(_clock))
        self._name((path, len(self._contents) - 1))
        return _SimulatedFile(self, path, len(self._contents) - 1)

    def open(self, path: str) -> ReadableFile:
        """Open a file as it is now."""
        if path not in self._names:
            raise NotFoundError(None, None, f"{path}; No such file or directory")
        return MemoryReadableFile(path, bytes(self._contents[self._names[path]]))

    def rename(self, source: str, target: str) -> None:
        """Move a file over another."""
        inode = self._inode(source)
        self._name((source, None), (target, inode))

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        self.journal.append(DirectorySynced(path))

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._inode(path)
        self._name((path, None))

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory."""
        return sorted(posixpath.basename(name) for name in self._names if posixpath.dirname(name) == path)

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file."""
        if path not in self._names:
            return None
        inode = self._names[path]
        return FileStatus(self.size(inode), self._modified[inode], is_regular=True, is_directory=False)

    def make_directories(self, path: str) -> None:
        """Do nothing: there are all directories."""

    def lock(self, directory: str, timeout: float) -> AbstractContextManager[None]:
        """Hold nothing: nobody else uses the disk."""
        return nullcontext()

    def resolve(self, path: str) -> str:
        """Return the path: there are no links."""
        return path

    def join(self, directory: str, name: str) -> str:
        """Return the path of a name in a directory."""
        return posixpath.join(directory, name)

    def split(self, path: str) -> tuple[str, str]:
        """Return a path's directory and last component."""
        return posixpath.split(path)

    def append(self, inode: int, data: bytes) -> None:
        """Append to a file."""
        self.journal.append(Written(inode, data))
        self._contents[inode] += data
        self._modified[inode] = next(_clock)

    def sync(self, inode: int) -> None:
        """Make a file durable."""
        self.journal.append(Synced(inode))

    def size(self, inode: int) -> int:
        """Return the length of a file in bytes."""
        return len(self._contents[inode])


class _SimulatedFile:
    """A file that is written; it has a number of its own, so that it may be renamed or removed meanwhile."""

    def __init__(self, disk: SimulatedDisk, path: str, inode: int) -> None:
        self.path = path
        self._disk = disk
        self._inode = inode

    def write(self, data: Buffer) -> int:
        """Append all of `data`."""
        added = bytes(data)
        self._disk.append(self._inode, added)
        return len(added)

    def tell(self) -> int:
        """Return the bytes written so far."""
        return self._disk.size(self._inode)

    def sync(self) -> None:
        """Make what was written durable."""
        self._disk.sync(self._inode)

    def close(self) -> None:
        """Do nothing: closing makes nothing durable."""
