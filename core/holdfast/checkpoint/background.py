"""Saves that go on while their caller does: one at a time, their errors never lost, and finished before Python ends."""

from __future__ import annotations

import logging
import os
import threading
import traceback
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, Self, TypeAlias, TypeVar

from holdfast.errors import UnavailableError

if TYPE_CHECKING:
    from types import TracebackType

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

logger = logging.getLogger("holdfast.checkpoint")

_deciding = threading.RLock()
"""Held for an instant, while it is decided who takes an error or whether a save begins."""
_outcomes: weakref.WeakSet[PendingSave[object]] = weakref.WeakSet()
"""Saves that are under way, or failed without anybody knowing yet."""


class PendingSave(Generic[Result_co]):
    """A save that goes on in the background, made by :class:`BackgroundSaves`.

    Nothing is promised until :meth:`result` has returned: then the checkpoint is on the disk.
    """

    __slots__ = (
        "__weakref__", "_error", "_finished", "_pid", "_taken", "_thread", "_traceback", "_value", "_work", "what",
    )  # fmt: skip

    def __init__(self, work: Callable[[], Result_co], what: str = "") -> None:
        self.what = what
        """What is saved, for messages: such as the prefix of the checkpoint."""
        self._work: Callable[[], Result_co] | None = work
        self._finished = threading.Event()
        self._value: Result_co | None = None
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._taken = False
        self._thread: int | None = None
        self._pid = os.getpid()

    def __repr__(self) -> str:
        state = "under way" if not self.done() else "done" if self._error is None else f"failed: {self._error!r}"
        return f"<PendingSave {self.what!r}, {state}>"

    def done(self) -> bool:
        """Return whether the save has ended, well or not."""
        return self._finished.is_set()

    def result(self, timeout: float | None = None) -> Result_co:
        """Wait for the save to end and return what it gives.

        Parameters
        ----------
        timeout
            Seconds to wait at most; None waits as long as it takes. An interrupt (Ctrl-C) ends the wait, and the save
            goes on.

        Returns
        -------
        What a save that blocks would have returned.

        Raises
        ------
        TimeoutError
            If it has not ended by then. It goes on.
        UnavailableError
            In a forked process, if the save was under way when it was forked: only the process that began it can tell.
        Exception
            Whatever the save raised, each time that this is called; then nobody else raises it any more.
        """
        error = self.exception(timeout)
        if error is None:
            return self._value  # type: ignore[return-value]  # it is set
        try:
            raise error.with_traceback(self._traceback)
        finally:
            error = None  # the traceback names this frame: no cycle

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the save to end and return its error, which nobody else raises any more; None if all is well.

        Raises
        ------
        TimeoutError, UnavailableError
            As :meth:`result` does.
        """
        self._wait(timeout)
        self._take()
        return self._error

    def _wait(self, timeout: float | None) -> None:
        """Wait for the end."""
        if not self._finished.is_set() and os.getpid() != self._pid:
            msg = (
                f"The background save of {self.what or 'a checkpoint'} goes on in process {self._pid}, which was "
                "forked: only there can its result be told."
            )
            raise UnavailableError(None, None, msg)
        if self._thread == threading.get_ident() and not self._finished.is_set():
            raise RuntimeError("A background save waits for itself: let whoever started it wait.")
        if not self._finished.wait(timeout):
            raise TimeoutError(
                f"The background save of {self.what or 'a checkpoint'} has not ended within {timeout} s. It goes on."
            )

    def _take(self) -> BaseException | None:
        """Return the error if nobody has taken it yet."""
        with _deciding:
            taken, self._taken = self._taken, True
            _outcomes.discard(self)
        return None if taken else self._error

    def _carry_out(self) -> None:
        """Do the work and keep what comes of it."""
        with _deciding:
            work, self._work = self._work, None
            self._thread = threading.get_ident()
        if work is None:
            return
        try:
            self._value = work()
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it, whatever it is
            self._error, self._traceback = error, error.__traceback__
            error.add_note(f"The background save of {self.what or 'a checkpoint'} failed.")
            _forget_locals(error)
        finally:
            del work  # and with it what was saved
            self._finished.set()

    def _give_up(self) -> bool:
        """See to it that the work is not done, unless it has begun; return whether that came in time."""
        with _deciding:
            work, self._work = self._work, None
            return work is not None

    def __del__(self) -> None:
        if self._error is not None and not self._taken:
            self._tell()

    def _tell(self) -> None:
        """Log an error that nobody takes."""
        logger.error("The background save of %s failed.", self.what or "a checkpoint", exc_info=self._error)


Tasks: TypeAlias = "SimpleQueue[PendingSave[object] | None]"
"""What is to be done, one after the other; None ends it."""


class BackgroundSaves:
    """Saves in the background, one at a time: the next one waits for the one before.

    An error of a save is raised once: by the handle's ``result()``, or by whatever comes next here, :meth:`start`,
    :meth:`wait` or the end of a ``with`` block. There it gives way to an exception that is under way already: it is
    then logged, and noted on that one. If nothing comes next, it is logged. A save that has begun is finished before
    Python ends. After a fork, the child has no saves under way; the parent's go on.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._pending: PendingSave[object] | None = None
        self._tasks: Tasks | None = None
        """What the thread takes its work from, while there is one that stays."""
        self._end: weakref.finalize[..., BackgroundSaves] | None = None
        """Ends that thread; also when this is collected."""
        _everyone.add(self)

    def start(self, work: Callable[[], Result], what: str = "") -> PendingSave[Result]:
        """Do ``work`` on a thread of its own, once the save in flight, if any, has ended.

        Parameters
        ----------
        work
            Writes the checkpoint; what it returns becomes the result. It is called once if this returns, and never if
            this raises an Exception. (An interrupt, such as Ctrl-C, may come when it has begun already.) Large things
            are better given to it as arguments, by ``functools.partial``, than in a closure, which an error keeps.
        what
            What it saves, for messages.

        Raises
        ------
        Exception
            The error of the save before, if nobody has taken it. A second call starts the save.
        """
        with self._lock:
            self.wait()
            pending = PendingSave(work, what)
            with _deciding:
                _outcomes.add(pending)
            self._pending = pending
            try:
                self._hand_over(pending)
            except RuntimeError:
                # No thread is to be had, as while Python ends: the save is done all the same.
                pending._carry_out()
            except BaseException:
                if pending._give_up():
                    self._pending = None
                raise
        return pending

    def _hand_over(self, pending: PendingSave[object]) -> None:
        """Have the thread do it; RuntimeError if there is none and none can be started."""
        may_stay = _wait_at_exit()
        with _deciding:
            if _ending:
                raise RuntimeError("Python is ending: a thread would not be told to end.")
            # Kept from save to save, as it takes long until a new thread has been given a processor.
            tasks = self._tasks or _start_thread()
            tasks.put(pending)
            if not may_stay:
                tasks.put(None)
            elif tasks is not self._tasks:
                self._tasks, self._end = tasks, weakref.finalize(self, tasks.put, None)

    def stop(self) -> None:
        """Let the thread end once the save in flight has ended; another one is started when it is needed."""
        with _deciding:
            end, self._tasks, self._end = self._end, None, None
        if end is not None:
            end()

    def wait(self) -> None:
        """Wait for the save in flight, if there is one, and raise its error if nobody has taken it."""
        error = self._settle()
        if error is not None:
            raise error

    def idle(self) -> None:
        """Wait for the save in flight to end; an error of it is left to whoever comes next."""
        pending = self._pending
        if pending is not None:
            pending._wait(None)

    def busy(self) -> bool:
        """Return whether a save is in flight."""
        pending = self._pending
        return pending is not None and not pending.done()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if error is None:
            self.wait()
            return
        lost = self._settle()
        if lost is not None:
            error.add_note(f"A background save had failed, too: {type(lost).__name__}: {lost}")
            logger.error("A background save failed.", exc_info=lost)

    def _settle(self) -> BaseException | None:
        """Wait for the save in flight and return its error unless somebody has taken it."""
        with self._lock:
            # A signal handler may start another one while this waits.
            while (pending := self._pending) is not None:
                pending._wait(None)
                if self._pending is pending:
                    self._pending = None
                error = pending._take()
                if error is not None:
                    return error.with_traceback(pending._traceback)
        return None

    def _forked(self) -> None:
        """Begin anew in a forked child: the lock's state is unknown, and no thread came along."""
        self._lock = threading.RLock()
        self._tasks = self._end = None
        if self.busy():
            self._pending = None


_everyone: weakref.WeakSet[BackgroundSaves] = weakref.WeakSet()
"""All there are, for the child of a fork."""


def _forget_locals(error: BaseException) -> None:
    """Let go of what the frames of an error refer to: it may be kept for long, and a snapshot is large."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__


def _start_thread() -> Tasks:
    """Start a thread, and return what it takes its work from."""
    tasks: Tasks = SimpleQueue()
    # Not a daemon, whatever thread this is: those are cut off where they are when Python ends.
    thread = threading.Thread(target=_work_off, args=(tasks,), name="holdfast-background-save", daemon=False)
    try:
        thread.start()
    except BaseException:
        tasks.put(None)
        raise
    return tasks


def _work_off(tasks: Tasks) -> None:
    """Do one piece of work after the other, until there is None."""
    while (pending := tasks.get()) is not None:
        pending._carry_out()
        del pending  # while it waits for the next one


_exit_hook_set = False
_ending = False


def _wait_at_exit() -> bool:
    """Have Python wait for the saves under way before it ends, and end the threads; return whether it will."""
    global _exit_hook_set  # noqa: PLW0603  # once per process
    register = getattr(threading, "_register_atexit", None)
    if _exit_hook_set or register is None:
        return _exit_hook_set
    # Pools of threads, as formats use them, refuse work from the moment at which they are told of the end, which is
    # before threads are waited for. What registers after them is told before them. Without that function a thread
    # that is busy is still waited for.
    import concurrent.futures.thread  # noqa: F401

    try:
        register(_finish_all)
    except RuntimeError:  # Python is ending already
        return False
    _exit_hook_set = True
    return True


def _finish_all() -> None:
    """Wait for all saves of this process, tell of errors that nobody has taken, and end the threads."""
    global _ending  # noqa: PLW0603  # once per process
    with _deciding:
        _ending = True
        outcomes, everyone = list(_outcomes), list(_everyone)
    for pending in outcomes:
        if pending._pid == os.getpid():
            pending._finished.wait()
            if pending._take() is not None:
                pending._tell()
    for saves in everyone:
        saves.stop()


def _after_fork() -> None:
    """Begin anew in a forked child."""
    global _deciding  # noqa: PLW0603  # its state at the fork is unknown
    _deciding = threading.RLock()
    _outcomes.clear()
    for saves in list(_everyone):
        saves._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
