"""The checkpoints that a saver answers for: its own and those it adopted, and which of them stay."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from holdfast.checkpoint.formats import Formats, choose_formats
from holdfast.checkpoint.locate import UNREADABLE, at_prefix, in_directory
from holdfast.checkpoint.names import Path, base_name, printable, split_prefix
from holdfast.checkpoint.retention import CheckpointRecord, RetentionPolicy, plan_retention
from holdfast.checkpoint.state import update_checkpoint_state
from holdfast.checkpoint.storage_local import local_storage
from holdfast.checkpoint.transaction import LOCK_TIMEOUT
from holdfast.checkpoint.writer import SavedCheckpoint
from holdfast.contracts import Storage
from holdfast.errors import NotFoundError

logger = logging.getLogger("holdfast.checkpoint")

META_SUFFIX = ".meta"
"""The graph beside a checkpoint; it goes with it."""


class CheckpointHistory:
    """A list of checkpoints in the order of their commits, with a policy on which of them stay.

    Parameters
    ----------
    policy
        The rules of retention.
    origin
        When the run of saves began, in seconds since the epoch: what :class:`SavedCheckpoint` and the metadata of a
        restored
        checkpoint call so. None to take it from the first checkpoint that is added.
    storage, formats
        As for :func:`write_checkpoint`.
    """

    def __init__(
        self,
        policy: RetentionPolicy,
        *,
        origin: float | None = None,
        storage: Storage | None = None,
        formats: Formats = None,
    ) -> None:
        self.policy = policy
        self.origin = origin
        self._storage = storage or local_storage()
        self._formats = formats
        self._records: dict[str, CheckpointRecord] = {}

    def _key(self, prefix: str) -> str:
        """Return what a checkpoint is known by, however its path is written: an overwritten one must not be deleted."""
        directory, base = self._storage.split(prefix)
        return self._storage.join(self._storage.resolve(directory), base)

    @property
    def records(self) -> tuple[CheckpointRecord, ...]:
        """The checkpoints, oldest first."""
        return tuple(self._records.values())

    def add(self, saved: SavedCheckpoint | CheckpointRecord) -> None:
        """Append a checkpoint; one of the same prefix gives way, since it was overwritten."""
        if isinstance(saved, SavedCheckpoint):
            self.origin = saved.origin if self.origin is None else self.origin
            saved = saved.record()
        key = self._key(saved.prefix)
        self._records.pop(key, None)
        self._records[key] = saved

    def replace(self, records: Iterable[CheckpointRecord]) -> None:
        """Replace the whole list."""
        self._records = {}
        for record in records:
            self.add(record)

    def adopt(self, prefix: Path, *, lineage: str | None) -> int:
        """Take over what earlier processes saved beside a checkpoint: same base name and same lineage.

        They come before what is on the list already, in the order of their commits.

        Parameters
        ----------
        prefix
            Prefix of the checkpoint that was restored; its base name is what :func:`base_name` gives.
        lineage
            Its lineage; None adopts nothing.

        Returns
        -------
        How many were adopted.
        """
        directory, _ = split_prefix(prefix, self._storage)
        found = [] if lineage is None else self._found(directory, base_name(prefix), lineage)
        new = [
            record
            for record in sorted(found, key=lambda item: item.save_sequence)
            if self._key(record.prefix) not in self._records
        ]
        self.replace([*new, *self.records])
        return len(new)

    def _found(self, directory: str, base: str, lineage: str) -> list[CheckpointRecord]:
        """Return the checkpoints of a base name and lineage in a directory."""
        formats = choose_formats(self._formats)
        records: dict[str, CheckpointRecord] = {}
        for located in in_directory(directory, formats, self._storage):
            name = self._storage.split(located.prefix)[1]
            if base_name(name) != base or name == base:
                continue  # without a step it is a checkpoint that was given a name, not one of a series
            try:
                with located.open(formats, self._storage) as checkpoint:
                    said = checkpoint.metadata
            except (OSError, NotFoundError, *UNREADABLE):
                continue  # whose it is cannot be told, so it is left alone
            known = records.get(located.prefix)
            if said.lineage == lineage and (known is None or known.save_sequence < said.save_sequence):
                records[located.prefix] = CheckpointRecord(
                    located.prefix, said.time or 0.0, said.save_sequence, lineage, said.metrics
                )
                self.origin = said.origin if self.origin is None else self.origin
        return list(records.values())

    def publish(self, directory: Path, latest_filename: str | None = None) -> tuple[str, ...]:
        """Write the state file, then delete what the policy does not keep, all at once.

        Parameters
        ----------
        directory
            Where the state file goes.
        latest_filename
            Its name; None for ``checkpoint``.

        Returns
        -------
        The prefixes that were deleted. One that could not be is logged as a warning, stays on the list and is tried
        again by the next call.

        Raises
        ------
        ValueError
            If the list is empty, or its last checkpoint does not lie in the directory.
        OSError, CheckpointDurabilityError
            If the state file could not be written; nothing was deleted.
        """
        if not self._records:
            raise ValueError("There is no checkpoint to publish; add what write_checkpoint returned.")
        with self._storage.lock(os.fspath(directory), LOCK_TIMEOUT):
            there = {record.prefix for record in self.records if self._files(record)}
            newest = self.records[-1].prefix
            plan = plan_retention(self.records, there | {newest}, self.policy, origin=self.origin or 0.0)
            kept = [record.prefix for record in plan.keep]
            update_checkpoint_state(directory, newest, kept, latest_filename, storage=self._storage)
            for record in plan.gone:
                del self._records[self._key(record.prefix)]
            return tuple(record.prefix for record in plan.delete if self._delete(record))

    def _files(self, record: CheckpointRecord) -> list[str]:
        """Return the files of a checkpoint that are there, in the order in which they are to go."""
        paths = list(record.files)
        if not paths:
            located = at_prefix(record.prefix, choose_formats(self._formats), self._storage)
            paths = [item.prefix + suffix for item in located for suffix in item.spec.suffixes]
        return [path for path in paths if self._storage.status(path) is not None]

    def _delete(self, record: CheckpointRecord) -> bool:
        """Delete the files of a checkpoint, the graph beside it first; say whether all of it is gone."""
        # The meta graph without its checkpoint would be an orphan for ever; the checkpoint without its meta graph is
        # found again.
        meta = record.prefix + META_SUFFIX
        paths = [meta] if self._storage.status(meta) is not None else []
        try:
            for path in [*paths, *self._files(record)]:
                self._storage.remove(path)
        except OSError as error:
            logger.warning(
                "%s could not be deleted: %s. The next save tries again.", printable(record.prefix, 500), error
            )
            return False
        del self._records[self._key(record.prefix)]
        return True
