"""Leaving in order when the system asks a program to end."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

logger = logging.getLogger("holdfast")

_DEFAULTS = {signal.SIGINT: signal.default_int_handler}
"""What Python does about a signal by default, where that is not what the system does."""


class PreemptionGuard:
    """Lets a training loop finish its step, save once more and leave when the process is told to end.

    Within its ``with`` block the first signal only sets :attr:`preempted`, which the loop looks at. The second one does
    what it would do without the guard: SIGTERM ends the process at once. Afterwards the former handlers are back. ::

        with tf.train.PreemptionGuard() as guard:
            while not guard.preempted and more_to_do:
                sess.run(train_op)
            saver.save(sess, path, global_step=step)
        sys.exit(guard.exit_code)

    Parameters
    ----------
    signals
        The signals that ask the process to end; by default SIGTERM, which schedulers send. One that the process
        ignores stays ignored.
    repeat_after
        Seconds within which further signals count as the same request: some launchers tell a process, and then the
        group that it belongs to.

    Raises
    ------
    ValueError
        If there is no signal, or one is none that can be handled.
    """

    def __init__(
        self, signals: Iterable[signal.Signals | int] = (signal.SIGTERM,), *, repeat_after: float = 1.0
    ) -> None:
        self._signals = tuple(map(signal.Signals, signals))
        if not self._signals:
            raise ValueError("signals is empty, expected at least one, such as signal.SIGTERM.")
        for number in self._signals:
            if number in _unstoppable():
                raise ValueError(f"{number.name} ends or stops a process in any case: no program can handle it.")
        self._repeat_after = repeat_after
        self._former: dict[signal.Signals, Any] = {}
        self._told = 0.0
        self._logged = False
        self.signal: signal.Signals | None = None
        """The signal that came, or None."""

    @property
    def preempted(self) -> bool:
        """Whether a signal came: the loop is to save and to leave."""
        if self.signal is not None and not self._logged:
            # Not by the handler: it may interrupt whoever is writing to the log.
            self._logged = True
            logger.warning("%s: asked to end. A second one ends the process at once.", self.signal.name)
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What the process should exit with: 0, or 128 and the signal's number, as shells tell what ended it."""
        return 0 if self.signal is None else 128 + self.signal

    def __enter__(self) -> Self:
        """Take over the signals.

        Raises
        ------
        RuntimeError
            On another thread than the main one, where Python handles no signals; if it is in use already; or if a
            handler was set by something else than Python, so that it could not be put back.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "PreemptionGuard is entered on another thread than the main one, where Python handles no signals. "
                "Enter it on the main thread; any thread may look at its `preempted`."
            )
        if self._former:
            raise RuntimeError("This PreemptionGuard is in use already. Make another one.")
        former = {number: signal.getsignal(number) for number in self._signals}
        for number, handler in former.items():
            if handler is None:
                raise RuntimeError(
                    f"The handler of {number.name} was not set by Python, and could not be put back. Leave that signal "
                    "out."
                )
        for number, handler in former.items():
            if handler is not signal.SIG_IGN:
                self._former[number] = handler
                signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put back the former handlers, but for those that were replaced meanwhile."""
        former, self._former = self._former, {}
        for number, handler in former.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; have the next one do what it does by default."""
        received = signal.Signals(number)
        if self.signal is None:
            self.signal = received
            self._told = time.monotonic()
            former = self._former.get(received)
            # Such as that of a guard around this one. What Python does about Ctrl-C by default is just what is put off.
            if callable(former) and former is not signal.default_int_handler:
                former(number, frame)
        elif time.monotonic() - self._told >= self._repeat_after:
            signal.signal(received, _DEFAULTS.get(received, signal.SIG_DFL))
            signal.raise_signal(received)


def _unstoppable() -> set[signal.Signals]:
    """Return the signals that no process can handle, as far as the system has them."""
    return {number for number in signal.Signals if number.name in {"SIGKILL", "SIGSTOP"}}
