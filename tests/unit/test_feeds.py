from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf


def test_anything_can_be_fed() -> None:
    """Placeholders, constants, intermediate tensors and variables, by element or by name."""
    x = tf.placeholder(tf.float32, [], name="x")
    c = tf.constant(1.0, name="c")
    v = tf.Variable(1.0, name="v")
    product = tf.multiply(x, c, name="product")
    total = product + v
    sess = tf.Session()
    assert sess.run(total, {x: 2.0, c: 3.0, v: 4.0}) == 10.0
    assert sess.run(total, {"product:0": 5.0, "v:0": 1.0}) == 6.0
    assert sess.run(total, {b"product:0": 5.0, v.value(): 2.0}) == 7.0
    assert sess.run([product, v], {product: 5.0, v: 6.0}) == [5.0, 6.0]


def test_a_fed_variable_keeps_its_value() -> None:
    """A feed replaces a variable in one run and is not stored."""
    v = tf.Variable(1.0)
    sess = tf.Session()
    sess.run(v.initializer)
    assert sess.run(v * 2.0, {v: 5.0}) == 10.0
    assert sess.run(v) == 1.0


def test_a_fed_variable_cannot_be_updated() -> None:
    """An update of a variable that is fed is an error, before anything runs."""
    v = tf.Variable(1.0, name="v")
    update = tf.assign_add(v, 1.0, name="update")
    sess = tf.Session()
    sess.run(v.initializer)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        sess.run(update, {v: 5.0})
    assert str(caught.value).startswith(
        "Input 0 of 'update' (AssignAdd) must be a variable; v:0 is fed, or is only a value."
    )
    assert sess.run(v) == 1.0


@pytest.mark.parametrize(
    "dtype,value,expected",
    [
        (tf.int32, 3.7, np.int32(3)),
        (tf.int32, True, np.int32(1)),
        (tf.int32, np.float64(-1.5), np.int32(-1)),
        (tf.float32, 0.1, np.float32(0.1)),
        (tf.float64, np.float32(0.1), np.float64(np.float32(0.1))),
        (tf.bool, 1, np.bool_(True)),
        (tf.string, "é", "é".encode()),
        (tf.string, b"\xff", b"\xff"),
        (tf.complex64, 1 + 2j, np.complex64(1 + 2j)),
    ],
)
def test_values_are_converted_as_numpy_does(dtype: Any, value: Any, expected: Any) -> None:
    """A scalar of another type becomes one of the tensor's; a fraction fed to integers is cut, as in TensorFlow."""
    x = tf.placeholder(dtype, [])
    found = tf.Session().run(x, {x: value})
    assert found == expected
    assert type(found) is type(expected)


def test_arrays_of_every_kind() -> None:
    """Other dtypes, byte orders, strides and subclasses are fine: kernels see plain arrays of the tensor's dtype."""
    x = tf.placeholder(tf.float32, [2, 2])
    squared = x * x
    expected = [[1.0, 4.0], [9.0, 16.0]]
    base = np.array([[1, 2], [3, 4]])
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.asmatrix(base)
    strided = np.zeros((4, 4), np.float32)
    strided[::2, ::2] = base
    feeds = [base, base.astype(">f4"), base.T.astype(np.float32).T, matrix, np.ma.masked_array(base), strided[::2, ::2]]
    for feed in feeds:
        found = tf.Session().run([squared, x], {x: feed})
        assert found[0].tolist() == expected
        assert type(found[1]) is np.ndarray
        assert found[1].dtype == np.dtype("=f4")
        assert found[1].flags.c_contiguous


def test_no_warning_for_what_does_not_fit_integers() -> None:
    """NaN fed to integers is whatever NumPy makes of it, without a warning."""
    x = tf.placeholder(tf.int32, [1])
    assert tf.Session().run(x, {x: np.array([np.nan])}).shape == (1,)


def test_strings() -> None:
    """Text is encoded, bytes stay as they are, NumPy's own string types are accepted."""
    x = tf.placeholder(tf.string)
    expected = [b"a", "ß".encode()]
    feeds: list[Any] = [["a", "ß"], np.array(["a", "ß"]), np.array([b"a", "ß"], object), (b"a", "ß")]
    for feed in feeds:
        assert tf.Session().run(x, {x: feed}).tolist() == expected
    with pytest.raises(TypeError, match=r"^A string tensor takes str and bytes, but was fed int 3.$"):
        tf.Session().run(x, {x: ["a", 3]})


@pytest.mark.parametrize(
    "dtype,value,error,message",
    [
        (
            tf.int32,
            2**40,
            TypeError,
            (
                "Type of feed value 1099511627776 is not compatible with Tensor type <class 'numpy.int32'>. Try "
                "explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
            ),
        ),
        (
            tf.float32,
            16777217,
            TypeError,
            (
                "Type of feed value 16777217 is not compatible with Tensor type <class 'numpy.float32'>. Try "
                "explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
            ),
        ),
        (tf.float32, "a", ValueError, "could not convert string to float: 'a'"),
    ],
)
def test_values_of_another_type(dtype: Any, value: Any, error: type[Exception], message: str) -> None:
    """TensorFlow's sentences."""
    x = tf.placeholder(dtype)
    with pytest.raises(error) as caught:
        tf.Session().run(x, {x: value})
    assert str(caught.value) == message


@pytest.mark.parametrize("shape", [(2, 4), (3,), (2, 3, 1)])
def test_values_of_another_shape(shape: tuple[int, ...]) -> None:
    """TensorFlow's sentence, with both shapes."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with pytest.raises(ValueError, match=r"^Cannot feed") as caught:
        tf.Session().run(x, {x: np.zeros(shape)})
    assert str(caught.value) == (f"Cannot feed value of shape {shape} for Tensor 'x:0', which has shape '(?, 3)'")


def test_tensors_are_no_values() -> None:
    """A tensor or variable as a value is a TypeError."""
    x = tf.placeholder(tf.float32)
    for value in (tf.constant(1.0), tf.Variable(1.0)):
        with pytest.raises(TypeError) as caught:
            tf.Session().run(x, {x: value})
        assert str(caught.value) == (
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, strings, "
            "lists, numpy ndarrays, or TensorHandles."
        )


@pytest.mark.parametrize(
    "key,reason",
    [
        (object(), "Can not convert a object into a Tensor."),
        (3, "Can not convert a int into a Tensor."),
        (
            "x",
            (
                "The name 'x' refers to an Operation, not a Tensor. Tensor names must be of the form "
                '"<op_name>:<output_index>".'
            ),
        ),
        (
            "nope:0",
            (
                "The name 'nope:0' refers to a Tensor which does not exist. The operation, 'nope', does not exist "
                "in the graph."
            ),
        ),
    ],
)
def test_bad_keys(key: Any, reason: str) -> None:
    """A key that stands for no tensor is a TypeError with the reason."""
    x = tf.placeholder(tf.float32, name="x")
    with pytest.raises(TypeError) as caught:
        tf.Session().run(x, {key: 1.0})
    assert str(caught.value) == f"Cannot interpret feed_dict key as Tensor: {reason}"


def test_feeds_are_looked_at_before_fetches() -> None:
    """Where both are wrong the feed is told, as in TensorFlow."""
    tf.constant(1.0)
    with pytest.raises(TypeError, match=r"^Cannot interpret feed_dict key as Tensor"):
        tf.Session().run("nope", {"nope:0": 1.0})


def test_feed_dict_must_be_a_dict() -> None:
    """Anything else is a TypeError."""
    x = tf.placeholder(tf.float32)
    with pytest.raises(TypeError, match=r"^feed_dict must be a dict of tensors and values, but got list.$"):
        tf.Session().run(x, [1.0])


def test_what_may_not_be_fed() -> None:
    """A marked tensor is refused."""
    c = tf.constant([1.0, 2.0], name="c")
    c.graph.prevent_feeding(c)
    with pytest.raises(ValueError, match=r"^Tensor Tensor") as caught:
        tf.Session().run(c, {c: [1.0, 2.0]})
    assert str(caught.value) == 'Tensor Tensor("c:0", shape=(2,), dtype=float32) may not be fed.'


def test_tuples_of_keys() -> None:
    """A tuple of tensors takes a value of the same structure."""
    x, y, z = (tf.placeholder(tf.float32, name=name) for name in "xyz")
    assert tf.Session().run([x, y, z], {(x, (y, z)): (1.0, [2.0, 3.0])}) == [1.0, 2.0, 3.0]
    with pytest.raises(
        ValueError, match=r"^Could not flatten dictionary. Key had 2 elements, but value had 1 elements"
    ):
        tf.Session().run(x, {(x, y): (1.0,)})
    with pytest.raises(ValueError, match=r"^Could not flatten dictionary. Key had 2 elements, but value had float"):
        tf.Session().run(x, {(x, y): 1.0})


def test_indexed_slices() -> None:
    """Indexed slices are fed as a tuple of their parts, such as a fetch of them gives."""
    slices = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([2]))
    sess = tf.Session()
    value = sess.run(slices)
    assert sess.run(slices.values, {slices: value}).tolist() == [[1.0]]
    assert sess.run(slices.indices, {slices: ([[2.0]], [5])}).tolist() == [5]
    with pytest.raises(ValueError, match=r"^Could not flatten dictionary"):
        sess.run(slices, {slices: ([[2.0]],)})


def test_feeds_are_never_written_to() -> None:
    """An assignment copies a fed array, an update of the variable leaves it alone, a fetch of it is a copy."""
    v = tf.Variable([0.0, 0.0])
    x = tf.placeholder(tf.float32, [2])
    feed = np.array([1.0, 2.0], np.float32)
    sess = tf.Session()
    sess.run(v.assign(x), {x: feed})
    sess.run(v.assign_add([1.0, 1.0]))
    fetched = sess.run([x, tf.reshape(x, [2, 1])], {x: feed})
    fetched[0][0] = fetched[1][1] = 9.0
    assert feed.tolist() == [1.0, 2.0]
    feed[0] = 5.0
    assert sess.run(v).tolist() == [2.0, 3.0]


def test_a_feed_within_a_branch_is_there_whether_or_not_the_branch_is_taken() -> None:
    """What is fed needs no branch to run."""
    from holdfast.ops.control_flow import merge, switch

    predicate = tf.placeholder(tf.bool, [])
    off, on = switch(tf.constant(1.0), predicate)
    doubled = on * 2.0
    merged, index = merge([doubled, off])
    assert tf.Session().run([merged, index], {predicate: False, doubled: 7.0}) == [7.0, 0]
    assert tf.Session().run([merged, doubled, doubled.op], {predicate: False, doubled: 7.0}) == [7.0, 7.0, None]
    assert tf.Session().run([merged, index], {predicate: False}) == [1.0, 1]
