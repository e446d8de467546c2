"""Variables in a session: initialisation, reads, load, dependent initial values."""

from __future__ import annotations

import numpy as np
import pytest

import holdfast as tf
from holdfast.graph import get_default_graph


def test_initialise_read_and_update() -> None:
    """A value is there after the initializer has run, and updates are seen by later runs."""
    v = tf.Variable([1.0, 2.0], name="v")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(v), [1.0, 2.0])
        np.testing.assert_array_equal(session.run(v.assign_add([1.0, 1.0])), [2.0, 3.0])
        np.testing.assert_array_equal(v.eval(), [2.0, 3.0])
        np.testing.assert_array_equal(session.run(v + 1.0), [3.0, 4.0])


def test_sessions_have_values_of_their_own() -> None:
    """What one session initialises is uninitialised in another."""
    v = tf.Variable(1.0, name="v")
    with tf.Session() as first, tf.Session() as second:
        first.run(v.initializer)
        assert first.run(v) == 1.0
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value v"):
            second.run(v)


def test_the_error_names_the_line_that_made_the_variable() -> None:
    """Whoever forgot to initialise sees which variable it was and where it was made."""
    v = tf.Variable(1.0, name="forgotten")
    with tf.Session() as session, pytest.raises(tf.errors.FailedPreconditionError) as info:
        session.run(v.value())
    message = str(info.value)
    assert message.startswith("Attempting to use uninitialized value forgotten")
    assert "test_variable_values.py" in message


def test_what_is_fetched_is_a_copy() -> None:
    """Writing to a fetched array does not change the variable."""
    v = tf.Variable([1.0, 2.0], name="v")
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(v)[:] = 7.0
        np.testing.assert_array_equal(session.run(v), [1.0, 2.0])


def test_running_the_initializer_again_resets() -> None:
    """The initial value is assigned anew."""
    v = tf.Variable(1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(v.assign(5.0))
        session.run(v.initializer)
        assert session.run(v) == 1.0


def test_load_gives_a_value_without_a_node() -> None:
    """The graph stays as it is, and the variable need not be initialised before."""
    v = tf.Variable([1.0, 2.0], name="v")
    get_default_graph().finalize()
    with tf.Session() as session:
        v.load([3.0, 4.0])
        np.testing.assert_array_equal(session.run(v), [3.0, 4.0])
        v.load(np.array([5.0, 6.0]), session)
        np.testing.assert_array_equal(v.eval(session), [5.0, 6.0])
        with pytest.raises(ValueError, match="Cannot feed value of shape"):
            v.load([1.0, 2.0, 3.0])


def test_initialized_value_is_the_value_where_there_is_one() -> None:
    """Else it is the initial value, and the variable stays uninitialised."""
    v = tf.Variable([1.0, 2.0], name="v")
    value = v.initialized_value()
    assert value.op.name == "cond/Merge"
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(value), [1.0, 2.0])
        assert not session.run(tf.is_variable_initialized(v))
        session.run(v.initializer)
        session.run(v.assign([5.0, 6.0]))
        np.testing.assert_array_equal(session.run(value), [5.0, 6.0])


def test_variables_initialised_from_another() -> None:
    """The guide's example: all variables are initialised in one run, the dependent ones from the same random value."""
    weights = tf.Variable(tf.random_normal([8, 2], stddev=0.35), name="weights")
    w2 = tf.Variable(weights.initialized_value(), name="w2")
    w_twice = tf.Variable(weights.initialized_value() * 2.0, name="w_twice")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first, second, twice = session.run([weights, w2, w_twice])
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first * 2.0, twice)


def test_an_initial_value_that_reads_a_variable_is_rewritten() -> None:
    """Ops on the way are made again below the new variable, with the guarded value in place of the other's."""
    v = tf.Variable([1.0, 2.0], name="v")
    w = tf.Variable(v + 1.0, name="w")
    assert [op.name for op in get_default_graph().get_operations() if op.name.endswith("_w_0")] == [
        "w/v/read_w_0",
        "w/add_w_0",
    ]
    assert w.initial_value is not None
    assert (w.initial_value.name, w.initializer.inputs[1].name) == ("add:0", "w/add_w_0:0")
    with tf.Session() as session:
        session.run(w.initializer)
        np.testing.assert_array_equal(session.run(w), [2.0, 3.0])
        assert not session.run(tf.is_variable_initialized(v))


def test_a_chain_of_dependent_variables_needs_no_order() -> None:
    """The last of a chain can be initialised alone."""
    first = tf.Variable(2.0, name="first")
    second = tf.Variable(first * 3.0, name="second")
    third = tf.Variable(second + first, name="third")
    with tf.Session() as session:
        session.run(third.initializer)
        assert session.run(third) == 8.0
    with tf.Session() as session:
        session.run(first.initializer)
        session.run(first.assign(10.0))
        session.run(third.initializer)
        assert session.run(third) == 40.0


def test_a_dependent_callable_initial_value() -> None:
    """A function may read other variables too."""
    v = tf.Variable([1.0, 2.0], name="v")
    with tf.name_scope("sc"):
        z = tf.Variable(lambda: v * 2.0, name="z")
    assert z.initializer.inputs[1].name == "sc/z/sc/z/Initializer/mul_sc/z_0:0"
    with tf.Session() as session:
        session.run(z.initializer)
        np.testing.assert_array_equal(session.run(z), [2.0, 4.0])


def test_values_of_any_shape_without_validation() -> None:
    """A variable without static shape takes what it is given."""
    value = tf.placeholder(tf.float32)
    v = tf.Variable(value, validate_shape=False)
    with tf.Session() as session:
        session.run(v.initializer, {value: [[1.0, 2.0]]})
        assert session.run(v).shape == (1, 2)
        session.run(v.initializer, {value: 3.0})
        assert session.run(v) == np.float32(3.0)


def test_slices_of_a_variable() -> None:
    """Indexing reads the value."""
    v = tf.Variable(np.arange(12.0).reshape(3, 4))
    with tf.Session() as session:
        session.run(v.initializer)
        np.testing.assert_array_equal(session.run(v[1:, ::2]), [[4.0, 6.0], [8.0, 10.0]])
