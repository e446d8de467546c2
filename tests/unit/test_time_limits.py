from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.runtime import time_limits


class Clock:
    """A clock that only goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds

    def sleep(self, seconds: float) -> np.float32:
        """Go on, and return a number."""
        self.seconds += seconds
        return np.float32(1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that limits are measured by."""
    clock = Clock()
    monkeypatch.setattr(time_limits, "clock", clock)
    return clock


@pytest.fixture(params=[10**9, 0], ids=["interpreted", "compiled"])
def interpreted_runs(request: pytest.FixtureRequest) -> int:
    """Return how often a plan is interpreted: always, or never."""
    runs: int = request.param
    return runs


def session(interpreted_runs: int, limit: int = 0) -> tf.Session:
    """Return a session, with a limit in milliseconds for each of its runs."""
    sess = tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=limit))
    sess._interpreted_runs = interpreted_runs
    return sess


def within(milliseconds: int) -> Any:
    """Return options with a limit."""
    return tf.RunOptions(timeout_in_ms=milliseconds)


def test_a_run_that_takes_too_long(clock: Clock, interpreted_runs: int) -> None:
    """It stops before the next op, with TensorFlow's sentence, the op that took the time, and no op of its own."""
    slow = tf.py_func(lambda: clock.sleep(0.25), [], tf.float32, name="slow")
    late: list[Any] = []
    after = tf.py_func(late.append, [slow], [])
    with pytest.raises(tf.errors.DeadlineExceededError) as error:
        session(interpreted_runs).run(after, options=within(200))
    first, second = error.value.message.splitlines()
    assert first == "Timed out waiting for notification"
    assert second.startswith("After 250.0 ms of at most 200 ms (RunOptions.timeout_in_ms), it stopped after op 'slow'")
    assert "(PyFunc, made at " in second
    assert second.endswith("which took 250.0 ms. Updates that were made stay made.")
    assert (error.value.op, error.value.node_def, error.value.error_code) == (None, None, 4)
    assert late == []


def test_updates_stay_and_the_session_can_be_used_on(clock: Clock, interpreted_runs: int) -> None:
    """What ran before the limit has run; the next run is like any other."""
    v = tf.Variable(0.0)
    add = v.assign_add(1.0)
    with tf.control_dependencies([add]):
        slow = tf.py_func(lambda: clock.sleep(1.0), [], tf.float32)
    with tf.control_dependencies([slow]):
        late = v.assign_add(10.0)
    sess = session(interpreted_runs)
    sess.run(v.initializer)
    with pytest.raises(tf.errors.DeadlineExceededError):
        sess.run(late, options=within(500))
    assert sess.run(v) == 1.0
    assert sess.run(late) == 12.0
    assert sess.run(late, options=within(2000)) == 23.0


def test_the_limit_counts_for_the_last_operation_too(clock: Clock, interpreted_runs: int) -> None:
    """A run of one slow op is over time too, though there is nothing left to stop; so is one of exactly the limit."""
    slow = tf.py_func(lambda: clock.sleep(0.25), [], tf.float32)
    sess = session(interpreted_runs)
    with pytest.raises(tf.errors.DeadlineExceededError):
        sess.run(slow, options=within(250))
    assert sess.run(slow, options=within(251)) == 1.0


@pytest.mark.parametrize("none", [0, -1, -(2**63)])
def test_no_limit(clock: Clock, interpreted_runs: int, none: int) -> None:
    """Zero and negative numbers are no limit, as in TensorFlow."""
    slow = tf.py_func(lambda: clock.sleep(1e6), [], tf.float32)
    sess = session(interpreted_runs, none)
    assert sess.run(slow, options=within(none)) == 1.0


def test_a_very_long_limit(clock: Clock) -> None:
    """The largest number of the field is a limit like any other."""
    assert tf.Session().run(tf.constant(1.0), options=within(2**63 - 1)) == 1.0
    assert clock() == 1000.0


def test_the_limit_of_a_session(clock: Clock, interpreted_runs: int) -> None:
    """It holds for each run and each callable; that of a run comes before it, shorter or longer."""
    slow = tf.py_func(lambda: clock.sleep(0.25), [], tf.float32)
    sess = session(interpreted_runs, 200)
    message = r"at most 200 ms \(ConfigProto.operation_timeout_in_ms\)"
    for _ in range(2):
        with pytest.raises(tf.errors.DeadlineExceededError, match=message):
            sess.run(slow)
    with pytest.raises(tf.errors.DeadlineExceededError, match=message):
        sess.make_callable(slow)()
    with pytest.raises(TypeError, match=r"^The callable takes 0 feed values, got 0 and keywords \['options'\]"):
        sess.make_callable(slow)(options=within(300))
    assert sess.run(slow, options=within(300)) == 1.0
    call = sess.make_callable(slow, accept_options=True)
    assert call(options=within(300)) == 1.0
    with pytest.raises(tf.errors.DeadlineExceededError, match=message):
        call(options=within(0))
    with pytest.raises(tf.errors.DeadlineExceededError, match=r"at most 100 ms \(RunOptions"):
        call(options=within(100))


def test_making_the_plan_does_not_count(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that later runs keep does not stop the first one, which has a plan to make."""
    sess = session(0)
    plan = sess._plan

    def slow_plan(*args: Any) -> Any:
        clock.sleep(10.0)
        return plan(*args)

    monkeypatch.setattr(sess, "_plan", slow_plan)
    assert sess.run(tf.constant(1.0), options=within(5)) == 1.0
    assert clock() == 1010.0


def test_waiting_for_another_thread_counts() -> None:
    """A run that does not come to begin within its time says what it waited for."""
    sess = tf.Session()
    c = tf.constant(1.0)
    errors: list[Exception] = []

    def run() -> None:
        try:
            sess.run(c, options=within(1))
        except tf.errors.DeadlineExceededError as error:
            errors.append(error)

    with sess._lock:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(30)
    (error,) = errors
    assert "of at most 1 ms (RunOptions.timeout_in_ms), the session was still busy with runs of other threads." in str(
        error
    )
    assert sess.run(c, options=within(10_000)) == 1.0


def test_a_restore_that_takes_too_long_restores_nothing(clock: Clock, tmp_path: Any) -> None:
    """All variables or none, also when the time is over between reading and the end."""
    v = tf.Variable([1.0, 2.0], name="v")
    saver = tf.train.Saver([v])
    with tf.Session() as sess:
        sess.run(v.initializer)
        path = saver.save(sess, str(tmp_path / "m"))
    with tf.control_dependencies([tf.get_default_graph().get_operation_by_name("save/restore_all")]):
        slow = tf.py_func(lambda: clock.sleep(1.0), [], tf.float32)
    with tf.Session() as sess:
        sess.run(v.assign([7.0, 8.0]))
        with pytest.raises(tf.errors.DeadlineExceededError):
            sess.run(slow, {"save/Const:0": path}, within(500))
        assert sess.run(v).tolist() == [7.0, 8.0]
        sess.run(slow, {"save/Const:0": path}, within(1500))
        assert sess.run(v).tolist() == [1.0, 2.0]


def test_a_limit_and_a_trace_go_together(clock: Clock, interpreted_runs: int) -> None:
    """Both look at the same steps; a run over time leaves the metadata as it was."""
    slow = tf.py_func(lambda: clock.sleep(0.25), [], tf.float32, name="slow")
    sess, metadata = session(interpreted_runs), tf.RunMetadata()
    sess.run(slow, options=tf.RunOptions(timeout_in_ms=300, trace_level=3), run_metadata=metadata)
    names = [node.node_name for node in metadata.step_stats.dev_stats[0].node_stats]
    assert names == ["_SOURCE", "slow", "_retval_slow_0_0"]
    with pytest.raises(tf.errors.DeadlineExceededError):
        sess.run(slow, options=tf.RunOptions(timeout_in_ms=200, trace_level=3), run_metadata=metadata)
    assert [node.node_name for node in metadata.step_stats.dev_stats[0].node_stats] == names


def test_hostile_names_are_escaped(clock: Clock) -> None:
    """The name of an op in the message cannot change the terminal."""
    slow = tf.py_func(lambda: clock.sleep(0.25), [], tf.float32)
    slow.op._name = "\x1b[31mred\u202e"
    with pytest.raises(tf.errors.DeadlineExceededError) as error:
        tf.Session().run(slow, options=within(1))
    assert "after op '\\x1b[31mred\\u202e' (PyFunc" in error.value.message
