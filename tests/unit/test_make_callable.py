from __future__ import annotations

import numpy as np
import pytest

import holdfast as tf


def test_a_callable_takes_feeds_in_order_and_keeps_the_structure() -> None:
    """Arguments go to the tensors of the feed list, results come in the structure of the fetches."""
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    call = tf.Session().make_callable({"difference": x - y, "op": x.op}, [y, x])
    assert call(1.0, 5.0) == {"difference": 4.0, "op": None}


def test_results_are_the_callers_own() -> None:
    """As with run, arrays are fresh and writable."""
    v = tf.Variable([1.0, 2.0])
    sess = tf.Session()
    sess.run(v.initializer)
    call = sess.make_callable(v)
    call()[0] = 9.0
    assert call().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("arguments", [(), (1.0, 2.0)])
def test_the_number_of_arguments_is_checked(arguments: tuple[float, ...]) -> None:
    """Too few or too many feed values are a TypeError."""
    x = tf.placeholder(tf.float32, [])
    call = tf.Session().make_callable(x, [x])
    with pytest.raises(TypeError, match=rf"^The callable takes 1 feed values, got {len(arguments)} and keywords"):
        call(*arguments)


def test_options_are_taken_where_they_are_accepted() -> None:
    """With accept_options the callable takes options and run_metadata, checked as run checks them."""
    x = tf.placeholder(tf.float32, [])
    call = tf.Session().make_callable(x, [x], accept_options=True)
    assert call(1.0, options=tf.RunOptions(), run_metadata=None) == 1.0
    with pytest.raises(TypeError, match=r"^options must be a tf.RunOptions"):
        call(1.0, options=3)
    with pytest.raises(TypeError, match=r"^run_metadata must be a tf.RunMetadata"):
        call(1.0, run_metadata=3)
    with pytest.raises(TypeError, match=r"keywords \['options'\]"):
        tf.Session().make_callable(x, [x])(1.0, options=None)


def test_values_are_checked_as_feeds() -> None:
    """A wrong value of an argument is the error that a feed would be; a bad key is told at once."""
    x = tf.placeholder(tf.float32, [2], name="x")
    sess = tf.Session()
    with pytest.raises(ValueError, match=r"^Cannot feed value of shape"):
        sess.make_callable(x, [x])([1.0])
    with pytest.raises(TypeError, match=r"^Cannot interpret feed_dict key as Tensor"):
        sess.make_callable(x, [3])
    with pytest.raises(ValueError, match=r"^Fetch argument 'nope'"):
        sess.make_callable("nope")


def test_without_copies_arrays_are_read_only_and_share_memory_with_the_variable() -> None:
    """No copy is made of a variable; the array cannot be written to."""
    v = tf.Variable(np.arange(4.0, dtype=np.float32))
    sess = tf.Session()
    sess.run(v.initializer)
    call = sess.make_callable([v, tf.reshape(v, [2, 2]), v.value()[1:]], copy=False)
    arrays = call()
    assert not any(array.flags.writeable for array in arrays)
    assert np.shares_memory(arrays[0], arrays[1])
    assert np.shares_memory(arrays[0], call()[0])
    with pytest.raises(ValueError, match=r"read-only"):
        arrays[0][0] = 1.0


def test_hand_outs_never_change() -> None:
    """The variable moves on at its next update; later updates are in place again, in memory of its own."""
    v = tf.Variable(np.zeros(4, np.float32))
    sess = tf.Session()
    sess.run(v.initializer)
    add = v.assign_add(np.ones(4, np.float32))
    call = sess.make_callable(v, copy=False)
    held = []
    for i in range(4):
        held.append((i, call()))
        sess.run(add)
    sess.run(add)
    assert all((array == i).all() for i, array in held)


def test_a_value_from_before_an_update_of_the_same_run() -> None:
    """An old value and the new one of one run both stay as they are."""
    v = tf.Variable(np.zeros(2, np.float32))
    sess = tf.Session()
    sess.run(v.initializer)
    before = v.read_value()
    add = v.assign_add(np.ones(2, np.float32))
    call = sess.make_callable([before, add], copy=False)
    results = [call() for _ in range(4)]
    found = [(old.tolist(), new.tolist()) for old, new in results]
    assert found == [([float(i)] * 2, [float(i + 1)] * 2) for i in range(4)]


def test_what_a_feed_or_a_function_lends_is_copied() -> None:
    """A feed may be changed by its owner after the run: the result does not follow."""
    x = tf.placeholder(tf.float32, [2])
    lent = np.array([3.0, 4.0], np.float32)
    call = tf.Session().make_callable(
        [x, tf.reshape(x, [2, 1]), tf.py_func(lambda: lent, [], tf.float32)], [x], copy=False
    )
    feed = np.array([1.0, 2.0], np.float32)
    fed, view, function = call(feed)
    feed[0] = lent[0] = 9.0
    assert (fed.tolist(), view.tolist(), function.tolist()) == ([1.0, 2.0], [[1.0], [2.0]], [3.0, 4.0])


def test_constants_and_temporaries_are_not_copied() -> None:
    """A constant is handed out as it is, read-only; so is a temporary."""
    c = tf.constant([1.0, 2.0])
    x = tf.placeholder(tf.float32, [])
    call = tf.Session().make_callable([c, c * x], [x], copy=False)
    first, second = call(2.0), call(2.0)
    assert np.shares_memory(first[0], second[0])
    assert first[1].tolist() == second[1].tolist() == [2.0, 4.0]
    assert not np.shares_memory(first[1], second[1])


def test_scalars_and_strings() -> None:
    """Scalars are NumPy scalars, strings bytes, with or without copies."""
    assert tf.Session().make_callable([tf.constant(1.5), tf.constant("a")], copy=False)() == [1.5, b"a"]
