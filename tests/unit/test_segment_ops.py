"""Unique values and sums by key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf


def test_unique_keeps_the_order_of_first_occurrence() -> None:
    """Values as they come, and where each element stands among them."""
    y, idx = tf.unique([5, 2, 5, 1, 2])
    assert (y.op.name, y.shape.as_list(), idx.shape.as_list(), idx.dtype) == ("Unique", [None], [5], tf.int32)
    strings = tf.unique(["b", "a", "b"], out_idx=tf.int64)
    with tf.Session() as session:
        values, positions = session.run([y, idx])
        texts = session.run(strings)
    assert (values.tolist(), positions.tolist()) == ([5, 2, 1], [0, 1, 0, 2, 1])
    assert (texts.y.tolist(), texts.idx.tolist(), texts.idx.dtype) == ([b"b", b"a"], [0, 1, 0], np.int64)


def test_unique_takes_vectors_only() -> None:
    """A matrix is refused when it is built."""
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 2 for 'Unique'"):
        tf.unique([[1]])


def test_unsorted_segment_sum() -> None:
    """Rows of one key add up; keys without rows are zero."""
    total = tf.unsorted_segment_sum([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [2, 0, 2], 4)
    flat = tf.unsorted_segment_sum(np.arange(4.0).reshape(2, 2), [[0, 1], [1, 1]], 2)
    assert total.shape.as_list() == [4, 2]
    with tf.Session() as session:
        assert session.run(total).tolist() == [[3.0, 4.0], [0.0, 0.0], [6.0, 8.0], [0.0, 0.0]]
        assert session.run(flat).tolist() == [0.0, 6.0]


@pytest.mark.parametrize(
    "keys, message",
    [
        ([0, 7, 1], r"segment_ids\[1\] = 7 is out of range \[0, 3\)"),
        ([0, -1, 1], r"segment_ids\[1\] = -1 is out of range \[0, 3\)"),
        ([0, 1], r"data.shape = \[3\] does not start with segment_ids.shape = \[2\]"),
    ],
)
def test_unsorted_segment_sum_checks_its_keys(keys: Any, message: str) -> None:
    """A key that is no row of the result, or keys of another shape, are refused when it runs."""
    fed = tf.placeholder(tf.int32)
    total = tf.unsorted_segment_sum([1.0, 2.0, 3.0], fed, 3)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session.run(total, {fed: keys})


def test_unsorted_segment_sum_checks_static_shapes() -> None:
    """Shapes that cannot fit are refused when it is built."""
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 3 and 2"):
        tf.unsorted_segment_sum([1.0, 2.0, 3.0], [0, 1], 2)
    with pytest.raises(ValueError, match="Shape must be at least rank 2 but is rank 1"):
        tf.unsorted_segment_sum([1.0, 2.0], [[0], [1]], 2)


def test_indexed_slices_convert_to_the_full_tensor() -> None:
    """Rows of equal indices add up; without the full shape there is nothing to convert to."""
    rows, indices = tf.constant([[1.0], [2.0], [4.0]]), tf.constant([1, 0, 1])
    dense = tf.convert_to_tensor(tf.IndexedSlices(rows, indices, tf.constant([3, 1])))
    with tf.Session() as session:
        assert session.run(dense).tolist() == [[2.0], [5.0], [0.0]]
    with pytest.raises(ValueError, match="Tensor conversion requested for IndexedSlices without dense_shape"):
        tf.convert_to_tensor(tf.IndexedSlices(rows, indices))
    with pytest.raises(
        ValueError, match="Tensor conversion requested dtype int32 for IndexedSlices with dtype float32"
    ):
        tf.convert_to_tensor(tf.IndexedSlices(rows, indices, tf.constant([3, 1])), dtype=tf.int32)
