"""TensorFlow by its 1.x interface: graphs and sessions, as the same programs were written then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tests.bench.peers import tensorflow_savers
from tests.bench.row import Contestant, Factory, Proof, ready, single, stepping
from tests.bench.threads import pinned
from tests.bench.workloads import convnet, mlp, updates
from tests.bench.workloads.building import FEW, MANY, SIZE
from tests.bench.workloads.imports import importing
from tests.bench.workloads.scalars import CHAIN, FED

tf.disable_v2_behavior()


def facts() -> dict[str, str]:
    """Return version and threads."""
    return {"tensorflow": tf.__version__, "threads": str(pinned())}


def _session() -> Any:
    """Return a session on the default graph."""
    threads = pinned()
    return tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads))


@contextmanager
def _no_op() -> Iterator[Contestant]:
    with tf.Graph().as_default(), _session() as session:
        yield stepping(partial(session.run, tf.no_op()), list)


@contextmanager
def _adds(count: int) -> Iterator[Contestant]:
    with tf.Graph().as_default(), _session() as session:
        x = total = tf.placeholder(tf.float32, [])
        if count == 1:
            total += 1.0
        else:
            for _ in range(count):
                total += x
        run = partial(session.run, total, {x: FED})
        yield stepping(run, lambda: [np.asarray(run())])


def _trained(logits: Any, labels: Any, rate: float) -> list[Any]:
    """Add loss and training step to the graph."""
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    return [tf.train.GradientDescentOptimizer(rate).minimize(loss), loss]


def _steps(session: Any, fetches: list[Any], feeds: dict[Any, Any], shown: list[Any]) -> Contestant:
    """Return the contestant that trains."""
    session.run(tf.global_variables_initializer())
    run = partial(session.run, fetches, feeds)

    def proof() -> Proof:
        losses = [run()[1] for _ in range(mlp.PROOF_STEPS)]
        return [np.array(losses), *session.run(shown)]

    return stepping(run, proof)


@contextmanager
def _perceptron(batch: int, *, train: bool) -> Iterator[Contestant]:
    given = mlp.inputs(batch)
    with tf.Graph().as_default(), _session() as session:
        w1, b1, w2, b2 = variables = [tf.Variable(value) for value in given.parameters]
        images, labels = tf.placeholder(tf.float32, [None, mlp.SIZES[0]]), tf.placeholder(tf.int32, [None])
        logits = tf.matmul(tf.nn.relu(tf.matmul(images, w1) + b1), w2) + b2
        if train:
            fetches = _trained(logits, labels, mlp.RATE)
            yield _steps(session, fetches, {images: given.images, labels: given.labels}, variables)
        else:
            session.run(tf.global_variables_initializer())
            run = partial(session.run, logits, {images: given.images})
            yield stepping(run, lambda: [run()])


@contextmanager
def _convnet() -> Iterator[Contestant]:
    given = convnet.inputs(convnet.BATCH)
    with tf.Graph().as_default(), _session() as session:
        weights, biases = ([tf.Variable(value) for value in values] for values in (given.weights, given.biases))
        images, labels = tf.placeholder(tf.float32, [None, 28, 28, 1]), tf.placeholder(tf.int32, [None])
        values = images
        for filters, bias, padding in zip(weights[:2], biases[:2], ("SAME", "VALID"), strict=True):
            maps = tf.nn.relu(tf.nn.conv2d(values, filters, [1, 1, 1, 1], padding) + bias)
            values = tf.nn.max_pool(maps, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
        values = tf.reshape(values, [-1, convnet.SHAPES[2][0]])
        for matrix, bias in zip(weights[2:-1], biases[2:-1], strict=True):
            values = tf.nn.relu(tf.matmul(values, matrix) + bias)
        fetches = _trained(tf.matmul(values, weights[-1]) + biases[-1], labels, convnet.RATE)
        yield _steps(session, fetches, {images: given.images, labels: given.labels}, [*biases, weights[-1]])


@contextmanager
def _adam() -> Iterator[Contestant]:
    start, slope = updates.adam_inputs()
    with tf.Graph().as_default(), _session() as session:
        value = tf.placeholder(tf.float32, start.shape)
        variable, gradient = tf.Variable(value), tf.Variable(value, trainable=False)
        optimizer = tf.train.AdamOptimizer(updates.RATE, updates.BETA1, updates.BETA2, updates.EPSILON)
        train = optimizer.apply_gradients([(tf.convert_to_tensor(gradient), variable)])
        session.run(tf.global_variables_initializer(), {value: start})
        session.run(gradient.initializer, {value: slope})
        run = partial(session.run, train)
        yield stepping(run, partial(_after, run, partial(session.run, [variable])))


@contextmanager
def _embedding() -> Iterator[Contestant]:
    numbers, values = updates.row_numbers(updates.TABLE_ROWS), updates.row_values()
    with tf.Graph().as_default(), _session() as session:
        table = tf.Variable(tf.zeros([updates.TABLE_ROWS, updates.WIDTH]))
        indices, changes = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float32, [None, updates.WIDTH])
        update, touched = tf.scatter_sub(table, indices, changes).op, tf.gather(table, indices)
        session.run(tf.global_variables_initializer())
        run = partial(session.run, update, {indices: numbers, changes: values})
        yield stepping(run, partial(_after, run, partial(session.run, [touched], {indices: numbers})))


def _after(step: Callable[[], object], values: Callable[[], Proof]) -> Proof:
    """Return the values after some steps."""
    for _ in range(updates.PROOF_STEPS):
        step()
    return values()


def _built(count: int) -> Any:
    """Add variables, the initialiser and a saver to the default graph."""
    for _ in range(count):
        tf.Variable(tf.random_normal([SIZE]))
    init = tf.global_variables_initializer()
    tf.train.Saver()
    return init


def _build_time(count: int) -> float:
    """Return how long building takes."""
    with tf.Graph().as_default():
        start = time.perf_counter()
        _built(count)
        return time.perf_counter() - start


def _init_time(count: int) -> float:
    """Return how long the first run takes."""
    with tf.Graph().as_default():
        init = _built(count)
        with _session() as session:
            start = time.perf_counter()
            session.run(init)
            return time.perf_counter() - start


def _once(value: Callable[[int], float], count: int) -> Factory:
    """Return the factory of a contestant that measures itself."""
    return ready(partial(single, partial(value, count)))


ROWS: dict[str, Factory] = {
    **tensorflow_savers.ROWS,
    "run-no-op": _no_op,
    "run-fed-add": partial(_adds, 1),
    "chained-adds": partial(_adds, CHAIN),
    "mlp-forward-32": partial(_perceptron, 32, train=False),
    "sgd-step-32": partial(_perceptron, 32, train=True),
    "sgd-step-128": partial(_perceptron, 128, train=True),
    "convnet-step-32": _convnet,
    "adam-10m": _adam,
    "embedding-update": _embedding,
    f"build-{FEW}": _once(_build_time, FEW),
    f"init-{FEW}": _once(_init_time, FEW),
    f"build-{MANY}": _once(_build_time, MANY),
    f"init-{MANY}": _once(_init_time, MANY),
    "import": importing("import tensorflow"),
}
