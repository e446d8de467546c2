"""Checkpoints of TensorFlow by its 1.x interface: Saver, and the reader of its files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tests.bench.row import Contestant, Factory, Proof, stepping
from tests.bench.workloads import checkpoints
from tests.bench.workloads.checkpoints import Arrays


class _Model:
    """A graph with a variable for each array, and a Saver."""

    def __init__(self, arrays: Arrays, held: ExitStack) -> None:
        self.graph = tf.Graph()
        with self.graph.as_default():
            values = {name: tf.placeholder(array.dtype, array.shape) for name, array in arrays.items()}
            self.variables = [tf.Variable(value, name=name, use_resource=False) for name, value in values.items()]
            self.saver = tf.train.Saver()
            self.session = held.enter_context(tf.Session())
            self.session.run(tf.global_variables_initializer(), {values[name]: arrays[name] for name in arrays})
        self.prefix = f"{held.enter_context(checkpoints.directory())}/model.ckpt"

    def save(self) -> Any:
        """Save over what was saved before."""
        return self.saver.save(self.session, self.prefix, write_meta_graph=False)


@contextmanager
def _saving(make: Callable[[], Arrays]) -> Iterator[Contestant]:
    with ExitStack() as held:
        yield stepping(_Model(make(), held).save)


@contextmanager
def _restoring(make: Callable[[], Arrays]) -> Iterator[Contestant]:
    with ExitStack() as held:
        model = _Model(make(), held)
        model.save()

        def value(_: int) -> float:
            with tf.Session(graph=model.graph) as fresh:
                start = time.perf_counter()
                model.saver.restore(fresh, model.prefix)
                return time.perf_counter() - start

        def proof() -> Proof:
            with tf.Session(graph=model.graph) as fresh:
                model.saver.restore(fresh, model.prefix)
                return [np.asarray(found) for found in fresh.run(model.variables)]

        yield Contestant(value, proof, repeatable=False)


@contextmanager
def _one() -> Iterator[Contestant]:
    with ExitStack() as held:
        model = _Model(checkpoints.large(), held)
        model.save()

        def read() -> Any:
            return tf.train.NewCheckpointReader(model.prefix).get_tensor(checkpoints.ONE)

        yield stepping(read, lambda: [read()])


ROWS: dict[str, Factory] = {
    "checkpoint-save": partial(_saving, checkpoints.large),
    "checkpoint-restore": partial(_restoring, checkpoints.large),
    "checkpoint-one-tensor": _one,
    "checkpoint-small-save": partial(_saving, checkpoints.small),
    "checkpoint-small-restore": partial(_restoring, checkpoints.small),
}
