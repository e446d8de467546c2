"""Files of a directory that have a checkpoint's name and do not begin like one: damaged, or something else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.checkpoint.formats import FormatChoice, commit_suffixes, kind_of_path, unrecognised
from holdfast.checkpoint.history import META_SUFFIX
from holdfast.checkpoint.manifest import split_part_name
from holdfast.contracts import Storage
from holdfast.errors import CorruptCheckpointError, NotFoundError, TruncatedCheckpointError

_Error: TypeAlias = CorruptCheckpointError | TruncatedCheckpointError


@dataclass(frozen=True, slots=True)
class Stray:
    """One such file."""

    path: str
    """The file."""
    prefix: str
    """Its path without suffix."""
    error: _Error
    """What opening it would raise."""
    damaged: bool
    """Whether it was a checkpoint: it is cut short, the state file names it, or a graph lies beside it."""


def strays(
    directory: str, known: Collection[str], latest: str | None, formats: FormatChoice, storage: Storage
) -> Iterator[Stray]:
    """Yield them; `known` are the paths of checkpoints, `latest` the prefix that the state file names."""
    suffixes, names = commit_suffixes(formats, storage), storage.list_directory(directory)
    for name in names:
        suffix = max((end for end in suffixes if name.endswith(end)), key=len, default=None)
        path = storage.join(directory, name)
        if suffix is None or name.startswith(".") or path in known or split_part_name(name) is not None:
            continue
        error = None if kind_of_path(path, formats, storage) is not None else _error(path, formats, storage)
        if error is not None:
            prefix = path.removesuffix(suffix)
            has_graph = name.removesuffix(suffix) + META_SUFFIX in names
            damaged = isinstance(error, TruncatedCheckpointError) or prefix == latest or has_graph
            yield Stray(path, prefix, error, damaged)


def _error(path: str, formats: FormatChoice, storage: Storage) -> _Error | None:
    """Return what opening a file that is no checkpoint raises; None if it is not there any more, or not readable."""
    try:
        file = storage.open(path)
    except CorruptCheckpointError as error:  # a directory, a FIFO
        return error
    except (NotFoundError, OSError):
        return None
    try:
        return unrecognised(file, formats)
    except TruncatedCheckpointError as error:  # cut while it was read
        return error
    finally:
        file.close()
