"""Saver: saves the variables of a graph to checkpoints, and restores them."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from holdfast import checkpoint, errors
from holdfast.checkpoint import CheckpointHistory, CheckpointRecord, RetentionPolicy
from holdfast.graph import GraphKeys, get_collection
from holdfast.plugins import get_plugins
from holdfast.protos import SaverDef
from holdfast.runtime import BaseSession
from holdfast.runtime.checkpoint_ops import RestoreRequest, SaveRequest
from holdfast.saver.builder import build
from holdfast.saver.saveables import make_saveables
from holdfast.variables.export_scope import prepend_name_scope

if TYPE_CHECKING:
    from holdfast.checkpoint import RestoreReport


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
        Must be False: checkpoints of several parts are not implemented yet.
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

    Raises
    ------
    ValueError
        If there is nothing to save, or names clash.
    TypeError
        If something to save is no variable.
    UnimplementedError
        For ``sharded`` or a ``builder``.
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
    ) -> None:
        if defer_build and var_list:
            msg = (
                "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or "
                "var_list=None."
            )
            raise ValueError(msg)
        if sharded or builder is not None:
            msg = "Saver(sharded=True) and Saver(builder=...) are not implemented: leave them out to write one file."
            raise errors.UnimplementedError(None, None, msg)
        if max_to_keep is not None and (not isinstance(max_to_keep, int) or max_to_keep < 0):
            raise ValueError(f"max_to_keep must be a natural number, or None to keep all; got {max_to_keep!r}.")
        get_plugins().format(format, format_options)  # a mistake is told now, not at the first save
        self._var_list = var_list
        self._reshape = reshape
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
            self.saver_def = _checked_saver_def(saver_def, name)
            self._max_to_keep = self.saver_def.max_to_keep
            self._every_n_hours = self.saver_def.keep_checkpoint_every_n_hours
        self._lineage: str | None = None
        self._origin: float | None = None
        self._restored: str | None = None
        self._storage = checkpoint.local_storage()
        self._history = CheckpointHistory(
            RetentionPolicy(latest=self._max_to_keep or None, every_n_hours=self._every_n_hours), storage=self._storage
        )
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

    def save(
        self,
        sess: BaseSession,
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = False,
        write_state: bool = True,
    ) -> str | None:
        """Save the variables, durably, and return the prefix of the checkpoint.

        The checkpoint is on the disk when this returns; if it raises, the former checkpoint of that name, if any,
        stands as it was.

        Parameters
        ----------
        sess
            The session whose values to save.
        save_path
            Prefix of the checkpoint; its directory must exist.
        global_step
            A step number to append to the prefix: an int, or a tensor, variable or name of one.
        latest_filename
            Name of the state file beside the checkpoint; by default ``checkpoint``.
        meta_graph_suffix, write_meta_graph
            The graph itself is not written yet, unlike TensorFlow's default: ``write_meta_graph=True`` is an
            UnimplementedError.
        write_state
            Write the state file, by which ``latest_checkpoint`` finds the checkpoint, and delete what fell out.

        Raises
        ------
        FailedPreconditionError
            If a variable is uninitialised; nothing is written.
        ValueError
            If the directory does not exist, or the state file would collide with the checkpoint.
        TypeError
            If ``sess`` is no session, or ``global_step`` no integer.
        UnimplementedError
            For ``write_meta_graph``; nothing is written.
        OSError
            If the files cannot be written; errno says why.
        CheckpointDurabilityError
            If the checkpoint is there but may not survive a power cut.
        """
        self._check_built()
        _check_session(sess)
        if write_meta_graph:
            raise errors.UnimplementedError(
                None, None, "Saver.save(write_meta_graph=True) is not implemented: leave it out to save the variables."
            )
        path = os.fspath(save_path)
        latest_filename = latest_filename or checkpoint.STATE_FILE
        step = None if global_step is None else _step_number(sess, global_step)
        prefix = self._checked_prefix(path, step, latest_filename)
        if self._is_empty:
            return None
        request = SaveRequest(self._format, self._format_options, self._lineage, self._origin, step, self._storage)
        directory, _ = checkpoint.split_prefix(prefix, self._storage)
        # One critical section: nobody's save comes between this one and its state file.
        with self._storage.lock(directory, checkpoint.LOCK_TIMEOUT):
            sess.run_with_request(
                self.saver_def.save_tensor_name, {self.saver_def.filename_tensor_name: prefix}, request
            )
            saved = request.saved
            if saved is None:
                raise errors.InvalidArgumentError(
                    None, None, f"'{self.saver_def.save_tensor_name}' does not wait for an op that saves."
                )
            self._lineage, self._origin = saved.lineage, saved.origin
            self._adopt(prefix)
            self._history.add(saved)
            if write_state:
                self._history.publish(directory, latest_filename)
        return prefix

    def _check_built(self) -> None:
        """Raise if the ops are not there yet."""
        if self.saver_def is None and not self._is_empty:
            raise RuntimeError("`build()` should be called before save if defer_build==True")

    def _checked_prefix(self, path: str, step: int | None, latest_filename: str) -> str:
        """Return the checkpoint's prefix, with TensorFlow's errors."""
        if os.path.split(latest_filename)[0]:
            raise ValueError("'latest_filename' must not contain path components")
        directory, base = checkpoint.split_prefix(path, self._storage)
        if step is None and base == latest_filename:
            raise ValueError(f"'latest_filename' collides with 'save_path': '{latest_filename}' and '{path}'")
        status = self._storage.status(directory)
        if status is None or not status.is_directory:
            raise ValueError(f"Parent directory of {path} doesn't exist, can't save.")
        if step is None:
            return path
        return f"{path}-{step:08d}" if self._pad else f"{path}-{step}"

    # -- restoring -----------------------------------------------------------------------------------------------------

    def restore(self, sess: BaseSession, save_path: str | os.PathLike[str] | None) -> RestoreReport | None:
        """Restore the variables, all or none, and return what was done.

        Variables need not be initialised before. If everything in the checkpoint is restored, the random streams go
        on from there as well.

        Parameters
        ----------
        save_path
            What :meth:`save` returned; a file, or a directory (its latest checkpoint) will do.

        Raises
        ------
        ValueError
            If ``save_path`` is None.
        TypeError
            If ``sess`` is no session, or one of a graph without these ops.
        NotFoundError
            If there is no such checkpoint, or it lacks a tensor; the error lists all that does not fit.
        InvalidArgumentError
            If shapes or dtypes do not fit; the error lists all.
        DataLossError, OutOfRangeError, UnimplementedError, ResourceExhaustedError
            The checkpoint is damaged, truncated, of an unknown kind, or beyond the limits: see ``holdfast.errors``.
        """
        self._check_built()
        _check_session(sess)
        if self._is_empty:
            return None
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        request = RestoreRequest(self._storage)
        path = os.fspath(save_path)
        sess.run_with_request(self.saver_def.restore_op_name, {self.saver_def.filename_tensor_name: path}, request)
        report, metadata = request.report, request.metadata
        if report is not None and metadata is not None and metadata.lineage is not None:
            self._lineage, self._origin = metadata.lineage, metadata.origin
            self._restored = report.prefix
        return report

    def _adopt(self, prefix: str) -> None:
        """Take over the checkpoints of the restored run, if that run goes on: in its directory, under its name.

        A run that saves elsewhere or under another name only began from them: they are not its own to delete.
        """
        restored, self._restored = self._restored, None
        if restored is not None and _place(restored) == _place(prefix):
            self._history.adopt(restored, lineage=self._lineage)

    # -- what it keeps -------------------------------------------------------------------------------------------------

    @property
    def last_checkpoints(self) -> list[str]:
        """Prefixes of the checkpoints that this Saver keeps, oldest first."""
        return [record.prefix for record in self._history.records]

    def set_last_checkpoints(self, last_checkpoints: Sequence[str]) -> None:
        """Replace the list of checkpoints that this Saver keeps, oldest first; their times are unknown."""
        self.set_last_checkpoints_with_time([(prefix, float("inf")) for prefix in last_checkpoints])

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time: Sequence[tuple[str, float]]) -> None:
        """Replace the list of kept checkpoints, oldest first, with their times (seconds since the epoch)."""
        self._history.replace([CheckpointRecord(prefix, time) for prefix, time in last_checkpoints_with_time])

    def recover_last_checkpoints(self, checkpoint_paths: Sequence[str]) -> None:
        """Take over the checkpoints of an earlier Saver; those that do not exist any more are left out."""
        existing = [path for path in checkpoint_paths if checkpoint.checkpoint_exists(path)]
        times = checkpoint.get_checkpoint_mtimes(existing)
        self.set_last_checkpoints_with_time(list(zip(existing, times, strict=True)))


def _place(prefix: str) -> tuple[str, str]:
    """Return the directory of a checkpoint and its name without the step."""
    return os.path.realpath(os.path.dirname(prefix) or "."), checkpoint.base_name(prefix)


def _check_session(sess: Any) -> None:
    """Raise unless this is a session."""
    if not isinstance(sess, BaseSession):
        raise TypeError(f"'sess' must be a Session; {sess}")


def _step_number(sess: BaseSession, global_step: Any) -> int:
    """Return a step number from an integer, or from a tensor, variable or name of one."""
    value = global_step
    if not hasattr(value, "__index__"):
        # Something to fetch, as in TensorFlow, whose error it is if it cannot be.
        value = sess.run(global_step)
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(
            f"global_step must be an integer, or a tensor, variable or name of one; {global_step!r} gives {value!r}."
        ) from error


def _checked_saver_def(saver_def: Any, scope: str | None) -> Any:
    """Return a SaverDef message, with the names of its ops in the name scope that they were imported into."""
    if not isinstance(saver_def, SaverDef):
        raise ValueError(f"saver_def must be a saver_pb2.SaverDef: {saver_def}")
    checked = SaverDef()
    checked.CopyFrom(saver_def)
    for field in ("save_tensor_name", "restore_op_name", "filename_tensor_name"):
        if not getattr(saver_def, field):
            raise ValueError(f"saver_def must specify the {field}: {saver_def}")
        setattr(checked, field, prepend_name_scope(getattr(saver_def, field), scope))
    return checked
