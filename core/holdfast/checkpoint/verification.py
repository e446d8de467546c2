"""Verifying: every byte of a checkpoint read, every digest compared, and a list of all that is damaged."""

from __future__ import annotations

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats
from holdfast.checkpoint.locate import Located, at_prefix, in_directory
from holdfast.checkpoint.names import Path, path_text, printable
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.progress import Meter, Progress
from holdfast.checkpoint.state import STATE_FILE, named_latest
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.strays import strays
from holdfast.checkpoint.verified import FAULTS, Fault, VerifiedCheckpoint, VerifyReport, fault_of, verify_open
from holdfast.contracts import Storage
from holdfast.errors import NotFoundError


def verify(
    path: Path, *, progress: Progress | None = None, storage: Storage | None = None, formats: Formats = None
) -> VerifyReport:
    """Read everything that a checkpoint holds, compare every digest, and decode every value.

    Parameters
    ----------
    path
        A prefix or a file; or a directory, which stands for all its checkpoints and its state file.
    progress
        Called with the bytes that are done, and all bytes.
    storage, formats
        As for :func:`open_checkpoint`.

    Returns
    -------
    All that is wrong, tensor by tensor: damage is reported, not raised. Memory stays bounded.

    Raises
    ------
    NotFoundError
        If there is nothing to verify.
    """
    place = path_text(path)
    storage, formats = choose_storage(storage, place), choose_formats(formats)
    status = storage.status(place)
    if status is not None and status.is_directory and not at_prefix(place, formats, storage):
        return _Directory(place, formats, storage).verify(progress)
    return VerifyReport(place, (_verify_one(place, progress, formats, storage),))


def _verify_one(place: str, progress: Progress | None, formats: FormatChoice, storage: Storage) -> VerifiedCheckpoint:
    """Verify the checkpoint of a prefix or a file."""
    try:
        checkpoint = open_checkpoint(place, storage=storage, formats=formats)
    except FAULTS as error:
        if isinstance(error, NotFoundError) and not _something_at(place, formats, storage):
            raise
        path = getattr(error, "path", None) or place
        return VerifiedCheckpoint(str(path), None, None, 0, 0, (fault_of(None, error),))
    with checkpoint:
        return verify_open(checkpoint, progress)


def _something_at(place: str, formats: FormatChoice, storage: Storage) -> bool:
    """Whether a checkpoint, or what is left of one, is at a path."""
    status = storage.status(place)
    return bool(at_prefix(place, formats, storage)) or (status is not None and not status.is_directory)


class _Directory:
    """All that a directory says it holds."""

    def __init__(self, path: str, formats: FormatChoice, storage: Storage) -> None:
        self._path = path
        self._formats = formats
        self._storage = storage

    def verify(self, progress: Progress | None) -> VerifyReport:
        """Verify all checkpoints, those that cannot be recognised any more included."""
        found = list(in_directory(self._path, self._formats, self._storage))
        sizes = [self._size(item) for item in found]
        meter = Meter(progress, sum(sizes))
        checkpoints = []
        for item, size in zip(found, sizes, strict=True):
            start = meter.done
            verified = self._verify(item, _share(meter, start, size))
            if verified is not None:
                checkpoints.append(verified)
            meter.reach(start + size)
        lost, notes = self._others(found)
        if not checkpoints and not lost:
            raise NotFoundError(
                None, None, f"There is no checkpoint in directory {printable(self._path, 500)}.{' '.join(['', *notes])}"
            )
        return VerifyReport(self._path, (*checkpoints, *lost), tuple(notes))

    def _size(self, item: Located) -> int:
        """Return the bytes of a checkpoint's files."""
        found = [self._storage.status(path) for path in item.files(self._storage)]
        return sum(status.size for status in found if status is not None)

    def _verify(self, item: Located, progress: Progress) -> VerifiedCheckpoint | None:
        """Verify one of the checkpoints; None if someone deleted it just now."""
        try:
            checkpoint = item.open(self._formats, self._storage)
        except FAULTS as error:
            if isinstance(error, NotFoundError) and self._storage.status(item.path) is None:
                return None
            name = None if item.spec is None else item.spec.name
            integrity = None if item.spec is None else item.spec.integrity
            return VerifiedCheckpoint(item.path, name, integrity, 0, 0, (fault_of(None, error),))
        with checkpoint:
            return verify_open(checkpoint, progress)

    def _others(self, found: list[Located]) -> tuple[list[VerifiedCheckpoint], list[str]]:
        """Return what is no checkpoint and should be one, and notes on what only looks like one."""
        lost: dict[str, VerifiedCheckpoint] = {}
        notes = []
        latest = named_latest(self._path, STATE_FILE, self._storage)
        for stray in strays(self._path, {item.path for item in found}, latest, self._formats, self._storage):
            if stray.damaged:
                fault = fault_of(None, stray.error)
                lost[stray.prefix] = VerifiedCheckpoint(stray.path, None, None, 0, 0, (fault,))
            else:
                notes.append(f"Not counted as a checkpoint: {stray.error.message}")
        if latest is not None and latest not in lost and all(item.prefix != latest for item in found):
            message = f"The state file names {printable(latest, 500)} as the latest checkpoint, which is not there."
            fault = Fault(None, "NotFoundError", message, damage=True)
            lost[latest] = VerifiedCheckpoint(latest, None, None, 0, 0, (fault,))
        return list(lost.values()), notes


def _share(meter: Meter, start: int, size: int) -> Progress:
    """Return who is told how far one of several checkpoints has come."""
    return lambda done, total: meter.reach(start + size * done // max(1, total))
