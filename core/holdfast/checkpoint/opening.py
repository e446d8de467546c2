"""From a path to an open checkpoint: a prefix, a file, or a directory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from holdfast.checkpoint.formats import (
    FormatChoice,
    Formats,
    choose_formats,
    commit_suffixes,
    recognise,
    unrecognised,
)
from holdfast.checkpoint.locate import Located, at_prefix
from holdfast.checkpoint.manifest import MANIFEST_SUFFIX, is_manifest, split_part_name
from holdfast.checkpoint.names import Path, base_name, path_text, printable
from holdfast.checkpoint.opened import Damaged, DamageNote, OpenCheckpoint
from holdfast.checkpoint.scan import neighbours
from holdfast.checkpoint.state import latest_checkpoint
from holdfast.checkpoint.storages import choose_storage
from holdfast.contracts import FormatSpec, ObjectStorage, Storage
from holdfast.errors import CorruptCheckpointError, NotFoundError, OpError, TruncatedCheckpointError

_MOST_NAMED = 3


def open_checkpoint(path: Path, *, storage: Storage | None = None, formats: Formats = None) -> OpenCheckpoint:
    """Open a checkpoint for reading.

    Parameters
    ----------
    path
        A prefix, as given to a save; a file of a checkpoint; or a directory, which stands for its latest checkpoint.
        Of a checkpoint of several parts any file stands for all of it, as long as its manifest is there.
    storage
        Where; None for what the path says: a URL, or the local disk.
    formats
        The formats to try, by what the file begins with; None for those of the enabled plug-ins. A checkpoint never
        makes a plug-in load.

    Returns
    -------
    The open checkpoint, to be closed by the caller: use it in a ``with`` block.

    Raises
    ------
    NotFoundError
        If there is nothing; the message says what lies beside it.
    CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError, CheckpointLimitError
        If it is damaged, or no checkpoint in a format that is enabled. The advice names other checkpoints of the same
        base name in the directory.
    """
    place = path_text(path)
    storage, formats = choose_storage(storage, place), choose_formats(formats)
    note = partial(_name_others, formats=formats, storage=storage)
    try:
        return _open(place, formats, storage, note)
    except (CorruptCheckpointError, TruncatedCheckpointError) as error:
        note(error)
        raise


def _open(place: str, formats: FormatChoice, storage: Storage, note: DamageNote) -> OpenCheckpoint:
    """Open what a path stands for."""
    candidates = at_prefix(place, formats, storage)
    if candidates:
        return _open_newest(candidates, formats, storage, note)
    status = storage.status(place)
    if status is not None and not status.is_directory:
        return _open_file(place, formats, storage, note)
    if status is not None:
        latest = latest_checkpoint(place, storage=storage, formats=formats)
        if latest is not None:
            return _open(latest, formats, storage, note)
    if _has_appeared(place, formats, storage):
        return _open(place, formats, storage, note)
    directory = place if status is not None else storage.split(place)[0]
    first = f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {place}"
    beside = [] if status is not None else _others(place, formats, storage)
    if beside:
        names = [storage.split(prefix)[1] for prefix in beside]
        second = f"Beside it there is {_listed(names)}."
    else:
        second = f"There is no checkpoint in directory {printable(directory, 500)}."
        if isinstance(storage, ObjectStorage):
            second += " There, only what has a manifest counts; any other file has to be named itself."
    raise NotFoundError(None, None, f"{first}\n{second}")


def _others(prefix: str, formats: FormatChoice, storage: Storage) -> list[str]:
    """Return the prefixes of the checkpoints beside one, newest first; nothing where they cannot be looked at."""
    try:
        return neighbours(prefix, formats, storage)
    except (OSError, OpError):  # the error that they are wanted for says more
        return []


def _listed(prefixes: Sequence[str]) -> str:
    """Return the first of some prefixes as text, and how many more there are."""
    more = len(prefixes) - _MOST_NAMED
    return ", ".join(printable(prefix, 500) for prefix in prefixes[:_MOST_NAMED]) + (
        f" and {more} more" if more > 0 else ""
    )


def _name_others(error: Damaged, formats: FormatChoice, storage: Storage) -> None:
    """Add to the error of a damaged checkpoint which others of its base name there are."""
    prefix = _prefix_of(error.path, formats, storage)
    same = [other for other in _others(prefix, formats, storage) if base_name(other) == base_name(prefix)]
    if same:
        error.add_advice(f"Others in its directory, newest first, not verified: {_listed(same)}")


def _prefix_of(path: str, formats: FormatChoice, storage: Storage) -> str:
    """Return the prefix of the checkpoint that a file belongs to, by its name."""
    directory, name = storage.split(path)
    part = split_part_name(name)
    if part is not None:
        return storage.join(directory, part.base)
    known = [suffix for spec in formats.formats.values() for suffix in spec.suffixes] + [MANIFEST_SUFFIX]
    return path.removesuffix(max((suffix for suffix in known if path.endswith(suffix)), key=len, default=""))


def _open_newest(
    candidates: list[Located], formats: FormatChoice, storage: Storage, note: DamageNote
) -> OpenCheckpoint:
    """Open the checkpoint of the highest save sequence among those of one prefix."""
    if len(candidates) > 1:
        # Of one that is damaged this may fail: then it cannot be told which is newer, and an older one must not pass
        # for what was asked for.
        candidates = sorted(candidates, key=lambda item: item.metadata(formats, storage).save_sequence)
    return candidates[-1].open(formats, storage, note)


def _open_file(path: str, formats: FormatChoice, storage: Storage, note: DamageNote) -> OpenCheckpoint:
    """Open the checkpoint that a file belongs to."""
    file = storage.open(path)
    try:
        spec, manifest = recognise(file, formats), is_manifest(file)
        whole = _owner(path, spec, formats, storage)
        if whole is None and spec is None and not manifest:
            raise unrecognised(file, formats)
    finally:
        file.close()
    suffix = MANIFEST_SUFFIX if spec is None else spec.suffixes[0]
    return (whole or Located(path, path.removesuffix(suffix), spec)).open(formats, storage, note)


def _owner(path: str, spec: FormatSpec | None, formats: FormatChoice, storage: Storage) -> Located | None:
    """Return the checkpoint of several files that a file is one of, but not the one that it is known by."""
    name = storage.split(path)[1]
    for item in at_prefix(_prefix_of(path, formats, storage), formats, storage):
        others = [storage.split(other)[1] for other in item.files(storage)[1:]]
        if name in others and (item.spec is None or spec is None):
            return item
    return None


def _has_appeared(prefix: str, formats: FormatChoice, storage: Storage) -> bool:
    """Whether someone saved a checkpoint of the prefix just now; raises for a file in its place that is none."""
    for suffix in commit_suffixes(formats, storage):
        try:
            file = storage.open(prefix + suffix)
        except NotFoundError:
            continue
        try:
            if recognise(file, formats) is None and not is_manifest(file):
                raise unrecognised(file, formats)  # it is damaged, not missing
        finally:
            file.close()
    return bool(at_prefix(prefix, formats, storage))
