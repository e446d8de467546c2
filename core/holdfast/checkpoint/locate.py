"""Which files are checkpoints: those of a prefix, those in a directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.checkpoint.formats import FormatChoice, recognise_path
from holdfast.checkpoint.opened import DamageNote, OpenCheckpoint
from holdfast.contracts import FormatSpec, Storage
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
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

    def open(self, formats: FormatChoice, storage: Storage, note: DamageNote | None = None) -> OpenCheckpoint:
        """Open it."""
        return OpenCheckpoint(self.path, self.prefix, self.spec, formats.format(self.spec.name)[1], storage, note)


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
