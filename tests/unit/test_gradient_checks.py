"""compute_gradient and compute_gradient_error."""

from __future__ import annotations

import numpy as np
import pytest

import holdfast as tf
from holdfast.graph import get_default_graph
from holdfast.graph.op_def import register_gradient
from holdfast.testing.gradients import compute_gradient, compute_gradient_error


def test_both_jacobians_of_a_product() -> None:
    """Rows are elements of x, columns elements of y."""
    x = tf.constant([[1.0, 2.0]], tf.float64)
    y = tf.matmul(x, tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], tf.float64))
    with tf.Session():
        theoretical, numeric = compute_gradient(x, [1, 2], y, [1, 3])
    np.testing.assert_allclose(theoretical, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], rtol=0)
    np.testing.assert_allclose(numeric, theoretical, atol=1e-9)


def test_several_xs_give_a_pair_each() -> None:
    """Each pair has the others held where they are."""
    a, b = tf.constant(0.0, tf.float64), tf.constant([0.0, 0.0], tf.float64)
    with tf.Session() as session:
        pairs = compute_gradient([a, b], [[], [2]], a * b, [2], [2.0, [3.0, 4.0]], session=session)
    np.testing.assert_allclose(pairs[0][0], [[3.0, 4.0]])
    np.testing.assert_allclose(pairs[1][0], [[2.0, 0.0], [0.0, 2.0]])


def test_the_error_of_a_right_gradient_is_small() -> None:
    """In float64 to nine digits."""
    x = tf.constant(np.linspace(0.1, 0.9, 6).reshape(2, 3))
    with tf.Session():
        assert compute_gradient_error(x, [2, 3], tf.exp(x), [2, 3], delta=1e-5) < 1e-9


def test_the_error_of_a_wrong_gradient_is_not() -> None:
    """A gradient that is off by a factor shows."""
    register_gradient("TestOffByTwo")(lambda op, grad: grad * 4.0 * op.inputs[0])
    x = tf.constant([1.0], tf.float64)
    with get_default_graph().gradient_override_map({"Square": "TestOffByTwo"}):
        y = tf.square(x)
    with tf.Session():
        assert abs(compute_gradient_error(x, [1], y, [1], [1.0]) - 2.0) < 1e-6


def test_complex_numbers_count_as_two() -> None:
    """Real and imaginary parts are rows and columns of their own."""
    z = tf.constant([1.0 + 2.0j])
    with tf.Session():
        theoretical, numeric = compute_gradient(z, [1], z * (3.0 + 4.0j), [1], [1.0 + 2.0j])
    assert theoretical.shape == (2, 2)
    np.testing.assert_allclose(theoretical, numeric, atol=1e-9)


def test_sparse_gradients_are_spread_out() -> None:
    """The gradient of gather is compared row by row."""
    x = tf.constant(np.zeros((3, 2)))
    with tf.Session():
        theoretical, numeric = compute_gradient(x, [3, 2], tf.gather(x, [2, 2]), [2, 2])
    np.testing.assert_allclose(theoretical, numeric, atol=1e-9)


def test_other_feeds_and_targets() -> None:
    """Further inputs are fed, and targets run before."""
    v = tf.Variable(np.float64(5.0))
    x, factor = tf.constant(1.0, tf.float64), tf.placeholder(tf.float64, [])
    y = x * factor * v
    with tf.Session():
        theoretical, _ = compute_gradient(x, [], y, [], init_targets=[v.initializer], extra_feed_dict={factor: 3.0})
    assert theoretical.tolist() == [[15.0]]


def test_what_cannot_be_checked_is_an_error() -> None:
    """There must be a session, and a gradient."""
    x = tf.constant(1.0)
    with pytest.raises(ValueError, match="no default session is registered"):
        compute_gradient(x, [], x, [])
    with tf.Session(), pytest.raises(ValueError, match="does not depend on"):
        compute_gradient(x, [], tf.constant(2.0) * 2.0, [])
