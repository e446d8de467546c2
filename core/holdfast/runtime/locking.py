"""The lock of a session: one run at a time, re-entrant, and released while a kernel blocks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class SessionLock:
    """A re-entrant lock that its holder can let go of, wholly, for a while."""

    __slots__ = ("_condition", "_depth", "_owner")

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        self._acquire(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._condition:
            # Not held after an interrupt (Ctrl-C) while `released` waited to take it again.
            if self._owner == threading.get_ident():
                self._depth -= 1
                if self._depth == 0:
                    self._let_go()

    def _acquire(self, depth: int) -> None:
        """Take the lock ``depth`` deep."""
        me = threading.get_ident()
        with self._condition:
            while self._owner not in (None, me):
                self._condition.wait()
            self._owner = me
            self._depth += depth

    def _let_go(self) -> None:
        """Let the next thread have it; the condition is held."""
        self._owner, self._depth = None, 0
        self._condition.notify()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let go of the lock, however deep it is held, within the block."""
        with self._condition:
            depth = self._depth
            self._let_go()
        try:
            yield
        finally:
            self._acquire(depth)
