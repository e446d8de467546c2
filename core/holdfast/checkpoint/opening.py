"""From a path to an open checkpoint: a prefix, a file, or a directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats, recognise, unrecognised
from holdfast.checkpoint.locate import UNREADABLE, Located, at_prefix
from holdfast.checkpoint.names import Path, base_name, printable
from holdfast.checkpoint.opened import Damaged, DamageNote, OpenCheckpoint
from holdfast.checkpoint.scan import neighbours
from holdfast.checkpoint.state import latest_checkpoint
from holdfast.checkpoint.storage_local import local_storage
from holdfast.contracts import Storage
from holdfast.errors import CorruptCheckpointError, NotFoundError, OpError, TruncatedCheckpointError

_MOST_NAMED = 3


def open_checkpoint(path: Path, *, storage: Storage | None = None, formats: Formats = None) -> OpenCheckpoint:
    """Open a checkpoint for reading.

    Parameters
    ----------
    path
        A prefix, as given to a save; a file of a checkpoint; or a directory, which stands for its latest checkpoint.
    storage
        Where; None for the local disk.
    formats
        The formats to try, by what the file begins with; None for those of the enabled plug-ins. A checkpoint never
        makes a plug-in load.

    Returns
    -------
    The open checkpoint, to be closed by the caller: use it in a ``with`` block.

    Raises
    ------
    NotFoundError
        If there is nothing; the message says what lies beside it.
    CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError, CheckpointLimitError
        If it is damaged, or no checkpoint in a format that is enabled. The advice names other checkpoints of the same
        base name in the directory.
    """
    storage, formats = storage or local_storage(), choose_formats(formats)
    note = partial(_name_others, formats=formats, storage=storage)
    try:
        return _open(os.fspath(path), formats, storage, note)
    except (CorruptCheckpointError, TruncatedCheckpointError) as error:
        note(error)
        raise


def _open(place: str, formats: FormatChoice, storage: Storage, note: DamageNote) -> OpenCheckpoint:
    """Open what a path stands for."""
    candidates = at_prefix(place, formats, storage)
    if candidates:
        return _open_newest(candidates, formats, storage, note)
    status = storage.status(place)
    if status is not None and not status.is_directory:
        return _open_file(place, formats, storage, note)
    if status is not None:
        latest = latest_checkpoint(place, storage=storage, formats=formats)
        if latest is not None:
            return _open(latest, formats, storage, note)
    _refuse_damaged_prefix(place, formats, storage)
    directory = place if status is not None else storage.split(place)[0]
    first = f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {place}"
    beside = [] if status is not None else _others(place, formats, storage)
    if beside:
        names = [storage.split(prefix)[1] for prefix in beside]
        second = f"Beside it there is {_listed(names)}."
    else:
        second = f"There is no checkpoint in directory {printable(directory, 500)}."
    raise NotFoundError(None, None, f"{first}\n{second}")


def _others(prefix: str, formats: FormatChoice, storage: Storage) -> list[str]:
    """Return the prefixes of the checkpoints beside one, newest first; nothing where they cannot be looked at."""
    try:
        return neighbours(prefix, formats, storage)
    except (OSError, OpError):  # the error that they are wanted for says more
        return []


def _listed(prefixes: Sequence[str]) -> str:
    """Return the first of some prefixes as text, and how many more there are."""
    more = len(prefixes) - _MOST_NAMED
    return ", ".join(printable(prefix, 500) for prefix in prefixes[:_MOST_NAMED]) + (
        f" and {more} more" if more > 0 else ""
    )


def _name_others(error: Damaged, formats: FormatChoice, storage: Storage) -> None:
    """Add to the error of a damaged checkpoint which others of its base name there are."""
    suffixes = [suffix for spec in formats.formats.values() for suffix in spec.suffixes if error.path.endswith(suffix)]
    prefix = error.path.removesuffix(max(suffixes, key=len, default=""))
    same = [other for other in _others(prefix, formats, storage) if base_name(other) == base_name(prefix)]
    if same:
        error.add_advice(f"Others in its directory, newest first, not verified: {_listed(same)}")


def _open_newest(
    candidates: list[Located], formats: FormatChoice, storage: Storage, note: DamageNote
) -> OpenCheckpoint:
    """Open the checkpoint of the highest save sequence among those of one prefix."""
    newest: OpenCheckpoint | None = None
    for candidate in candidates:
        try:
            opened = candidate.open(formats, storage, note)
        except UNREADABLE:
            # Which of them is newer cannot be told now, and an older one must not pass for what was asked for.
            if newest is not None:
                newest.close()
            raise
        if newest is None:
            newest = opened
            continue
        older, newest = sorted((newest, opened), key=lambda item: item.metadata.save_sequence)
        older.close()
    if newest is None:
        raise ValueError("no candidates")
    return newest


def _open_file(path: str, formats: FormatChoice, storage: Storage, note: DamageNote) -> OpenCheckpoint:
    """Open the checkpoint that a file belongs to."""
    file = storage.open(path)
    try:
        spec = recognise(file, formats)
        if spec is None:
            located = _owner(path, formats, storage)
            if located is None:
                raise unrecognised(file, formats)
            return located.open(formats, storage, note)
    finally:
        file.close()
    return Located(path, path.removesuffix(spec.suffixes[0]), spec).open(formats, storage, note)


def _owner(path: str, formats: FormatChoice, storage: Storage) -> Located | None:
    """Return the checkpoint of several files that a file without magic is one of."""
    for spec in formats.formats.values():
        for suffix in spec.suffixes[1:]:
            if path.endswith(suffix):
                prefix = path.removesuffix(suffix)
                found = [item for item in at_prefix(prefix, formats, storage) if item.spec.name == spec.name]
                if found:
                    return found[0]
    return None


def _refuse_damaged_prefix(prefix: str, formats: FormatChoice, storage: Storage) -> None:
    """Raise for a file that stands where a checkpoint of the prefix would, but is none: it is damaged, not missing."""
    for spec in formats.formats.values():
        path = prefix + spec.suffixes[0]
        status = storage.status(path)
        if status is not None:
            file = storage.open(path)
            try:
                raise unrecognised(file, formats)
            finally:
                file.close()
