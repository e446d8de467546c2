"""A directory of checkpoints of one run: numbered by step, the old ones deleted, gone on with after a restart."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, Self, SupportsIndex, overload

from holdfast.checkpoint.background import BackgroundSaves, PendingSave
from holdfast.checkpoint.formats import Formats, choose_formats
from holdfast.checkpoint.history import CheckpointHistory
from holdfast.checkpoint.locate import at_prefix, in_directory
from holdfast.checkpoint.metadata import SaveMetadata
from holdfast.checkpoint.names import Path, base_name, path_text, printable
from holdfast.checkpoint.pins import pin, unpin
from holdfast.checkpoint.requests import NameMapping
from holdfast.checkpoint.retention import RetentionPolicy
from holdfast.checkpoint.state import latest_checkpoint
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.survey import records_in
from holdfast.checkpoint.transaction import LOCK_TIMEOUT
from holdfast.checkpoint.tree_restore import RestoredTree, Strict
from holdfast.checkpoint.trees import TreeWriter, frozen_notes, restore_tree
from holdfast.checkpoint.writer import SavedCheckpoint
from holdfast.contracts import Storage
from holdfast.errors import (
    CorruptCheckpointError,
    FailedPreconditionError,
    NotFoundError,
    TruncatedCheckpointError,
)


class CheckpointDirectory:
    """The checkpoints of a run: saves trees by step, keeps the newest, and goes on with what an earlier process saved.

    What it deletes are checkpoints of its own run only: those that it saved, and, once it has loaded one, those of the
    run that this one belongs to. A run that starts afresh in the same directory leaves the others alone. At the end of
    a ``with`` block it waits for a save in the background.

    Parameters
    ----------
    path
        The directory, or a URL. It is made by the first save.
    keep
        How many of the latest checkpoints to keep; None keeps all. The newest always stays.
    keep_every_n_hours
        Besides those, one for each so many hours.
    keep_best
        Besides those, how many of the best by `metric`.
    metric
        Name of the metric by which checkpoints are good.
    mode
        Whether a small (``"min"``) or a large (``"max"``) value of it is good.
    name
        What the checkpoints are called, before the step: ``state-100``.
    format, format_options
        Name of the format and its options; None for what is configured.
    storage, formats
        As for :func:`save`.

    Raises
    ------
    ValueError
        If `keep_best` has no metric, or a number or the name makes no sense.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep: int | None = 5,
        keep_every_n_hours: float | None = None,
        keep_best: int | None = None,
        metric: str | None = None,
        mode: Literal["min", "max"] = "min",
        name: str = "state",
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        storage: Storage | None = None,
        formats: Formats = None,
    ) -> None:
        self.path = path_text(path)
        """The directory."""
        self._storage = choose_storage(storage, self.path)
        self._formats = formats
        if self._storage.split(self._storage.join(self.path, name))[1] != name or name in {"", ".", ".."}:
            raise ValueError(f"name is {name!r}, expected a file name without a directory.")
        if keep is not None and keep < 1:
            raise ValueError(f"keep is {keep}, expected at least 1, or None to keep all.")
        self._name = name
        policy = RetentionPolicy(
            latest=keep, every_n_hours=keep_every_n_hours, best=keep_best, metric=metric, mode=mode
        )
        self._history = CheckpointHistory(policy, storage=self._storage, formats=formats)
        self._writer = TreeWriter(format=format, format_options=format_options, storage=self._storage, formats=formats)
        self._lineage: str | None = None
        self._origin: float | None = None
        self._background = BackgroundSaves()
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<CheckpointDirectory {self.path!r}>"

    # -- saving --------------------------------------------------------------------------------------------------------

    @overload
    def save(
        self,
        tree: Any,
        *,
        step: SupportsIndex,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
        block: Literal[True] = True,
    ) -> SavedCheckpoint: ...
    @overload
    def save(
        self,
        tree: Any,
        *,
        step: SupportsIndex,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
        block: Literal[False],
    ) -> PendingSave[SavedCheckpoint]: ...
    @overload
    def save(
        self,
        tree: Any,
        *,
        step: SupportsIndex,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
        block: bool,
    ) -> SavedCheckpoint | PendingSave[SavedCheckpoint]: ...
    def save(
        self,
        tree: Any,
        *,
        step: SupportsIndex,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
        block: bool = True,
    ) -> SavedCheckpoint | PendingSave[SavedCheckpoint]:
        """Save a tree under its step, make it the latest, and delete what is not to be kept any more.

        Parameters
        ----------
        tree, metrics, metadata, block
            As for :func:`holdfast.checkpoint.save`.
        step
            The training step, from 0 on: the checkpoint is named after it.

        Returns
        -------
        What was written, or, with ``block=False``, a handle whose ``result()`` waits for it.

        Raises
        ------
        FailedPreconditionError
            If there is a checkpoint of this step from another run, or from another process that goes on with this
            run: nothing was written.
        InvalidArgumentError, OSError, CheckpointDurabilityError, CheckpointLockedError
            As :func:`holdfast.checkpoint.save`. With ``block=False`` by the handle; one that nobody asked for is
            raised by the next save or the end of the ``with`` block.
        """
        prefix = self._prefix(step)
        notes = frozen_notes(step, metrics, metadata)
        # Else an older state could come to lie over a newer one, or there could be two copies of the arrays.
        self._background.wait()
        write = self._writer.prepare(tree, notes, copy=not block)
        if block:
            return self._commit(prefix, write, notes)
        return self._background.start(lambda: self._commit(prefix, write, notes), prefix)

    def _prefix(self, step: SupportsIndex) -> str:
        """Return the prefix of a step's checkpoint."""
        number = operator.index(step)
        if isinstance(step, bool) or number < 0:
            raise ValueError(f"step is {step!r}, expected an integer from 0 on.")
        return self._storage.join(self.path, f"{self._name}-{number}")

    def _commit(
        self, prefix: str, write: Callable[[Path, SaveMetadata], SavedCheckpoint], notes: SaveMetadata
    ) -> SavedCheckpoint:
        """Write one checkpoint, name it in the state file and delete what falls out."""
        self._storage.make_directories(self.path)
        with self._lock, self._storage.lock(self.path, LOCK_TIMEOUT):
            self._refuse_others(prefix)
            saved = write(prefix, replace(notes, lineage=self._lineage, origin=self._origin))
            self._lineage, self._origin = saved.lineage, saved.origin
            self._history.add(saved)
            self._history.publish(self.path)
        return saved

    def _refuse_others(self, prefix: str) -> None:
        """Refuse to replace what another run saved under the same step, or another process that goes on with this."""
        name = self._storage.split(prefix)[1]
        own = {self._storage.split(record.prefix)[1]: record.save_sequence for record in self._history.records}
        formats = choose_formats(self._formats)
        for located in at_prefix(prefix, formats, self._storage):
            try:
                with located.open(formats, self._storage) as checkpoint:
                    said = checkpoint.metadata
            except (CorruptCheckpointError, TruncatedCheckpointError, NotFoundError):
                continue  # there is nothing to lose
            same_run = said.lineage is not None and said.lineage == self._lineage
            if same_run and own.get(name) == said.save_sequence:
                continue
            owner = "was saved by another process, which goes on with this run" if same_run else "is another run's"
            raise FailedPreconditionError(
                None,
                None,
                f"{printable(located.path, 500)} exists and {owner}: it would be lost. Begin with load(), to go on "
                "from what is there; or use another directory or name.",
            )

    def pin(self, step: SupportsIndex, reason: str = "") -> None:
        """Keep the checkpoint of a step for good, whatever the rules say, as :func:`holdfast.checkpoint.pin`."""
        pin(self._prefix(step), reason, storage=self._storage, formats=self._formats)

    def unpin(self, step: SupportsIndex) -> bool:
        """Let go of a pinned checkpoint, as :func:`holdfast.checkpoint.unpin`: say whether it was pinned."""
        return unpin(self._prefix(step), storage=self._storage)

    def wait(self) -> None:
        """Wait for a save in the background, and raise its error if nobody has taken it."""
        self._background.wait()

    # -- loading -------------------------------------------------------------------------------------------------------

    def latest(self) -> str | None:
        """Return the prefix of the latest checkpoint, as :func:`latest_checkpoint`; None if there is none."""
        found = latest_checkpoint(self.path, storage=self._storage, formats=self._formats)
        if found is None or self._step_of(found) is not None:
            return found
        # The directory has other checkpoints, too, and one of those was saved last.
        records = records_in(self.path, storage=self._storage, formats=self._formats)
        own = [record.prefix for record in records if self._step_of(record.prefix) is not None]
        return own[-1] if own else None

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps of the checkpoints that are there, in ascending order; those of other runs are among them."""
        found = in_directory(self.path, choose_formats(self._formats), self._storage)
        steps = {self._step_of(located.prefix) for located in found}
        return tuple(sorted(step for step in steps if step is not None))

    def _step_of(self, prefix: str) -> int | None:
        """Return the step that a prefix is named after; None if it is not named as these are."""
        name = self._storage.split(prefix)[1]
        if base_name(name) != self._name or name == self._name:
            return None
        return int(name[len(self._name) + 1 :])

    def load(
        self,
        step: SupportsIndex | None = None,
        *,
        names: str | Iterable[str] | None = None,
        like: Any = None,
        mapping: NameMapping = None,
        strict: Strict = True,
        max_bytes: int | None = None,
    ) -> Any:
        """Load a checkpoint, and go on with the run that saved it.

        Parameters
        ----------
        step
            Which one; None for the latest.
        names, like, mapping, strict, max_bytes
            As for :func:`holdfast.checkpoint.load`.

        Returns
        -------
        The tree. What is saved from now on belongs to the same run, so that its older checkpoints are deleted as its
        own.

        Raises
        ------
        NotFoundError
            If there is no such checkpoint, or something that was asked for is not in it.
        InvalidArgumentError, CheckpointLimitError, CorruptCheckpointError, TruncatedCheckpointError, \
UnsupportedCheckpointError
            As :func:`holdfast.checkpoint.load`.
        """
        return self.restore(step, names=names, like=like, mapping=mapping, strict=strict, max_bytes=max_bytes).tree

    def restore(
        self,
        step: SupportsIndex | None = None,
        *,
        names: str | Iterable[str] | None = None,
        like: Any = None,
        mapping: NameMapping = None,
        strict: Strict = True,
        max_bytes: int | None = None,
    ) -> RestoredTree:
        """Load a checkpoint with the report on it and its metadata: step, metrics, the user's own.

        Takes the parameters of :meth:`load`, and raises what it raises.
        """
        path = self.latest() if step is None else self._prefix(step)
        if path is None:
            raise NotFoundError(
                None, None, f"There is no checkpoint in {printable(self.path, 500)}. Ask latest() whether there is one."
            )
        restored = restore_tree(
            path,
            names=names,
            like=like,
            mapping=mapping,
            strict=strict,
            max_bytes=max_bytes,
            storage=self._storage,
            formats=self._formats,
        )
        with self._lock:
            self._lineage, self._origin = restored.metadata.lineage, restored.metadata.origin
            self._history.adopt(restored.report.prefix, lineage=self._lineage)
        return restored

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for a save in the background."""
        self._background.__exit__(kind, error, traceback)
