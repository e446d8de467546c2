"""The lock of a session: one run at a time, re-entrant, and released while a kernel blocks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType


class SessionLock:
    """A re-entrant lock that its holder can let go of, wholly, for a while."""

    __slots__ = ("_lock", "take")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.take = self._lock.acquire
        """Takes the lock; :meth:`release` gives it back. The short way, for runs that took microseconds otherwise."""

    def __enter__(self) -> None:
        self._lock.acquire()

    def acquire(self, timeout: float) -> bool:
        """Take the lock; False if it cannot be had within so many seconds, where -1 is for ever."""
        return self._lock.acquire(timeout=min(timeout, threading.TIMEOUT_MAX))

    def release(self) -> None:
        """Give back what was taken once."""
        try:
            self._lock.release()
        except RuntimeError:
            # Not held after an interrupt (Ctrl-C) while `released` waited to take it again.
            return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let go of the lock, however deep it is held, within the block."""
        depth = 0
        # Until it is not held any more.
        with suppress(RuntimeError):
            while True:
                self._lock.release()
                depth += 1
        try:
            yield
        finally:
            for _ in range(depth):
                self._lock.acquire()
