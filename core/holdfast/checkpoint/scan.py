"""Finding the newest intact checkpoint where the state file is of no help."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from holdfast.checkpoint.formats import FormatChoice, unrecognised
from holdfast.checkpoint.locate import UNREADABLE, Located, in_directory
from holdfast.checkpoint.names import base_name, printable
from holdfast.checkpoint.regions import verify_values
from holdfast.contracts import Storage
from holdfast.errors import NotFoundError, TruncatedCheckpointError

logger = logging.getLogger("holdfast.checkpoint")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A checkpoint of a directory and what speaks for it."""

    located: Located
    rank: tuple[bool, bool, bool, int, float]


def newest_intact(directory: str, formats: FormatChoice, storage: Storage, *, base: str | None = None) -> str | None:
    """Return the prefix of the newest checkpoint in a directory whose every digest is right.

    Those of the base name `base` come before others, and those whose file lies in the directory before links that
    lead out of it. If
    none is intact the newest damaged one is returned, so that restoring it fails loudly. None if there is no
    checkpoint at all.
    """
    found = sorted(_candidates(directory, formats, storage, base), key=lambda item: item.rank, reverse=True)
    for candidate in found:
        try:
            with candidate.located.open(formats, storage) as checkpoint:
                verify_values(checkpoint)
        except (*UNREADABLE, NotFoundError, OSError) as error:
            logger.warning("%s is not intact: %s", printable(candidate.located.path, 500), error)
        else:
            return candidate.located.prefix
    if found:
        return found[0].located.prefix
    return _cut_short(directory, formats, storage)


def all_prefixes(directory: str, formats: FormatChoice, storage: Storage) -> list[str]:
    """Return the prefixes of all checkpoints in a directory, oldest first; damaged ones come before the others."""
    found = sorted(_candidates(directory, formats, storage, None), key=lambda item: item.rank)
    return list(dict.fromkeys(item.located.prefix for item in found))


def inside(path: str, directory: str, storage: Storage) -> bool:
    """Whether a path lies in a directory once symbolic links are followed."""
    real, home = storage.resolve(path), storage.resolve(directory)
    while real != home:
        parent, _ = storage.split(real)
        if parent == real or not parent or parent == ".":
            return False
        real = parent
    return True


def _candidates(directory: str, formats: FormatChoice, storage: Storage, base: str | None) -> list[_Candidate]:
    """Return what is there, each with its rank: the higher, the more it is what is looked for."""
    found = []
    for located in in_directory(directory, formats, storage):
        status = storage.status(located.path)
        readable, sequence = True, 0
        try:
            with located.open(formats, storage) as checkpoint:
                sequence = checkpoint.metadata.save_sequence
        except (*UNREADABLE, NotFoundError, OSError):
            readable = False
        same_base = base is None or base_name(located.prefix) == base
        rank = (
            readable,
            same_base,
            inside(located.path, directory, storage),
            sequence,
            status.modified if status else 0.0,
        )
        found.append(_Candidate(located, rank))
    return found


def _cut_short(directory: str, formats: FormatChoice, storage: Storage) -> str | None:
    """Return the prefix of a file that is too short to be recognised: there was a checkpoint, and it is damaged."""
    for name in storage.list_directory(directory):
        for spec in formats.formats.values():
            path = storage.join(directory, name)
            status = storage.status(path)
            if name.startswith(".") or not name.endswith(spec.suffixes[0]) or status is None or not status.is_regular:
                continue
            file = storage.open(path)
            try:
                if isinstance(unrecognised(file, formats), TruncatedCheckpointError):
                    return path.removesuffix(spec.suffixes[0])
            finally:
                file.close()
    return None
