"""Saving: tensors and metadata become one committed checkpoint."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats
from holdfast.checkpoint.locate import UNREADABLE, Located, at_prefix
from holdfast.checkpoint.metadata import CheckpointMetadata, SaveMetadata, encode_metadata, writer_name
from holdfast.checkpoint.names import Path, printable, split_prefix
from holdfast.checkpoint.parts import arrange
from holdfast.checkpoint.retention import CheckpointRecord
from holdfast.checkpoint.sequence import draw_sequence, remember_sequence
from holdfast.checkpoint.storage_local import local_storage
from holdfast.checkpoint.transaction import LOCK_TIMEOUT, remove_abandoned, transaction
from holdfast.contracts import FormatSpec, Storage, TensorSource
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

    def record(self) -> CheckpointRecord:
        """Return what retention needs to know of it."""
        return CheckpointRecord(
            self.prefix, self.time, self.save_sequence, self.lineage, self.metrics, files=self.files
        )


def write_checkpoint(
    prefix: Path,
    tensors: Sequence[TensorSource],
    *,
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
        What to save, from :func:`tensor_source`. Parts of one tensor that make up the whole are stored as one.
    format, format_options
        Name of the format and its options; None for what is configured.
    metadata
        What to say about it.
    storage
        Where; None for the local disk.
    formats
        The formats there are; None for those of the enabled plug-ins.
    lock_timeout
        Seconds to wait for another save in the same directory.

    Returns
    -------
    What was written. A checkpoint that the prefix had before, in whatever format, is replaced.

    Raises
    ------
    InvalidArgumentError
        If a name is not allowed or used twice, parts do not fit together, or the metadata is not JSON or too large.
    FailedPreconditionError
        If the prefix has a checkpoint and the format cannot replace one atomically.
    CheckpointLockedError
        If someone else is saving in the directory.
    OSError
        With errno, if it could not be written: nothing has changed, and nothing is left behind.
    CheckpointDurabilityError
        If it was written and is visible, but may not survive a power cut: nothing was deleted.
    """
    storage, formats = storage or local_storage(), choose_formats(formats)
    place = os.fspath(prefix)
    directory, _ = split_prefix(place, storage)
    spec, fmt = formats.format(format, format_options)
    notes = metadata or SaveMetadata()
    arranged = arrange(tensors)
    encode_metadata(_complete(notes, 0, arranged.partial))  # what is wrong with it is told before anything is done
    with storage.lock(directory, lock_timeout):
        remove_abandoned(directory, storage)
        siblings = at_prefix(place, formats, storage)
        _refuse_unsafe_overwrite(spec, siblings)
        whole = _complete(notes, draw_sequence(directory, siblings, formats, storage), arranged.partial)
        with transaction(place, spec.suffixes, storage) as files:
            fmt.write(files, arranged.sources, encode_metadata(whole))
        remember_sequence(files.paths[0], whole.save_sequence, storage)
        _remove_superseded(spec, siblings, formats, storage)
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
    )


def _refuse_unsafe_overwrite(spec: FormatSpec, siblings: Sequence[Located]) -> None:
    """Refuse to replace a checkpoint where that takes several renames: a crash between them would mix old and new."""
    same = [located.path for located in siblings if located.spec.name == spec.name]
    if same and not spec.atomic_overwrite:
        raise FailedPreconditionError(
            None,
            None,
            f"{printable(same[0], 500)} exists, and format {spec.name} cannot replace a checkpoint atomically. Save "
            f"under another prefix, "
            "such as one with the step, or in another format.",
        )


def _remove_superseded(spec: FormatSpec, siblings: Sequence[Located], formats: FormatChoice, storage: Storage) -> None:
    """Remove what the prefix had in other formats, where holdfast wrote it; a failure is a warning."""
    for located in siblings:
        if located.spec.name == spec.name:
            continue
        try:
            with located.open(formats, storage) as checkpoint:
                if checkpoint.metadata.writer is None:
                    continue
            for suffix in located.spec.suffixes:
                if storage.status(located.prefix + suffix) is not None:
                    storage.remove(located.prefix + suffix)
        except (OSError, NotFoundError, *UNREADABLE) as error:
            logger.warning("%s is superseded and could not be removed: %s", printable(located.path, 500), error)
