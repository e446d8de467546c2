"""The state file ``checkpoint`` of a directory: which checkpoint is the latest."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats, commit_suffixes
from holdfast.checkpoint.locate import at_prefix
from holdfast.checkpoint.names import Path, base_name, is_url, path_text, printable
from holdfast.checkpoint.scan import all_prefixes, inside, newest_intact
from holdfast.checkpoint.state_text import StateText, format_state, parse_state
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.transaction import commit_bytes
from holdfast.contracts import Storage
from holdfast.errors import CorruptCheckpointError, InvalidArgumentError, NotFoundError, TruncatedCheckpointError

logger = logging.getLogger("holdfast.checkpoint")

STATE_FILE = "checkpoint"
"""Name of the state file where no other is asked for."""

_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class CheckpointPaths:
    """What a state file means: paths that lead from the working directory to checkpoints."""

    latest: str
    """Prefix of the latest checkpoint."""
    all: tuple[str, ...]
    """Prefixes of all that its writer keeps, oldest first."""


def read_state(
    directory: str, latest_filename: str | None, formats: FormatChoice, storage: Storage
) -> CheckpointPaths | None:
    """Return what the state file says, or what a scan finds where that is of no use; None if there is nothing."""
    path = storage.join(directory, latest_filename or STATE_FILE)
    try:
        state = parse_state(_read_file(path, storage))
    except NotFoundError:
        # A directory may have several state files; only the usual one speaks for all that is there.
        return _scan(directory, formats, storage) if latest_filename in (None, STATE_FILE) else None
    except OSError as error:
        why = f"is unreadable ({error.strerror or error})"
        logger.warning("%s %s. Scanning for the newest intact checkpoint.", printable(path, 500), why)
        return _scan(directory, formats, storage)
    except (ValueError, CorruptCheckpointError, TruncatedCheckpointError) as error:
        logger.warning("%s is damaged: %s. Scanning for the newest intact checkpoint.", printable(path, 500), error)
        return _scan(directory, formats, storage)
    latest = _from_state(state.latest, directory, storage)
    if fault := _fault(state.latest, latest, directory, formats, storage):
        logger.warning("%s %s. Scanning for the newest intact checkpoint.", printable(path, 500), fault)
        named = latest if _something_stands_at(latest, formats, storage) else None
        return _scan(directory, formats, storage, base=base_name(latest), named=named)
    kept = [_from_state(item, directory, storage) for item in state.all if _stays_inside(item, directory, storage)]
    return CheckpointPaths(latest, tuple(kept))


def named_latest(directory: str, latest_filename: str, storage: Storage) -> str | None:
    """Return the prefix that a state file names as the latest, unchecked; None if there is no readable state file."""
    try:
        state = parse_state(_read_file(storage.join(directory, latest_filename), storage))
    except (NotFoundError, ValueError, CorruptCheckpointError, TruncatedCheckpointError, OSError):
        return None
    return _from_state(state.latest, directory, storage) if _stays_inside(state.latest, directory, storage) else None


def _read_file(path: str, storage: Storage) -> bytes:
    """Return the contents of a state file."""
    file = storage.open(path)
    try:
        if file.size > _MOST_BYTES:
            raise ValueError(f"it has {file.size:,} bytes")
        return file.read_at(0, file.size)
    finally:
        file.close()


def _from_state(item: str, directory: str, storage: Storage) -> str:
    """Return a path of a state file as a path from the working directory."""
    return item if os.path.isabs(item) or is_url(item) else storage.join(directory, item)


def _stays_inside(item: str, directory: str, storage: Storage) -> bool:
    """Whether a path of a state file leads to something in the directory."""
    if ".." in item.replace("\\", "/").split("/"):
        return False
    return inside(storage.split(_from_state(item, directory, storage))[0], directory, storage)


def _fault(item: str, prefix: str, directory: str, formats: FormatChoice, storage: Storage) -> str | None:
    """Say why the latest checkpoint of a state file cannot be used, or None."""
    if not _stays_inside(item, directory, storage):
        return f"names a checkpoint outside its directory, {printable(item, 500)}"
    found = at_prefix(prefix, formats, storage)
    if not found:
        return f"names a checkpoint that is not there, {printable(item, 500)}"
    if not any(inside(located.path, directory, storage) for located in found):
        return f"names a link that leads out of its directory, {printable(item, 500)}"
    return None


def _something_stands_at(prefix: str, formats: FormatChoice, storage: Storage) -> bool:
    """Whether a file stands where a checkpoint of the prefix would."""
    return any(storage.status(prefix + suffix) is not None for suffix in commit_suffixes(formats, storage))


def _scan(
    directory: str, formats: FormatChoice, storage: Storage, base: str | None = None, named: str | None = None
) -> CheckpointPaths | None:
    """Return what is in the directory, whatever the state file says; `named` is what it says, as the last resort."""
    found = newest_intact(directory, formats, storage, base=base)
    newest = named if found is None else found.prefix
    if newest is None:
        return None
    skipped = ", ".join(printable(prefix, 500) for prefix in found.skipped) if found is not None else ""
    logger.warning(
        "Using %s as the latest checkpoint of %s%s.",
        printable(newest, 500),
        printable(directory, 500),
        f"; newer, but damaged: {skipped}" if skipped else "",
    )
    others = [prefix for prefix in all_prefixes(directory, formats, storage) if prefix != newest]
    return CheckpointPaths(newest, (*others, newest))


def latest_checkpoint(
    checkpoint_dir: Path, latest_filename: str | None = None, *, storage: Storage | None = None, formats: Formats = None
) -> str | None:
    """Return the prefix of the latest checkpoint of a directory.

    Parameters
    ----------
    checkpoint_dir
        The directory.
    latest_filename
        Name of the state file; None for ``checkpoint``.
    storage, formats
        As for :func:`open_checkpoint`.

    Returns
    -------
    The prefix, to be given to ``Saver.restore``. If the state file is damaged, is missing, or names something that is
    not there or lies
    elsewhere, a warning is logged and the newest intact checkpoint of the directory is returned. None only if there
    is none.
    """
    directory = path_text(checkpoint_dir)
    paths = read_state(directory, latest_filename, choose_formats(formats), choose_storage(storage, directory))
    return None if paths is None else paths.latest


def get_checkpoint_state(
    checkpoint_dir: Path, latest_filename: str | None = None, *, storage: Storage | None = None, formats: Formats = None
) -> Any:
    """Return the state of a directory as a ``CheckpointState`` message, its paths usable from the working directory.

    Takes the parameters of :func:`latest_checkpoint`, and like it falls back to a scan. Returns None if there is no
    checkpoint. Paths of older checkpoints that are no UTF-8, which a message cannot hold, are left out with a warning.

    Raises
    ------
    InvalidArgumentError
        If the path of the latest checkpoint is no UTF-8; :func:`latest_checkpoint` returns it.
    """
    directory = path_text(checkpoint_dir)
    paths = read_state(directory, latest_filename, choose_formats(formats), choose_storage(storage, directory))
    if paths is None:
        return None
    for path in paths.all:
        if path != paths.latest and not _is_utf8(path):
            logger.warning("%s is no UTF-8, and left out of the CheckpointState.", printable(path, 500))
    return _message(paths.latest, [path for path in paths.all if _is_utf8(path)])


def _is_utf8(path: str) -> bool:
    """Whether the bytes of a path are UTF-8; those that are not stand in it as surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _message(latest: str, paths: Iterable[str]) -> Any:
    """Return a CheckpointState message."""
    from holdfast import protos  # protocol buffers are loaded by those who ask for messages

    try:
        return protos.CheckpointState(model_checkpoint_path=latest, all_model_checkpoint_paths=list(paths))
    except UnicodeEncodeError as error:
        found = printable(str(error.object), 500)
        raise InvalidArgumentError(
            None,
            None,
            f"The path {found} is no UTF-8, which a CheckpointState message needs. Use latest_checkpoint, which "
            "returns any path, or rename the file.",
        ) from error


def _relative_state(
    save_dir: Path, model_checkpoint_path: Path, all_model_checkpoint_paths: Iterable[Path] | None
) -> StateText:
    """Return the paths relative to the directory; what lies elsewhere cannot be named."""
    directory, latest = path_text(save_dir), path_text(model_checkpoint_path)
    relative = _relative(latest, directory)
    if relative is None:
        raise ValueError(
            f"The checkpoint {latest!r} does not lie in {directory!r}, and a state file names only what lies beside "
            f"it, so that the "
            f"directory can be moved. Give the path as it is from the working directory, or the directory of the "
            f"checkpoint as save_dir."
        )
    found = [_relative(path_text(path), directory) for path in all_model_checkpoint_paths or ()]
    kept = [path for path in found if path is not None]
    return StateText(relative, tuple(kept if kept[-1:] == [relative] else [*kept, relative]))


def _relative(path: str, directory: str) -> str | None:
    """Return a path as it is from a directory, None if it lies outside."""
    if is_url(directory):
        head = directory.rstrip("/") + "/"
        return path.removeprefix(head) if path.startswith(head) else None
    relative = os.path.relpath(os.path.abspath(path), os.path.abspath(directory))
    return None if relative.split(os.sep)[0] in {os.pardir, os.curdir} or os.path.isabs(relative) else relative


def generate_checkpoint_state_proto(
    save_dir: Path, model_checkpoint_path: Path, all_model_checkpoint_paths: Iterable[Path] | None = None
) -> Any:
    """Return the ``CheckpointState`` message of a state file.

    Parameters
    ----------
    save_dir
        The directory that the state file is for.
    model_checkpoint_path
        Prefix of the latest checkpoint, as it is from the working directory.
    all_model_checkpoint_paths
        Prefixes of all that are kept, oldest first; the latest is added at the end if it is not there.

    Returns
    -------
    The message, with all paths relative to `save_dir`. Paths outside of it are left out.

    Raises
    ------
    ValueError
        If the latest checkpoint lies outside `save_dir`.
    InvalidArgumentError
        If a path is no UTF-8.
    """
    state = _relative_state(save_dir, model_checkpoint_path, all_model_checkpoint_paths)
    return _message(state.latest, state.all)


def update_checkpoint_state(
    save_dir: Path,
    model_checkpoint_path: Path,
    all_model_checkpoint_paths: Iterable[Path] | None = None,
    latest_filename: str | None = None,
    *,
    storage: Storage | None = None,
) -> None:
    """Write the state file of a directory, by the same recipe as checkpoints.

    Parameters
    ----------
    save_dir, model_checkpoint_path, all_model_checkpoint_paths
        As for :func:`generate_checkpoint_state_proto`.
    latest_filename
        Name of the state file; None for ``checkpoint``.
    storage
        Where; None for what the path says: a URL, or the local disk.

    Raises
    ------
    ValueError
        If the latest checkpoint lies outside `save_dir`.
    RuntimeError
        If the state file would overwrite the checkpoint.
    OSError, CheckpointDurabilityError
        As :func:`commit_bytes`.
    """
    storage = choose_storage(storage, save_dir)
    state = _relative_state(save_dir, model_checkpoint_path, all_model_checkpoint_paths)
    path = storage.join(path_text(save_dir), latest_filename or STATE_FILE)
    if path == path_text(model_checkpoint_path):
        raise RuntimeError(
            f"Save path '{path}' conflicts with path used for checkpoint state.  Please use a different save path."
        )
    commit_bytes(path, format_state(state), storage=storage)


def checkpoint_exists(checkpoint_prefix: Path, *, storage: Storage | None = None, formats: Formats = None) -> bool:
    """Whether there is a checkpoint of a prefix, in any enabled format."""
    place = path_text(checkpoint_prefix)
    return bool(at_prefix(place, choose_formats(formats), choose_storage(storage, place)))


def get_checkpoint_mtimes(
    checkpoint_prefixes: Iterable[Path], *, storage: Storage | None = None, formats: Formats = None
) -> list[float]:
    """Return when checkpoints were last modified, in seconds since the epoch; those that are not there are skipped."""
    formats = choose_formats(formats)
    times = []
    for prefix in map(path_text, checkpoint_prefixes):
        where = choose_storage(storage, prefix)
        found = [where.status(located.path) for located in at_prefix(prefix, formats, where)]
        existing = [status.modified for status in found if status is not None]
        if existing:
            times.append(max(existing))
    return times
