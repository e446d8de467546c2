"""What a session costs where there is nothing to compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

import holdfast as tf
from tests.bench.row import Contestant, Row, Target, ready, stepping
from tests.bench.workloads.scalars import CHAIN, FED


@contextmanager
def running(fetches: Any, feeds: Any = None) -> Iterator[Contestant]:
    """Open a session on the default graph that runs the same again and again."""
    with tf.Session() as session:
        run = partial(session.run, fetches) if feeds is None else partial(session.run, fetches, feeds)
        yield stepping(run, lambda: [] if isinstance(fetches, tf.Operation) else [np.asarray(run())])


@contextmanager
def _no_op() -> Iterator[Contestant]:
    with tf.Graph().as_default(), running(tf.no_op()) as contestant:
        yield contestant


@contextmanager
def _fed_add() -> Iterator[Contestant]:
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [])
        with running(x + 1.0, {x: FED}) as contestant:
            yield contestant


@contextmanager
def _chained_adds() -> Iterator[Contestant]:
    with tf.Graph().as_default():
        x = total = tf.placeholder(tf.float32, [])
        for _ in range(CHAIN):
            total = total + x
        with running(total, {x: FED}) as contestant:
            yield contestant


def _empty_function() -> None:
    """Do nothing, which takes a call."""


def _numpy_add() -> Contestant:
    one = np.float32(1)
    return stepping(lambda: np.float32(FED) + one, lambda: [np.asarray(np.float32(FED) + one)])


def _numpy_adds() -> Contestant:
    def add() -> np.float32:
        x = total = np.float32(FED)
        for _ in range(CHAIN):
            total = total + x
        return total

    return stepping(add, lambda: [np.asarray(add())])


ROWS = [
    Row(
        "run-no-op",
        "run(no_op); baseline: a call of an empty function",
        {"python": ready(lambda: stepping(_empty_function, list)), "holdfast": _no_op},
        baseline="python",
        peers=("tf1",),
        targets=[Target(2e-6)],
    ),
    Row(
        "run-fed-add",
        "run of an addition to a fed scalar; baseline: the same with np.float32",
        {"numpy": ready(_numpy_add), "holdfast": _fed_add},
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(4e-6)],
    ),
    Row(
        "chained-adds",
        "1,000 chained additions of a fed scalar; baseline: a loop over np.float32",
        {"numpy": ready(_numpy_adds), "holdfast": _chained_adds},
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(60e-6)],
    ),
]
