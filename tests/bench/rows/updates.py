"""Updates of variables alone: Adam over all of a large one, and a few rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

import holdfast as tf
from tests.bench.row import Contestant, Proof, Row, Target, ready, stepping
from tests.bench.workloads import updates


@contextmanager
def adam() -> Iterator[Contestant]:
    """Holdfast's optimiser, with the gradient in a variable of its own."""
    start, slope = updates.adam_inputs()
    with tf.Graph().as_default(), tf.Session() as session:
        value = tf.placeholder(tf.float32, start.shape)
        variable, gradient = tf.Variable(value), tf.Variable(value, trainable=False)
        optimizer = tf.train.AdamOptimizer(updates.RATE, updates.BETA1, updates.BETA2, updates.EPSILON)
        train = optimizer.apply_gradients([(tf.convert_to_tensor(gradient), variable)])
        session.run(tf.global_variables_initializer(), {value: start})
        session.run(gradient.initializer, {value: slope})
        del start, slope
        run = partial(session.run, train)

        def proof() -> Proof:
            for _ in range(updates.PROOF_STEPS):
                run()
            return [session.run(variable)]

        yield stepping(run, proof)


def numpy_adam() -> Contestant:
    """NumPy's way."""
    variable, gradient = updates.adam_inputs()
    optimizer = updates.NumpyAdam(variable)
    step = partial(optimizer.step, gradient)

    def proof() -> Proof:
        for _ in range(updates.PROOF_STEPS):
            step()
        return [variable.copy()]

    return stepping(step, proof)


@contextmanager
def _embedding(rows: int) -> Iterator[Contestant]:
    numbers, values = updates.row_numbers(rows), updates.row_values()
    with tf.Graph().as_default(), tf.Session() as session:
        table = tf.Variable(tf.zeros([rows, updates.WIDTH]))
        indices, changes = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float32, [None, updates.WIDTH])
        update = tf.scatter_sub(table, indices, changes).op
        touched = tf.gather(table, indices)
        session.run(tf.global_variables_initializer())
        run = partial(session.run, update, {indices: numbers, changes: values})

        def proof() -> Proof:
            for _ in range(updates.PROOF_STEPS):
                run()
            return [session.run(touched, {indices: numbers})]

        yield stepping(run, proof)


def _numpy_embedding(rows: int) -> Contestant:
    numbers, values = updates.row_numbers(rows), updates.row_values()
    # Written to, since zeros would be given memory only where rows are touched.
    table = np.full((rows, updates.WIDTH), 0, np.float32)

    def step() -> None:
        table[numbers] -= values

    def proof() -> Proof:
        for _ in range(updates.PROOF_STEPS):
            step()
        return [table[numbers]]

    return stepping(step, proof)


ROWS = [
    Row(
        "adam-10m",
        "Adam step over 10 M parameters; baseline: hand-written, in place, an array at a time",
        {"numpy": ready(numpy_adam), "holdfast": adam},
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(1.0, "numpy")],
    ),
    Row(
        "embedding-update",
        "1,000 rows subtracted from a table of 1 M x 64; baseline: fancy indexing",
        {
            "numpy": ready(partial(_numpy_embedding, updates.TABLE_ROWS)),
            "holdfast": partial(_embedding, updates.TABLE_ROWS),
        },
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(1.1, "numpy")],
    ),
    Row(
        "embedding-size",
        "the same update of 1 M x 64 beside one of 10,000 x 64: no more than caches may come of the size",
        {
            "10,000 rows": partial(_embedding, updates.SMALL_TABLE_ROWS),
            "holdfast": partial(_embedding, updates.TABLE_ROWS),
        },
        baseline="10,000 rows",
    ),
]
