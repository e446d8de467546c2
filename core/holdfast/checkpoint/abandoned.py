"""Parts of a save that died between giving them their names and its commit."""

from __future__ import annotations

from holdfast.checkpoint.manifest import MANIFEST_SUFFIX, Manifest, read_manifest, split_part_name
from holdfast.contracts import Storage
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    NotFoundError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)

_NO_MANIFEST = (
    CorruptCheckpointError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
    CheckpointLimitError,
    NotFoundError,
)


def remove_parts_of(temporary: str, storage: Storage) -> None:
    """Remove the parts that an abandoned temporary file names, if that would have become a manifest.

    The manifest is written before its parts get their names, so nothing needs to be guessed: what is removed is what
    that save has written.
    """
    manifest = _read(temporary, storage)
    directory, _ = storage.split(temporary)
    for file in [file for part in manifest.parts for file in part] if manifest is not None else []:
        name = split_part_name(file.name)
        if name is None or storage.split(file.name)[1] != file.name:
            continue
        path, commit = storage.join(directory, file.name), storage.join(directory, name.base + MANIFEST_SUFFIX)
        if storage.status(path) is not None and not _is_committed(commit, name.save_id, storage):
            storage.remove(path)


def _read(path: str, storage: Storage) -> Manifest | None:
    """Return the manifest in a file, None if there is none."""
    try:
        return read_manifest(path, storage)
    except _NO_MANIFEST:
        return None


def _is_committed(path: str, save_id: str, storage: Storage) -> bool:
    """Whether a save is what a manifest stands for; one that cannot be read may stand for anything."""
    if storage.status(path) is None:
        return False
    manifest = _read(path, storage)
    return manifest is None or manifest.save_id == save_id
