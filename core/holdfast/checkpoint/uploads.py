"""Commit on a storage of objects: the parts under names of their own, then the manifest, whole and in one step."""

from __future__ import annotations

import errno
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from holdfast.contracts import ObjectStorage, WritableFile
from holdfast.errors import CheckpointDurabilityError, NotFoundError, OpError

if TYPE_CHECKING:
    from typing_extensions import Buffer


# What a storage answers that has understood the request and not done it.
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EROFS, errno.ENOSPC})


class HeldFile:
    """The file that will be put whole: it is kept in memory until then."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.data = bytearray()

    def write(self, data: Buffer) -> int:
        """Append all of `data`."""
        view = memoryview(data).cast("B")
        self.data += view
        return len(view)

    def tell(self) -> int:
        """Return the bytes written so far."""
        return len(self.data)

    def sync(self) -> None:
        """Do nothing: it becomes durable when it is put."""

    def close(self) -> None:
        """Do nothing."""


class Uploads:
    """The files of one commit on a storage of objects.

    Parameters
    ----------
    prefix
        What all names begin with.
    suffixes
        The suffixes that may be created. The first is the commit: a small file, such as a manifest. All others must
        be names that no other commit has.
    """

    def __init__(self, prefix: str, suffixes: Sequence[str], storage: ObjectStorage) -> None:
        self._storage = storage
        self._prefix = prefix
        self._suffixes = tuple(suffixes)
        self._files: dict[str, WritableFile] = {}
        self._held = HeldFile(prefix + suffixes[0])
        self._finished: set[str] = set()
        self._putting = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files that were created, the commit first."""
        return tuple(self._prefix + suffix for suffix in self._suffixes if suffix in self._files)

    @property
    def nbytes(self) -> int:
        """Bytes written so far, over all files."""
        return sum(file.tell() for file in self._files.values())

    def create(self, suffix: str) -> WritableFile:
        """Create the file of a suffix."""
        check_suffix(suffix, self._suffixes, self._files)
        commit = suffix == self._suffixes[0]
        file = self._held if commit else self._storage.create(self._prefix + suffix)
        self._files[suffix] = file
        return file

    def finish(self, suffix: str) -> None:
        """End the upload of a file."""
        self._files[suffix].sync()
        self._files[suffix].close()
        self._finished.add(suffix)

    def end(self) -> None:
        """Do nothing."""

    def commit(self) -> None:
        """End all uploads, then put the first file.

        Raises
        ------
        OSError
            If that failed and nothing has changed.
        CheckpointDurabilityError
            If it failed, and cannot be told whether the new file stands there: nothing is removed then.
        """
        require_commit(self._suffixes[0], self._files)
        for suffix in self._files.keys() - self._finished:
            self.finish(suffix)
        self._putting = True
        try:
            self._storage.put(self._held.path, self._held.data)
        except OSError as error:
            landed = False if error.errno in _REFUSED else self._has_landed()
            if landed is None:
                raise CheckpointDurabilityError(
                    path=self._held.path,
                    field="answer to the upload of the commit",
                    found=error.strerror or str(error),
                    expected="success",
                    advice="Whether the new checkpoint or the old one stands there could not be found out: look again "
                    "when the storage answers, or save again",
                ) from error
            if not landed:
                self._putting = False
                raise

    def _has_landed(self) -> bool | None:
        """Whether the commit is there all the same: an answer can get lost. None if that cannot be told either."""
        try:
            file = self._storage.open(self._held.path)
            try:
                return file.size == len(self._held.data) and file.read_at(0, file.size) == self._held.data
            finally:
                file.close()
        except NotFoundError:
            return False
        except (OSError, OpError):
            return None

    def discard(self) -> None:
        """Give up all uploads and remove what was uploaded, unless the commit may have been."""
        for suffix, file in self._files.items():
            with suppress(OSError):
                file.close()
            if suffix == self._suffixes[0] or self._putting:
                continue
            with suppress(OSError):
                self._storage.remove(self._prefix + suffix)


def check_suffix(suffix: str, allowed: Sequence[str], created: Collection[str]) -> None:
    """Refuse a file that a format may not create."""
    if suffix not in allowed or suffix in created:
        known = ", ".join(map(repr, allowed))
        raise ValueError(f"A format created a file {suffix!r}; it may create each of {known} once.")


def require_commit(suffix: str, created: Collection[str]) -> None:
    """Refuse a commit without the file that makes it one."""
    if suffix not in created:
        raise ValueError(f"A format did not create {suffix!r}, by which its checkpoints are recognised.")
