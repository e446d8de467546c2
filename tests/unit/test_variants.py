"""Functions for feeds of certain shapes: when they are made, what they rely on, and what they must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import holdfast as tf

OFTEN = 5
"""Runs after which a plan has a function for the shapes of its feeds."""


@pytest.fixture
def sess() -> Any:
    """Return a session that compiles at once."""
    session = tf.Session()
    session._interpreted_runs = 0
    return session


def variants(sess: Any) -> list[Any]:
    """Return the functions of a session that are for feeds of certain shapes."""
    return [variant for plan in sess._plans.values() for variant in plan._variants.values()]


def text(sess: Any) -> str:
    """Return the source of the only such function."""
    ((source,),) = [variant.texts for variant in variants(sess)]
    return str(source)


def often(run: Callable[[], Any]) -> Any:
    """Run as often as it takes, and return the last result."""
    for _ in range(OFTEN - 1):
        run()
    return run()


# -- when --------------------------------------------------------------------------------------------------------------


def test_the_third_run_has_a_function_for_its_shapes() -> None:
    """The first two are interpreted; the second notes what comes of the shapes."""
    x = tf.placeholder(tf.float32, [None])
    y, sess = tf.exp(x) + 1.0, tf.Session()
    for expected in (0, 0, 1, 1):
        sess.run(y, {x: [1.0, 2.0]})
        assert len(variants(sess)) == expected


def test_other_shapes_have_to_come_twice(sess: Any) -> None:
    """A shape that comes once, such as that of the last batch, is not worth a function."""
    x = tf.placeholder(tf.float32, [None])
    y = tf.exp(x) + 1.0
    for size, expected in ((3, 0), (3, 0), (3, 1), (2, 1), (3, 1), (2, 1), (2, 2), (3, 2)):
        sess.run(y, {x: np.zeros(size)})
        assert len(variants(sess)) == expected


def test_shapes_that_come_and_go_are_not_compiled_for_ever(sess: Any) -> None:
    """With each function that is dropped, other shapes have to come more often."""
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(tf.exp(x))
    made: set[int] = set()
    kept = []
    for i in range(600):
        assert sess.run(y, {x: np.zeros(i % 9)}) == i % 9
        kept += [variant for variant in variants(sess) if id(variant) not in made]
        made.update(map(id, kept))
    assert len(variants(sess)) <= 4
    assert len(kept) < 20


# -- what it consists of -----------------------------------------------------------------------------------------------


def test_nothing_is_left_of_shapes(sess: Any) -> None:
    """A mean and its gradient divide by a size that is known, and reshape to shapes that are."""
    x = tf.placeholder(tf.float32, [None, 3])
    w = tf.Variable([[1.0], [2.0], [3.0]])
    bias = tf.Variable([0.5])
    loss = tf.reduce_mean(tf.matmul(x, w) + bias)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    sess.run(tf.global_variables_initializer())
    often(lambda: sess.run(train, {x: np.ones((2, 3))}))
    source = next(s for v in variants(sess) for s in v.texts if "moves.move" in s)
    assert "shape" not in source.replace(".fresh(", "")
    assert "run.context" not in source
    assert sess.run(bias).tolist() == [0.5 - 0.5 * OFTEN]
    assert sess.run(w).tolist() == [[1.0 - 0.5 * OFTEN], [2.0 - 0.5 * OFTEN], [3.0 - 0.5 * OFTEN]]


def test_a_chain_of_elementwise_ops_needs_one_buffer(sess: Any) -> None:
    """Each takes the memory of the one before."""
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(tf.sqrt(tf.abs(tf.nn.relu(tf.sigmoid(tf.exp(x) * 2.0 + 1.0) - 0.5))))
    value = np.linspace(-1, 1, 40, dtype=np.float32)
    first = sess.run(y, {x: value})
    assert often(lambda: sess.run(y, {x: value})) == first
    (variant,) = variants(sess)
    arrays = [
        v for v in variant._waiting[0]._function.__globals__.values() if isinstance(v, np.ndarray) and v.shape == (40,)
    ]
    assert len({v.ctypes.data for v in arrays if v.flags.writeable}) == 1


def test_transposes_are_passed_to_the_product(sess: Any) -> None:
    """No factor is turned in memory."""
    a, b = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None, 2])
    y = tf.matmul(a, b, transpose_b=True) * 1.0 + 0.0
    z = tf.reduce_sum(y)
    feeds = {a: np.arange(6.0).reshape(3, 2), b: np.arange(8.0).reshape(4, 2)}
    assert often(lambda: sess.run(z, feeds)) == (feeds[a] @ feeds[b].T).sum()
    assert "r0.dot(r1.T, " in text(sess)


# -- what it relies on -------------------------------------------------------------------------------------------------


def test_a_variable_may_get_another_shape(sess: Any) -> None:
    """What was compiled for the old one is not used any more."""
    x = tf.placeholder(tf.float32, [None])
    v = tf.Variable([1.0], validate_shape=False)
    grow = tf.assign(v, x, validate_shape=False)
    y = tf.reduce_sum(tf.exp(v * 0.0) * x)
    sess.run(v.initializer)
    for size in (1, 3, 2):
        sess.run(grow.op, {x: np.ones(size)})
        assert often(lambda size=size: sess.run(y, {x: np.full(size, 2.0)})) == 2.0 * size  # type: ignore[misc]
        assert sess.run(y, {x: [2.0]}) == 2.0 * size


@pytest.mark.parametrize("sizes", [(3, 1), (1, 3)])
def test_a_variable_may_get_another_shape_right_after_it_was_noted(sess: Any, sizes: tuple[int, int]) -> None:
    """Between the run that notes shapes and the one that relies on them."""
    new = tf.placeholder(tf.float32, [None])
    v = tf.Variable([1.0], validate_shape=False)
    grow = tf.assign(v, new, validate_shape=False)
    y = tf.reduce_sum(tf.exp(v * 0.0) + 1.0)
    sess.run(grow.op, {new: np.ones(sizes[0])})
    for runs in range(OFTEN):
        sess.run(grow.op, {new: np.ones(sizes[0])})
        assert [sess.run(y) for _ in range(runs)] == [2.0 * sizes[0]] * runs
        sess.run(grow.op, {new: np.ones(sizes[1])})
        assert sess.run(y) == 2.0 * sizes[1]


def test_a_variable_may_get_another_shape_within_the_run(sess: Any) -> None:
    """Then its shape is looked at where it is read."""
    x, other = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [2])
    v = tf.Variable([1.0, 2.0], validate_shape=False)
    size = tf.placeholder(tf.int32, [])
    with tf.control_dependencies([tf.assign(v, tf.fill(tf.expand_dims(size, 0), 3.0), validate_shape=False)]):
        y = tf.reduce_sum(tf.exp(v.read_value() * 0.0)) + tf.reduce_sum(x) + other[0]
    sess.run(v.initializer)
    for i in (2, 2, 2, 2, 5, 2, 4, 2):
        assert sess.run(y, {x: [1.0], other: [0.0, 0.0], size: i}) == i + 1.0


def test_an_uninitialised_variable_is_told_as_ever(sess: Any) -> None:
    """A plan that went well before fails by its name in a session where the variable has no value."""
    v = tf.Variable([1.0, 2.0], name="lost")
    y = tf.reduce_sum(v * 2.0)
    sess.run(v.initializer)
    assert often(lambda: sess.run(y)) == 6.0
    sess._slots._slots[b"", b"lost"].buffer = None
    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value lost"):
        sess.run(y)


def test_a_branch_that_was_never_taken_is_learnt_when_it_is(sess: Any) -> None:
    """First its kernels are called as they are, then they write where the others do."""
    x, flag = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.bool, [])
    y = tf.reduce_sum(tf.cond(flag, lambda: tf.exp(x) + 1.0, lambda: tf.square(x) + 2.0))
    feed = np.array([0.0, 1.0], np.float32)
    results = [sess.run(y, {x: feed, flag: i < OFTEN or i % 2 == 0}) for i in range(2 * OFTEN)]
    expected = [np.float32(np.exp(feed).sum() + 2), np.float32(5)]
    for i, result in enumerate(results):
        np.testing.assert_allclose(result, expected[0 if i < OFTEN or i % 2 == 0 else 1], rtol=1e-6)
    (variant,) = variants(sess)
    assert not variant.is_outgrown()
    assert text(sess).count("out=") >= 2


@pytest.mark.parametrize("first", [True, False])
def test_branches_may_have_different_shapes(sess: Any, first: bool) -> None:
    """What comes after them fits the one that was taken."""
    x, flag = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.bool, [])
    either = tf.cond(flag, lambda: tf.exp(x) * 2.0, lambda: tf.exp(x[:1]) * 3.0)
    total = tf.reduce_sum(tf.square(either) + 1.0)
    for i in range(4 * OFTEN):
        taken = first if i < OFTEN else i % 2 == 0
        assert sess.run(total, {x: [0.0, 0.0, 0.0], flag: taken}) == (15.0 if taken else 10.0)


def test_random_numbers_do_not_unsettle_shapes(sess: Any) -> None:
    """What comes after a dropout is written into memory of the plan as well."""
    x = tf.placeholder(tf.float32, [None, 4])
    w = tf.Variable(np.eye(4, dtype=np.float32))
    y = tf.reduce_sum(tf.matmul(tf.nn.dropout(x, 0.5, seed=3), w) * 2.0)
    sess.run(w.initializer)
    often(lambda: sess.run(y, {x: np.ones((3, 4))}))
    assert ".shape ==" not in next(s for v in variants(sess) for s in v.texts if "dot" in s)


# -- what it must not do -----------------------------------------------------------------------------------------------


def test_a_gradient_that_is_fetched_is_not_written_to(sess: Any) -> None:
    """An update may take the memory of a gradient only where nobody else gets it."""
    v, u = tf.Variable([1.0, 2.0]), tf.Variable([5.0, 6.0])
    x = tf.placeholder(tf.float32, [None])
    gradient = tf.exp(x) * 3.0
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    train = optimizer.apply_gradients([(gradient, v), (gradient, u)])
    sess.run(tf.global_variables_initializer())
    for i in range(1, OFTEN + 1):
        found = sess.run([train, gradient], {x: [0.0, 0.0]})[1]
        assert found.tolist() == [3.0, 3.0]
        assert sess.run([v, u])[0].tolist() == [1.0 - 1.5 * i, 2.0 - 1.5 * i]
    for i in range(1, OFTEN + 1):
        sess.run(train, {x: [0.0, 0.0]})
        assert sess.run(u).tolist() == [5.0 - 1.5 * (OFTEN + i), 6.0 - 1.5 * (OFTEN + i)]


def test_constants_are_not_written_to(sess: Any) -> None:
    """Nor is what follows from shapes, though no variable has it."""
    v = tf.Variable([1.0, 2.0])
    x = tf.placeholder(tf.float32, [None])
    ones = tf.fill(tf.shape(x), 1.0)
    train = tf.train.GradientDescentOptimizer(0.5).apply_gradients([(ones, v)])
    sess.run(v.initializer)
    often(lambda: sess.run(train, {x: [7.0, 8.0]}))
    assert sess.run(v).tolist() == [1.0 - 0.5 * OFTEN, 2.0 - 0.5 * OFTEN]


@pytest.mark.parametrize("kept", ["fetched", "assigned", "neither"])
def test_a_sum_along_no_axis_may_be_what_it_sums(sess: Any, kept: str) -> None:
    """Unless that leaves the run: then it is a copy."""
    x, v = tf.placeholder(tf.float32, [None]), tf.Variable([0.0, 0.0])
    made = tf.exp(x) * 2.0
    same = tf.reduce_sum(made, np.zeros(0, np.int32))
    first = tf.assign(v, made) if kept == "assigned" else tf.identity(made)
    with tf.control_dependencies([first]):
        second = tf.assign_add(v, [1.0, 1.0])
    with tf.control_dependencies([second]):
        late = same + 0.0
    fetches = [late, second.op, *([made, same] if kept == "fetched" else [])]
    sess.run(v.initializer)
    for _ in range(OFTEN):
        found = sess.run(fetches, {x: [0.0, 0.0]})
        assert [value.tolist() for value in found if value is not None] == [[2.0, 2.0]] * (len(fetches) - 1)
        for value in found:
            if value is not None:
                value[...] = np.nan
    if kept == "assigned":
        assert sess.run(v).tolist() == [3.0, 3.0]


def test_errors_of_values_are_told_as_ever(sess: Any) -> None:
    """A label out of range fails with the kernel's own words, and the next run is right."""
    logits, labels = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int32, [None])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    fetch = tf.reduce_sum(loss * 2.0)
    feed = np.zeros((2, 3), np.float32)
    right = often(lambda: sess.run(fetch, {logits: feed, labels: [0, 2]}))
    messages = []
    for session in (sess, tf.Session()):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(fetch, {logits: feed, labels: [0, 3]})
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert f"made at {__file__}:" in messages[0]
    assert sess.run(fetch, {logits: feed, labels: [0, 2]}) == right


def test_scatters_out_of_range_change_nothing(sess: Any) -> None:
    """The kernel looks at the indices first."""
    v = tf.Variable(np.zeros((4, 2), np.float32))
    at = tf.placeholder(tf.int32, [None])
    update = tf.scatter_add(v, at, tf.ones([2, 2])).op
    sess.run(v.initializer)
    often(lambda: sess.run(update, {at: [1, 1]}))
    with pytest.raises(tf.errors.InvalidArgumentError, match="4 is not in"):
        sess.run(update, {at: [0, 4]})
    assert sess.run(v).tolist() == [[0, 0], [2 * OFTEN, 2 * OFTEN], [0, 0], [0, 0]]


def test_overflow_is_silent_and_stays_so_outside(sess: Any) -> None:
    """NumPy's warnings are off within a run, and what the caller set is untouched."""
    x = tf.placeholder(tf.float32, [None])
    y = tf.exp(x)
    with np.errstate(over="raise"):
        assert often(lambda: sess.run(y, {x: [1000.0]})) == np.inf
        with pytest.raises(FloatingPointError):
            np.exp(np.float32(1000))
