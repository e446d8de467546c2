"""Slots by themselves."""

from __future__ import annotations

from typing import Any

import holdfast as tf
from holdfast.train import slot_creator


def _initialised(slot: tf.Variable) -> Any:
    """Return the value of a slot in a new session, which needs no other variable."""
    with tf.Session() as session:
        session.run(slot.initializer)
        return session.run(slot)


def test_a_slot_from_a_tensor() -> None:
    """It has the tensor as its initial value, and neither trains nor changes the primary."""
    with tf.device("/cpu:0"):
        w = tf.Variable([1.0, 2.0], name="w")
    slot = slot_creator.create_slot(w, w.initialized_value() * 2.0, name="twice")
    assert (slot.op.name, slot.device, slot.op.colocation_groups()) == ("w/twice", "/device:CPU:0", [b"loc:@w"])
    assert slot not in tf.trainable_variables()
    assert _initialised(slot).tolist() == [2.0, 4.0]


def test_a_slot_away_from_its_variable() -> None:
    """Without colocation it goes where the device scope says."""
    w = tf.Variable([1.0, 2.0], name="w")
    with tf.device("/cpu:0"):
        slot = slot_creator.create_zeros_slot(w, "apart", dtype=tf.float64, colocate_with_primary=False)
    assert (slot.op.name, slot.device, slot.dtype.base_dtype) == ("w/apart", "/device:CPU:0", tf.float64)
    assert slot.op.colocation_groups() == [b"loc:@w/apart"]
    assert _initialised(slot).tolist() == [0.0, 0.0]


def test_a_slot_of_a_tensor() -> None:
    """The primary may be any tensor."""
    slot = slot_creator.create_zeros_slot(tf.constant([1.0, 2.0], name="c"), "slot")
    assert slot.op.name == "c/slot"
    assert _initialised(slot).tolist() == [0.0, 0.0]


def test_the_initialiser_gets_shape_and_dtype() -> None:
    """A list of sizes, and the dtype by name."""
    got: list[Any] = []

    def initializer(shape: Any, dtype: Any = None) -> Any:
        got.append((shape, dtype))
        return tf.ones(shape, dtype)

    w = tf.Variable([[1.0, 2.0]], name="w")
    slot = slot_creator.create_slot_with_initializer(w, initializer, tf.TensorShape([3]), tf.int32, "ones")
    assert got == [([3], tf.int32)]
    assert _initialised(slot).tolist() == [1, 1, 1]
