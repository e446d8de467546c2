"""Which run of saves a Saver belongs to, and whose checkpoints it may answer for."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING

from holdfast import checkpoint

if TYPE_CHECKING:
    from holdfast.checkpoint import CheckpointMetadata
    from holdfast.contracts import Storage


class Lineage:
    """The run of saves that a Saver goes on with: one of its own, that of what it restored, or one that it joins.

    Parameters
    ----------
    storage
        Where its checkpoints are; None: the paths say it.
    join
        Whether to go on with the run that has saved last beside the first checkpoint, under its name.
    """

    def __init__(self, storage: Storage | None, *, join: bool) -> None:
        self._storage = storage
        self._join = join
        self._id: str | None = None
        self._origin: float | None = None
        self._goes_on_from: str | None = None
        self._lock = threading.RLock()

    def of_save(self, prefix: str) -> tuple[str, float]:
        """Return the id of the run that a new checkpoint belongs to, and when that began.

        It is decided before anything is written, so that saves that begin at the same time belong together.
        """
        with self._lock:
            if self._id is None and self._join:
                self._join_last(prefix)
            self._id = self._id or secrets.token_hex(16)
            self._origin = time.time() if self._origin is None else self._origin
            return self._id, self._origin

    def _join_last(self, prefix: str) -> None:
        """Go on with the run of the newest checkpoint that lies beside a new one and has its name."""
        storage = checkpoint.choose_storage(self._storage, prefix)
        directory, _ = checkpoint.split_prefix(prefix, storage)
        for record in reversed(checkpoint.records_in(directory, storage=storage)):
            if record.lineage is not None and self._place(record.prefix) == self._place(prefix):
                self._id, self._origin, self._goes_on_from = record.lineage, record.origin, record.prefix
                return

    def restored(self, prefix: str, said: CheckpointMetadata) -> None:
        """Note that a checkpoint was restored: the run goes on from there."""
        if said.lineage is not None:
            with self._lock:
                self._id, self._origin, self._goes_on_from = said.lineage, said.origin, prefix

    def to_adopt(self, prefix: str) -> tuple[str, str | None] | None:
        """Return a checkpoint whose run a new one goes on with, and its id, once; None if there is none to take over.

        A run that saves elsewhere or under another name only began from what it restored: that is not its own to
        delete.
        """
        with self._lock:
            before, self._goes_on_from = self._goes_on_from, None
            if before is None or self._place(before) != self._place(prefix):
                return None
            return before, self._id

    def _place(self, prefix: str) -> tuple[str, str]:
        """Return the directory of a checkpoint and its name without the step."""
        storage = checkpoint.choose_storage(self._storage, prefix)
        return storage.resolve(storage.split(prefix)[0]), checkpoint.base_name(prefix)
