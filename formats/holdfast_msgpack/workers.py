"""The threads of a save or of an open reader: few, and started when they are first needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_MOST_BY_DEFAULT = 4


def usable_processors() -> int:
    """Return how many threads are started where no option says it."""
    affinity = getattr(os, "sched_getaffinity", None)  # what a container or taskset leaves of the machine
    found = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(found, _MOST_BY_DEFAULT)


class Workers:
    """A small pool; closed by whoever made it.

    Parameters
    ----------
    count
        Threads that work at once, the caller's included.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._guard = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a worker call a function."""
        with self._guard:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="holdfast-checkpoint")
            return self._pool.submit(function, *args, **kwargs)

    def for_each(self, function: Callable[[T], None], items: Sequence[T]) -> None:
        """Call a function with each item, in any order; the caller takes part. The first error ends it."""
        if self.count == 1 or len(items) < 2:
            for item in items:
                function(item)
            return
        queue = _Queue(items)
        helpers: list[Future[None]] = []
        try:
            helpers += [self.submit(_drain, function, queue) for _ in range(min(self.count, len(items)) - 1)]
        except RuntimeError:  # no thread can be started: the caller does what is left
            self.close()
        try:
            _drain(function, queue)
        finally:  # what they write to belongs to the caller: nobody works on after this
            queue.end()
            for helper in helpers:
                helper.exception()
        for helper in helpers:
            helper.result()

    def close(self) -> None:
        """Wait for the threads to end. Closing twice is allowed."""
        with self._guard:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


class _Queue(Iterator[T]):
    """Items that several threads take from."""

    def __init__(self, items: Sequence[T]) -> None:
        self._items = iter(items)
        self._guard = threading.Lock()

    def __next__(self) -> T:
        with self._guard:
            return next(self._items)

    def end(self) -> None:
        """Hand out nothing more."""
        with self._guard:
            self._items = iter(())


def _drain(function: Callable[[T], None], queue: _Queue[T]) -> None:
    """Work until nothing is left, or something failed."""
    try:
        for item in queue:
            function(item)
    except BaseException:
        queue.end()
        raise
