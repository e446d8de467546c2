"""The global step."""

from __future__ import annotations

from typing import Any

import pytest

import holdfast as tf
from holdfast.graph import Graph


def test_create_global_step() -> None:
    """An int64 zero outside of name scopes, global, not trainable, in a collection of its own."""
    with tf.name_scope("scope"):
        step = tf.train.create_global_step()
    assert (step.name, step.dtype.base_dtype, step.shape.as_list()) == ("global_step:0", tf.int64, [])
    assert step.initial_value is not None
    assert step.initial_value.name == "global_step/Initializer/zeros:0"
    assert tf.get_collection(tf.GraphKeys.GLOBAL_STEP) == tf.global_variables() == [step]
    assert tf.trainable_variables() == []
    with pytest.raises(ValueError, match='"global_step" already exists'):
        tf.train.create_global_step()


def test_get_or_create_is_one_variable() -> None:
    """The second call finds what the first made; get gives None before."""
    assert tf.train.get_global_step() is None
    assert tf.train.get_or_create_global_step() is tf.train.get_or_create_global_step() is tf.train.get_global_step()


def test_a_graph_can_be_given() -> None:
    """Another graph than the default one is asked and added to."""
    graph = Graph()
    step = tf.train.create_global_step(graph)
    assert step.graph is graph
    assert tf.train.get_global_step(graph) is step
    assert tf.train.get_global_step() is None


def test_a_tensor_of_that_name_counts() -> None:
    """Where the collection is empty, global_step:0 is the global step."""
    tensor = tf.constant(7, name="global_step")
    assert tf.train.get_global_step() is tensor
    with tf.Session() as session:
        value = tf.train.global_step(session, tensor)
    assert (value, type(value)) == (7, int)


def test_two_are_none(caplog: pytest.LogCaptureFixture) -> None:
    """Which one is meant cannot be told; it is logged."""
    for _ in range(2):
        tf.add_to_collection(tf.GraphKeys.GLOBAL_STEP, tf.constant(1))
    assert tf.train.get_global_step() is None
    assert "Multiple tensors in global_step collection." in caplog.text


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: 3, 'Existing "global_step" must be a Variable or Tensor: 3.'),
        (lambda: tf.constant(1.0), 'Existing "global_step" does not have integer type'),
        (lambda: tf.constant([1]), 'Existing "global_step" is not scalar: (1,)'),
    ],
)
def test_what_cannot_be_a_global_step(make: Any, message: str) -> None:
    """It must be a scalar integer variable or tensor."""
    tf.add_to_collection(tf.GraphKeys.GLOBAL_STEP, make())
    with pytest.raises(TypeError) as info:
        tf.train.get_global_step()
    assert str(info.value).startswith(message)
