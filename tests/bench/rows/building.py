"""Graphs of many variables: building them, and the first run that initialises them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

import holdfast as tf
from tests.bench.row import Contestant, Row, Target, ready, single
from tests.bench.workloads.building import FEW, MANY, SIZE


def _built(count: int) -> tf.Operation:
    """Add variables with random initial values, the initialiser and a saver to the default graph."""
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
    with tf.Graph().as_default(), tf.Session() as session:
        init = _built(count)
        start = time.perf_counter()
        session.run(init)
        return time.perf_counter() - start


def _numpy_draws(count: int) -> float:
    """Return how long drawing the initial values takes."""
    rng = np.random.default_rng()
    start = time.perf_counter()
    values = [rng.standard_normal(SIZE, np.float32) for _ in range(count)]
    took = time.perf_counter() - start
    del values
    return took


def _times(factor: int, value: Callable[[], float]) -> Contestant:
    """Return a contestant that takes so many times as long as it measures."""
    return single(lambda: factor * value())


def _linear(name: str, title: str, value: Callable[[int], float]) -> Row:
    """Return the row of ten times as many variables."""
    return Row(
        f"{name}-{MANY}",
        f"{title}; baseline: ten times what {FEW:,} take",
        {
            f"10 x {FEW:,}": ready(lambda: _times(MANY // FEW, partial(value, FEW))),
            "holdfast": ready(lambda: single(partial(value, MANY))),
        },
        baseline=f"10 x {FEW:,}",
        peers=("tf1",),
        targets=[Target(1.2, f"10 x {FEW:,}")],
        slow=True,
    )


ROWS = [
    Row(
        f"build-{FEW}",
        f"building {FEW:,} random variables, their initialiser and a Saver",
        {"holdfast": ready(lambda: single(partial(_build_time, FEW)))},
        peers=("tf1",),
        targets=[Target(0.150)],
    ),
    Row(
        f"init-{FEW}",
        f"the first run of the initialiser of {FEW:,} variables; baseline: drawing their values",
        {
            "numpy": ready(lambda: single(partial(_numpy_draws, FEW))),
            "holdfast": ready(lambda: single(partial(_init_time, FEW))),
        },
        baseline="numpy",
        peers=("tf1",),
        targets=[Target(0.080)],
    ),
    _linear("build", f"building {MANY:,} random variables, their initialiser and a Saver", _build_time),
    _linear("init", f"the first run of the initialiser of {MANY:,} variables", _init_time),
]
