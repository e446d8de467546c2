"""Plans as functions: what the generated source may be, its errors, its memory, branches, re-entrance and threads."""

from __future__ import annotations

import ast
import re
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.ops.control_flow import switch
from holdfast.runtime.compiled import CompiledPlan
from holdfast.runtime.plan import RunStep
from holdfast.runtime.slots import Snapshot

NEVER = 10**9
MADE = re.compile(r"plan|run|copy|moves|[rkcbvo]\d+")


def session(interpreted_runs: int = 0) -> Any:
    """Return a session that compiles after so many runs of a plan, at once by default."""
    sess = tf.Session()
    sess._interpreted_runs = interpreted_runs
    return sess


def compiled(sess: Any) -> list[CompiledPlan]:
    """Return the compiled plans of a session: those for all shapes of feeds, then those for some."""
    plans = sess._plans.values()
    general = [plan._compiled for plan in plans if plan._compiled is not None]
    return general + [f for plan in plans for variant in plan._variants.values() for f in variant._waiting]


def failure(sess: Any, fetches: Any, feeds: Any = None) -> str:
    """Return the text of the error of a run."""
    with pytest.raises(tf.errors.OpError) as caught:
        sess.run(fetches, feeds)
    return str(caught.value)


def buffer(sess: Any, variable: Any) -> Any:
    """Return the array that a variable has in a session."""
    return next(s.buffer.array for s in sess._slots._slots.values() if s.op.name == variable.op.name)


def test_a_plan_is_compiled_at_its_third_run() -> None:
    """What runs once or twice is interpreted."""
    y = tf.constant(2.0) + tf.placeholder_with_default(1.0, [])
    sess = session(2)
    for expected in (0, 0, 1, 1):
        assert sess.run(y) == 3.0
        assert len(compiled(sess)) == expected


def test_another_graph_means_another_function() -> None:
    """A change of an existing op voids what was compiled."""
    first, second = tf.constant([1.0]), tf.constant([2.0])
    y: tf.Tensor = tf.negative(tf.placeholder_with_default(first, [1]))
    sess = session()
    assert sess.run(y) == [-1.0]
    y.op.inputs[0].op._update_input(0, second)
    assert sess.run(y) == [-2.0]


# -- source ------------------------------------------------------------------------------------------------------------


def test_the_source_has_only_names_that_the_compiler_made() -> None:
    """Nothing of a graph is in the source: no name, no string, no attribute of an op."""
    hostile = "__import__('os').abort()"
    text = tf.placeholder(tf.string, [], name="text")
    x = tf.placeholder(tf.float32, [None], name="rm")
    flag = tf.placeholder(tf.bool, [], name="flag")
    variable = tf.Variable([1.0, 2.0], name="import_os")
    same = tf.equal(text, tf.constant([hostile, "other"]))
    y = tf.cond(flag, lambda: x + variable, lambda: tf.py_func(lambda v: v, [x], tf.float32, name="exec"))
    update = tf.assign_add(variable, y)
    sess = session()
    sess.run(variable.initializer)
    for _ in range(3):
        assert sess.run([same, update], {text: hostile, x: [1, 2], flag: True})[0].tolist() == [True, False]
    assert len(compiled(sess)) == 3
    for plan in compiled(sess):
        tree = ast.parse(plan.text)
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        assert all(MADE.fullmatch(name) for name in names)
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert attributes <= {
            "buffer",
            "array",
            "holders",
            "fresh",
            "move",
            "context",
            "__class__",
            "shape",
        }
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str | bytes)]


def test_the_function_sees_no_builtins() -> None:
    """Even a name that slipped through could reach nothing."""
    sess = session()
    y = tf.negative(tf.placeholder_with_default([1.0], [1]))
    for _ in range(3):
        sess.run(y)
    assert [plan._function.__globals__["__builtins__"] for plan in compiled(sess)] == [{}, {}]


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gather", "matmul", "add", "scalar", "read", "update", "assign", "scatter", "python"])
def test_errors_are_those_of_the_interpreter(kind: str) -> None:
    """Each names the op, its creation site and the shapes of its inputs."""
    x = tf.placeholder(tf.float32, name="x")
    ready, late = tf.Variable([1.0, 2.0], name="ready"), tf.Variable([1.0, 2.0], name="late")
    number = tf.placeholder(tf.int32, [], name="number")

    def refuse(value: Any) -> Any:
        raise ValueError("not this one")

    fetches: dict[str, Callable[[], Any]] = {
        "gather": lambda: tf.gather([1.0, 2.0], tf.cast(x, tf.int32)),
        "matmul": lambda: tf.matmul(x, tf.zeros([2, 2])),
        "add": lambda: tf.negative(x) + tf.zeros([5]),
        "scalar": lambda: tf.floordiv(number, number - 3),
        "read": lambda: late + 1.0,
        "update": lambda: tf.assign_add(late, [1.0, 1.0]),
        "assign": lambda: tf.assign(ready, x),
        "scatter": lambda: tf.scatter_update(ready, [7], [1.0]),
        "python": lambda: tf.py_func(refuse, [x], tf.float32),
    }
    fetch = fetches[kind]()
    texts = []
    for runs in (NEVER, 0):
        sess = session(runs)
        sess.run(ready.initializer)
        texts.append(failure(sess, fetch, {x: [2.0, 3.0, 9.0], number: 3}))
    assert texts[1] == texts[0]
    assert f"made at {__file__}:" in texts[1]


def test_shapes_are_those_at_the_op_though_names_are_used_again() -> None:
    """An error late in a chain tells the shapes of that op's inputs."""
    x = tf.placeholder(tf.float32, [None], name="x")
    y = x
    for _ in range(5):
        y = tf.negative(tf.concat([y, y], 0))
    sess = session()
    assert "with inputs float32[32], float32[5]" in failure(sess, y + tf.zeros([5]), {x: [1.0]})


def test_a_failing_run_leaves_the_session_usable() -> None:
    """Updates made before the failure stay, and the next run goes well."""
    x = tf.placeholder(tf.int32, [])
    variable = tf.Variable([1.0])
    with tf.control_dependencies([tf.assign_add(variable, [1.0])]):
        y = tf.gather([5.0, 6.0], x)
    sess = session()
    sess.run(variable.initializer)
    failure(sess, y, {x: 4})
    assert sess.run(variable) == [2.0]
    assert sess.run(y, {x: 1}) == 6.0
    assert sess.run(variable) == [3.0]


# -- memory ------------------------------------------------------------------------------------------------------------


def test_temporaries_go_as_soon_as_nobody_reads_them() -> None:
    """A chain of thirty ops needs the memory of a few."""
    x = tf.placeholder(tf.float64, [None])
    y = x
    for _ in range(30):
        y = tf.exp(tf.reverse(y, [0]))
    total = tf.reduce_sum(y)
    sess = session()
    feed = np.zeros(1 << 15)
    sess.run(total, {x: feed})
    tracemalloc.start()
    sess.run(total, {x: feed})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * feed.nbytes


def test_an_update_is_in_place_unless_somebody_holds_the_values() -> None:
    """A snapshot keeps its values; without one the memory stays the same."""
    variable = tf.Variable([1.0, 2.0])
    update = tf.assign_add(variable, [1.0, 1.0]).op
    sess = session()
    sess.run([variable.initializer])
    first = buffer(sess, variable)
    sess.run(update)
    assert buffer(sess, variable) is first
    snapshot = Snapshot(sess._slots._slots.values())
    sess.run(update)
    assert buffer(sess, variable) is not first
    assert snapshot.arrays()[0].tolist() == [2.0, 3.0]
    assert buffer(sess, variable).tolist() == [3.0, 4.0]
    snapshot.release()


def test_read_only_hand_outs_stay_as_they_are() -> None:
    """A callable without copies hands out the variable's memory, which later updates leave alone."""
    variable = tf.Variable([1.0, 2.0])
    sess = session()
    sess.run(variable.initializer)
    read = sess.make_callable(variable.value(), copy=False)
    held = read()
    assert np.shares_memory(held, buffer(sess, variable))
    assert not held.flags.writeable
    sess.run(tf.assign_add(variable, [1.0, 1.0]).op)
    assert held.tolist() == [1.0, 2.0]
    assert read().tolist() == [2.0, 3.0]


def test_what_a_run_returns_is_the_callers() -> None:
    """Fetched twice, fed and fetched, or a constant: each array is fresh and writable."""
    x = tf.placeholder(tf.float32, [2])
    constant = tf.constant([3.0, 4.0])
    y = tf.negative(x)
    feed = np.array([1.0, 2.0], np.float32)
    sess = session()
    for _ in range(2):
        values = sess.run([x, x, constant, y, y], {x: feed})
        for value in values:
            value[...] = np.nan
    assert feed.tolist() == [1.0, 2.0]
    assert sess.run([constant, y], {x: feed})[1].tolist() == [-1.0, -2.0]


def test_numbers_are_numpys_scalars_of_their_dtype() -> None:
    """Values without dimensions keep their dtype through arithmetic, fed as arrays or not."""
    x = tf.placeholder(tf.float32, [])
    n = tf.placeholder(tf.int32, [])
    y, m = x * 2.0 + 1.0, n * n
    sess = session()
    found = sess.run([y, m, x], {x: np.array(1.5, np.float32), n: 3})
    assert [type(value) for value in found] == [np.float32, np.int32, np.float32]
    assert found == [4.0, 9, 1.5]


# -- branches ----------------------------------------------------------------------------------------------------------


def test_only_the_branch_that_is_taken_runs() -> None:
    """The other one is skipped, with all that is in it."""
    seen: list[str] = []

    def note(name: str) -> Any:
        def function() -> Any:
            seen.append(name)
            return np.float32(len(name))

        return tf.py_func(function, [], tf.float32)

    flag, inner = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    y = tf.cond(flag, lambda: tf.cond(inner, lambda: note("a"), lambda: note("bb")), lambda: note("ccc"))
    sess = session()
    assert [sess.run(y, {flag: f, inner: i}) for f, i in ((True, True), (True, False), (False, True))] == [1, 2, 3]
    assert seen == ["a", "bb", "ccc"]


def test_a_fetch_in_the_other_branch_is_the_interpreters_error() -> None:
    """TensorFlow's sentence, with the name of the tensor."""
    flag = tf.placeholder(tf.bool, [])
    inside = tf.negative(switch(tf.constant(1.0), flag)[1], name="inside")
    assert session().run(inside, {flag: True}) == -1.0
    texts = [failure(session(runs), inside, {flag: False}) for runs in (NEVER, 0)]
    assert texts[1] == texts[0]
    assert "Retval[0] does not have value" in texts[1]


# -- re-entrance and threads -------------------------------------------------------------------------------------------


def test_a_plan_may_run_itself() -> None:
    """A Python function that runs the very plan it is part of gets a frame of its own."""
    depth = tf.placeholder(tf.int32, [])
    x = tf.placeholder(tf.float32, [2])
    sess = session()

    def back(n: Any, value: Any) -> Any:
        return sess.run(y, {depth: n - 1, x: value + 1}) if n else value

    doubled = x * 2.0
    y = tf.py_func(back, [depth, x], tf.float32) + doubled
    assert sess.run(y, {depth: 3, x: [0.0, 1.0]}).tolist() == [15.0, 24.0]


def test_threads_share_a_plan() -> None:
    """Runs that let each other in while a function blocks keep their values apart."""
    x = tf.placeholder(tf.float32, [None])
    meeting = threading.Barrier(4, timeout=30)

    def meet(value: Any) -> Any:
        meeting.wait()
        return value

    y = tf.py_func(meet, [x * 2.0], tf.float32) + x * 3.0
    sess = session()
    found: dict[int, Any] = {}

    def work(number: int) -> None:
        for _ in range(5):
            found[number] = sess.run(y, {x: np.full(100, number, np.float32)})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [set(found[number].tolist()) for number in range(4)] == [{number * 5.0} for number in range(4)]


def test_random_streams_are_the_same() -> None:
    """Compiled or not, a seeded op draws the same numbers, execution by execution."""
    y = tf.random_normal([3], seed=4)
    draws = [[sess.run(y).tolist() for _ in range(4)] for sess in (session(NEVER), session(0), session(2))]
    assert draws[0] == draws[1] == draws[2]


def test_a_saver_works_compiled(tmp_path: Path) -> None:
    """Saving and restoring are plans like others; a failing restore puts back what was there."""
    variable, other = tf.Variable([1.0, 2.0], name="a"), tf.Variable([3.0], name="b")
    saver = tf.train.Saver()
    sess = session()
    sess.run(tf.global_variables_initializer())
    for _ in range(2):
        path = saver.save(sess, str(tmp_path / "model"))
        sess.run([tf.assign_add(variable, [1.0, 1.0]).op, tf.assign(other, [9.0]).op])
        saver.restore(sess, path)
        assert [value.tolist() for value in sess.run([variable, other])] == [[1.0, 2.0], [3.0]]
    with tf.Graph().as_default():
        tf.Variable([7.0], name="a")
        wrong = session()
        with pytest.raises(tf.errors.OpError):
            tf.train.Saver().restore(wrong, path)


def test_gradients_that_no_variable_needs_are_not_computed() -> None:
    """The product for the gradient of a fed input comes along with that of the variable; it is left out of the plan."""
    x = tf.placeholder(tf.float32, [2, 3])
    w = tf.Variable(np.ones((3, 4), np.float32))
    product = tf.matmul(x, w)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(product))
    sess = session()
    sess.run(w.initializer)
    for _ in range(2):
        sess.run([train, product.op], {x: np.ones((2, 3))})
    assert sess.run(w)[0].tolist() == [-1.0] * 4
    (plan,) = [p.plan for key, p in sess._plans.items() if train in key[1]]
    types = [step.op.type for stretch in plan.stretches for step in stretch.steps if isinstance(step, RunStep)]
    assert types.count("MatMul") == 2
