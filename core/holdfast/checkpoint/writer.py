"""Saving: tensors and metadata become one committed checkpoint."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats
from holdfast.checkpoint.locate import UNREADABLE, Located, at_prefix, parts_of
from holdfast.checkpoint.metadata import CheckpointMetadata, SaveMetadata, encode_metadata, writer_name
from holdfast.checkpoint.names import Path, path_text, printable, split_prefix
from holdfast.checkpoint.notebook import table
from holdfast.checkpoint.parts import Arranged, arrange_shards
from holdfast.checkpoint.pins import require_unpinned
from holdfast.checkpoint.retention import CheckpointRecord
from holdfast.checkpoint.sequence import draw_sequence, remember_sequence
from holdfast.checkpoint.sharded_reader import part_identity
from holdfast.checkpoint.shards import Part, ShardedSave
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.transaction import LOCK_TIMEOUT, Files, remove_abandoned, transaction
from holdfast.checkpoint.wording import size_text, time_text
from holdfast.contracts import CheckpointFormat, FormatSpec, ObjectStorage, Storage, TensorSource
from holdfast.errors import FailedPreconditionError, NotFoundError

logger = logging.getLogger("holdfast.checkpoint")


@dataclass(frozen=True, slots=True)
class SavedCheckpoint:
    """A checkpoint that was committed: durable, as far as the storage can promise."""

    prefix: str
    """Its path without suffix, as it was given."""
    path: str
    """The file by which it is recognised."""
    files: tuple[str, ...]
    """All its files, that one first."""
    format: str
    """Name of its format."""
    lineage: str
    """Id of the run of saves that it belongs to: to be given to the next save."""
    origin: float
    """When that run began: to be given to the next save."""
    save_sequence: int
    """Higher than those of all earlier saves."""
    global_step: int | None
    """The training step, where one was given."""
    time: float
    """When it was saved, in seconds since the epoch."""
    metrics: Mapping[str, float]
    """Figures of quality that were given."""
    nbytes: int
    """Size of its files."""

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        facts = {
            "file": f"{self.path} ({size_text(self.nbytes)})",
            "format": self.format,
            "global step": self.global_step,
            "saved": time_text(self.time),
            "lineage": self.lineage,
            "metrics": ", ".join(f"{name} = {value:g}" for name, value in self.metrics.items()),
        }
        return table("Saved checkpoint", facts)

    def record(self) -> CheckpointRecord:
        """Return what retention needs to know of it."""
        return CheckpointRecord(
            self.prefix,
            self.time,
            self.save_sequence,
            self.lineage,
            self.metrics,
            files=self.files,
            origin=self.origin,
            global_step=self.global_step,
        )


def write_checkpoint(
    prefix: Path,
    tensors: Sequence[TensorSource],
    *,
    shards: Sequence[Hashable] | None = None,
    format: str | None = None,
    format_options: Mapping[str, Any] | None = None,
    metadata: SaveMetadata | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> SavedCheckpoint:
    """Write a checkpoint and make it durable: after any crash the prefix holds the old one or the new one, in full.

    Parameters
    ----------
    prefix
        Path without suffix, in a directory that exists.
    tensors
        What to save, from :func:`tensor_source`. Slices of one tensor that make up the whole are stored as one.
    shards
        A key for each tensor, such as the name of its device: what has one key goes into one part, and the parts are
        written in parallel, so values that are functions are called by several threads. None writes one file, and on a
        storage of objects one part.
    format, format_options
        Name of the format and its options; None for what is configured.
    metadata
        What to say about it.
    storage
        Where; None for what the prefix says: a URL, or the local disk.
    formats
        The formats there are; None for those of the enabled plug-ins.
    lock_timeout
        Seconds to wait for another save in the same directory.

    Returns
    -------
    What was written. A checkpoint that the prefix had before, in whatever format and layout, is replaced.

    Raises
    ------
    InvalidArgumentError
        If a name is not allowed or used twice, parts do not fit together, or the metadata is not JSON or too large.
    FailedPreconditionError
        If the prefix has a checkpoint that is pinned, or that the format cannot replace atomically.
    CheckpointLockedError
        If someone else is saving in the directory.
    OSError
        With errno, if it could not be written: nothing has changed, and nothing is left behind.
    CheckpointDurabilityError
        If it was written and is visible, but may not survive a power cut: nothing was deleted.
    """
    place = path_text(prefix)
    storage, formats = choose_storage(storage, place), choose_formats(formats)
    directory, base = split_prefix(place, storage)
    spec, fmt = formats.format(format, format_options)
    notes = metadata or SaveMetadata()
    arranged = arrange_shards(tensors, shards)
    in_parts = shards is not None or isinstance(storage, ObjectStorage)
    for part in arranged:
        encode_metadata(_complete(notes, 0, part.partial))  # what is wrong with it is told before anything is done
    with storage.lock(directory, lock_timeout):
        remove_abandoned(directory, storage)
        require_unpinned(place, storage)
        siblings = at_prefix(place, formats, storage)
        if not in_parts:
            _refuse_unsafe_overwrite(spec, siblings)
        others = siblings if in_parts else [item for item in siblings if item.path != place + spec.suffixes[0]]
        superseded = _superseded(place, others, formats, storage)
        whole = _complete(notes, draw_sequence(directory, siblings, formats, storage), {})
        if in_parts:
            files = _write_parts(place, base, spec, fmt, arranged, whole, storage)
        else:
            files = _write_one(place, spec, fmt, arranged[0], whole, storage)
        remember_sequence(files.paths[0], whole.save_sequence, storage)
        _remove([path for path in superseded if path not in files.paths], storage)
    return SavedCheckpoint(
        prefix=place,
        path=files.paths[0],
        files=files.paths,
        format=spec.name,
        lineage=str(whole.lineage),
        origin=float(whole.origin or 0.0),
        save_sequence=whole.save_sequence,
        global_step=whole.global_step,
        time=float(whole.time or 0.0),
        metrics=whole.metrics,
        nbytes=files.nbytes,
    )


def _complete(notes: SaveMetadata, sequence: int, partial: Mapping[str, Any]) -> CheckpointMetadata:
    """Return the whole metadata; a save without a lineage begins one."""
    now = time.time()
    return CheckpointMetadata(
        writer=writer_name(),
        lineage=notes.lineage or secrets.token_hex(16),
        origin=now if notes.origin is None else notes.origin,
        save_sequence=sequence,
        global_step=None if notes.global_step is None else int(notes.global_step),
        time=now,
        metrics={name: float(value) for name, value in notes.metrics.items()},
        random_streams=notes.random_streams,
        user=notes.user,
        partial=partial,
        tree=notes.tree,
    )


def _refuse_unsafe_overwrite(spec: FormatSpec, siblings: Sequence[Located]) -> None:
    """Refuse to replace a checkpoint where that takes several renames: a crash between them would mix old and new."""
    same = [item.path for item in siblings if item.spec is not None and item.spec.name == spec.name]
    if same and not spec.atomic_overwrite:
        raise FailedPreconditionError(
            None,
            None,
            f"{printable(same[0], 500)} exists, and format {spec.name} cannot replace a checkpoint atomically. Save "
            f"under another prefix, "
            "such as one with the step, or in another format.",
        )


def _write_one(
    prefix: str,
    spec: FormatSpec,
    fmt: CheckpointFormat,
    arranged: Arranged,
    whole: CheckpointMetadata,
    storage: Storage,
) -> Files:
    """Write and commit a checkpoint in the files of its format."""
    with transaction(prefix, spec.suffixes, storage) as files:
        fmt.write(files, arranged.sources, encode_metadata(replace(whole, partial=arranged.partial)))
    return files


def _write_parts(
    prefix: str,
    base: str,
    spec: FormatSpec,
    fmt: CheckpointFormat,
    arranged: Sequence[Arranged],
    whole: CheckpointMetadata,
    storage: Storage,
) -> Files:
    """Write and commit a checkpoint of several parts."""
    save = ShardedSave.begin(base, spec, len(arranged))
    parts = []
    for number, part in enumerate(arranged):
        # The rest stands in the manifest. This is for whoever finds the part alone.
        said = replace(
            whole,
            metrics={},
            random_streams={},
            user={},
            tree={},
            partial=part.partial,
            part=part_identity(save.save_id, number, save.count),
        )
        parts.append(Part(part.sources, encode_metadata(said)))
    with transaction(prefix, save.suffixes(), storage) as files:
        save.write(fmt, parts, encode_metadata(whole), whole.save_sequence, files)
    return files


def _superseded(prefix: str, siblings: Sequence[Located], formats: FormatChoice, storage: Storage) -> list[str]:
    """Return the files of a prefix that a save makes superfluous, each checkpoint's commit first."""
    found: list[str] = []
    for located in siblings:
        try:
            foreign = located.metadata(formats, storage).writer is None
        except (OSError, NotFoundError, *UNREADABLE) as error:
            if located.spec is not None:
                logger.warning("%s is damaged, and is left where it is: %s", printable(located.path, 500), error)
            foreign = located.spec is not None
        if not foreign:
            found += located.files(storage)
    if not isinstance(storage, ObjectStorage):  # there, someone else may be writing parts at the same time
        found += [path for path in parts_of(prefix, storage) if path not in found]
    return found


def _remove(paths: Sequence[str], storage: Storage) -> None:
    """Remove superfluous files, all that are there; a failure is a warning, and the rest waits for the next save."""
    for path in paths:
        try:
            if storage.status(path) is not None:
                storage.remove(path)
        except OSError as error:
            logger.warning("%s is superseded and could not be removed: %s", printable(path, 500), error)
            return
