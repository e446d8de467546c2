"""State without a graph: any tree of arrays and plain values, saved and loaded."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, SupportsIndex, overload

from holdfast.checkpoint.background import BackgroundSaves, PendingSave
from holdfast.checkpoint.formats import Formats, choose_formats
from holdfast.checkpoint.metadata import CheckpointMetadata, SaveMetadata, encode_metadata
from holdfast.checkpoint.names import Path, path_text
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.requests import NameMapping
from holdfast.checkpoint.transaction import LOCK_TIMEOUT
from holdfast.checkpoint.tree_restore import RestoredTree, Strict, restore_parts
from holdfast.checkpoint.tree_sources import tree_sources
from holdfast.checkpoint.writer import SavedCheckpoint, write_checkpoint
from holdfast.contracts import Storage
from holdfast.errors import InvalidArgumentError

_background = BackgroundSaves()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeWriter:
    """How trees are written: everything but the tree and its place."""

    format: str | None = None
    """Name of the format; None for what is configured."""
    format_options: Mapping[str, Any] | None = None
    """Its options."""
    storage: Storage | None = None
    """Where; None for what the path says."""
    formats: Formats = None
    """The formats there are; None for those of the enabled plug-ins."""
    lock_timeout: float = LOCK_TIMEOUT
    """Seconds to wait for another save in the same directory."""

    def prepare(self, tree: Any, notes: SaveMetadata, *, copy: bool) -> Callable[[Path, SaveMetadata], SavedCheckpoint]:
        """Return what writes a tree to a place, with notes that may have been completed.

        With `copy`, the tree and the notes may change once this has returned, and what is wrong with them was said.
        """
        prepared = tree_sources(tree, copy=copy)
        if copy:
            choose_formats(self.formats).format(self.format, self.format_options)
            encode_metadata(CheckpointMetadata(user=notes.user, metrics=notes.metrics, tree=prepared.tree))

        def write(path: Path, completed: SaveMetadata) -> SavedCheckpoint:
            return write_checkpoint(
                path,
                prepared.sources,
                format=self.format,
                format_options=self.format_options,
                metadata=replace(completed, tree=prepared.tree),
                storage=self.storage,
                formats=self.formats,
                lock_timeout=self.lock_timeout,
            )

        return write


def frozen_notes(
    step: SupportsIndex | None, metrics: Mapping[str, float] | None, metadata: Mapping[str, Any] | None
) -> SaveMetadata:
    """Return what is said about a checkpoint, as it is now: whatever happens to the dicts later."""
    number = None if step is None else operator.index(step)
    encoded = encode_metadata(CheckpointMetadata(global_step=number, metrics=metrics or {}, user=metadata or {}))
    return SaveMetadata(
        global_step=number,
        metrics={name: float(value) for name, value in (metrics or {}).items()},
        user=encoded["user"],
    )


@overload
def save(
    path: Path,
    tree: Any,
    *,
    step: SupportsIndex | None = None,
    metrics: Mapping[str, float] | None = None,
    metadata: Mapping[str, Any] | None = None,
    block: Literal[True] = True,
    format: str | None = None,
    format_options: Mapping[str, Any] | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> SavedCheckpoint: ...
@overload
def save(
    path: Path,
    tree: Any,
    *,
    step: SupportsIndex | None = None,
    metrics: Mapping[str, float] | None = None,
    metadata: Mapping[str, Any] | None = None,
    block: Literal[False],
    format: str | None = None,
    format_options: Mapping[str, Any] | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> PendingSave[SavedCheckpoint]: ...
@overload
def save(
    path: Path,
    tree: Any,
    *,
    step: SupportsIndex | None = None,
    metrics: Mapping[str, float] | None = None,
    metadata: Mapping[str, Any] | None = None,
    block: bool,
    format: str | None = None,
    format_options: Mapping[str, Any] | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> SavedCheckpoint | PendingSave[SavedCheckpoint]: ...
def save(
    path: Path,
    tree: Any,
    *,
    step: SupportsIndex | None = None,
    metrics: Mapping[str, float] | None = None,
    metadata: Mapping[str, Any] | None = None,
    block: bool = True,
    format: str | None = None,
    format_options: Mapping[str, Any] | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> SavedCheckpoint | PendingSave[SavedCheckpoint]:
    """Save a tree of arrays and plain values as a checkpoint.

    Parameters
    ----------
    path
        Where: a path without suffix, in a directory that exists. A checkpoint that is there is replaced.
    tree
        dict, OrderedDict, list, tuple and named tuple, nested, keys being str or int; in them arrays of NumPy, or of
        any library with DLPack, NumPy scalars, and int, float, complex, bool, str, bytes and None. An array is stored
        as a tensor named by its path, such as ``layer/0/weights``.
    step
        The training step, to be recorded.
    metrics
        Figures of quality, to be recorded.
    metadata
        Anything else to be recorded, as JSON values.
    block
        True: return when the checkpoint is durable; arrays are borrowed until then, and none is copied as a whole
        unless it is not contiguous. False: copy all arrays, return, and write in the background. In either case a save
        of this function that is still under way is waited for first.
    format, format_options
        Name of the format and its options; None for what is configured.
    storage
        Where; None for what the path says: a URL, or the local disk.
    formats
        The formats there are; None for those of the enabled plug-ins.
    lock_timeout
        Seconds to wait for another save in the same directory.

    Returns
    -------
    What was written, or, with ``block=False``, a handle whose ``result()`` waits for it.

    Raises
    ------
    InvalidArgumentError
        If the tree holds something else, or the metadata is not JSON or too large.
    OSError, CheckpointDurabilityError, CheckpointLockedError, FailedPreconditionError
        As :func:`write_checkpoint`. With ``block=False`` by the handle; one that nobody asked for is raised by the
        next save.
    """
    notes = frozen_notes(step, metrics, metadata)
    writer = TreeWriter(
        format=format, format_options=format_options, storage=storage, formats=formats, lock_timeout=lock_timeout
    )
    # Else an older state could come to lie over a newer one, or there could be two copies of the arrays.
    _background.wait()
    if block:
        return writer.prepare(tree, notes, copy=False)(path, notes)
    write = writer.prepare(tree, notes, copy=True)
    return _background.start(lambda: write(path, notes), path_text(path))


def load(
    path: Path,
    *,
    names: str | Iterable[str] | None = None,
    like: Any = None,
    mapping: NameMapping = None,
    strict: Strict = True,
    max_bytes: int | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> Any:
    """Load a tree: all of it, a part, or what a template asks for.

    Parameters
    ----------
    path
        A prefix, as given to :func:`save`; a file of a checkpoint; or a directory, which stands for its latest one.
    names
        Names of leaves or branches, such as ``layer/0``. One str gives what stands there, several give a dict from
        each name to it.
    like
        A template: a tree as it is wanted, with arrays, :class:`ArraySpec` (or anything with ``shape`` and ``dtype``)
        or plain values as leaves. Leaves are looked up by name and come back in the template's containers. Dtypes,
        shapes, types of plain values and lengths of lists must be the same. A leaf None takes whatever is there.
    mapping
        From names that are wanted to names in the checkpoint: a dict; pairs of a regular expression and its
        replacement; or a function. With `names` or `like` only.
    strict
        True: everything that is asked for must be there and fit. ``"exact"``: nothing else may be there either.
        False: what is missing or does not fit stays as it is in the template, or is left out of `names`.
    max_bytes
        Most bytes to load; None for as much as the machine has memory.
    storage, formats
        As for :func:`open_checkpoint`.

    Returns
    -------
    The tree that was saved, or the part of it; arrays are fresh and writable, on the host, in native byte order. A
    checkpoint that was not saved as a tree, such as a Saver's, gives a flat dict of its tensors by name.

    Raises
    ------
    NotFoundError
        If there is no checkpoint, or something that was asked for is not in it. The message lists all that is missing
        or does not fit, and suggests names; ``report`` on the error has it as data.
    InvalidArgumentError
        If nothing is missing, but something does not fit, or the template or mapping is none.
    CheckpointLimitError
        If it would take more than `max_bytes`.
    CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError
        If the checkpoint is damaged, or cannot be read.
    """
    return restore_tree(
        path,
        names=names,
        like=like,
        mapping=mapping,
        strict=strict,
        max_bytes=max_bytes,
        storage=storage,
        formats=formats,
    ).tree


def restore_tree(
    path: Path,
    *,
    names: str | Iterable[str] | None = None,
    like: Any = None,
    mapping: NameMapping = None,
    strict: Strict = True,
    max_bytes: int | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> RestoredTree:
    """Load a tree with the report on it and the checkpoint's metadata.

    Takes the parameters of :func:`load`, and raises what it raises.
    """
    if names is not None and like is not None:
        raise InvalidArgumentError(None, None, "names= and like= each say what to load: give one of them.")
    if mapping is not None and names is None and like is None:
        raise InvalidArgumentError(
            None,
            None,
            "mapping= goes from names that are wanted to names in the checkpoint: say with names= or like= what is.",
        )
    if strict not in (True, False, "exact"):
        raise ValueError(f"strict is {strict!r}, expected True, False or 'exact'.")
    with open_checkpoint(path, storage=storage, formats=formats) as checkpoint:
        return restore_parts(checkpoint, names=names, like=like, mapping=mapping, strict=strict, max_bytes=max_bytes)
