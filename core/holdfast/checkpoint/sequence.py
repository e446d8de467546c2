"""Save sequences: a number that grows from save to save, whatever the clock does."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from holdfast.checkpoint.formats import FormatChoice
from holdfast.checkpoint.locate import UNREADABLE, Located, at_prefix
from holdfast.checkpoint.state import STATE_FILE, named_latest
from holdfast.contracts import FileStatus, Storage
from holdfast.errors import NotFoundError

_guard = threading.Lock()
_last_drawn = 0
# Sequences of files that this process wrote or read, so that a loop of saves opens none of them.
_known: dict[tuple[str, FileStatus], int] = {}
_MOST_KNOWN = 256


def draw_sequence(directory: str, siblings: Sequence[Located], formats: FormatChoice, storage: Storage) -> int:
    """Return a number higher than that of any save that is known here.

    Known are the directory's latest checkpoint, the siblings that are about to be replaced, and this process's own
    saves. It is the time in microseconds unless the clock went back, so that saves of other processes, which may be
    unknown
    here, come before.
    """
    global _last_drawn  # noqa: PLW0603  # one sequence a process
    known = [_sequence_of(located, formats, storage) for located in siblings]
    known.append(_latest_sequence(directory, formats, storage))
    with _guard:
        _last_drawn = max(time.time_ns() // 1000, _last_drawn + 1, *(number + 1 for number in known))
        return _last_drawn


def remember_sequence(path: str, sequence: int, storage: Storage) -> None:
    """Note the save sequence of a file as it is now; where that fails it is read when it is needed."""
    status = None
    with suppress(OSError):
        status = storage.status(path)
    with _guard:
        if status is not None:
            _known[storage.resolve(path), status] = sequence
        while len(_known) > _MOST_KNOWN:
            del _known[next(iter(_known))]


def _sequence_of(located: Located, formats: FormatChoice, storage: Storage) -> int:
    """Return the save sequence of a checkpoint, 0 if it cannot be read."""
    status = storage.status(located.path)
    if status is None:
        return 0
    known = _known.get((storage.resolve(located.path), status))
    if known is not None:
        return known
    try:
        sequence = located.metadata(formats, storage).save_sequence
    except (*UNREADABLE, NotFoundError):
        return 0
    remember_sequence(located.path, sequence, storage)
    return sequence


def _latest_sequence(directory: str, formats: FormatChoice, storage: Storage) -> int:
    """Return the save sequence of the checkpoint that the state file names, 0 if there is none."""
    prefix = named_latest(directory, STATE_FILE, storage)
    found = [] if prefix is None else at_prefix(prefix, formats, storage)
    return max((_sequence_of(located, formats, storage) for located in found), default=0)
