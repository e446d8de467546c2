"""The lock of a session: one run at a time, re-entrant, and released while a kernel blocks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class SessionLock:
    """A re-entrant lock that its holder can let go of, wholly, for a while."""

    __slots__ = ("_depth", "_lock", "_owner")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None
        """The thread that holds it; only that thread itself can find its own number here."""
        self._depth = 0

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._owner == me:
            self._depth += 1
        else:
            self._lock.acquire()
            self._owner = me
            self._depth = 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Not held after an interrupt (Ctrl-C) while `released` waited to take it again.
        if self._owner == threading.get_ident():
            self._depth -= 1
            if self._depth == 0:
                self._owner = None
                self._lock.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let go of the lock, however deep it is held, within the block."""
        me, depth = self._owner, self._depth
        self._owner = None
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._owner, self._depth = me, depth
