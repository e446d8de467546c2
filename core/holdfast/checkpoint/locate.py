"""Which files are checkpoints: those of a prefix, those in a directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from holdfast.checkpoint.formats import FormatChoice, Kind, commit_suffixes, kind_of_path
from holdfast.checkpoint.manifest import MANIFEST_SUFFIX, read_manifest, split_part_name
from holdfast.checkpoint.metadata import CheckpointMetadata, decode_metadata
from holdfast.checkpoint.opened import CheckpointInputs, DamageNote, OpenCheckpoint
from holdfast.checkpoint.sharded_reader import open_sharded
from holdfast.contracts import FormatSpec, MetadataFormat, Storage
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
    """One file that is a checkpoint of a known format, or the manifest of one of several parts."""

    path: str
    """The file: by its appearance the checkpoint was committed."""
    prefix: str
    """Its path without suffix."""
    spec: FormatSpec | None
    """The format, by magic; None for a manifest."""

    def open(self, formats: FormatChoice, storage: Storage, note: DamageNote | None = None) -> OpenCheckpoint:
        """Open the checkpoint."""
        if self.spec is None:
            return open_sharded(self.path, self.prefix, formats, storage, note)
        inputs = CheckpointInputs(self.path, self.prefix, self.spec, storage)
        fmt = formats.format(self.spec.name)[1]
        files = (self.path, *(self.prefix + suffix for suffix in self.spec.suffixes[1:]))
        return OpenCheckpoint(self.path, self.prefix, self.spec, files, partial(fmt.open, inputs), inputs.close, note)

    def metadata(self, formats: FormatChoice, storage: Storage) -> CheckpointMetadata:
        """Return what the checkpoint says about itself; the rest of it is looked at only if the format must."""
        if self.spec is None:
            return decode_metadata(read_manifest(self.path, storage).metadata, self.path)
        fmt = formats.format(self.spec.name)[1]
        if isinstance(fmt, MetadataFormat):
            inputs = CheckpointInputs(self.path, self.prefix, self.spec, storage)
            try:
                return decode_metadata(fmt.read_metadata(inputs), self.path)
            finally:
                inputs.close()
        with self.open(formats, storage) as checkpoint:
            return checkpoint.metadata

    def files(self, storage: Storage) -> list[str]:
        """Return the paths of all its files, the commit first: in this order they are to be removed."""
        if self.spec is not None:
            return [self.path, *(self.prefix + suffix for suffix in self.spec.suffixes[1:])]
        try:
            return [self.prefix + tail for tail in read_manifest(self.path, storage).tails()]
        except (*UNREADABLE, NotFoundError):
            return [self.path, *parts_of(self.prefix, storage)]


def parts_of(prefix: str, storage: Storage) -> list[str]:
    """Return the files of parts that lie at a prefix, of whatever save."""
    directory, base = storage.split(prefix)
    names = [name for name in storage.list_directory(directory) if name.startswith(f"{base}.")]
    return [
        storage.join(directory, name)
        for name in names
        if (part := split_part_name(name)) is not None and part.base == base
    ]


def located(path: str, kind: Kind) -> Located | None:
    """Return the checkpoint that a file is the commit of, if its name ends as that of one."""
    if kind is None:
        return None
    spec = None if kind == "manifest" else kind
    suffix = MANIFEST_SUFFIX if spec is None else spec.suffixes[0]
    return Located(path, path.removesuffix(suffix), spec) if path.endswith(suffix) else None


def at_prefix(prefix: str, formats: FormatChoice, storage: Storage) -> list[Located]:
    """Return the checkpoints of a prefix, at most one a format and one of several parts."""
    found = []
    for suffix in commit_suffixes(formats, storage):
        item = located(prefix + suffix, kind_of_path(prefix + suffix, formats, storage))
        if item is not None and item.prefix == prefix:
            found.append(item)
    return found


def in_directory(directory: str, formats: FormatChoice, storage: Storage) -> Iterator[Located]:
    """Yield all checkpoints in a directory, by name of the file; parts count as what they are parts of."""
    suffixes = commit_suffixes(formats, storage)
    for name in storage.list_directory(directory):
        if name.startswith(".") or not name.endswith(suffixes) or split_part_name(name) is not None:
            continue
        path = storage.join(directory, name)
        found = located(path, kind_of_path(path, formats, storage))
        if found is not None and storage.split(found.prefix)[1]:
            yield found
