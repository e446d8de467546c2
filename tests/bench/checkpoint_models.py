"""Graphs whose variables are saved, and a disk that is not waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

from numpy.typing import NDArray

import holdfast as tf
from holdfast.checkpoint import LocalStorage
from holdfast.checkpoint.storage_local import LocalWritableFile
from holdfast.contracts import WritableFile
from tests.bench.workloads.checkpoints import Arrays


class _UnsyncedFile(LocalWritableFile):
    """A file that is left to the system."""

    def sync(self) -> None:
        """Do nothing."""


class Unsynced(LocalStorage):
    """The local disk without fsync: what is measured then is holdfast, and not the disk."""

    def create(self, path: str) -> WritableFile:
        """Create a file."""
        return _UnsyncedFile(path)

    def sync_directory(self, path: str) -> None:
        """Do nothing."""


class Model:
    """A graph with a variable for each array, and a Saver.

    Parameters
    ----------
    arrays
        Initial values by name.
    prefix
        Where to save.
    options
        Options of the container; None for its defaults.
    sync
        Whether to wait for the disk.
    """

    def __init__(self, arrays: Arrays, prefix: str, options: Mapping[str, Any] | None, *, sync: bool) -> None:
        self.prefix = prefix
        self._options = options
        self._sync = sync
        self._held = ExitStack()
        self._graph = self._held.enter_context(tf.Graph().as_default())
        values = {name: tf.placeholder(array.dtype, array.shape) for name, array in arrays.items()}
        self._variables = [tf.Variable(value, name=name) for name, value in values.items()]
        self._saver = self._make_saver()
        self.session = self._held.enter_context(tf.Session(graph=self._graph))
        feeds = {values[name]: array for name, array in arrays.items()}
        self.session.run(tf.global_variables_initializer(), feeds)

    def _make_saver(self) -> tf.train.Saver:
        """Return a Saver that writes containers."""
        saver = tf.train.Saver(format="msgpack-zstd", format_options=self._options)
        if not self._sync:
            saver._storage = saver._history._storage = Unsynced()
        return saver

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def save(self, **options: Any) -> Any:
        """Save over what was saved before."""
        return self._saver.save(self.session, self.prefix, write_meta_graph=False, **options)

    def restore_into(self, session: tf.Session) -> None:
        """Restore in a session of this graph."""
        self._saver.restore(session, self.prefix)

    def restore_time(self) -> float:
        """Return how long restoring takes in a session without values."""
        with tf.Session(graph=self._graph) as fresh:
            start = time.perf_counter()
            self.restore_into(fresh)
            return time.perf_counter() - start

    def restored(self) -> list[NDArray[Any]]:
        """Return the values that a fresh session has after restoring."""
        with tf.Session(graph=self._graph) as fresh:
            self.restore_into(fresh)
            values: list[NDArray[Any]] = fresh.run(self._variables)
            return values

    def updates(self) -> list[Callable[[], object]]:
        """Return for each variable a function that adds to it."""
        with self._graph.as_default():
            added = [variable.assign_add(variable * 1e-3).op for variable in self._variables]
        functions = [self.session.make_callable(op) for op in added]
        for function in functions:
            for _ in range(4):  # until the plan is compiled
                function()
        return functions
