"""``file://`` URLs: the local disk, with all that is promised there."""

from __future__ import annotations

from contextlib import AbstractContextManager

from holdfast.checkpoint.storage_local import LocalStorage
from holdfast.contracts import FileStatus, ReadableFile, WritableFile

FILE_SCHEMES = frozenset({"file", "local"})
"""What URLs of the local disk begin with."""


def local_path(url: str) -> str:
    """Return the path that a URL of the local disk means; other paths as they are."""
    scheme, separator, path = url.partition("://")
    return path.removeprefix("localhost") if separator and scheme in FILE_SCHEMES else url


class FileUrlStorage(LocalStorage):
    """Files on the local disk, named by URLs; see :class:`holdfast.contracts.Storage`."""

    def create(self, path: str) -> WritableFile:
        """Create a new file."""
        return super().create(local_path(path))

    def open(self, path: str) -> ReadableFile:
        """Open a regular file."""
        return super().open(local_path(path))

    def rename(self, source: str, target: str) -> None:
        """Move a file over another."""
        super().rename(local_path(source), local_path(target))

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        super().sync_directory(local_path(path))

    def remove(self, path: str) -> None:
        """Remove a file."""
        super().remove(local_path(path))

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory, sorted."""
        return super().list_directory(local_path(path))

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file, or None."""
        return super().status(local_path(path))

    def make_directories(self, path: str) -> None:
        """Make a directory and its parents, durably."""
        super().make_directories(local_path(path))

    def lock(self, directory: str, timeout: float) -> AbstractContextManager[None]:
        """Hold the directory's lock."""
        return super().lock(local_path(directory), timeout)

    def resolve(self, path: str) -> str:
        """Follow symbolic links."""
        return super().resolve(local_path(path))
