"""The training step of a convolutional net of LeNet-5's size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

import holdfast as tf
from tests.bench.row import Contestant, Proof, Row, Target, ready, stepping
from tests.bench.workloads import convnet

_PAIRS = [1, 2, 2, 1]


def _logits(images: Any, weights: list[Any], biases: list[Any]) -> Any:
    """Add the net to the graph."""
    values = images
    for filters, bias, padding in zip(weights[:2], biases[:2], ("SAME", "VALID"), strict=True):
        maps = tf.nn.relu(tf.nn.conv2d(values, filters, [1, 1, 1, 1], padding) + bias)
        values = tf.nn.max_pool(maps, _PAIRS, _PAIRS, "VALID")
    values = tf.reshape(values, [-1, convnet.SHAPES[2][0]])
    for matrix, bias in zip(weights[2:-1], biases[2:-1], strict=True):
        values = tf.nn.relu(tf.matmul(values, matrix) + bias)
    return tf.matmul(values, weights[-1]) + biases[-1]


@contextmanager
def _training() -> Iterator[Contestant]:
    given = convnet.inputs(convnet.BATCH)
    with tf.Graph().as_default(), tf.Session() as session:
        weights = [tf.Variable(value) for value in given.weights]
        biases = [tf.Variable(value) for value in given.biases]
        images = tf.placeholder(tf.float32, [None, *given.images.shape[1:]])
        labels = tf.placeholder(tf.int32, [None])
        logits = _logits(images, weights, biases)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        train = tf.train.GradientDescentOptimizer(convnet.RATE).minimize(loss)
        session.run(tf.global_variables_initializer())
        run = partial(session.run, [train, loss], {images: given.images, labels: given.labels})

        def proof() -> Proof:
            losses = [run()[1] for _ in range(convnet.PROOF_STEPS)]
            return [np.array(losses), *session.run([*biases, weights[-1]])]

        yield stepping(run, proof)


def _numpy_training() -> Contestant:
    given = convnet.inputs(convnet.BATCH)
    net = convnet.NumpyConvnet(given)
    step = partial(net.step, given.images, given.labels)

    def proof() -> Proof:
        losses = [step() for _ in range(convnet.PROOF_STEPS)]
        return [np.array(losses), *(array.copy() for array in (*net.biases, net.weights[-1]))]

    return stepping(step, proof)


ROWS = [
    Row(
        f"convnet-step-{convnet.BATCH}",
        f"SGD step of a net of LeNet-5's size, batch {convnet.BATCH}; baseline: hand-written, windows as a matrix",
        {"numpy": ready(_numpy_training), "holdfast": _training},
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(3.0, "torch")],
    ),
]
