from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.runtime.locking import SessionLock


def _in_thread(function: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Start a thread; what it returns or raises is in the list once it has ended."""
    results: list[Any] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, results


def test_another_thread_runs_while_a_python_function_blocks() -> None:
    """A py_func that waits for what another thread's run does is no deadlock."""
    v = tf.Variable(0.0)
    came = threading.Event()
    wait = tf.py_func(lambda: came.wait(30), [], [tf.bool])
    sess = tf.Session()
    sess.run(v.initializer)
    update = v.assign_add(1.0)
    thread, results = _in_thread(lambda: sess.run(wait))
    assert sess.run(update) == 1.0
    came.set()
    thread.join(30)
    assert results == [[True]]


def test_values_read_before_a_blocking_function_stay() -> None:
    """While a run waits, another thread updates the variable again and again: what was read is what it was."""
    v = tf.Variable(np.zeros(4, np.float32))
    began, go_on = threading.Event(), threading.Event()

    def block(value: Any) -> Any:
        began.set()
        assert go_on.wait(30)
        return value

    old = v.read_value()
    view = tf.reshape(old, [2, 2])
    blocked = tf.py_func(block, [tf.constant(np.float32(1.0))], tf.float32)
    with tf.control_dependencies([blocked]):
        late = view + 0.0
    add = v.assign_add(np.ones(4, np.float32))
    sess = tf.Session()
    sess.run(v.initializer)
    thread, results = _in_thread(lambda: sess.run([old, view, late, blocked]))
    assert began.wait(30)
    for _ in range(5):
        sess.run(add)
    go_on.set()
    thread.join(30)
    found_old, found_view, found_late, _ = results[0]
    assert found_old.tolist() == [0.0] * 4
    assert found_view.tolist() == found_late.tolist() == [[0.0, 0.0]] * 2
    assert sess.run(v).tolist() == [5.0] * 4


def test_two_blocked_runs_do_not_free_each_others_values() -> None:
    """A value that one run has let go of may still be read by another that was blocked at the same time."""
    v = tf.Variable(np.zeros(2, np.float32))
    add = v.assign_add(np.ones(2, np.float32)).op
    events = [threading.Event() for _ in range(2)]
    entered = [threading.Event() for _ in range(2)]
    second_round, second_go = threading.Event(), threading.Event()

    def wait(i: Any) -> Any:
        entered[int(i)].set()
        assert events[int(i)].wait(30)
        return i

    def wait_again() -> None:
        second_round.set()
        assert second_go.wait(30)

    def run_of(i: int) -> tuple[Any, Any]:
        old = v.read_value()
        with tf.control_dependencies([old]):
            waited = tf.py_func(wait, [tf.constant(i)], tf.int32)
        return old, waited

    old_a, waited_a = run_of(0)
    with tf.control_dependencies([waited_a]):
        own = v.assign_add(np.full(2, 10.0, np.float32))
    with tf.control_dependencies([own]):
        again = tf.py_func(wait_again, [], [])
    with tf.control_dependencies([again]):
        late_a = old_a + 0.0
    old_b, waited_b = run_of(1)
    with tf.control_dependencies([waited_b]):
        late_b = old_b + 0.0
    sess = tf.Session()
    sess.run(v.initializer)
    thread_a, results_a = _in_thread(lambda: sess.run([late_a, old_a]))
    thread_b, results_b = _in_thread(lambda: sess.run([late_b, old_b]))
    assert entered[0].wait(30)
    assert entered[1].wait(30)
    # A goes on, moves the variable and blocks again; B ends and lets go of what both had read.
    events[0].set()
    assert second_round.wait(30)
    events[1].set()
    thread_b.join(30)
    # Updates beside a blocked run take whatever memory is free.
    for _ in range(3):
        sess.run(add)
    second_go.set()
    thread_a.join(30)
    assert [array.tolist() for array in results_b[0]] == [[0.0, 0.0]] * 2
    assert [array.tolist() for array in results_a[0]] == [[0.0, 0.0]] * 2
    assert sess.run(v).tolist() == [13.0, 13.0]


def test_a_function_may_run_the_session_itself() -> None:
    """A py_func that comes back into its session updates variables; what follows in the outer run sees it."""
    v = tf.Variable(1.0)
    sess = tf.Session()
    sess.run(v.initializer)
    inner = v.assign_add(10.0)
    before = v + 0.0
    call = tf.py_func(lambda: sess.run(inner), [], tf.float32)
    with tf.control_dependencies([call]):
        after = v + 0.0
    assert sess.run([before, call, after]) == [1.0, 11.0, 11.0]


def test_an_error_of_the_inner_run_goes_through_and_the_session_goes_on() -> None:
    """An error within a py_func's run is told by the outer one; the lock is free afterwards."""
    v = tf.Variable(1.0, name="v")
    sess = tf.Session()
    call = tf.py_func(lambda: sess.run(v), [], tf.float32, name="call")
    with pytest.raises(tf.errors.OpError) as caught:
        sess.run(call)
    assert "Attempting to use uninitialized value v" in str(caught.value)
    thread, results = _in_thread(lambda: sess.run(v.initializer))
    thread.join(30)
    assert results == [None]
    assert sess.run(call) == 1.0


def test_updates_of_many_threads_all_count() -> None:
    """One run at a time: no update is lost."""
    v = tf.Variable(np.zeros(100, np.float64))
    sess = tf.Session()
    sess.run(v.initializer)
    add = v.assign_add(np.ones(100, np.float64)).op
    workers = [_in_thread(lambda: [sess.run(add) for _ in range(50)]) for _ in range(4)]
    for thread, _ in workers:
        thread.join(60)
    assert sess.run(v).tolist() == [200.0] * 100


def test_a_session_closed_while_a_run_blocks() -> None:
    """The run that is on its way ends as it would have; the next one is refused."""
    began, go_on = threading.Event(), threading.Event()

    def block() -> Any:
        began.set()
        assert go_on.wait(30)
        return np.float32(1.0)

    v = tf.Variable(2.0)
    out = v + tf.py_func(block, [], tf.float32)
    sess = tf.Session()
    sess.run(v.initializer)
    thread, results = _in_thread(lambda: sess.run(out))
    assert began.wait(30)
    sess.close()
    go_on.set()
    thread.join(30)
    assert results == [3.0]
    with pytest.raises(RuntimeError, match=r"closed"):
        sess.run(out)


def test_the_lock_is_re_entrant_and_can_be_let_go_of_wholly() -> None:
    """Held twice and let go of, another thread gets it; afterwards it is held twice again."""
    lock = SessionLock()

    def is_free() -> bool:
        """Whether another thread gets the lock."""

        def take() -> bool:
            taken = lock.acquire(0)
            if taken:
                lock.release()
            return taken

        thread, results = _in_thread(take)
        thread.join(30)
        return bool(results[0])

    with lock:
        with lock:
            with lock.released():
                assert is_free()
            assert not is_free()
        assert not is_free()
    assert is_free()
    lock.release()
    assert is_free()
