from __future__ import annotations

import collections
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import holdfast as tf


class Point(NamedTuple):
    """A named tuple."""

    x: Any
    y: Any


class Names(dict[str, Any]):
    """A dict with a class of its own."""


def test_a_single_tensor() -> None:
    """A matrix is an array, a scalar a NumPy scalar, a string bytes, an operation None."""
    matrix = tf.Session().run(tf.constant([[1, 2], [3, 4]]))
    assert isinstance(matrix, np.ndarray)
    assert matrix.tolist() == [[1, 2], [3, 4]]
    scalar = tf.Session().run(tf.constant(7))
    assert type(scalar) is np.int32
    assert tf.Session().run(tf.constant("é")) == "é".encode()
    assert tf.Session().run(tf.no_op()) is None


def test_structures_keep_their_types() -> None:
    """Lists, tuples, named tuples, dicts and their subclasses come back as what they were, nested as they were."""
    a, b = tf.constant(1), tf.constant(2)
    found = tf.Session().run(
        [
            (a, b),
            Point(a, [b]),
            {"a": a, "op": a.op},
            collections.OrderedDict([("z", b), ("a", a)]),
            Names(n=a),
            collections.defaultdict(list, d=b),
            MappingProxyType({"m": a}),
        ]
    )
    assert found == [
        (1, 2),
        Point(1, [2]),
        {"a": 1, "op": None},
        collections.OrderedDict([("z", 2), ("a", 1)]),
        {"n": 1},
        {"d": 2},
        {"m": 1},
    ]
    kinds = [type(item) for item in found]
    assert kinds == [tuple, Point, dict, collections.OrderedDict, Names, collections.defaultdict, dict]


@pytest.mark.parametrize("empty", [[], (), {}])
def test_empty_structures(empty: Any) -> None:
    """Fetching nothing gives nothing, in the same structure."""
    tf.constant(1)
    assert tf.Session().run(empty) == empty


def test_names_and_variables() -> None:
    """Names of operations and tensors, as text or bytes, and variables stand for what they name."""
    v = tf.Variable([1.0], name="v")
    sess = tf.Session()
    assert sess.run("v/Assign") is None
    assert sess.run([v, "v:0", b"v/read:0", v.value()]) == [[1.0]] * 4


def test_each_fetch_is_an_array_of_its_own() -> None:
    """A tensor fetched twice, or under two names, gives two arrays."""
    factor = tf.placeholder(tf.float32, [])
    x = tf.constant([1.0, 2.0]) * factor
    y = tf.reshape(x, [2, 1])
    first, second, third, view = tf.Session().run([x, x, x.name, y], {factor: 1.0})
    first[0] = -1.0
    assert second.tolist() == third.tolist() == [1.0, 2.0]
    view[0] = -1.0
    assert second.tolist() == [1.0, 2.0]


def test_indexed_slices() -> None:
    """Indexed slices come back as a tuple with the same fields."""
    slices = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([2]))
    found = tf.Session().run(slices)
    assert (found.values.tolist(), found.indices.tolist(), found.dense_shape) == ([[1.0]], [2], None)
    full = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([2]), tf.constant([4, 1]))
    assert tf.Session().run([full])[0].dense_shape.tolist() == [4, 1]


@pytest.mark.parametrize(
    "fetch,error,message",
    [
        (None, TypeError, "Fetch argument None has invalid type <class 'NoneType'>"),
        ([[None]], TypeError, "Fetch argument None has invalid type <class 'NoneType'>"),
        (
            3,
            TypeError,
            (
                "Fetch argument 3 has invalid type <class 'int'>, must be a string or Tensor. "
                "(Can not convert a int into a Tensor or Operation.)"
            ),
        ),
        (
            "nope",
            ValueError,
            (
                "Fetch argument 'nope' cannot be interpreted as a Tensor. "
                "(\"The name 'nope' refers to an Operation not in the graph.\")"
            ),
        ),
        (
            "nope:0",
            ValueError,
            (
                "Fetch argument 'nope:0' cannot be interpreted as a Tensor. (\"The name 'nope:0' refers to a Tensor "
                "which does not exist. The operation, 'nope', does not exist in the graph.\")"
            ),
        ),
        (
            "c:7",
            ValueError,
            (
                "Fetch argument 'c:7' cannot be interpreted as a Tensor. (\"The name 'c:7' refers to a Tensor which "
                "does not exist. The operation, 'c', exists but only has 1 outputs.\")"
            ),
        ),
        (
            "c:x",
            ValueError,
            (
                "Fetch argument 'c:x' cannot be interpreted as a Tensor. (The name 'c:x' looks a like a Tensor name, "
                'but is not a valid one. Tensor names must be of the form "<op_name>:<output_index>".)'
            ),
        ),
        (
            {1},
            TypeError,
            (
                "Fetch argument {1} has invalid type <class 'set'>, must be a string or Tensor. "
                "(Can not convert a set into a Tensor or Operation.)"
            ),
        ),
    ],
)
def test_what_cannot_be_fetched(fetch: Any, error: type[Exception], message: str) -> None:
    """TensorFlow's classes and sentences."""
    tf.constant(1.0, name="c")
    with pytest.raises(error) as caught:
        tf.Session().run(fetch)
    assert str(caught.value) == message


def test_elements_of_another_graph() -> None:
    """A tensor of another graph is no fetch."""
    tf.constant(1.0)
    with tf.Graph().as_default():
        other = tf.constant(1.0, name="c")
    with pytest.raises(ValueError, match=r"^Fetch argument <tf.Tensor 'c:0'") as caught:
        tf.Session().run(other)
    assert str(caught.value) == (
        "Fetch argument <tf.Tensor 'c:0' shape=() dtype=float32> cannot be interpreted as a Tensor. "
        '(Tensor Tensor("c:0", shape=(), dtype=float32) is not an element of this graph.)'
    )


def test_what_may_not_be_fetched() -> None:
    """A marked operation is refused, and so are its tensors."""
    c = tf.constant(1.0, name="c")
    c.graph.prevent_fetching(c.op)
    for fetch in (c, c.op, "c:0"):
        with pytest.raises(ValueError, match=r"^Operation 'c' has been marked as not fetchable.$"):
            tf.Session().run(fetch)


def test_a_tensor_of_a_branch_that_was_not_taken() -> None:
    """A dead tensor has no value to fetch, and TensorFlow's error counts the fetches."""
    from holdfast.ops.control_flow import switch

    alive, dead = switch(tf.constant(1.0), tf.constant(False))
    out = tf.identity(dead, name="out")
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.Session().run([alive, out])
    assert str(caught.value).split("\n")[:2] == [
        "Retval[1] does not have value",
        "The branch that computes 'out:0' was not taken in this run.",
    ]
    assert tf.Session().run([alive, out.op]) == [1.0, None]
