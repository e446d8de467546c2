"""Assign, counting and scatter: nodes, shape rules, messages and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf


def _run(variable: Any, fetch: Any, feed: dict[Any, Any] | None = None) -> Any:
    """Return a fetch in a new session, after the variable has been initialised."""
    with tf.Session() as session:
        session.run(variable.initializer)
        return session.run(fetch, feed)


@pytest.mark.parametrize(
    "method, op_type", [("assign", "Assign"), ("assign_add", "AssignAdd"), ("assign_sub", "AssignSub")]
)
def test_an_update_is_a_node_of_its_own_on_the_variables_device(method: str, op_type: str) -> None:
    """An update node is named after its type, carries a reference and stays with the variable."""
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0, 2.0], name="v")
    with tf.device("/cpu:0"):
        first, second = getattr(v, method)([3.0, 4.0]), getattr(tf, method)(v, [3.0, 4.0])
    assert (first.op.name, second.op.name, first.op.type) == (op_type, f"{op_type}_1", op_type)
    assert first.dtype == tf.float32._as_ref
    assert first.op.attrs["_class"] == [b"loc:@v"]
    assert (first.device, first.op.inputs[1].device) == ("/device:GPU:0", "/device:CPU:0")
    assert first.op.inputs[1].name == f"{op_type}/value:0"


def test_attrs_of_assign_are_tensorflows() -> None:
    """Assign through the variable has all attrs of TensorFlow's node."""
    attrs = tf.Variable(1.0, name="v").assign(2.0).op.attrs
    assert {k: attrs[k] for k in ("T", "validate_shape", "use_locking")} == {
        "T": tf.float32,
        "validate_shape": True,
        "use_locking": False,
    }


@pytest.mark.parametrize(
    "value, message",
    [
        (
            [1.0, 2.0, 3.0],
            (
                "Dimension 0 in both shapes must be equal, but are 2 and 3 for 'Assign' (op: 'Assign') "
                "with input shapes: [2], [3]."
            ),
        ),
        (
            [[1.0, 2.0]],
            "Shapes must be equal rank, but are 1 and 2 for 'Assign' (op: 'Assign') with input shapes: [2], [1,2].",
        ),
    ],
)
def test_assigning_another_shape_is_an_error_when_it_is_built(value: Any, message: str) -> None:
    """Static shapes that cannot fit give TensorFlow's sentence."""
    v = tf.Variable([1.0, 2.0], name="v")
    with pytest.raises(ValueError) as info:  # noqa: PT011  (the whole text is compared)
        v.assign(value)
    assert str(info.value) == message


def test_assigning_another_dtype_is_an_error_when_it_is_built() -> None:
    """A tensor of another dtype is refused by name."""
    v = tf.Variable([1.0, 2.0], name="v")
    with pytest.raises(
        TypeError,
        match=r"Input 'value' of 'Assign' Op has type int32 that does not match type float32 of argument 'ref'\.",
    ):
        v.assign(tf.constant([1, 2]))


def test_assign_without_validation_takes_the_values_shape() -> None:
    """The output has the new shape, the variable keeps its static one, and reads give the new value."""
    v = tf.Variable([1.0, 2.0], name="v", validate_shape=False)
    changed = tf.assign(v, [[3.0], [4.0], [5.0]], validate_shape=False)
    assert (changed.shape.as_list(), v.shape.ndims) == ([3, 1], None)
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(changed)
        np.testing.assert_array_equal(session.run(v), [[3.0], [4.0], [5.0]])


def test_adding_a_fed_value_of_another_shape_is_refused_when_it_runs() -> None:
    """Nothing is broadcast, and the variable stays as it is."""
    v = tf.Variable([1.0, 2.0], name="v")
    value = tf.placeholder(tf.float32)
    add = v.assign_add(value)
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be the same size"):
            session.run(add, {value: 1.0})
        np.testing.assert_array_equal(session.run(v), [1.0, 2.0])


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float64, np.float16, np.int32, np.int64, np.int8, np.uint8, np.complex64]
)
def test_add_and_subtract_in_every_dtype(dtype: Any) -> None:
    """Sums and differences keep the dtype."""
    v = tf.Variable(np.array([4, 5], dtype), name="v")
    add, sub = v.assign_add(np.array([1, 2], dtype)), v.assign_sub(np.array([3, 3], dtype))
    with tf.Session() as session:
        session.run(v.initializer)
        added, subtracted = session.run(add), session.run(sub)
    assert added.dtype == subtracted.dtype == dtype
    np.testing.assert_array_equal(added, np.array([5, 7], dtype))
    np.testing.assert_array_equal(subtracted, np.array([2, 4], dtype))


def test_a_variable_may_be_added_to_itself() -> None:
    """The value is what the variable was before the update."""
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="v")
    np.testing.assert_array_equal(_run(v, v.assign_add(tf.transpose(v))), [[2.0, 5.0], [5.0, 8.0]])


def test_count_up_to_returns_the_value_before_and_stops_at_the_limit() -> None:
    """The counter is incremented up to the limit; then OutOfRangeError, value unchanged."""
    v = tf.Variable(2, name="v")
    count = v.count_up_to(4)
    assert (count.op.name, count.dtype, count.shape.as_list()) == ("CountUpTo", tf.int32, [])
    with tf.Session() as session:
        session.run(v.initializer)
        assert [session.run(count), session.run(count)] == [2, 3]
        with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 4"):
            session.run(count)
        assert session.run(v) == 4


def test_counting_needs_an_integer_scalar() -> None:
    """A float or a vector is refused when it is built."""
    with pytest.raises(TypeError, match="DataType float32 not in list of allowed values: int32, int64"):
        tf.count_up_to(tf.Variable(1.0), 5)
    with pytest.raises(ValueError, match="Shape must be rank 0 but is rank 1 for 'CountUpTo_1'"):
        tf.count_up_to(tf.Variable([1]), 5)


def test_updates_need_an_initialised_variable() -> None:
    """Adding to, counting or scattering into nothing is FailedPreconditionError."""
    v = tf.Variable([1, 2], name="v")
    counter = tf.Variable(0, name="c")
    with tf.Session() as session:
        for update in (v.assign_add([1, 1]), tf.scatter_add(v, [0], [1]), counter.count_up_to(3)):
            with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value"):
                session.run(update)


def test_is_variable_initialized_follows_the_session() -> None:
    """It is False before the initializer has run in the session, True after, also of a reference."""
    v = tf.Variable(1.0, name="v")
    flag, of_ref = tf.is_variable_initialized(v), tf.is_variable_initialized(v._ref())
    with tf.Session() as session:
        assert session.run([flag, of_ref]) == [False, False]
        session.run(v.initializer)
        assert session.run([flag, of_ref]) == [True, True]


_SCATTER = [
    ("scatter_update", [[0.0, 1.0], [7.0, 8.0], [5.0, 6.0]]),
    ("scatter_add", [[0.0, 1.0], [14.0, 17.0], [9.0, 11.0]]),
    ("scatter_sub", [[0.0, 1.0], [-10.0, -11.0], [-1.0, -1.0]]),
    ("scatter_mul", [[0.0, 1.0], [70.0, 144.0], [20.0, 30.0]]),
    ("scatter_div", [[0.0, 1.0], [2.0 / 35.0, 3.0 / 48.0], [0.8, 5.0 / 6.0]]),
]


@pytest.mark.parametrize("name, expected", _SCATTER)
def test_scatter_updates_rows_and_counts_equal_indices_each(name: str, expected: list[list[float]]) -> None:
    """Rows are updated as NumPy would in a loop over the indices."""
    v = tf.Variable(np.arange(6, dtype=np.float64).reshape(3, 2), name="v")
    update = getattr(tf, name)(v, [1, 2, 1], np.array([[5.0, 6.0], [5.0, 6.0], [7.0, 8.0]]))
    np.testing.assert_allclose(_run(v, update), expected, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name, _ in _SCATTER])
def test_scatter_without_equal_indices(name: str) -> None:
    """Distinct indices give what NumPy's indexing gives, for any shape of indices."""
    start = np.arange(1.0, 13.0).reshape(6, 2)
    indices = np.array([[4, 0], [2, 5]])
    updates = np.arange(2.0, 10.0).reshape(2, 2, 2)
    expected = start.copy()
    operations: dict[str, Any] = {
        "scatter_update": lambda old, new: new,
        "scatter_add": np.add,
        "scatter_sub": np.subtract,
        "scatter_mul": np.multiply,
        "scatter_div": np.divide,
    }
    expected[indices] = operations[name](start[indices], updates)
    v = tf.Variable(start, name="v")
    np.testing.assert_array_equal(_run(v, getattr(tf, name)(v, indices, updates)), expected)


def test_integers_are_divided_towards_zero() -> None:
    """Integer scatter_div rounds as C does, and zero divides nothing."""
    v = tf.Variable([-7, 7, 9], name="v")
    divisor = tf.placeholder(tf.int32, [3])
    divide = tf.scatter_div(v, [0, 1, 0], divisor)
    with tf.Session() as session:
        session.run(v.initializer)
        np.testing.assert_array_equal(session.run(divide, {divisor: [2, -2, 2]}), [-1, -3, 9])
        with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"):
            session.run(divide, {divisor: [1, 1, 0]})
        np.testing.assert_array_equal(session.run(v), [-1, -3, 9])


def test_strings_can_be_scattered() -> None:
    """scatter_update takes any dtype."""
    v = tf.Variable(["a", "b", "c"], name="v")
    assert _run(v, tf.scatter_update(v, [2, 0], ["x", "y"])).tolist() == [b"y", b"b", b"x"]


@pytest.mark.parametrize(
    "indices, message",
    [([7], r"indices\[0\] = 7 is not in \[0, 3\)"), ([[1, -1]], r"indices\[0,1\] = -1 is not in \[0, 3\)")],
)
def test_an_index_out_of_bounds_changes_nothing(indices: Any, message: str) -> None:
    """All indices are checked before anything is written."""
    v = tf.Variable(np.zeros((3, 2)), name="v")
    where = tf.placeholder(tf.int32)
    add = tf.scatter_add(v, where, np.ones((*np.shape(indices), 2)) if np.ndim(indices) == 1 else np.ones((1, 2, 2)))
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            session.run(add, {where: indices})
        np.testing.assert_array_equal(session.run(v), np.zeros((3, 2)))


def test_updates_of_another_shape_are_refused_when_they_run() -> None:
    """The message names all three shapes."""
    v = tf.Variable(np.zeros((3, 2)), name="v")
    updates = tf.placeholder(tf.float64)
    message = (
        r"Must have updates.shape = indices.shape \+ params.shape\[1:\], got updates.shape \[1,3\], "
        r"indices.shape \[1\], params.shape \[3,2\]"
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        _run(v, tf.scatter_add(v, [1], updates), {updates: [[1.0, 2.0, 3.0]]})


def test_scatter_shapes_are_checked_when_they_are_built() -> None:
    """Static shapes that cannot fit are refused."""
    v = tf.Variable(np.zeros((3, 2), np.float32), name="v")
    with pytest.raises(ValueError, match="Shapes must be equal rank, but are 1 and 2 for 'ScatterAdd'"):
        tf.scatter_add(v, [0, 1], [1.0, 2.0])
    with pytest.raises(ValueError, match="Dimension 0 in both shapes must be equal, but are 1 and 2"):
        tf.scatter_add(v, [0, 1], [[1.0, 2.0]])
    with pytest.raises(TypeError, match="DataType float32 not in list of allowed values: int32, int64"):
        tf.scatter_add(v, [0.5], [[1.0, 2.0]])


def test_scatter_has_tensorflows_input_names() -> None:
    """Constants made for inputs are named after them."""
    v = tf.Variable(np.zeros((3, 2), np.float32), name="v")
    op = tf.scatter_sub(v, [0], [[1.0, 1.0]]).op
    assert [t.name for t in op.inputs] == ["v:0", "ScatterSub/indices:0", "ScatterSub/updates:0"]
    assert op.attrs["use_locking"] is False
    assert tf.scatter_update(v, [0], [[1.0, 1.0]]).op.attrs["use_locking"] is True


def test_a_value_read_before_an_update_is_not_changed_by_it() -> None:
    """An update in the same run leaves earlier reads, and earlier fetches, alone."""
    v = tf.Variable([1.0, 2.0, 3.0], name="v")
    before = tf.identity(v.read_value())
    with tf.control_dependencies([before]):
        update = tf.scatter_add(v, [1], [10.0])
    with tf.Session() as session:
        session.run(v.initializer)
        kept = session.run(v)
        values = session.run([before, update])
    np.testing.assert_array_equal(values[0], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(values[1], [1.0, 12.0, 3.0])
    np.testing.assert_array_equal(kept, [1.0, 2.0, 3.0])
