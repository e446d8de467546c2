"""The bare matrix products that a training step of the perceptron mostly consists of: what the BLAS itself takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

import holdfast as tf
from tests.bench.row import Contestant, Row, ready, stepping
from tests.bench.workloads import mlp


@contextmanager
def _holdfast(batch: int, *, gradient: bool) -> Iterator[Contestant]:
    images, weights, slope = mlp.factors(batch)
    second = slope if gradient else weights
    with tf.Graph().as_default(), tf.Session() as session:
        a, b = (tf.placeholder(tf.float32, [None, array.shape[1]]) for array in (images, second))
        product = tf.matmul(a, b, transpose_a=gradient)
        feeds = {a: images, b: second}
        # The op, not its output: what is fetched would be a fresh array each time.
        yield stepping(partial(session.run, product.op, feeds), lambda: [session.run(product, feeds)])


def _numpy(batch: int, *, gradient: bool) -> Contestant:
    images, weights, slope = mlp.factors(batch)
    a, b = (images.T, slope) if gradient else (images, weights)
    out: Any = np.empty((a.shape[0], b.shape[1]), np.float32)
    return stepping(partial(np.dot, a, b, out=out), lambda: [a @ b])


def _row(batch: int, *, gradient: bool) -> Row:
    rows, hidden = mlp.SIZES[:2]
    shapes = f"{rows} x {batch} times {batch} x {hidden}" if gradient else f"{batch} x {rows} times {rows} x {hidden}"
    what = "gradient of the first weights" if gradient else "first layer"
    return Row(
        f"matmul-{'gradient-' if gradient else ''}{batch}",
        f"bare product of the perceptron's {what}, {shapes}; baseline: np.dot into a buffer",
        {
            "numpy": ready(partial(_numpy, batch, gradient=gradient)),
            "holdfast": partial(_holdfast, batch, gradient=gradient),
        },
        baseline="numpy",
        peers=("torch", "jax"),
    )


ROWS = [_row(batch, gradient=gradient) for batch in (32, 128) for gradient in (False, True)]
