"""One property for each rule of how a run works."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import holdfast as tf
from tests.property.programs import Instruction, Program, programs
from tests.property.run_plans import RunPlan, run_plans

Array = NDArray[Any]


def _started(program: Program) -> Any:
    sess = tf.Session()
    sess.run(program.initializers)
    return sess


def _outcome(sess: Any, program: Program, fetches: Sequence[Any], feeds: Any) -> Any:
    """Return the values of a run, or the class of its error."""
    program.callback = lambda i: sess.run(program.inner[i])
    try:
        return sess.run(list(fetches), feeds)
    except tf.errors.OpError as error:
        return type(error)


def _state(sess: Any, program: Program) -> list[list[Any]]:
    return [sess.run(v).tolist() for v in (*program.variables, program.matrix)]


@given(programs, run_plans, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_fetches_changes_nothing(
    instructions: list[Instruction], plans: list[RunPlan], random: Any
) -> None:
    """Deterministic order: the same fetches in any order give the same values and leave the same variables."""
    with tf.Graph().as_default():
        program = Program(instructions)
        first, second = _started(program), _started(program)
        for plan in plans:
            fetches, feeds = plan.fetches(program), plan.feeds(program)
            order = random.sample(range(len(fetches)), len(fetches))
            expected = _outcome(first, program, fetches, feeds)
            found = _outcome(second, program, [fetches[i] for i in order], feeds)
            if isinstance(expected, list) and isinstance(found, list):
                for place, i in enumerate(order):
                    np.testing.assert_array_equal(found[place], expected[i])
            assert isinstance(found, list) == isinstance(expected, list)
            assert _state(first, program) == _state(second, program)


updates = st.lists(
    st.tuples(st.sampled_from(["add", "assign", "read", "ref", "value"]), st.integers(-3, 3)), max_size=12
)


@given(updates)
def test_a_ref_is_read_where_it_is_used_and_fetched_at_the_end(steps: list[tuple[str, int]]) -> None:
    """Ref semantics: reads are values of their place; refs, and the variable's own read, have the final value."""
    with tf.Graph().as_default(), tf.Session() as sess:
        v = tf.Variable(0)
        fetches: list[Any] = [v, v.value()]
        expected: list[int | None] = [None, None]
        value = 0
        for kind, number in steps:
            if kind in ("add", "assign"):
                value = value + number if kind == "add" else number
                fetches.append(v.assign_add(number) if kind == "add" else v.assign(number))
                expected.append(None)
            else:
                fetches.append(v.read_value() if kind == "read" else (v._ref() if kind == "ref" else v.value()) + 0)
                expected.append(value)
        sess.run(v.initializer)
        assert sess.run(fetches) == [value if e is None else e for e in expected]


@given(programs, run_plans)
@settings(max_examples=60)
def test_what_run_returns_is_the_callers(instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """Ownership: fetched arrays share memory neither with each other nor with a feed, a variable or a constant."""
    with tf.Graph().as_default():
        program = Program(instructions)
        sess = _started(program)
        for plan in plans:
            feeds = plan.feeds(program)
            found = _outcome(sess, program, plan.fetches(program), feeds)
            arrays = [a for a in found if isinstance(a, np.ndarray)] if isinstance(found, list) else []
            others = [slot.buffer.array for slot in sess._slots._slots.values() if slot.buffer is not None]
            others += [*feeds.values(), *program.lent]
            others += [op.attrs["value"] for op in program.feed.graph.get_operations() if op.type == "Const"]
            for i, array in enumerate(arrays):
                assert array.flags.writeable
                assert array.flags.c_contiguous
                assert not any(np.shares_memory(array, other) for other in (*others, *arrays[:i]))


@given(programs, run_plans)
@settings(max_examples=60)
def test_feeds_are_borrowed(instructions: list[Instruction], plans: list[RunPlan]) -> None:
    """Feeds may be read-only, and no variable shares memory with one afterwards."""
    with tf.Graph().as_default():
        program = Program(instructions)
        sess = _started(program)
        for plan in plans:
            feeds = plan.feeds(program)
            before = {key: array.copy() for key, array in feeds.items()}
            for array in feeds.values():
                array.flags.writeable = False
            _outcome(sess, program, plan.fetches(program), feeds)
            for key, array in feeds.items():
                np.testing.assert_array_equal(array, before[key])
                for slot in sess._slots._slots.values():
                    assert slot.buffer is None or not np.shares_memory(slot.buffer.array, array)


trees = st.recursive(st.integers(0, 9), lambda inner: st.tuples(st.integers(0, 2), inner, inner), max_leaves=8)


@given(trees, st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4))
def test_only_the_branch_that_is_taken_runs(tree: Any, choices: list[list[bool]]) -> None:
    """Cond: a tree of conds gives the leaf that its predicates choose, and only that leaf's update happens."""
    with tf.Graph().as_default(), tf.Session() as sess:
        predicates = [tf.placeholder(tf.bool, []) for _ in range(3)]
        counts = tf.Variable(np.zeros(10, np.int32))

        def build(node: Any) -> Any:
            if isinstance(node, int):
                with tf.control_dependencies([tf.scatter_add(counts, [node], [1])]):
                    return tf.constant(node)
            number, on, off = node
            return tf.cond(predicates[number], lambda: build(on), lambda: build(off))

        out = tf.identity(build(tree))
        sess.run(counts.initializer)
        expected = np.zeros(10, np.int32)
        for chosen in choices:
            node = tree
            while not isinstance(node, int):
                node = node[1] if chosen[node[0]] else node[2]
            assert sess.run(out, dict(zip(predicates, chosen, strict=True))) == node
            expected[node] += 1
            assert sess.run(counts).tolist() == expected.tolist()


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=4))
@settings(max_examples=25)
def test_a_run_that_waits_keeps_the_values_it_has_read(pauses: list[tuple[int, bool]]) -> None:
    """Threads: a run blocks several times while another thread updates; each of its reads is what it was."""
    with tf.Graph().as_default(), tf.Session() as sess:
        v = tf.Variable(np.zeros(3, np.int32))
        add = v.assign_add(np.ones(3, np.int32)).op
        turn, back = threading.Semaphore(0), threading.Semaphore(0)

        def pause() -> None:
            back.release()
            assert turn.acquire(timeout=30)

        reads: list[Any] = []
        own: list[Any] = []
        last: list[Any] = []
        for _, updates_itself in pauses:
            with tf.control_dependencies(last):
                reads.append(tf.reshape(v.read_value(), [3, 1]))
                if updates_itself:
                    own.append(v.assign_add(np.full(3, 100, np.int32)).op)
            with tf.control_dependencies([reads[-1], *own[-1:], *last]):
                last = [tf.py_func(pause, [], [])]
        with tf.control_dependencies(last):
            late = [tf.reshape(read + 0, [3]) for read in reads]
        sess.run(v.initializer)
        results: list[Any] = []
        worker = threading.Thread(target=lambda: results.extend(sess.run([*late, *reads])), daemon=True)
        worker.start()
        expected, value = [], 0
        for count, updates_itself in pauses:
            assert back.acquire(timeout=30)
            expected.append(value)
            value += 100 if updates_itself else 0
            for _ in range(count):
                sess.run(add)
                value += 1
            turn.release()
        worker.join(30)
        assert [array.reshape(-1).tolist() for array in results] == [[e] * 3 for e in expected] * 2
        assert sess.run(v).tolist() == [value] * 3


@given(st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_a_failing_run_keeps_what_was_done_before(count: int, position: int, from_python: bool) -> None:
    """Failing runs: updates before the failure stay, later ones do not happen, and the next run works."""
    with tf.Graph().as_default(), tf.Session() as sess:
        v = tf.Variable(0)
        bad = tf.placeholder(tf.bool, [])

        def check(fails: Any) -> Any:
            if fails:
                raise ValueError("boo")
            return np.int32(0)

        fetches: list[Any] = []
        for i in range(count + 1):
            if i == min(position, count):
                check_op = (
                    tf.py_func(check, [bad], tf.int32) if from_python else tf.Assert(tf.logical_not(bad), ["boo"])
                )
                fetches.append(check_op)
            fetches.append(v.assign_add(1).op)
        sess.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"boo"):
            sess.run(fetches, {bad: True})
        assert sess.run(v) == min(position, count)
        sess.run(fetches, {bad: False})
        assert sess.run(v) == min(position, count) + count + 1


draws = st.lists(st.sampled_from(["a", "b", "c"]), max_size=8)


@given(draws, draws, st.sampled_from([None, 5]))
def test_random_streams_go_on_from_a_saved_state(before: list[str], after: list[str], seed: int | None) -> None:
    """Random streams: a fresh session with a saved state draws bit for bit what the first one goes on to draw."""
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        ops = {
            "a": tf.random_normal([3], name="a"),
            "b": tf.random_uniform([2], maxval=10, dtype=tf.int32, name="b"),
            "c": tf.truncated_normal([2], name="c"),
        }
        first, second = tf.Session(), tf.Session()
        for name in before:
            first.run(ops[name])
        state = json.loads(json.dumps(first._streams.state()))
        second._streams.restore(second._streams.checked(state))
        for name in after:
            np.testing.assert_array_equal(first.run(ops[name]), second.run(ops[name]))


@given(draws)
def test_random_streams_are_independent(order: list[str]) -> None:
    """Whatever else is drawn, and in whatever order, the n-th draw of an op is the same."""
    with tf.Graph().as_default():
        tf.set_random_seed(11)
        ops = {name: tf.random_uniform([2], name=name) for name in "abc"}
        mixed = tf.Session()
        drawn: dict[str, list[Any]] = {name: [] for name in ops}
        for name in order:
            drawn[name].append(mixed.run(ops[name]).tolist())
        for name, values in drawn.items():
            alone = tf.Session()
            assert [alone.run(ops[name]).tolist() for _ in values] == values
