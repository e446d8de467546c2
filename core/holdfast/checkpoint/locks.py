"""The lock of a checkpoint directory: one writer at a time, across threads and processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

from holdfast.errors import CheckpointLockedError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no flock: there the lock holds within the process only
    fcntl = None

_POLL_SECONDS = 0.01


class _Held:
    """The lock of one directory within this process; `descriptor` is the flock on it while some thread holds it."""

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self.depth = 0
        self.descriptor: int | None = None


_registry: dict[str, _Held] = {}
_registry_guard = threading.Lock()


def _forget_inherited_locks() -> None:
    """Start a forked child without its parent's locks. Closing is enough: unlocking would unlock the parent."""
    global _registry_guard  # noqa: PLW0603  # its state at the fork is unknown
    _registry_guard = threading.Lock()
    for held in _registry.values():
        if held.descriptor is not None:
            with suppress(OSError):
                os.close(held.descriptor)
            held.descriptor = None
    _registry.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited_locks)


@contextmanager
def directory_lock(directory: str, timeout: float) -> Iterator[None]:
    """Hold the lock of a directory; re-entrant within a thread; CheckpointLockedError after `timeout` seconds."""
    key = os.path.realpath(directory)
    with _registry_guard:
        held = _registry.setdefault(key, _Held())
    started = time.monotonic()
    if not held.mutex.acquire(timeout=max(timeout, 0)):
        raise CheckpointLockedError(path=directory, holder=os.getpid(), waited=timeout)
    try:
        if held.depth == 0:
            held.descriptor = _flock(directory, started, timeout)
        held.depth += 1
        try:
            yield
        finally:
            held.depth -= 1
            if held.depth == 0:
                _unflock(held)
    finally:
        held.mutex.release()


def _flock(directory: str, started: float, timeout: float) -> int | None:
    """Take the flock and return its descriptor; None where the file system or the system has none."""
    if fcntl is None:
        return None
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - started >= timeout:
                    raise CheckpointLockedError(path=directory, holder=_holder(descriptor), waited=timeout) from None
                time.sleep(_POLL_SECONDS)
            except OSError:  # some network file systems refuse flock on directories
                os.close(descriptor)
                return None
            else:
                return descriptor
    except BaseException:
        os.close(descriptor)
        raise


def _unflock(held: _Held) -> None:
    """Release the flock: unlocked before it is closed, since a forked child may share the descriptor."""
    descriptor, held.descriptor = held.descriptor, None
    if descriptor is not None and fcntl is not None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _holder(descriptor: int) -> int | None:
    """Return the process that holds the flock, where the system tells (Linux: /proc/locks)."""
    status = os.fstat(descriptor)
    inode = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        with open("/proc/locks", encoding="ascii") as table:
            fields = [line.split() for line in table]
    except OSError:
        return None
    holders = [int(row[4]) for row in fields if len(row) > 5 and row[1] == "FLOCK" and row[5] == inode]
    return next((pid for pid in holders if pid > 0), None)
