"""Finding the newest intact checkpoint where the state file is of no help."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.checkpoint.formats import FormatChoice, commit_suffixes, unrecognised
from holdfast.checkpoint.locate import UNREADABLE, Located, in_directory
from holdfast.checkpoint.manifest import split_part_name
from holdfast.checkpoint.names import base_name, printable
from holdfast.checkpoint.regions import verify_values
from holdfast.contracts import Storage
from holdfast.errors import CorruptCheckpointError, NotFoundError, TruncatedCheckpointError

logger = logging.getLogger("holdfast.checkpoint")


@dataclass(frozen=True, slots=True)
class Newest:
    """What a scan found."""

    prefix: str
    """The newest intact checkpoint; the newest damaged one where none is intact."""
    skipped: tuple[str, ...] = ()
    """Prefixes of damaged ones that are newer than that, as far as can be told."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A checkpoint of a directory and what speaks for it."""

    located: Located
    readable: bool
    """Whether it can be opened; only then is the sequence known."""
    same_base: bool
    inside: bool
    sequence: int
    modified: float

    @property
    def rank(self) -> tuple[bool, bool, bool, int, float]:
        """The higher, the more it is what is looked for."""
        return self.readable, self.same_base, self.inside, self.sequence, self.modified


def newest_intact(directory: str, formats: FormatChoice, storage: Storage, *, base: str | None = None) -> Newest | None:
    """Return the newest checkpoint in a directory whose every digest is right.

    Those of the base name `base` come before others, and those whose file lies in the directory before links that
    lead out of it. If
    none is intact the newest damaged one is returned, so that restoring it fails loudly. None if there is no
    checkpoint at all.
    """
    found = sorted(_candidates(directory, formats, storage, base), key=lambda item: item.rank, reverse=True)
    skipped = []
    for candidate in found:
        try:
            with candidate.located.open(formats, storage) as checkpoint:
                verify_values(checkpoint)
        except (*UNREADABLE, NotFoundError, OSError) as error:
            logger.warning("%s is not intact: %s", printable(candidate.located.path, 500), error)
            skipped.append(candidate.located.prefix)
        else:
            later = [(item.located.prefix, item.modified) for item in found if not item.readable]
            later += _cut_short(directory, formats, storage)
            skipped += [prefix for prefix, modified in later if modified >= candidate.modified]
            return Newest(candidate.located.prefix, tuple(dict.fromkeys(skipped)))
    if found:
        return Newest(found[0].located.prefix)
    return next((Newest(prefix) for prefix, _ in _cut_short(directory, formats, storage)), None)


def all_prefixes(directory: str, formats: FormatChoice, storage: Storage) -> list[str]:
    """Return the prefixes of all checkpoints in a directory, oldest first; damaged ones come before the others."""
    found = sorted(_candidates(directory, formats, storage, None), key=lambda item: item.rank)
    return list(dict.fromkeys(item.located.prefix for item in found))


def neighbours(prefix: str, formats: FormatChoice, storage: Storage) -> list[str]:
    """Return the checkpoints beside one that can be opened: those of its base name first, newest first."""
    directory, name = storage.split(prefix)
    found = sorted(_candidates(directory, formats, storage, base_name(name)), key=lambda item: item.rank, reverse=True)
    prefixes = dict.fromkeys(item.located.prefix for item in found if item.readable)
    return [other for other in prefixes if storage.split(other)[1] != name]


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
    """Return what is there."""
    found = []
    for located in in_directory(directory, formats, storage):
        status = storage.status(located.path)
        readable, sequence = True, 0
        try:
            with located.open(formats, storage) as checkpoint:
                sequence = checkpoint.metadata.save_sequence
        except (*UNREADABLE, NotFoundError, OSError):
            readable = False
        found.append(
            _Candidate(
                located,
                readable=readable,
                same_base=base is None or base_name(located.prefix) == base,
                inside=inside(located.path, directory, storage),
                sequence=sequence,
                modified=status.modified if status else 0.0,
            )
        )
    return found


def _cut_short(directory: str, formats: FormatChoice, storage: Storage) -> Iterator[tuple[str, float]]:
    """Yield prefix and time of files that are too short to be recognised: there was a checkpoint, and it is damaged."""
    for name in storage.list_directory(directory):
        for suffix in commit_suffixes(formats, storage):
            if name.startswith(".") or not name.endswith(suffix) or split_part_name(name) is not None:
                continue
            path = storage.join(directory, name)
            status = storage.status(path)
            if status is None or not status.is_regular:
                continue
            try:
                file = storage.open(path)
            except (NotFoundError, CorruptCheckpointError):  # it went away, or is another thing now
                continue
            try:
                truncated = isinstance(unrecognised(file, formats), TruncatedCheckpointError)
            finally:
                file.close()
            if truncated:
                yield path.removesuffix(suffix), status.modified
