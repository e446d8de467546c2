"""A session on a third party's array-API backend gives what one on numpy-cpu gives."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.plugins import load_plugins, use_plugins

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let CPU devices be those of the documented array-api-strict backend."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    entries = [EntryPoint(name.replace("_", "-"), name, "holdfast") for name in ("holdfast_strict", "holdfast_msgpack")]
    with use_plugins(load_plugins({"devices": {"CPU": "strict-cpu"}}, entries)):
        yield


def train(directory: Path) -> list[Any]:
    """Train a small network with a cond in its loss, save, restore in a new session, and return all values."""
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        x = tf.placeholder(tf.float32, [None, 4])
        weights = tf.Variable(tf.random_normal([4, 3]), name="weights")
        bias = tf.Variable(tf.zeros([3]), name="bias")
        table = tf.Variable(tf.ones([5, 3]), name="table")
        hidden = tf.nn.relu(tf.matmul(x, weights) + bias) + tf.gather(table, [0, 2, 2, 4])
        loss = tf.cond(
            tf.reduce_sum(bias) > 0.1, lambda: tf.reduce_mean(tf.square(hidden)), lambda: tf.reduce_sum(hidden)
        )
        step = tf.train.AdamOptimizer(0.05).minimize(loss)
        saver = tf.train.Saver()
        data = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            losses = [sess.run([loss, step], {x: data})[0] for _ in range(6)]
            path = saver.save(sess, directory / "model.ckpt")
        with tf.Session() as sess:
            saver.restore(sess, path)
            return [*losses, *sess.run([weights, bias, table, tf.argmax(hidden, 1)], {x: data})]


@pytest.mark.usefixtures("strict")
def test_a_session_runs_on_any_array_api_backend(tmp_path: Path) -> None:
    """Values are those of numpy-cpu, and what run returns is NumPy's."""
    found = train(tmp_path)
    with use_plugins(load_plugins()):
        expected = train(tmp_path)
    for ours, theirs in zip(found, expected, strict=True):
        assert isinstance(ours, (np.ndarray, np.generic))
        np.testing.assert_allclose(np.asarray(ours, np.float64), np.asarray(theirs, np.float64), rtol=2e-6, atol=1e-6)
