"""From a path to the file that is meant: a prefix, a file, or a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats, recognise, recognise_path, unrecognised
from holdfast.checkpoint.names import Path
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.storage_local import local_storage
from holdfast.contracts import FormatSpec, Storage
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    NotFoundError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)

UNREADABLE = (CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError, CheckpointLimitError)
"""What a damaged or foreign file gives."""


@dataclass(frozen=True, slots=True)
class Located:
    """One file that is a checkpoint of a known format."""

    path: str
    """The file."""
    prefix: str
    """Its path without the format's suffix."""
    spec: FormatSpec
    """The format, by magic."""

    def open(self, formats: FormatChoice, storage: Storage) -> OpenCheckpoint:
        """Open it."""
        return OpenCheckpoint(self.path, self.prefix, self.spec, formats.format(self.spec.name)[1], storage)


def at_prefix(prefix: str, formats: FormatChoice, storage: Storage) -> list[Located]:
    """Return the checkpoints of a prefix, at most one a format; files of other kinds are not counted."""
    found = []
    for suffix in {spec.suffixes[0]: None for spec in formats.formats.values()}:
        spec = recognise_path(prefix + suffix, formats, storage)
        if spec is not None and spec.suffixes[0] == suffix:
            found.append(Located(prefix + suffix, prefix, spec))
    return found


def in_directory(directory: str, formats: FormatChoice, storage: Storage) -> Iterator[Located]:
    """Yield all checkpoints in a directory, by name of the file."""
    suffixes = {spec.suffixes[0] for spec in formats.formats.values()}
    for name in storage.list_directory(directory):
        if name.startswith(".") or not name.endswith(tuple(suffixes)):
            continue
        path = storage.join(directory, name)
        spec = recognise_path(path, formats, storage)
        if spec is not None and name.endswith(spec.suffixes[0]) and name != spec.suffixes[0]:
            yield Located(path, path.removesuffix(spec.suffixes[0]), spec)


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
        If there is nothing.
    CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError, CheckpointLimitError
        If it is damaged, or no checkpoint in a format that is enabled.
    """
    storage, formats = storage or local_storage(), choose_formats(formats)
    place = os.fspath(path)
    candidates = at_prefix(place, formats, storage)
    if candidates:
        return _open_newest(candidates, formats, storage)
    status = storage.status(place)
    if status is not None and not status.is_directory:
        return _open_file(place, formats, storage)
    if status is not None:
        from holdfast.checkpoint.state import latest_checkpoint  # which itself opens checkpoints

        latest = latest_checkpoint(place, storage=storage, formats=formats)
        if latest is not None:
            return open_checkpoint(latest, storage=storage, formats=formats)
    _refuse_damaged_prefix(place, formats, storage)
    raise NotFoundError(
        None, None, f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {place}"
    )


def _open_newest(candidates: list[Located], formats: FormatChoice, storage: Storage) -> OpenCheckpoint:
    """Open the checkpoint of the highest save sequence among those of one prefix."""
    newest: OpenCheckpoint | None = None
    for candidate in candidates:
        try:
            opened = candidate.open(formats, storage)
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


def _open_file(path: str, formats: FormatChoice, storage: Storage) -> OpenCheckpoint:
    """Open the checkpoint that a file belongs to."""
    file = storage.open(path)
    try:
        spec = recognise(file, formats)
        if spec is None:
            located = _owner(path, formats, storage)
            if located is None:
                raise unrecognised(file, formats)
            return located.open(formats, storage)
    finally:
        file.close()
    return Located(path, path.removesuffix(spec.suffixes[0]), spec).open(formats, storage)


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
