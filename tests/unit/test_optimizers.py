"""Optimisers: each step against its published formula, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import holdfast as tf

Array = NDArray[Any]
Step = Callable[[Array, Array], Array]
"""From the variable and its gradient to the new variable; keeps what it needs from step to step."""

_START = np.array([[1.0, -2.0], [3.0, 0.5], [-1.0, 4.0]])
# Hyper-parameters are float32 constants that are cast: these have exact values, so that float64 stays float64.
_RATE, _MOMENTUM, _BETA1, _BETA2, _EPSILON = 0.125, 0.75, 0.875, 0.9375, 2.0**-20


def _descent() -> Step:
    """Return gradient descent."""
    return lambda w, g: w - _RATE * g


def _momentum(*, nesterov: bool = False) -> Step:
    """Return the momentum scheme, with a slot that begins at zero."""
    accum = np.zeros_like(_START)

    def step(w: Array, g: Array) -> Array:
        accum[...] = _MOMENTUM * accum + g
        direction = g + _MOMENTUM * accum if nesterov else accum
        return w - _RATE * direction

    return step


def _adam() -> Step:
    """Return Adam as its paper has it in section 2."""
    m, v, t = np.zeros_like(_START), np.zeros_like(_START), [0]

    def step(w: Array, g: Array) -> Array:
        t[0] += 1
        m[...] = _BETA1 * m + (1 - _BETA1) * g
        v[...] = _BETA2 * v + (1 - _BETA2) * g * g
        rate = _RATE * np.sqrt(1 - _BETA2 ** t[0]) / (1 - _BETA1 ** t[0])
        moved: Array = w - rate * m / (np.sqrt(v) + _EPSILON)
        return moved

    return step


_CASES = [
    pytest.param(lambda: tf.train.GradientDescentOptimizer(_RATE), _descent, id="descent"),
    pytest.param(lambda: tf.train.MomentumOptimizer(_RATE, _MOMENTUM), _momentum, id="momentum"),
    pytest.param(
        lambda: tf.train.MomentumOptimizer(_RATE, _MOMENTUM, use_nesterov=True),
        lambda: _momentum(nesterov=True),
        id="nesterov",
    ),
    pytest.param(lambda: tf.train.AdamOptimizer(_RATE, _BETA1, _BETA2, _EPSILON), _adam, id="adam"),
]
_EACH = pytest.mark.parametrize("optimizer, formula", _CASES)


def _train(optimizer: Any, build_loss: Callable[[Any], Any], steps: int) -> list[Array]:
    """Return the variable after each step."""
    w = tf.Variable(_START, name="w")
    step = optimizer.minimize(build_loss(w))
    init = tf.global_variables_initializer()
    values = []
    with tf.Session() as session:
        session.run(init)
        for _ in range(steps):
            session.run(step)
            values.append(session.run(w))
    return values


@_EACH
def test_dense_steps(optimizer: Callable[[], Any], formula: Callable[[], Step]) -> None:
    """Five steps on a sum of squares."""
    got = _train(optimizer(), lambda w: tf.reduce_sum(w * w), 5)
    w, step = _START, formula()
    for value in got:
        w = step(w, 2 * w)
        np.testing.assert_allclose(value, w, rtol=1e-12)


@_EACH
def test_sparse_steps_on_all_rows(optimizer: Callable[[], Any], formula: Callable[[], Step]) -> None:
    """Where every row is gathered a sparse step is a dense one; equal indices add up."""
    got = _train(optimizer(), lambda w: tf.reduce_sum(tf.square(tf.gather(w, [2, 0, 1, 0]))), 5)
    w, step = _START, formula()
    for value in got:
        grad = 2 * w
        grad[0] *= 2
        w = step(w, grad)
        np.testing.assert_allclose(value, w, rtol=1e-12)


def test_sparse_momentum_leaves_other_rows_alone() -> None:
    """Rows that are not gathered keep their value, though they have momentum."""
    w = tf.Variable(_START, name="w")
    row = tf.placeholder(tf.int32, [1])
    step = tf.train.MomentumOptimizer(_RATE, _MOMENTUM).minimize(tf.reduce_sum(tf.gather(w, row)))
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init)
        session.run(step, {row: [0]})
        session.run(step, {row: [1]})
        session.run(step, {row: [1]})
        value = session.run(w)
    expected = _START.copy()
    expected[0] -= _RATE
    expected[1] -= _RATE * (1 + 1.75)
    np.testing.assert_allclose(value, expected, rtol=1e-15)


def test_sparse_adam_moves_other_rows_on() -> None:
    """Rows that are not gathered have gradient zero: their averages decay and move them."""
    w = tf.Variable(_START, name="w")
    row = tf.placeholder(tf.int32, [1])
    optimizer = tf.train.AdamOptimizer(_RATE, _BETA1, _BETA2, _EPSILON)
    step = optimizer.minimize(tf.reduce_sum(tf.gather(w, row)))
    init = tf.global_variables_initializer()
    formula, expected = _adam(), _START
    with tf.Session() as session:
        session.run(init)
        for index in (0, 1, 1):
            session.run(step, {row: [index]})
            grad = np.zeros_like(_START)
            grad[index] = 1.0
            expected = formula(expected, grad)
            np.testing.assert_allclose(session.run(w), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32, tf.float64])
def test_every_floating_dtype(dtype: Any) -> None:
    """Hyper-parameters are cast to the variable's dtype."""
    values = []
    makers: list[Callable[[], Any]] = [case.values[0] for case in _CASES]  # type: ignore[misc]  # what param holds
    for make in makers:
        w = tf.Variable([1.0, 2.0], dtype=dtype)
        step = make().minimize(tf.reduce_sum(w * w))
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            session.run(step)
            values.append(session.run(w))
    assert [value.dtype for value in values] == [dtype.as_numpy_dtype] * 4
    np.testing.assert_array_equal(values[0], np.array([0.75, 1.5], dtype.as_numpy_dtype))


def test_the_learning_rate_may_be_a_tensor() -> None:
    """It is read at each step."""
    w = tf.Variable(1.0)
    rate = tf.placeholder(tf.float32, [])
    step = tf.train.GradientDescentOptimizer(rate).minimize(w * 2.0)
    with tf.Session() as session:
        session.run(w.initializer)
        session.run(step, {rate: 0.5})
        session.run(step, {rate: 0.25})
        assert session.run(w) == -0.5


def test_a_constraint_holds_after_each_step() -> None:
    """The variable is assigned what its constraint makes of it."""
    w = tf.Variable([1.0, -1.0], constraint=lambda v: tf.maximum(v, 0.0))
    step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(w))
    with tf.Session() as session:
        session.run(w.initializer)
        session.run(step)
        assert session.run(w).tolist() == [0.5, 0.0]


def test_the_global_step_counts_the_updates() -> None:
    """It is incremented after them; a fetch of the operation gives None."""
    w = tf.Variable(1.0)
    counter = tf.train.get_or_create_global_step()
    step = tf.train.GradientDescentOptimizer(0.25).minimize(w * w, global_step=counter)
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init)
        assert [session.run(step), session.run(step)] == [None, None]
        assert (session.run(counter), session.run(w)) == (2, 0.25)
