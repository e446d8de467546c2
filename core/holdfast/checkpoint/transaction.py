"""Commit: files are written under temporary names, made durable, and then renamed onto their own.

On a storage of objects they are written under their own names, and :mod:`holdfast.checkpoint.uploads` commits them.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Protocol

from holdfast.checkpoint.abandoned import remove_parts_of
from holdfast.checkpoint.names import Path, path_text
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.uploads import Uploads, check_suffix, require_commit
from holdfast.contracts import ObjectStorage, Outputs, RenamingStorage, Storage, WritableFile
from holdfast.errors import CheckpointDurabilityError

LOCK_TIMEOUT = 10.0
"""Seconds that a save waits for another one in the same directory."""

# The longest name that common file systems take; the part that repeats the final name gives way.
_MOST_NAME_BYTES = 255
_TEMPORARY = re.compile(r"\..*\.tmp-(?P<host>[A-Za-z0-9.-]+)-(?P<pid>\d+)-[0-9a-f]{16}", re.DOTALL)
# Temporary names that this process is writing to now; they carry its number, and so would those of a namesake that
# died.
_being_written: set[str] = set()


@cache
def _host() -> str:
    """Return this machine's name as it stands in temporary names."""
    return re.sub(r"[^A-Za-z0-9.]", "", socket.gethostname())[:64] or "host"


def temporary_name(name: str) -> str:
    """Return a new name for the time while a file is written: hidden, and telling who writes it."""
    tail = f".tmp-{_host()}-{os.getpid()}-{secrets.token_hex(8)}"
    room = _MOST_NAME_BYTES - len(tail) - 1
    return f".{os.fsencode(name)[:room].decode(errors='ignore')}{tail}"


def remove_abandoned(directory: str, storage: Storage) -> None:
    """Remove temporary files of saves that died on this machine. The caller holds the directory's lock."""
    if isinstance(storage, ObjectStorage):
        return  # nothing has a temporary name there
    for name in storage.list_directory(directory):
        match = _TEMPORARY.fullmatch(name)
        if match is None or match["host"] != _host() or name in _being_written or _is_other_process(int(match["pid"])):
            continue
        path = storage.join(directory, name)
        with suppress(OSError):  # the next save tries again
            remove_parts_of(path, storage)
            storage.remove(path)


def _is_other_process(pid: int) -> bool:
    """Whether another process of this number lives; after a restart, this one may have the number of one that died."""
    if pid == os.getpid():
        return False
    if os.name == "nt":  # there os.kill would end it, or interrupt its console
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


class Files(Outputs, Protocol):
    """The files of one commit."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The final paths of the files that were created, the commit first."""

    @property
    def nbytes(self) -> int:
        """Bytes written so far, over all files."""

    def finish(self, suffix: str) -> None:
        """Make a file durable, before the others are: nothing more is written to it."""

    def commit(self) -> None:
        """Make all files durable and visible, the commit last."""

    def discard(self) -> None:
        """Close and remove what is not committed; no OSError hides the one that led here."""

    def end(self) -> None:
        """Forget what was kept for the time of the commit."""


class Transaction:
    """The files of one commit on a storage that renames.

    Parameters
    ----------
    prefix
        What all final names begin with.
    suffixes
        The suffixes that may be created; the first becomes visible last.
    """

    def __init__(self, prefix: str, suffixes: Sequence[str], storage: RenamingStorage) -> None:
        self._storage = storage
        self._prefix = prefix
        self._suffixes = tuple(suffixes)
        self._directory, _ = storage.split(prefix)
        self._files: dict[str, WritableFile] = {}
        self._finished: set[str] = set()
        self._renamed: list[str] = []
        self._temporary: list[str] = []

    def path(self, suffix: str) -> str:
        """Return the final path of a file."""
        return self._prefix + suffix

    @property
    def paths(self) -> tuple[str, ...]:
        """The final paths of the files that were created, the commit first."""
        return tuple(self.path(suffix) for suffix in self._suffixes if suffix in self._files)

    @property
    def nbytes(self) -> int:
        """Bytes written so far, over all files."""
        return sum(file.tell() for file in self._files.values())

    def create(self, suffix: str) -> WritableFile:
        """Create the file of a suffix under a temporary name."""
        check_suffix(suffix, self._suffixes, self._files)
        _, name = self._storage.split(self.path(suffix))
        temporary = temporary_name(name)
        _being_written.add(temporary)
        self._temporary.append(temporary)
        file = self._storage.create(self._storage.join(self._directory, temporary))
        self._files[suffix] = file
        return file

    def finish(self, suffix: str) -> None:
        """Make a file durable, before the others are: nothing more is written to it."""
        self._files[suffix].sync()
        self._files[suffix].close()
        self._finished.add(suffix)

    def end(self) -> None:
        """Forget the temporary names."""
        _being_written.difference_update(self._temporary)

    def commit(self) -> None:
        """Make all files durable and visible.

        Raises
        ------
        OSError
            If that failed before anything changed; the files are still to be discarded.
        CheckpointDurabilityError
            If the files are visible, but the directory could not be synced.
        """
        commit = self._suffixes[0]
        require_commit(commit, self._files)
        for suffix in self._files.keys() - self._finished:
            self.finish(suffix)
        for suffix in (*sorted(self._files.keys() - {commit}), commit):
            if suffix == commit and self._renamed:
                self._storage.sync_directory(self._directory)  # after a power cut, nothing names what is not there
            self._storage.rename(self._files[suffix].path, self.path(suffix))
            self._renamed.append(suffix)
        try:
            self._storage.sync_directory(self._directory)
        except OSError as error:
            raise CheckpointDurabilityError(
                path=self.path(commit),
                field="directory sync",
                found=error.strerror or str(error),
                expected="success",
            ) from error

    def discard(self) -> None:
        """Close and remove what is not committed; no OSError hides the one that led here."""
        committed = self._suffixes[0] in self._renamed
        for suffix, file in self._files.items():
            with suppress(OSError):
                file.close()
            if committed:
                continue
            with suppress(OSError):
                self._storage.remove(self.path(suffix) if suffix in self._renamed else file.path)


@contextmanager
def transaction(prefix: str, suffixes: Sequence[str], storage: Storage) -> Iterator[Files]:
    """Commit at the end of the block; after any exception nothing of it is left, unless only durability is in doubt."""
    files: Files
    if isinstance(storage, ObjectStorage):
        files = Uploads(prefix, suffixes, storage)
    elif isinstance(storage, RenamingStorage):
        files = Transaction(prefix, suffixes, storage)
    else:
        raise TypeError(f"{storage!r} is neither a RenamingStorage nor an ObjectStorage: nothing can be committed.")
    try:
        yield files
        files.commit()
    except BaseException:
        files.discard()
        raise
    finally:
        files.end()


def commit_bytes(
    path: Path, data: bytes, *, storage: Storage | None = None, lock_timeout: float = LOCK_TIMEOUT
) -> None:
    """Write a small file as checkpoints are written: after any crash the old contents are there, or the new.

    Parameters
    ----------
    path
        The file. Its directory must exist.
    data
        The new contents.
    storage
        Where; None for what the path says: a URL, or the local disk.
    lock_timeout
        Seconds to wait for the directory's lock.

    Raises
    ------
    OSError
        If it could not be written; the old file is as it was.
    CheckpointLockedError
        If someone else is saving in the directory.
    CheckpointDurabilityError
        If the new file is visible, but may not survive a power cut.
    """
    final = path_text(path)
    storage = choose_storage(storage, final)
    with storage.lock(storage.split(final)[0], lock_timeout), transaction(final, ("",), storage) as files:
        files.create("").write(data)
