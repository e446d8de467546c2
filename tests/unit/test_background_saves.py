from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from holdfast.checkpoint import BackgroundSaves, PendingSave
from holdfast.errors import UnavailableError


class _Held:
    """Work that goes on until it is let go."""

    def __init__(self, result: Any = "done") -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.result = result

    def __call__(self) -> Any:
        self.begun.set()
        assert self.go.wait(60)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def _fail(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def test_a_save_goes_on_while_its_caller_does() -> None:
    """The handle comes at once; the result when the work has ended."""
    saves, work = BackgroundSaves(), _Held("m-1")
    pending = saves.start(work, "m-1")
    assert work.begun.wait(60)
    assert not pending.done()
    assert saves.busy()
    assert repr(pending) == "<PendingSave 'm-1', under way>"
    work.go.set()
    assert pending.result() == "m-1"
    assert pending.done()
    assert not saves.busy()
    assert pending.exception() is None
    assert repr(pending) == "<PendingSave 'm-1', done>"


def test_one_at_a_time() -> None:
    """The next save begins when the one before has ended."""
    saves, first, order = BackgroundSaves(), _Held(), []
    saves.start(lambda: order.append(first()))
    later = threading.Thread(target=lambda: saves.start(lambda: order.append("second")).result())
    later.start()
    assert first.begun.wait(60)
    assert order == []
    first.go.set()
    later.join()
    assert order == ["done", "second"]


def test_an_error_is_raised_by_the_result() -> None:
    """By the handle each time, with the place it comes from; then by nobody else."""
    saves = BackgroundSaves()
    pending = saves.start(_fail(OSError(28, "full")), "m-1")
    for _ in range(2):
        with pytest.raises(OSError, match="full") as caught:
            pending.result()
        assert caught.value.__notes__ == ["The background save of m-1 failed."]
        assert [entry.name for entry in caught.traceback][-1] == "work"
    assert repr(pending).startswith("<PendingSave 'm-1', failed: OSError(28")
    saves.wait()
    assert saves.start(lambda: 3).result() == 3


def test_an_error_is_raised_once_by_what_comes_next() -> None:
    """The next save raises it and does not begin; the one after that does. The handle still tells it."""
    saves = BackgroundSaves()
    pending = saves.start(_fail(ValueError("bad")))
    begun: list[int] = []
    with pytest.raises(ValueError, match="bad"):
        saves.start(lambda: begun.append(1))
    assert begun == []
    saves.start(lambda: begun.append(2)).result()
    assert begun == [2]
    with pytest.raises(ValueError, match="bad"):
        pending.result()
    saves.start(_fail(ValueError("worse")))
    with pytest.raises(ValueError, match="worse"):
        saves.wait()
    saves.wait()


def test_whoever_only_waits_leaves_the_error() -> None:
    """idle() waits and raises nothing; wait() does afterwards."""
    saves = BackgroundSaves()
    saves.idle()
    saves.start(_fail(ValueError("bad")))
    saves.idle()
    assert not saves.busy()
    with pytest.raises(ValueError, match="bad"):
        saves.wait()


def test_the_end_of_a_block_raises_the_error() -> None:
    """Leaving a with block waits, and raises what nobody has taken."""
    with pytest.raises(ValueError, match="bad"), BackgroundSaves() as saves:
        saves.start(_fail(ValueError("bad")))


def test_an_error_does_not_take_the_place_of_another(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the block stays the one that is raised; the save's is noted on it and logged."""
    with pytest.raises(KeyError) as caught, BackgroundSaves() as saves:  # noqa: PT012  (the block is what is tested)
        saves.start(_fail(ValueError("bad")))
        raise KeyError("mine")
    assert caught.value.__notes__ == ["A background save had failed, too: ValueError: bad"]
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "A background save failed.")


def test_an_error_that_nobody_asks_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A handle and its saves that are thrown away do not take the error with them."""
    saves = BackgroundSaves()
    saves.start(_fail(ValueError("bad")), "m-7")
    saves.idle()
    del saves
    gc.collect()
    (record,) = caplog.records
    assert record.getMessage() == "The background save of m-7 failed."


def test_a_time_limit_does_not_end_the_save() -> None:
    """TimeoutError says that it goes on, and it does."""
    saves, work = BackgroundSaves(), _Held(5)
    pending = saves.start(work, "m")
    with pytest.raises(TimeoutError, match=r"^The background save of m has not ended within 0 s. It goes on.$"):
        pending.result(timeout=0)
    work.go.set()
    assert pending.result(timeout=60) == 5


def test_an_interrupt_does_not_end_the_save() -> None:
    """Ctrl-C while somebody waits ends the waiting only."""
    saves, main = BackgroundSaves(), threading.get_ident()
    go, interrupted = threading.Event(), threading.Event()

    def interrupt_once(*_: object) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    def work() -> int:
        # Again and again: Python does not notice a signal that comes just before a thread begins to wait.
        while not interrupted.is_set():
            signal.pthread_kill(main, signal.SIGINT)
            interrupted.wait(0.01)
        assert go.wait(60)
        return 5

    before = signal.signal(signal.SIGINT, interrupt_once)
    try:
        with pytest.raises(KeyboardInterrupt):
            saves.start(work).result()
        assert saves.busy()
        go.set()
        saves.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_was_saved_is_let_go() -> None:
    """Neither the handle nor an error keeps the values: they may be as large as a model."""

    class Values:
        pass

    def save(values: Values, error: Exception | None) -> None:
        if error is not None:
            raise error

    saves = BackgroundSaves()
    for error in (None, ValueError("bad")):
        values = Values()
        alive = weakref.ref(values)
        pending = saves.start(partial(save, values, error))
        saves.idle()
        del values
        assert alive() is None
        assert pending.exception() is error


def _save_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "holdfast-background-save"]


def test_one_thread_for_all_saves() -> None:
    """It is no daemon, not even if a daemon starts it, and ends when it is told so or nobody can use it any more."""
    before = set(_save_threads())
    for leave in ("stop", "collect", "block"):
        saves = BackgroundSaves()
        seen: list[threading.Thread] = []

        def start(saves: BackgroundSaves = saves, seen: list[threading.Thread] = seen) -> None:
            for _ in range(10):
                saves.start(lambda: seen.append(threading.current_thread())).result()

        daemon = threading.Thread(target=start, daemon=True)
        daemon.start()
        daemon.join()
        (thread,) = set(seen)
        assert not thread.daemon
        assert thread in _save_threads()
        if leave == "stop":
            saves.stop()
            saves.stop()
        elif leave == "block":
            with saves:
                pass
        del saves, start
        daemon = None  # type: ignore[assignment]
        gc.collect()
        thread.join(60)
        assert not thread.is_alive()
    assert set(_save_threads()) <= before


def test_a_save_after_the_thread_has_ended() -> None:
    """Another thread is started then."""
    saves = BackgroundSaves()
    assert saves.start(lambda: 1).result() == 1
    saves.stop()
    assert saves.start(lambda: 2).result() == 2
    saves.stop()


def test_a_thread_for_each_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python would not tell a waiting thread that it ends, none is kept waiting."""
    monkeypatch.setattr("holdfast.checkpoint.background._wait_at_exit", lambda: False)
    saves, threads = BackgroundSaves(), []
    for _ in range(2):
        saves.start(lambda: threads.append(threading.current_thread())).result()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert threads[0] is not threads[1]


def test_a_save_that_waits_for_itself() -> None:
    """Work that starts another save where it belongs would wait for ever; it is told so."""
    saves = BackgroundSaves()
    with pytest.raises(RuntimeError, match=r"^A background save waits for itself"):
        saves.start(lambda: saves.start(lambda: None)).result()


def test_without_a_thread_the_save_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started, whoever asks does the work."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pending = BackgroundSaves().start(threading.get_ident)
    assert pending.result() == threading.get_ident()


def test_an_interrupt_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the thread has not begun, the work is never done, and the next save need not wait for it."""

    def interrupt(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    saves, done = BackgroundSaves(), []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            saves.start(lambda: done.append(1))
    assert saves.start(lambda: done).result() == []


def _python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_save_that_begins_while_python_ends() -> None:
    """It is done at once, by whoever asks for it: no thread is left that Python would wait for."""
    done = _python("""
        import threading
        from holdfast.checkpoint import BackgroundSaves

        saves = BackgroundSaves()
        saves.start(lambda: print("first")).result()

        def late():
            threading.main_thread().join()  # until Python ends
            print(saves.start(lambda: "second").result(), BackgroundSaves().start(lambda: "third").result())

        threading.Thread(target=late).start()
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "first\nsecond third\n", "")


def test_python_waits_for_a_save_before_it_ends() -> None:
    """A save that has begun is finished, pools of threads and all."""
    done = _python("""
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from holdfast.checkpoint import BackgroundSaves

        def work():
            threading.main_thread().join(0.05)  # the program ends meanwhile
            with ThreadPoolExecutor(2) as pool:
                print("saved", sum(pool.map(int, "123")))

        saves = BackgroundSaves()
        saves.start(work)
        print("end")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\nsaved 6\n", "")


def test_an_error_at_the_end_is_told() -> None:
    """What failed and was never asked for stands on standard error."""
    done = _python("""
        from holdfast.checkpoint import BackgroundSaves

        saves = BackgroundSaves()
        saves.start(lambda: 1 / 0, "m-3")
    """)
    lines = done.stderr.splitlines()
    assert lines[0] == "The background save of m-3 failed."
    assert "ZeroDivisionError: division by zero" in lines


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_has_no_save_under_way() -> None:
    """It is told where the save goes on, and can save by itself; the parent's save goes on."""
    done = _python("""
        import os, threading
        from holdfast.checkpoint import BackgroundSaves
        from holdfast.errors import UnavailableError

        go = threading.Event()
        saves = BackgroundSaves()
        pending = saves.start(lambda: go.wait() and "parent", "m-1")
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                pending.result()
            except UnavailableError as error:
                ok = f"goes on in process {parent}" in error.message
            saves.wait()
            print(ok, saves.start(lambda: "child").result(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        go.set()
        print(pending.result())
    """)
    assert (done.stdout, done.stderr) == ("True child\nparent\n", "")


def test_what_a_handle_is() -> None:
    """Handles come from starting a save; the errors of forks are UnavailableError, as their documentation says."""
    assert isinstance(BackgroundSaves().start(lambda: None), PendingSave)
    assert issubclass(UnavailableError, Exception)
