"""Save sequences: a number that grows from save to save, whatever the clock does."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from holdfast.checkpoint.formats import FormatChoice
from holdfast.checkpoint.locate import UNREADABLE, Located, at_prefix
from holdfast.checkpoint.state import STATE_FILE, named_latest
from holdfast.contracts import FileStatus, Storage
from holdfast.errors import NotFoundError

_guard = threading.Lock()
_last_drawn = 0
# Of the latest checkpoint of each directory that was saved to: what it was, so that a loop of saves reads
# no file twice.
_latest_seen: dict[str, tuple[str, FileStatus, int]] = {}


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


def _sequence_of(located: Located, formats: FormatChoice, storage: Storage) -> int:
    """Return the save sequence of a checkpoint, 0 if it cannot be read."""
    try:
        with located.open(formats, storage) as checkpoint:
            return checkpoint.metadata.save_sequence
    except (*UNREADABLE, NotFoundError):
        return 0


def _latest_sequence(directory: str, formats: FormatChoice, storage: Storage) -> int:
    """Return the save sequence of the checkpoint that the state file names, 0 if there is none."""
    prefix = named_latest(directory, STATE_FILE, storage)
    highest = 0
    for located in [] if prefix is None else at_prefix(prefix, formats, storage):
        status = storage.status(located.path)
        if status is None:
            continue
        seen = _latest_seen.get(directory)
        if seen is None or seen[:2] != (located.path, status):
            seen = (located.path, status, _sequence_of(located, formats, storage))
            _latest_seen[directory] = seen
        highest = max(highest, seen[2])
    return highest
