"""A program as a user writes it: type checkers know what the public names are."""

from __future__ import annotations

from typing import assert_type

import holdfast as tf


def test_building_blocks_have_their_types() -> None:
    """Variables, tensors and operations are what the stub says."""
    weights = tf.Variable([[1.0, 2.0]], name="weights")
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    assert_type(weights, tf.Variable)
    assert_type(x, tf.Tensor)
    assert_type(tf.identity(x), tf.Tensor)
    assert_type(weights.initializer, tf.Operation)
    assert isinstance(weights.initializer, tf.Operation)
    assert isinstance(x.dtype, tf.DType)


def test_a_session_is_a_typed_context_manager() -> None:
    """``with tf.Session() as sess`` gives a Session."""
    with tf.Session(graph=tf.get_default_graph()) as sess:
        assert_type(sess, tf.Session)
        assert sess.graph is tf.get_default_graph()


def test_errors_are_reachable_by_their_public_names() -> None:
    """``tf.errors`` has TensorFlow's classes, below OpError."""
    caught: type[tf.errors.OpError] = tf.errors.FailedPreconditionError
    assert issubclass(caught, tf.errors.OpError)
