"""The checkpoints that a saver answers for: its own and those it adopted, and which of them stay."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from holdfast.checkpoint.formats import Formats, choose_formats
from holdfast.checkpoint.locate import at_prefix
from holdfast.checkpoint.names import Path, base_name, path_text, printable, split_prefix
from holdfast.checkpoint.pins import PIN_SUFFIX
from holdfast.checkpoint.retention import CheckpointRecord, RetentionPlan, RetentionPolicy, plan_retention
from holdfast.checkpoint.state import update_checkpoint_state
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.survey import is_of_series, records_in
from holdfast.checkpoint.transaction import LOCK_TIMEOUT
from holdfast.checkpoint.writer import SavedCheckpoint
from holdfast.contracts import Storage

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
        self._storage = storage
        self._formats = formats
        self._records: dict[str, CheckpointRecord] = {}

    def _key(self, prefix: str) -> str:
        """Return what a checkpoint is known by, however its path is written: an overwritten one must not be deleted."""
        storage = choose_storage(self._storage, prefix)
        directory, base = storage.split(prefix)
        return storage.join(storage.resolve(directory), base)

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
        place = path_text(prefix)
        storage = choose_storage(self._storage, place)
        directory, _ = split_prefix(place, storage)
        series = [
            record
            for record in (records_in(directory, storage=storage, formats=self._formats) if lineage else [])
            if is_of_series(record, base_name(place), lineage, storage)
        ]
        for record in series:
            self.origin = record.origin if self.origin is None else self.origin
        new = [record for record in series if self._key(record.prefix) not in self._records]
        self.replace([*new, *self.records])
        return len(new)

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
        storage = choose_storage(self._storage, directory)
        with storage.lock(path_text(directory), LOCK_TIMEOUT):
            plan = self.plan()
            newest = self.records[-1].prefix
            kept = [record.prefix for record in plan.keep]
            update_checkpoint_state(directory, newest, kept, latest_filename, storage=storage)
            for record in plan.gone:
                del self._records[self._key(record.prefix)]
            return tuple(record.prefix for record in plan.delete if self._delete(record))

    def plan(self) -> RetentionPlan:
        """Say which of the checkpoints would stay if the list was published now, and why; nothing is done."""
        there, pinned = set(), set(self.policy.pinned)
        names: dict[str, frozenset[str]] = {}
        for record in self.records:
            storage = choose_storage(self._storage, record.prefix)
            directory, base = storage.split(record.prefix)
            if directory not in names:
                names[directory] = frozenset(storage.list_directory(directory))
            if base + PIN_SUFFIX in names[directory]:
                pinned.add(record.prefix)
            if any(storage.split(path)[1] in names[directory] for path in self._paths(record)):
                there.add(record.prefix)
        there.update(record.prefix for record in self.records[-1:])
        policy = replace(self.policy, pinned=frozenset(pinned))
        return plan_retention(self.records, there, policy, origin=self.origin or 0.0)

    def _paths(self, record: CheckpointRecord) -> list[str]:
        """Return the files of a checkpoint, in the order in which they are to go."""
        if record.files:
            return list(record.files)
        storage = choose_storage(self._storage, record.prefix)
        located = at_prefix(record.prefix, choose_formats(self._formats), storage)
        return [path for item in located for path in item.files(storage)]

    def _delete(self, record: CheckpointRecord) -> bool:
        """Delete the files of a checkpoint, the graph beside it first; say whether all of it is gone."""
        # The meta graph without its checkpoint would be an orphan for ever; the checkpoint without its meta graph is
        # found again.
        storage = choose_storage(self._storage, record.prefix)
        try:
            for path in [record.prefix + META_SUFFIX, *self._paths(record)]:
                if storage.status(path) is not None:
                    storage.remove(path)
        except OSError as error:
            logger.warning(
                "%s could not be deleted: %s. The next save tries again.", printable(record.prefix, 500), error
            )
            return False
        del self._records[self._key(record.prefix)]
        return True
