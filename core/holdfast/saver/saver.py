"""Saver: saves the variables of a graph to checkpoints, and restores them."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from holdfast import checkpoint, errors
from holdfast.checkpoint import CheckpointHistory, CheckpointRecord, RetentionPolicy, SaveMetadata
from holdfast.graph import GraphKeys, get_collection
from holdfast.plugins import get_plugins
from holdfast.runtime.restoring import run_restore
from holdfast.runtime.saving import SaveRequest
from holdfast.saver.arguments import check_count, check_session, checked_prefix, checked_saver_def, step_number
from holdfast.saver.builder import build
from holdfast.saver.lineage import Lineage
from holdfast.saver.saveables import make_saveables

if TYPE_CHECKING:
    from holdfast.checkpoint import NameMapping, PendingSave, RestoreReport
    from holdfast.contracts import Storage
    from holdfast.runtime import BaseSession

logger = logging.getLogger("holdfast.checkpoint")


class Saver:
    """Adds ops to the graph that save and restore variables, and keeps the most recent checkpoints.

    Parameters
    ----------
    var_list
        Variables to save, as a list (each under its own name) or a dict from names to variables; by default all
        global variables and saveable objects.
    reshape
        Restore a tensor of the same size into a variable of another shape.
    sharded
        Save the variables of each device into a part of their own, all of them in parallel, with a manifest that makes
        the parts one checkpoint.
    max_to_keep
        How many recent checkpoints to keep; None or 0 keeps all.
    keep_checkpoint_every_n_hours
        Keep, beside those, one checkpoint for every n hours.
    name
        Name scope of the ops.
    restore_sequentially
        Assign one variable after the other.
    saver_def
        A SaverDef message: use the ops it names instead of adding new ones.
    builder
        Must be None: other builders are TensorFlow's own.
    defer_build
        Add the ops later, by :meth:`build`.
    allow_empty
        Accept a graph without variables: saving gives None, restoring nothing.
    write_version
        Ignored: the format is chosen by ``format``.
    pad_step_number
        Write step numbers with 8 digits.
    save_relative_paths
        Ignored: paths in the state file are always relative, so that the directory can be moved.
    filename
        What the save op writes to where nobody feeds a name.
    format
        Name of the checkpoint format; by default what ``plugins.toml`` says.
    format_options
        Its options; by default what ``plugins.toml`` says.
    storage
        Where checkpoints are; by default each path says it itself: a URL, such as ``s3://bucket/run/model``, or a path
        on the local disk. :func:`holdfast.checkpoint.storage_for` makes one with options.
    keep_best
        Keep, beside the recent ones, so many of the best by ``metric``.
    metric
        Name of the metric by which checkpoints are good: one of those that :meth:`save` is given.
    mode
        Whether a small (``"min"``) or a large (``"max"``) value of it is good.
    adopt
        Go on with the run that has saved last where the first save goes, under the same name: its checkpoints count as
        this Saver's own, and are deleted as such. A Saver that restores does so anyhow.

    Raises
    ------
    ValueError
        If there is nothing to save, names clash, or ``keep_best`` has no metric.
    TypeError
        If something to save is no variable.
    UnimplementedError
        For a ``builder``.
    """

    def __init__(
        self,
        var_list: Any = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        restore_sequentially: bool = False,
        saver_def: Any = None,
        builder: Any = None,
        defer_build: bool = False,
        allow_empty: bool = False,
        write_version: int = 2,
        pad_step_number: bool = False,
        save_relative_paths: bool = False,
        filename: str | None = None,
        *,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        storage: Storage | None = None,
        keep_best: int | None = None,
        metric: str | None = None,
        mode: Literal["min", "max"] = "min",
        adopt: bool = False,
    ) -> None:
        if defer_build and var_list:
            msg = (
                "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or "
                "var_list=None."
            )
            raise ValueError(msg)
        if builder is not None:
            msg = "Saver(builder=...) is not implemented: leave it out."
            raise errors.UnimplementedError(None, None, msg)
        check_count("max_to_keep", max_to_keep, 0, "None to keep all")
        check_count("keep_best", keep_best, 1, "None to keep none for that")
        get_plugins().format(format, format_options)  # a mistake is told now, not at the first save
        self._var_list = var_list
        self._reshape = reshape
        self._sharded = sharded
        self._max_to_keep = int(max_to_keep or 0)
        self._every_n_hours = float(keep_checkpoint_every_n_hours)
        self._name = name
        self._sequentially = restore_sequentially
        self._allow_empty = allow_empty
        self._pad = pad_step_number
        self._filename = filename
        self._format = format
        self._format_options = None if format_options is None else dict(format_options)
        self._is_empty = False
        self.saver_def = saver_def
        """A SaverDef message with the names of the ops; None before :meth:`build`."""
        if saver_def is not None:
            self.saver_def = checked_saver_def(saver_def, name)
            self._max_to_keep = self.saver_def.max_to_keep
            self._every_n_hours = self.saver_def.keep_checkpoint_every_n_hours
        self._lock = threading.RLock()
        """Held while what the Saver knows of its checkpoints changes: saves end on threads of their own."""
        self._storage = storage
        self._lineage = Lineage(storage, join=adopt)
        policy = RetentionPolicy(
            latest=self._max_to_keep or None,
            every_n_hours=self._every_n_hours,
            best=keep_best,
            metric=metric,
            mode=mode,
        )
        self._history = CheckpointHistory(policy, storage=storage)
        self._warned = False
        if not defer_build:
            self.build()

    def build(self) -> None:
        """Add the save and restore ops to the graph, unless that is done."""
        if self.saver_def is not None:
            return
        var_list = self._var_list
        if var_list is None:
            var_list = get_collection(GraphKeys.GLOBAL_VARIABLES) + get_collection(GraphKeys.SAVEABLE_OBJECTS)
        if not var_list:
            if not self._allow_empty:
                raise ValueError("No variables to save")
            self._is_empty = True
            return
        self.saver_def = build(
            make_saveables(var_list),
            reshape=self._reshape,
            sharded=self._sharded,
            restore_sequentially=self._sequentially,
            max_to_keep=self._max_to_keep,
            keep_checkpoint_every_n_hours=self._every_n_hours,
            name=self._name,
            filename=self._filename,
        )

    def as_saver_def(self) -> Any:
        """Return the SaverDef message."""
        return self.saver_def

    # -- saving --------------------------------------------------------------------------------------------------------

    @overload
    def save(
        self,
        sess: BaseSession,
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = False,
        write_state: bool = True,
        *,
        block: Literal[True] = True,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str | None: ...

    @overload
    def save(
        self,
        sess: BaseSession,
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = False,
        write_state: bool = True,
        *,
        block: Literal[False],
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> PendingSave[str | None]: ...

    @overload
    def save(
        self,
        sess: BaseSession,
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = False,
        write_state: bool = True,
        *,
        block: bool,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str | PendingSave[str | None] | None: ...

    def save(
        self,
        sess: BaseSession,
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = False,
        write_state: bool = True,
        *,
        block: bool = True,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str | PendingSave[str | None] | None:
        """Save the variables, durably, and return the prefix of the checkpoint.

        The checkpoint is on the disk when this returns; if it raises, the former checkpoint of that name, if any,
        stands as it was. With ``block=False`` this holds of the returned handle's ``result()``: what is saved are the
        values, the step number and the state of the random streams at the instant of the call, while the session goes
        on. A session has one save in the background at a time: the next save waits for it first, and so do
        ``Session.close`` and the end of its ``with`` block. They raise its error if nobody has asked for its result.

        Parameters
        ----------
        sess
            The session whose values to save.
        save_path
            Prefix of the checkpoint; its directory must exist.
        global_step
            A step number to append to the prefix: an int, or a tensor, variable or name of one, which is read at the
            same instant as the values.
        latest_filename
            Name of the state file beside the checkpoint; by default ``checkpoint``.
        meta_graph_suffix, write_meta_graph
            The graph itself is not written yet, unlike TensorFlow's default: ``write_meta_graph=True`` is an
            UnimplementedError.
        write_state
            Write the state file, by which ``latest_checkpoint`` finds the checkpoint, and delete what fell out.
        block
            With False, return as soon as the values are held, and write them in the background.
        metrics
            Figures of quality by name, kept with the checkpoint; by one of them the best can be kept.
        metadata
            Anything of yours that is to be kept with the checkpoint, as JSON: dict with str keys, list, str, int,
            finite float, bool and None, at most 1 MiB. ``restore``'s report and ``holdfast.checkpoint.inspect`` have
            it.

        Returns
        -------
        The prefix; with ``block=False`` a :class:`holdfast.checkpoint.PendingSave` whose ``result()`` is the prefix.

        Raises
        ------
        FailedPreconditionError
            If a variable is uninitialised; nothing is written.
        ValueError
            If the directory does not exist, or the state file would collide with the checkpoint.
        TypeError
            If ``sess`` is no session, or ``global_step`` no integer.
        InvalidArgumentError
            If ``metadata`` is no JSON, or too large, or a metric is no number.
        UnimplementedError
            For ``write_meta_graph``; nothing is written.
        OSError
            If the files cannot be written; errno says why. With ``block=False``, ``result()`` raises it.
        CheckpointDurabilityError
            If the checkpoint is there but may not survive a power cut. With ``block=False``, ``result()`` raises it.
        """
        self._check_built()
        check_session(sess)
        if write_meta_graph:
            raise errors.UnimplementedError(
                None, None, "Saver.save(write_meta_graph=True) is not implemented: leave it out to save the variables."
            )
        path = checkpoint.path_text(save_path)
        latest_filename = latest_filename or checkpoint.STATE_FILE
        notes = SaveMetadata(metrics=metrics or {}, user=metadata or {}).frozen()
        self._check_metric(notes.metrics)
        sess.background_saves.wait()
        # Nobody trains between the reading of the step and that of the variables.
        with sess.exclusive():
            step = None if global_step is None else step_number(sess, global_step)
            prefix = checked_prefix(path, step, latest_filename, self._storage, pad=self._pad)
            request = None if self._is_empty else self._gather(sess, prefix, step, notes)
        if request is None:
            return None if block else sess.background_saves.start(lambda: None)
        write = partial(self._write, request, prefix, latest_filename if write_state else None)
        if block:
            return write()
        try:
            return sess.background_saves.start(write, prefix)
        except Exception:
            request.release()
            raise

    def _check_metric(self, metrics: Mapping[str, float]) -> None:
        """Warn, once, of a save that cannot be one of the best since it does not say how good it is."""
        policy = self._history.policy
        if policy.best and policy.metric not in metrics and not self._warned:
            self._warned = True
            logger.warning(
                "The Saver keeps the best by %r, and this save has %s: give save(metrics={%r: ...}).",
                policy.metric,
                f"only {sorted(metrics)}" if metrics else "no metrics",
                policy.metric,
            )

    def _gather(self, sess: BaseSession, prefix: str, step: int | None, notes: SaveMetadata) -> SaveRequest:
        """Hold all that is to be saved, as it is now."""
        lineage, origin = self._lineage.of_save(prefix)
        whole = dataclasses.replace(notes, lineage=lineage, origin=origin, global_step=step)
        request = SaveRequest(self._format, self._format_options, whole, self._storage)
        try:
            sess.run_with_request(
                self.saver_def.save_tensor_name, {self.saver_def.filename_tensor_name: prefix}, request
            )
            if not request.gathered:
                raise errors.InvalidArgumentError(
                    None, None, f"'{self.saver_def.save_tensor_name}' does not wait for an op that saves."
                )
        except BaseException:
            request.release()
            raise
        return request

    def _write(self, request: SaveRequest, prefix: str, latest_filename: str | None) -> str:
        """Write what was gathered, then the state file, and delete what fell out."""
        storage = checkpoint.choose_storage(self._storage, prefix)
        directory, _ = checkpoint.split_prefix(prefix, storage)
        try:
            # One critical section: nobody's save comes between this one and its state file.
            with storage.lock(directory, checkpoint.LOCK_TIMEOUT):
                saved = request.write(prefix)
                with self._lock:
                    if (before := self._lineage.to_adopt(prefix)) is not None:
                        self._history.adopt(before[0], lineage=before[1])
                    self._history.add(saved)
                    if latest_filename is not None:
                        self._history.publish(directory, latest_filename)
        finally:
            request.release()
        return prefix

    def _check_built(self) -> None:
        """Raise if the ops are not there yet."""
        if self.saver_def is None and not self._is_empty:
            raise RuntimeError("`build()` should be called before save if defer_build==True")

    # -- restoring -----------------------------------------------------------------------------------------------------

    def restore(
        self,
        sess: BaseSession,
        save_path: str | os.PathLike[str] | None,
        *,
        strict: bool | Literal["exact"] = True,
        mapping: NameMapping = None,
    ) -> RestoreReport | None:
        """Restore the variables, all or none, and return what was done.

        Variables need not be initialised before. If everything in the checkpoint is restored, and everything that was
        asked for, the random streams go on from there as well.

        Parameters
        ----------
        sess
            The session to restore into.
        save_path
            What :meth:`save` returned; a file, or a directory (its latest checkpoint) will do.
        strict
            True: each variable must be in the checkpoint and fit. ``"exact"``: the checkpoint must have nothing else
            either. False: what is missing or does not fit is left as it is, initialised or not, as long as something
            is restored; the report's ``skipped`` names those variables.
        mapping
            Where a variable is to be found that has another name in the checkpoint: a dict from the name that it
            would be saved under to that in the checkpoint; pairs of a regular expression, which must match the whole
            name, and its replacement, of which the first that matches counts; or a function. What is mapped to None
            is left as it is.

        Returns
        -------
        What was restored, missing, unexpected, mismatched, renamed and skipped, with the checkpoint's step, metrics
        and metadata.

        Raises
        ------
        ValueError
            If ``save_path`` is None, or ``strict`` something else.
        TypeError
            If ``sess`` is no session, or one of a graph without these ops.
        NotFoundError
            If there is no such checkpoint, or it lacks a tensor, or nothing can be restored; the error lists all that
            does not fit.
        InvalidArgumentError
            If shapes or dtypes do not fit; the error lists all. If the mapping is none.
        DataLossError, OutOfRangeError, UnimplementedError, ResourceExhaustedError
            The checkpoint is damaged, truncated, of an unknown kind, or beyond the limits: see ``holdfast.errors``.
        """
        self._check_built()
        check_session(sess)
        if self._is_empty:
            return None
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        # What is being written may be what is asked for; its error is not this one's.
        sess.background_saves.idle()
        report, said = run_restore(
            sess,
            self.saver_def.restore_op_name,
            self.saver_def.filename_tensor_name,
            checkpoint.path_text(save_path),
            strict=strict,
            mapping=mapping,
            storage=self._storage,
        )
        self._lineage.restored(report.prefix, said)
        return report

    # -- what it keeps -------------------------------------------------------------------------------------------------

    @property
    def last_checkpoints(self) -> list[str]:
        """Prefixes of the checkpoints that this Saver keeps, oldest first."""
        with self._lock:
            return [record.prefix for record in self._history.records]

    def set_last_checkpoints(self, last_checkpoints: Sequence[str]) -> None:
        """Replace the list of checkpoints that this Saver keeps, oldest first; their times are unknown."""
        self.set_last_checkpoints_with_time([(prefix, float("inf")) for prefix in last_checkpoints])

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time: Sequence[tuple[str, float]]) -> None:
        """Replace the list of kept checkpoints, oldest first, with their times (seconds since the epoch)."""
        records = [CheckpointRecord(prefix, seconds) for prefix, seconds in last_checkpoints_with_time]
        with self._lock:
            self._history.replace(records)

    def recover_last_checkpoints(self, checkpoint_paths: Sequence[str]) -> None:
        """Take over the checkpoints of an earlier Saver; those that do not exist any more are left out."""
        existing = [path for path in checkpoint_paths if checkpoint.checkpoint_exists(path, storage=self._storage)]
        times = checkpoint.get_checkpoint_mtimes(existing, storage=self._storage)
        self.set_last_checkpoints_with_time(list(zip(existing, times, strict=True)))
