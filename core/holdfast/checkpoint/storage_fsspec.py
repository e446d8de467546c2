"""Storage over fsspec: buckets and whatever else it has a file system for. Needs the extra ``[remote]``."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import fsspec

from holdfast.checkpoint.fsspec_files import FsspecReadableFile, FsspecWritableFile
from holdfast.checkpoint.names import printable
from holdfast.contracts import FileStatus, ReadableFile, WritableFile
from holdfast.errors import CorruptCheckpointError, FailedPreconditionError, InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from typing_extensions import Buffer


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn whatever a file system raises into an OSError with errno: each has errors of its own."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise OSError(_number(error), str(error) or type(error).__name__, path) from error
    except (CorruptCheckpointError, NotFoundError):
        raise
    except Exception as error:
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}", path) from error


def _number(error: OSError) -> int:
    """Return the errno of an error that was raised without one."""
    numbers = {
        FileNotFoundError: errno.ENOENT,
        FileExistsError: errno.EEXIST,
        PermissionError: errno.EACCES,
        IsADirectoryError: errno.EISDIR,
        NotADirectoryError: errno.ENOTDIR,
        TimeoutError: errno.ETIMEDOUT,
    }
    return next((number for kind, number in numbers.items() if isinstance(error, kind)), errno.EIO)


class FsspecStorage:
    """Objects of an fsspec file system; an implementation of :class:`holdfast.contracts.ObjectStorage`.

    Paths are URLs. A small object is written by one ``pipe_file``: where the file system does that in one step, as
    buckets do, a checkpoint is committed in one step too.

    Parameters
    ----------
    filesystem
        An ``fsspec.AbstractFileSystem``.
    """

    def __init__(self, filesystem: Any) -> None:
        self._fs = filesystem

    @classmethod
    def of(cls, url: str, options: Mapping[str, Any] | None = None) -> FsspecStorage:
        """Return the storage of a URL; the errors of :func:`storage_for`."""
        try:
            filesystem, _ = fsspec.core.url_to_fs(url, **(options or {}))
        except ImportError as error:
            raise FailedPreconditionError(
                None, None, f"{printable(url)} needs a package that is not installed: {error}"
            ) from error
        except (ValueError, TypeError) as error:
            raise InvalidArgumentError(None, None, f"{printable(url)} cannot be used as a URL: {error}") from error
        return cls(filesystem)

    def _key(self, path: str) -> str:
        """Return the file system's own name of a path."""
        key: str = self._fs._strip_protocol(path)
        return key

    def _info(self, path: str) -> Mapping[str, Any] | None:
        """Return what the file system says of a path now, None if there is nothing."""
        self._fs.invalidate_cache()  # what others have done since must be seen
        with translated(path):
            try:
                info: Mapping[str, Any] = self._fs.info(self._key(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
        return info

    def create(self, path: str) -> WritableFile:
        """Create a file; it may be visible before it is synced."""
        with translated(path):
            if self._fs.exists(self._key(path)):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            return FsspecWritableFile(path, self._fs, self._key(path), translated)

    def open(self, path: str) -> ReadableFile:
        """Open a file."""
        info = self._info(path)
        if info is None:
            raise NotFoundError(None, None, f"{path}; No such file or directory")
        if info["type"] != "file":
            raise CorruptCheckpointError(
                path=path,
                field="file type",
                found=f"a {info['type']}",
                expected="a regular file",
                advice="Give the path of a checkpoint file or prefix",
            )
        with translated(path):
            try:
                return FsspecReadableFile(path, self._fs, self._key(path), int(info["size"] or 0), translated)
            except FileNotFoundError as error:
                raise NotFoundError(None, None, f"{path}; No such file or directory") from error

    def put(self, path: str, data: Buffer) -> None:
        """Write an object whole."""
        with translated(path):
            self._fs.pipe_file(self._key(path), bytes(data))

    def remove(self, path: str) -> None:
        """Remove a file."""
        with translated(path):
            self._fs.rm_file(self._key(path))

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory, sorted."""
        self._fs.invalidate_cache()
        with translated(path):
            try:
                found = self._fs.ls(self._key(path), detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
        home = self._key(path)
        return sorted({name.rstrip("/").rsplit("/", 1)[-1] for name in found if name.rstrip("/") != home} - {""})

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file, or None."""
        info = self._info(path)
        if info is None:
            return None
        return FileStatus(
            size=int(info.get("size") or 0),
            modified=_seconds(info),
            is_regular=info["type"] == "file",
            is_directory=info["type"] == "directory",
        )

    def make_directories(self, path: str) -> None:
        """Make a directory where the file system has any."""
        with translated(path), suppress(FileExistsError):
            self._fs.makedirs(self._key(path), exist_ok=True)

    def lock(self, directory: str, timeout: float) -> AbstractContextManager[None]:
        """Hold nothing: the parts of each save have names of their own, and its manifest is written in one step."""
        return nullcontext()

    def resolve(self, path: str) -> str:
        """Return the one URL of a path that can be written in several ways."""
        url: str = self._fs.unstrip_protocol(self._key(path))
        return url

    def join(self, directory: str, name: str) -> str:
        """Return the URL of a name in a directory."""
        return directory + name if directory.endswith("/") else f"{directory}/{name}"

    def split(self, path: str) -> tuple[str, str]:
        """Return a URL's directory and last component."""
        scheme, separator, rest = path.rpartition("://")
        directory, slash, name = rest.rpartition("/")
        return f"{scheme}{separator}{directory or slash}", name


def _seconds(info: Mapping[str, Any]) -> float:
    """Return when a file was modified, by whatever name the file system has for it; 0 where it does not tell."""
    for key in ("mtime", "LastModified", "last_modified", "updated", "modified", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str):
            with suppress(ValueError):
                return datetime.fromisoformat(value).timestamp()
    return 0.0
