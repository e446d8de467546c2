"""Pins: checkpoints that stay until someone says otherwise, whatever a policy or another process says."""

from __future__ import annotations

import json
import time

from holdfast.checkpoint.formats import Formats, choose_formats
from holdfast.checkpoint.locate import at_prefix
from holdfast.checkpoint.names import Path, path_text, printable, split_prefix
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.transaction import LOCK_TIMEOUT, commit_bytes
from holdfast.contracts import Storage
from holdfast.errors import FailedPreconditionError, NotFoundError

PIN_SUFFIX = ".pinned"
"""The marker beside a checkpoint that is pinned: a small file, whose presence is what counts."""


def pin(prefix: Path, reason: str = "", *, storage: Storage | None = None, formats: Formats = None) -> None:
    """Pin a checkpoint: no retention deletes it, and no save replaces it, of this process or another.

    Parameters
    ----------
    prefix
        Its prefix. A file beside it, ``<prefix>.pinned``, is the pin; it moves and is copied with the directory.
    reason
        Why, for whoever finds it.
    storage, formats
        As for :func:`open_checkpoint`.

    Raises
    ------
    NotFoundError
        If there is no such checkpoint.
    OSError, CheckpointDurabilityError
        If the marker could not be written.
    """
    place = path_text(prefix)
    storage = choose_storage(storage, place)
    directory, _ = split_prefix(place, storage)
    with storage.lock(directory, LOCK_TIMEOUT):
        if not at_prefix(place, choose_formats(formats), storage):
            raise NotFoundError(None, None, f"There is no checkpoint {printable(place, 500)} to be pinned.")
        text = json.dumps({"pinned": time.time(), "reason": reason}) + "\n"
        commit_bytes(place + PIN_SUFFIX, text.encode("ascii"), storage=storage)


def unpin(prefix: Path, *, storage: Storage | None = None) -> bool:
    """Let go of a pinned checkpoint.

    Returns
    -------
    Whether it was pinned. It is deleted when a policy says so the next time, not now.

    Raises
    ------
    OSError
        If the marker could not be removed.
    """
    place = path_text(prefix)
    storage = choose_storage(storage, place)
    directory, _ = split_prefix(place, storage)
    with storage.lock(directory, LOCK_TIMEOUT):
        if storage.status(place + PIN_SUFFIX) is None:
            return False
        storage.remove(place + PIN_SUFFIX)
    return True


def is_pinned(prefix: Path, *, storage: Storage | None = None) -> bool:
    """Whether a checkpoint is pinned."""
    place = path_text(prefix)
    return choose_storage(storage, place).status(place + PIN_SUFFIX) is not None


def require_unpinned(prefix: str, storage: Storage) -> None:
    """Refuse to replace a checkpoint that is pinned."""
    if storage.status(prefix + PIN_SUFFIX) is not None:
        raise FailedPreconditionError(
            None,
            None,
            f"{printable(prefix, 500)} is pinned, so it is not replaced. Save under another prefix, or let it go with "
            "holdfast.checkpoint.unpin.",
        )
