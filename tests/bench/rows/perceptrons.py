"""The perceptron 784-200-10: forward pass and training step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import holdfast as tf
from tests.bench.row import Contestant, Proof, Row, Target, ready, stepping
from tests.bench.workloads import mlp


class Model(NamedTuple):
    """The parts of the graph that are fed or fetched."""

    images: Any
    labels: Any
    logits: Any
    loss: Any
    train: Any
    variables: list[Any]


def build(given: mlp.Inputs) -> Model:
    """Add the perceptron to the default graph."""
    variables = [tf.Variable(value) for value in given.parameters]
    w1, b1, w2, b2 = variables
    images = tf.placeholder(tf.float32, [None, given.images.shape[1]])
    labels = tf.placeholder(tf.int32, [None])
    logits = tf.matmul(tf.nn.relu(tf.matmul(images, w1) + b1), w2) + b2
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    train = tf.train.GradientDescentOptimizer(mlp.RATE).minimize(loss)
    return Model(images, labels, logits, loss, train, variables)


@contextmanager
def _forward(batch: int) -> Iterator[Contestant]:
    given = mlp.inputs(batch)
    with tf.Graph().as_default(), tf.Session() as session:
        model = build(given)
        session.run(tf.global_variables_initializer())
        run = partial(session.run, model.logits, {model.images: given.images})
        yield stepping(run, lambda: [run()])


def _numpy_forward(batch: int) -> Contestant:
    given = mlp.inputs(batch)
    forward = partial(mlp.NumpyPerceptron(given).forward, given.images)
    return stepping(forward, lambda: [forward().copy()])


@contextmanager
def training(batch: int) -> Iterator[Contestant]:
    """Holdfast's training step."""
    given = mlp.inputs(batch)
    with tf.Graph().as_default(), tf.Session() as session:
        model = build(given)
        session.run(tf.global_variables_initializer())
        run = partial(session.run, [model.train, model.loss], {model.images: given.images, model.labels: given.labels})

        def proof() -> Proof:
            losses = [run()[1] for _ in range(mlp.PROOF_STEPS)]
            return [np.array(losses), *session.run(model.variables)]

        yield stepping(run, proof)


def numpy_training(batch: int) -> Contestant:
    """NumPy's training step."""
    given = mlp.inputs(batch)
    perceptron = mlp.NumpyPerceptron(given)
    step = partial(perceptron.step, given.images, given.labels)

    def proof() -> Proof:
        losses = [step() for _ in range(mlp.PROOF_STEPS)]
        return [np.array(losses), *(array.copy() for array in perceptron.parameters)]

    return stepping(step, proof)


def _training_row(batch: int, most: float) -> Row:
    return Row(
        f"sgd-step-{batch}",
        f"SGD step of a perceptron 784-200-10, batch {batch}, with the loss; baseline: hand-written, in place",
        {"numpy": ready(partial(numpy_training, batch)), "holdfast": partial(training, batch)},
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(most, "numpy"), Target(1.0, "tf1"), Target(1.0, "torch")],
    )


ROWS = [
    Row(
        "mlp-forward-32",
        "logits of a perceptron 784-200-10, batch 32; baseline: hand-written, buffers reused",
        {"numpy": ready(partial(_numpy_forward, 32)), "holdfast": partial(_forward, 32)},
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(1.10, "numpy")],
    ),
    _training_row(32, 1.10),
    _training_row(128, 1.05),
]
