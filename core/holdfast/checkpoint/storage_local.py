"""Storage on the local disk."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import sys
import threading
from contextlib import AbstractContextManager, suppress
from functools import cache
from typing import TYPE_CHECKING

from holdfast.checkpoint.locks import directory_lock
from holdfast.contracts import FileStatus, ReadableFile, WritableFile
from holdfast.errors import CorruptCheckpointError, NotFoundError, TruncatedCheckpointError

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Flags that some systems lack cost nothing where they are absent.
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
# macOS refuses to transfer 2 GiB or more at once, Linux stops a page before.
_MOST_AT_ONCE = 1 << 30
# What it answers where there is no file: none has a name that is too long.
_NO_SUCH_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
# What a file system answers that has no fsync for directories, as opposed to one that failed.
_NO_DIRECTORY_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)


def _sync_descriptor(descriptor: int) -> None:
    """Flush to the disk itself: fsync, and on macOS F_FULLFSYNC, since fsync there stops at the drive's cache."""
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):  # file systems without it get the fsync below
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


class LocalWritableFile:
    """A new file on the local disk; see :class:`holdfast.contracts.WritableFile`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._written = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC | _BINARY
        self._descriptor: int | None = os.open(path, flags, 0o666)

    def _open_descriptor(self) -> int:
        """Return the descriptor; ValueError if the file was closed."""
        if self._descriptor is None:
            raise ValueError(f"{self.path}: the file is closed")
        return self._descriptor

    def write(self, data: Buffer) -> int:
        """Append all of `data`."""
        descriptor = self._open_descriptor()
        view = memoryview(data).cast("B")
        start = 0
        while start < len(view):
            count = os.write(descriptor, view[start : start + _MOST_AT_ONCE])
            if count == 0:
                raise OSError(errno.EIO, "nothing more could be written", self.path)
            start += count
        self._written += start
        return start

    def tell(self) -> int:
        """Return the bytes written so far."""
        return self._written

    def sync(self) -> None:
        """Make what was written durable."""
        _sync_descriptor(self._open_descriptor())

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class LocalReadableFile:
    """A regular file on the local disk; see :class:`holdfast.contracts.ReadableFile`.

    It is a :class:`holdfast.contracts.ConcurrentFile` and a :class:`holdfast.contracts.MappableFile` too.
    """

    concurrent_reads = 64
    """More threads than that gain nothing on any disk."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._seek_guard = threading.Lock()
        self._descriptor: int | None = None
        try:
            # Opening a device or a FIFO may have effects of its own, so look first; what was opened is checked again.
            self._require_regular(os.stat(path).st_mode)
            self._descriptor = os.open(path, os.O_RDONLY | _NONBLOCK | _CLOEXEC | _BINARY)
            status = os.fstat(self._descriptor)
            self._require_regular(status.st_mode)
        except OSError as error:
            self.close()
            if error.errno in _NO_SUCH_FILE:
                raise NotFoundError(None, None, f"{path}; No such file or directory") from error
            raise
        except BaseException:
            self.close()
            raise
        self.size = status.st_size

    def _require_regular(self, mode: int) -> None:
        """Refuse what is not a regular file: reading it may block for ever."""
        if not stat.S_ISREG(mode):
            kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
            found = kinds.get(stat.S_IFMT(mode), "a device")
            raise CorruptCheckpointError(
                path=self.path,
                field="file type",
                found=found,
                expected="a regular file",
                advice="Give the path of a checkpoint file or prefix",
            )

    def _read_some(self, offset: int, view: memoryview) -> int:
        """Read into the front of `view` and return how many bytes came."""
        if self._descriptor is None:
            raise ValueError(f"{self.path}: the file is closed")
        if hasattr(os, "preadv"):
            return os.preadv(self._descriptor, [view[:_MOST_AT_ONCE]], offset)
        with self._seek_guard:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            data = os.read(self._descriptor, min(len(view), _MOST_AT_ONCE))
        view[: len(data)] = data
        return len(data)

    def read_into(self, offset: int, buffer: Buffer) -> None:
        """Fill a buffer with the bytes from `offset` on."""
        view = memoryview(buffer).cast("B")
        start = 0
        while start < len(view):
            count = self._read_some(offset + start, view[start:])
            if count == 0:
                raise TruncatedCheckpointError(
                    path=self.path,
                    field="file length",
                    found=f"{offset + start:,} bytes",
                    expected=f"at least {offset + len(view):,} bytes",
                    offset=offset,
                )
            start += count

    def _require(self, offset: int, length: int) -> None:
        """Raise for what cannot be there, before memory is allocated for it."""
        if offset + length > self.size:
            raise TruncatedCheckpointError(
                path=self.path,
                field="file length",
                found=f"{self.size:,} bytes",
                expected=f"at least {offset + length:,} bytes",
                offset=offset,
            )

    def map(self, offset: int, length: int) -> memoryview:
        """Return bytes of the file as private memory."""
        if self._descriptor is None:
            raise ValueError(f"{self.path}: the file is closed")
        self._require(offset, length)
        before = offset % mmap.ALLOCATIONGRANULARITY
        memory = mmap.mmap(self._descriptor, before + length, access=mmap.ACCESS_COPY, offset=offset - before)
        return memoryview(memory)[before:]

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes."""
        self._require(offset, length)
        data = bytearray(length)
        self.read_into(offset, data)
        return bytes(data)

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class LocalStorage:
    """Files on the local disk; see :class:`holdfast.contracts.Storage`.

    On systems without flock (Windows) the lock holds within the process; directories cannot be synced there either.
    """

    def create(self, path: str) -> WritableFile:
        """Create a new file."""
        return LocalWritableFile(path)

    def open(self, path: str) -> ReadableFile:
        """Open a regular file."""
        return LocalReadableFile(path)

    def rename(self, source: str, target: str) -> None:
        """Move a file over another."""
        os.replace(source, target)

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        if os.name == "nt":
            return
        descriptor = os.open(path, os.O_RDONLY | _CLOEXEC)
        try:
            _sync_descriptor(descriptor)
        except OSError as error:
            if error.errno not in _NO_DIRECTORY_SYNC:
                raise
        finally:
            os.close(descriptor)

    def remove(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory, sorted."""
        try:
            return sorted(os.listdir(path))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file, or None."""
        try:
            status = os.stat(path)
        except OSError as error:
            if error.errno in (*_NO_SUCH_FILE, errno.ELOOP):
                return None
            raise
        return FileStatus(
            size=status.st_size,
            modified=status.st_mtime,
            is_regular=stat.S_ISREG(status.st_mode),
            is_directory=stat.S_ISDIR(status.st_mode),
        )

    def make_directories(self, path: str) -> None:
        """Make a directory and its parents, durably."""
        missing = []
        current = os.path.abspath(path)
        while not os.path.isdir(current):
            missing.append(current)
            current = os.path.dirname(current)
        for directory in reversed(missing):
            os.makedirs(directory, exist_ok=True)
            self.sync_directory(os.path.dirname(directory))

    def lock(self, directory: str, timeout: float) -> AbstractContextManager[None]:
        """Hold the directory's lock."""
        return directory_lock(directory, timeout)

    def resolve(self, path: str) -> str:
        """Follow symbolic links."""
        return os.path.realpath(path)

    def join(self, directory: str, name: str) -> str:
        """Return the path of a name in a directory."""
        return os.path.join(directory, name)

    def split(self, path: str) -> tuple[str, str]:
        """Return a path's directory and last component."""
        directory, name = os.path.split(path)
        return directory or os.curdir, name


@cache
def local_storage() -> LocalStorage:
    """Return the storage that is used where none is given."""
    return LocalStorage()
