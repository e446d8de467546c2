"""Workspaces of compiled plans: what lies in them, and what never does."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import holdfast as tf


@pytest.fixture
def sess() -> Any:
    """Return a session that compiles at once."""
    session = tf.Session()
    session._interpreted_runs = 0
    return session


def texts(sess: Any) -> list[str]:
    """Return the source of the functions that have memory of their own."""
    return [text for plan in sess._plans.values() for variant in plan._variants.values() for text in variant.texts]


def test_a_steady_training_loop_allocates_nothing_as_large_as_a_variable(sess: Any) -> None:
    """After the first steps all gradients and activations lie where they lay before."""
    x, labels = tf.placeholder(tf.float32, [None, 300]), tf.placeholder(tf.float32, [None, 50])
    w = tf.Variable(np.full((300, 50), 0.01, np.float32))
    b = tf.Variable(np.zeros(50, np.float32))
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=tf.matmul(x, w) + b))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    feeds = {x: np.ones((20, 300), np.float32), labels: np.eye(50, dtype=np.float32)[:20]}
    sess.run(tf.global_variables_initializer())
    losses = [sess.run([train, loss], feeds)[1] for _ in range(3)]
    tracemalloc.start()
    losses += [sess.run([train, loss], feeds)[1] for _ in range(3)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert losses == sorted(losses, reverse=True)
    assert peak < 300 * 50 * 4 // 2


def test_what_is_fetched_is_not_in_a_workspace(sess: Any) -> None:
    """Results of one run stay as they are in the next, views of computed values included."""
    x = tf.placeholder(tf.float32, [None])
    y = tf.exp(x * 2.0)
    row, turned = tf.expand_dims(y * 3.0, 0), tf.reverse(y + 1.0, [0])
    kept = [sess.run([row, turned, y], {x: np.full(4, i, np.float32)}) for i in range(5)]
    for i, (first, second, third) in enumerate(kept):
        value = np.exp(np.float32(i * 2))
        assert (third == value).all()
        assert (first == value * 3).all()
        assert (second == value + 1).all()
    assert len(texts(sess)) == 1


def test_read_only_results_stay_as_well(sess: Any) -> None:
    """A callable without copies hands out fresh memory for what was computed."""
    x = tf.placeholder(tf.float32, [None])
    call = sess.make_callable(tf.transpose([tf.square(x) + 1.0]), [x], copy=False)
    found = [call(np.full(3, i, np.float32)) for i in range(4)]
    assert [value.ravel().tolist() for value in found] == [[i * i + 1.0] * 3 for i in range(4)]


def test_a_variable_keeps_what_it_took_over(sess: Any) -> None:
    """An assigned temporary is the variable's own from then on."""
    x = tf.placeholder(tf.float32, [3])
    first, second = tf.Variable(tf.zeros([3])), tf.Variable(tf.zeros([3]))
    assign_first, assign_second = tf.assign(first, x * 2.0).op, tf.assign(second, x * 3.0).op
    for i in range(4):
        sess.run([assign_first if i % 2 else assign_second], {x: [i, i, i]})
    assert [v.tolist() for v in sess.run([first, second])] == [[6.0] * 3, [6.0] * 3]


def test_shapes_may_change_from_run_to_run(sess: Any) -> None:
    """Each shape of the feeds has buffers of its own."""
    x = tf.placeholder(tf.float32, [None, None])
    y = tf.reduce_sum(tf.square(x) + x, 0)
    for rows, columns in ((2, 3), (4, 1), (2, 3), (1, 5), (6, 2), (7, 7), (2, 3), (4, 1)) * 5:
        value = np.full((rows, columns), 2.0, np.float32)
        assert sess.run(y, {x: value}).tolist() == [6.0 * rows] * columns


def test_shapes_may_change_within_the_same_shapes_of_feeds(sess: Any) -> None:
    """What a feed's values make of a shape is looked at, not taken from the run before."""
    x, size = tf.placeholder(tf.float32, [6]), tf.placeholder(tf.int32, [2])
    y = tf.reduce_sum(tf.reshape(tf.square(x), size) * [[2.0]], 0)
    for rows, columns in ((2, 3), (3, 2), (1, 6), (6, 1), (2, 3)) * 2:
        found = sess.run(y, {x: np.ones(6), size: [rows, columns]})
        assert found.tolist() == [2.0 * rows] * columns


def test_axes_that_are_fed_are_looked_at(sess: Any) -> None:
    """Shapes that follow from the values of axes are right though the axes change."""
    x, axis = tf.placeholder(tf.float32, [2, 2]), tf.placeholder(tf.int32, [1])
    y = tf.reduce_sum(tf.square(x), axis) * 1.0
    flat = tf.reduce_sum(x, axis, keep_dims=True) + 0.0
    feed = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = [sess.run([y, flat], {x: feed, axis: [i]}) for i in (0, 0, 1, 0, 1, 1)]
    assert [a.tolist() for a, _ in found] == [[[10.0, 20.0], [5.0, 25.0]][i] for i in (0, 0, 1, 0, 1, 1)]
    assert [b.shape for _, b in found] == [[(1, 2), (2, 1)][i] for i in (0, 0, 1, 0, 1, 1)]


def test_runs_within_runs_have_workspaces_of_their_own(sess: Any) -> None:
    """A value that waits while its plan runs itself is not overwritten."""
    depth, x = tf.placeholder(tf.int32, []), tf.placeholder(tf.float32, [2])
    waiting = tf.square(x) * 3.0

    def back(n: Any, value: Any) -> Any:
        return sess.run(y, {depth: n - 1, x: value + 1}) if n else value

    y = tf.py_func(back, [depth, x], tf.float32) + waiting
    for _ in range(6):
        assert sess.run(y, {depth: 2, x: [0.0, 1.0]}).tolist() == [17.0, 45.0]


def test_a_failed_run_gives_its_workspace_back(sess: Any) -> None:
    """The next run is right, with the same buffers."""
    x, index = tf.placeholder(tf.float32, [3]), tf.placeholder(tf.int32, [])
    y = tf.gather(tf.square(x) + 1.0, index) * 2.0
    for i in (0, 1, 2, 7, 1, 9, 2):
        if i > 2:
            with pytest.raises(tf.errors.InvalidArgumentError):
                sess.run(y, {x: [0.0, 1.0, 2.0], index: i})
        else:
            assert sess.run(y, {x: [0.0, 1.0, 2.0], index: i}) == 2 * (i * i + 1.0)


def test_what_follows_from_shapes_is_made_once(sess: Any) -> None:
    """Fetched shapes are the caller's own all the same, and other shapes give other values."""
    x = tf.placeholder(tf.float32, [None, None])
    size = tf.shape(x)
    rows = tf.reduce_sum(x, 0) / tf.cast(size[0], tf.float32)
    zeros = tf.zeros([size[1]]) + rows
    for shape in ((2, 3), (2, 3), (4, 3), (2, 3), (1, 2), (2, 3), (1, 2), (1, 2), (2, 3)):
        found = sess.run([zeros, size, rows], {x: np.ones(shape)})
        assert found[0].tolist() == [1.0] * shape[1]
        assert found[1].tolist() == list(shape)
        for value in found:
            value[...] = -1


def test_a_buffer_serves_again_only_when_nobody_reads_it_any_more(sess: Any) -> None:
    """Values that are read late, or through views, are still what they were."""
    x = tf.placeholder(tf.float32, [3])
    early = tf.square(x) + 1.0
    view = tf.reverse(tf.expand_dims(tf.square(x) + 2.0, 0), [1])
    between = tf.tanh(tf.tanh(early * 0.5) * 0.25) * 0.0
    total = early + tf.squeeze(view) + between
    for i in range(5):
        value = np.array([i, i + 1, i + 2], np.float32)
        expected = value * value + 1 + (value * value + 2)[::-1]
        assert sess.run(total, {x: value}).tolist() == expected.tolist()
