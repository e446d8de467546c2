"""A storage that fails at a chosen operation, for tests of what a crash or a bad disk leaves behind."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from holdfast.contracts import FileStatus, ObjectStorage, ReadableFile, RenamingStorage, Storage, WritableFile

if TYPE_CHECKING:
    from typing_extensions import Buffer


class CrashError(BaseException):
    """The process died, as far as the storage can tell. Nothing catches it but the test."""


class _Faulty:
    """What storages that fail have in common.

    Parameters
    ----------
    inner
        The storage that does the work.
    fail_at
        Number of the operation that fails, from 0 on; None for none.
    kind
        ``"crash"``: the process dies before the operation. ``"torn"``: it dies in the middle of a write, and after
        any other
        operation. A number: the operation fails once with this errno, and changes nothing.
    """

    def __init__(self, inner: Storage, fail_at: int | None = None, kind: str | int = "crash") -> None:
        self._inner = inner
        self._fail_at = fail_at
        self._kind = kind
        self._dead = False
        self._guard = threading.Lock()  # parts are written by several threads
        self.operations: list[str] = []
        """What was done, in order: ``write``, ``sync``, ``rename``..."""

    @contextmanager
    def operation(self, name: str) -> Iterator[bool]:
        """Count an operation and fail at the chosen one; yields whether a write is to be torn."""
        if self._dead:
            raise CrashError
        with self._guard:
            number = len(self.operations)
            self.operations.append(name)
        struck = number == self._fail_at
        if struck and isinstance(self._kind, int):
            raise OSError(self._kind, os.strerror(self._kind), name)
        if struck and self._kind == "crash":
            self._dead = True
            raise CrashError
        yield struck
        if struck:
            self._dead = True
            raise CrashError

    def create(self, path: str) -> WritableFile:
        """Create a file."""
        with self.operation("create"):
            file = self._inner.create(path)
        return _FaultyWritableFile(self, file)

    def open(self, path: str) -> ReadableFile:
        """Open a file; reading it does not count."""
        with self.operation("open"):
            return self._inner.open(path)

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self.operation("remove"):
            self._inner.remove(path)

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory."""
        with self.operation("list_directory"):
            return self._inner.list_directory(path)

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file."""
        with self.operation("status"):
            return self._inner.status(path)

    def make_directories(self, path: str) -> None:
        """Make a directory and its parents."""
        with self.operation("make_directories"):
            self._inner.make_directories(path)

    def lock(self, directory: str, timeout: float) -> AbstractContextManager[None]:
        """Hold the directory's lock."""
        with self.operation("lock"):
            return self._inner.lock(directory, timeout)

    def resolve(self, path: str) -> str:
        """Follow symbolic links; does not count."""
        return self._inner.resolve(path)

    def join(self, directory: str, name: str) -> str:
        """Return the path of a name in a directory."""
        return self._inner.join(directory, name)

    def split(self, path: str) -> tuple[str, str]:
        """Return a path's directory and last component."""
        return self._inner.split(path)


class FaultyStorage(_Faulty):
    """A storage that renames: passes all operations on, and fails at one of them.

    Parameters
    ----------
    inner
        The storage that does the work.
    fail_at
        Number of the operation that fails, from 0 on; None for none.
    kind
        ``"crash"``: the process dies before the operation. ``"torn"``: it dies in the middle of a write, and after
        any other operation. A number: the operation fails once with this errno, and changes nothing.
    """

    def __init__(self, inner: RenamingStorage, fail_at: int | None = None, kind: str | int = "crash") -> None:
        super().__init__(inner, fail_at, kind)
        self._renaming = inner

    def rename(self, source: str, target: str) -> None:
        """Move a file over another."""
        with self.operation("rename"):
            self._renaming.rename(source, target)

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        with self.operation("sync_directory"):
            self._renaming.sync_directory(path)


class FaultyObjects(_Faulty):
    """A storage of objects: passes all operations on, and fails at one of them.

    Parameters
    ----------
    inner, fail_at, kind
        As for :class:`FaultyStorage`. Besides, kind ``"lost answer"``: a put is done, and an OSError says that it
        failed; other operations fail and change nothing.
    """

    def __init__(self, inner: ObjectStorage, fail_at: int | None = None, kind: str | int = "crash") -> None:
        super().__init__(inner, fail_at, errno.ETIMEDOUT if kind == "lost answer" else kind)
        self._objects = inner
        self._lose_answer = kind == "lost answer"

    def put(self, path: str, data: Buffer) -> None:
        """Write an object whole."""
        try:
            with self.operation("put"):
                self._objects.put(path, data)
        except OSError:
            if self._lose_answer:
                self._objects.put(path, data)
            raise


class _FaultyWritableFile:
    """A file whose operations are counted by its storage."""

    def __init__(self, storage: _Faulty, inner: WritableFile) -> None:
        self.path = inner.path
        self._storage = storage
        self._inner = inner

    def write(self, data: Buffer) -> int:
        """Append all of `data`, or half of it and die."""
        with self._storage.operation("write") as torn:
            view = memoryview(data)
            return self._inner.write(view[: len(view) // 2] if torn else view)

    def tell(self) -> int:
        """Return the bytes written so far."""
        return self._inner.tell()

    def sync(self) -> None:
        """Make what was written durable."""
        with self._storage.operation("sync"):
            self._inner.sync()

    def close(self) -> None:
        """Close the file; a descriptor does not outlive the process."""
        try:
            with self._storage.operation("close"):
                self._inner.close()
        except CrashError:
            self._inner.close()
            raise
