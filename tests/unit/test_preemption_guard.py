from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

import holdfast as tf

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a signal ends the process")


@pytest.fixture(autouse=True)
def former_handlers() -> Iterator[None]:
    """Put the handlers back that the tests change."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    former = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def test_a_signal_is_noted() -> None:
    """The loop sees it, the log tells it once, and the former handler is back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    with tf.train.PreemptionGuard() as guard:
        assert (guard.preempted, guard.signal, guard.exit_code) == (False, None, 0)
        signal.raise_signal(signal.SIGTERM)
        assert (guard.preempted, guard.signal, guard.exit_code) == (True, signal.SIGTERM, 143)
    assert signal.getsignal(signal.SIGTERM) is before
    assert guard.preempted


def test_it_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks first logs it."""
    with tf.train.PreemptionGuard() as guard:
        signal.raise_signal(signal.SIGTERM)
        assert caplog.messages == []
        assert guard.preempted
        assert guard.preempted
    assert caplog.messages == ["SIGTERM: asked to end. A second one ends the process at once."]


def test_other_signals() -> None:
    """Any that can be handled, by object or number; an interrupt is put off."""
    with tf.train.PreemptionGuard([signal.SIGINT, int(signal.SIGUSR1)]) as guard:
        signal.raise_signal(signal.SIGINT)
        assert (guard.signal, guard.exit_code) == (signal.SIGINT, 130)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_a_second_interrupt_does_what_it_did() -> None:
    """It raises KeyboardInterrupt; but not if it follows so closely that it is the same request."""
    with tf.train.PreemptionGuard([signal.SIGINT], repeat_after=60.0) as guard:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert guard.preempted
    with tf.train.PreemptionGuard([signal.SIGINT], repeat_after=0.0), pytest.raises(KeyboardInterrupt):  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_former_handler_is_called_too() -> None:
    """What was there before hears of the signal as well: a guard around this one, or the program's own."""
    seen: list[int] = []

    def mine(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    signal.signal(signal.SIGTERM, mine)
    with tf.train.PreemptionGuard() as outer:
        with tf.train.PreemptionGuard() as inner:
            signal.raise_signal(signal.SIGTERM)
        assert inner.preempted
        assert outer.preempted
    assert seen == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is mine


def test_an_ignored_signal_stays_ignored() -> None:
    """A program that was told to ignore a signal goes on doing so."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with tf.train.PreemptionGuard([signal.SIGUSR1]) as guard:
        signal.raise_signal(signal.SIGUSR1)
        assert not guard.preempted


def test_a_handler_that_was_set_meanwhile_stays() -> None:
    """Whoever takes over the signal within the block keeps it."""

    def mine(number: int, frame: FrameType | None) -> None:
        """Do nothing."""

    with tf.train.PreemptionGuard():
        signal.signal(signal.SIGTERM, mine)
    assert signal.getsignal(signal.SIGTERM) is mine


def test_only_on_the_main_thread() -> None:
    """Elsewhere Python cannot handle signals; the error says what to do, and nothing has changed."""
    errors: list[str] = []

    def enter() -> None:
        try:
            tf.train.PreemptionGuard().__enter__()
        except RuntimeError as error:
            errors.append(str(error))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert len(errors) == 1
    assert errors[0].startswith("PreemptionGuard is entered on another thread than the main one")
    assert signal.getsignal(signal.SIGTERM) is before


def test_bad_arguments() -> None:
    """No signal, one that no program can handle, a guard within itself, a handler of a C library."""
    with pytest.raises(ValueError, match=r"^signals is empty"):
        tf.train.PreemptionGuard([])
    with pytest.raises(ValueError, match=r"^SIGKILL ends or stops a process in any case"):
        tf.train.PreemptionGuard([signal.SIGKILL])
    guard = tf.train.PreemptionGuard()
    with guard, pytest.raises(RuntimeError, match=r"^This PreemptionGuard is in use already"), guard:
        pass


def test_a_handler_that_cannot_be_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was not set by Python is left alone."""
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    with pytest.raises(RuntimeError, match=r"^The handler of SIGTERM was not set by Python"):
        tf.train.PreemptionGuard().__enter__()


_PROGRAM = """
    import sys
    import holdfast as tf

    step = tf.Variable(0, name="step")
    advance = step.assign_add(1)
    saver = tf.train.Saver()
    with tf.Session() as sess, tf.train.PreemptionGuard(repeat_after=0.0) as guard:
        sess.run(tf.global_variables_initializer())
        saver.save(sess, "m", global_step=sess.run(advance), block=False)
        print("started", flush=True)
        while not guard.preempted:
            sess.run(advance)
        {then}
        print(saver.save(sess, "m", global_step=step), sess.run(step))
    sys.exit(guard.exit_code)
"""


def _started(program: str, tmp_path: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def test_a_program_saves_once_more_and_leaves(tmp_path: str) -> None:
    """A real SIGTERM: the last step is saved, and the exit code says why the program ended."""
    with _started(_PROGRAM.format(then="pass"), tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        last = process.stdout.readline().split()
        assert process.wait(60) == 143
    latest = tf.train.latest_checkpoint(tmp_path)
    assert latest == f"{tmp_path}/{last[0]}"
    step = tf.Variable(0, name="step")
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, latest)
        assert sess.run(step) == int(last[1]) == int(latest.rpartition("-")[2])


def test_a_second_signal_ends_the_program_at_once(tmp_path: str) -> None:
    """A program that does not leave after the first one is ended by the second, as if there were no guard."""
    with _started(_PROGRAM.format(then="print('asked', flush=True) or input()"), tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
