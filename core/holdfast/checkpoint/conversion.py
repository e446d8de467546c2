"""Converting a checkpoint: to another format, under other names, in other dtypes, piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.checkpoint.casting import Cast, CastReport, CastRules, CastTable
from holdfast.checkpoint.copied import CopiedSource, copied_sources
from holdfast.checkpoint.formats import FormatChoice, Formats, choose_formats, commit_suffixes
from holdfast.checkpoint.locate import at_prefix
from holdfast.checkpoint.metadata import CheckpointMetadata, SaveMetadata
from holdfast.checkpoint.names import Path, path_text, printable, split_prefix
from holdfast.checkpoint.notebook import table
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.progress import Meter, Progress
from holdfast.checkpoint.requests import NameMapping, map_name
from holdfast.checkpoint.selection import select
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.transaction import LOCK_TIMEOUT
from holdfast.checkpoint.wording import size_text
from holdfast.checkpoint.writer import write_checkpoint
from holdfast.contracts import ObjectStorage, Storage
from holdfast.errors import AlreadyExistsError, CheckpointLimitError, InvalidArgumentError, NotFoundError

CONVERT_LIMIT = 1 << 40
"""Most bytes of values that :func:`convert` writes if it is told nothing else: a hostile file of a few kilobytes may
decode to more than any disk holds."""


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What a conversion did."""

    source: str
    """The file that was converted."""
    path: str
    """The file that was made."""
    prefix: str
    """Its path without suffix."""
    format: str
    """Name of its format."""
    tensors: int
    """How many tensors it holds."""
    source_nbytes: int
    """Size of the files that were converted."""
    nbytes: int
    """Size of the files that were made."""
    renamed: tuple[tuple[str, str], ...]
    """Old name and new name of the tensors that the mapping renamed, as they are."""
    dropped: tuple[str, ...]
    """Tensors that were left out, as they are."""
    casts: tuple[CastReport, ...]
    """What casting lost, for each tensor that was cast."""

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        facts = {
            "source": f"{self.source} ({size_text(self.source_nbytes)})",
            "file": f"{self.path} ({size_text(self.nbytes)})",
            "format": self.format,
            "tensors": self.tensors,
            "renamed": len(self.renamed),
            "left out": len(self.dropped),
        }
        rows = [
            (item.name, item.before, item.after, f"{item.inexact:,} of {item.elements:,}", f"{item.max_error:.3g}")
            for item in self.casts
        ]
        return table("Converted", facts, ("name", "before", "after", "inexact", "largest error"), rows)


def convert(
    source: Path,
    target: Path,
    *,
    format: str | None = None,
    format_options: Mapping[str, Any] | None = None,
    names: Iterable[str] | None = None,
    drop: Iterable[str] = (),
    mapping: NameMapping = None,
    cast: CastRules = None,
    allow_overflow: bool = False,
    overwrite: bool = False,
    limit: int | None = CONVERT_LIMIT,
    progress: Progress | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> ConvertReport:
    """Copy a checkpoint into another format, under other names, or in other dtypes.

    Every value is verified as it is read. Nothing of the size of a tensor is in memory, unless the format that is
    written needs a tensor as a whole. Global step, metrics, random streams and the user's metadata are carried over;
    time and save sequence are those of the conversion. The lineage is a new one, so that no saver takes the copy for
    its own and deletes it. Neither the state file nor a graph beside the source is copied. A tree stays one as long as
    no tensor is renamed or left out, and none but floating ones are cast; else it is a dict of its tensors.

    Parameters
    ----------
    source
        A prefix, a file, or a directory, which stands for its latest checkpoint. It is never changed.
    target
        Prefix of the new checkpoint, in a directory that exists; or the file, whose suffix then says the format.
    format, format_options
        Name of the format and its options; None for what is configured, or what the suffix says.
    names
        The tensors to copy, by names or patterns as in a shell; None for all.
    drop
        Tensors to leave out of those, by names or patterns.
    mapping
        From names in the source to names in the target: a dict; pairs of a regular expression, which has to match the
        whole name, and its replacement; or a function. None as a new name leaves the tensor out.
    cast
        Which tensors get which dtype: pairs of the name of a dtype, or a pattern of names, and the new dtype, such as
        ``{"float32": "bfloat16"}``. The first that means a tensor counts. Names are those in the source.
    allow_overflow
        Whether values that do not fit into a new dtype become infinite, or the nearest integer that fits.
    overwrite
        Whether a checkpoint that `target` has already is replaced.
    limit
        Most bytes of values to write; None for no limit.
    progress
        Called with the bytes that are done, and all bytes.
    storage, formats
        As for :func:`open_checkpoint`.

    Returns
    -------
    What was done, with what casting lost. After an error or an interruption nothing has changed.

    Raises
    ------
    NotFoundError
        If there is no such checkpoint, a pattern in `names` or `drop` means no tensor, or there is no directory for
        `target`.
    AlreadyExistsError
        If `target` has a checkpoint, or another file of its name, and `overwrite` is False.
    InvalidArgumentError
        If `target` is the source; two tensors get one name; a rule of `mapping` or `cast` means no tensor, or is
        malformed; a cast has no meaning; or a value does not fit into its new dtype.
    CheckpointLimitError
        If there are more values than `limit`.
    CorruptCheckpointError and its like
        As :func:`open_checkpoint` and :meth:`OpenCheckpoint.read`.
    OSError and others
        As :func:`write_checkpoint`.
    """
    there, here, formats = choose_storage(storage, source), choose_storage(storage, target), choose_formats(formats)
    prefix, format = _target(path_text(target), format, formats)
    with open_checkpoint(source, storage=there, formats=formats) as checkpoint:
        _refuse_source(checkpoint, prefix, there, here)
        plan = _Plan(checkpoint, names, drop, mapping)
        plan.check_limit(limit)
        meter = Meter(progress, plan.nbytes())
        casts = _casts(checkpoint, plan.new_names, cast, allow_overflow=allow_overflow)
        sources = [
            copy
            for name, new in plan.new_names.items()
            for copy in copied_sources(checkpoint, name, new, casts.get(name), meter)
        ]
        keep_tree = plan.same_names and all(map(_fits_tree, casts.values()))
        directory, _ = split_prefix(prefix, here)
        _require_directory(directory, here)
        with here.lock(directory, LOCK_TIMEOUT):
            _refuse_existing(prefix, formats, here, overwrite=overwrite)
            saved = write_checkpoint(
                prefix,
                sources,
                format=format,
                format_options=format_options,
                metadata=_metadata(checkpoint.metadata, keep_tree=keep_tree),
                storage=here,
                formats=formats,
            )
        meter.reach(meter.total)
        reports = [_finished(name, casts[name], sources) for name in plan.new_names if name in casts]
        return ConvertReport(
            source=checkpoint.path,
            path=saved.path,
            prefix=saved.prefix,
            format=saved.format,
            tensors=len(plan.new_names),
            source_nbytes=sum(status.size for path in checkpoint.files if (status := there.status(path)) is not None),
            nbytes=saved.nbytes,
            renamed=tuple((name, new) for name, new in plan.new_names.items() if name != new),
            dropped=plan.dropped,
            casts=tuple(reports),
        )


def _target(place: str, format: str | None, formats: FormatChoice) -> tuple[str, str | None]:
    """Return the prefix and the format that a path of a checkpoint to be made means."""
    specs = formats.formats.values()
    meant = [spec for spec in specs if place.endswith(spec.suffixes[0]) and (format is None or spec.name == format)]
    if not meant:
        return place, format
    spec = max(meant, key=lambda item: len(item.suffixes[0]))
    return place.removesuffix(spec.suffixes[0]), spec.name


def _require_directory(directory: str, storage: Storage) -> None:
    """Refuse to write where there is no directory; a storage of objects has none."""
    status = storage.status(directory)
    if not isinstance(storage, ObjectStorage) and (status is None or not status.is_directory):
        raise NotFoundError(
            None, None, f"There is no directory {printable(directory, 500)} for the new checkpoint. Make it first."
        )


def _refuse_source(checkpoint: OpenCheckpoint, prefix: str, there: Storage, here: Storage) -> None:
    """Refuse to write where the source is: whatever a prefix had, in any format, gives way to what is written."""
    if _real(prefix, here) == _real(checkpoint.prefix, there):
        raise InvalidArgumentError(
            None,
            None,
            f"{printable(prefix, 500)} is the checkpoint that is to be converted itself. Convert it to another name; "
            "rename it afterwards.",
        )


def _real(prefix: str, storage: Storage) -> str:
    """Return what a prefix is known by, however its directory is written."""
    directory, base = storage.split(prefix)
    return storage.join(storage.resolve(directory), base)


def _refuse_existing(prefix: str, formats: FormatChoice, storage: Storage, *, overwrite: bool) -> None:
    """Refuse to replace what is there; what is no checkpoint is never replaced."""
    found = [item.path for item in at_prefix(prefix, formats, storage)]
    files = [prefix + suffix for suffix in commit_suffixes(formats, storage)]
    other = [path for path in files if path not in found and storage.status(path) is not None]
    if found and not overwrite:
        raise AlreadyExistsError(
            None, None, f"{printable(found[0], 500)} exists. To replace it: overwrite=True, or --force."
        )
    if other:
        raise AlreadyExistsError(
            None, None, f"{printable(other[0], 500)} exists and is no checkpoint that could be replaced. Move it away."
        )


class _Plan:
    """Which tensors are copied, and under which names."""

    def __init__(
        self, checkpoint: OpenCheckpoint, names: Iterable[str] | None, drop: Iterable[str], mapping: NameMapping
    ) -> None:
        self._checkpoint = checkpoint
        entries = checkpoint.entries
        chosen = set(select(entries, names)) - set(select(entries, list(drop)))
        _check_rules(mapping, chosen)
        targets = {name: map_name(name, mapping) for name in entries if name in chosen}
        self.new_names = {name: new for name, new in targets.items() if new is not None}
        self.dropped = tuple(name for name in entries if name not in self.new_names)
        if not self.new_names and entries:
            raise InvalidArgumentError(None, None, "Nothing is left to be converted: every tensor is left out.")
        self._check_names()

    def _check_names(self) -> None:
        """Refuse to give two tensors one name."""
        owners: dict[str, str] = {}
        for name, new in self.new_names.items():
            if new in owners:
                both = f"{printable(owners[new])} and {printable(name)}"
                raise InvalidArgumentError(None, None, f"Tensors {both} would both get the name {printable(new)}.")
            owners[new] = name

    @property
    def same_names(self) -> bool:
        """Whether every tensor is copied under its own name."""
        return not self.dropped and all(name == new for name, new in self.new_names.items())

    def nbytes(self) -> int:
        """Return the bytes of the values that are read."""
        return sum(self._checkpoint.entries[name].nbytes for name in self.new_names)

    def check_limit(self, limit: int | None) -> None:
        """Refuse more than is allowed, before anything is read."""
        if limit is not None and self.nbytes() > limit:
            raise CheckpointLimitError(
                path=self._checkpoint.path,
                field="decoded size",
                found=f"{self.nbytes():,} bytes",
                expected=f"at most {limit:,}",
                advice="If you trust the file, raise the limit: limit=, or --limit",
            )


def _check_rules(mapping: NameMapping, names: Iterable[str]) -> None:
    """Refuse rules of a mapping that mean no tensor: slips."""
    if mapping is None or callable(mapping):
        return
    unused = set(mapping) if isinstance(mapping, Mapping) else {pattern for pattern, _ in mapping}
    for name in names:
        if isinstance(mapping, Mapping):
            unused.discard(name)
            continue
        map_name(name, mapping)  # which checks the rules that it tries
        used = next((pattern for pattern, _ in mapping if re.fullmatch(pattern, name)), None)
        unused.discard(used or "")
    if unused:
        raise InvalidArgumentError(
            None,
            None,
            f"The mapping rule {printable(min(unused))} means no tensor that is to be converted, or only such as an "
            "earlier rule means.",
        )


def _casts(
    checkpoint: OpenCheckpoint, names: Iterable[str], rules: CastRules, *, allow_overflow: bool
) -> dict[str, Cast]:
    """Return how tensors are cast, by name; those that stay as they are are not in it."""
    table = CastTable(rules)
    targets = {name: table.target(name, checkpoint.entries[name].dtype) for name in names}
    table.check_used()
    return {
        name: Cast(name, checkpoint.entries[name].dtype, new, allow_overflow=allow_overflow)
        for name, new in targets.items()
        if new != checkpoint.entries[name].dtype
    }


def _fits_tree(cast: Cast) -> bool:
    """Whether a tree that has a tensor is still described after a cast; of other types some are no arrays in it."""
    return all(dtype.is_floating or dtype.is_complex for dtype in (cast.before, cast.after))


def _metadata(said: CheckpointMetadata, *, keep_tree: bool) -> SaveMetadata:
    """Return what is carried over; the description of a tree only fits the tensors that it was made for."""
    return SaveMetadata(
        global_step=said.global_step,
        metrics=said.metrics,
        random_streams=said.random_streams,
        user=said.user,
        tree=said.tree if keep_tree else {},
    )


def _finished(name: str, cast: Cast, sources: Sequence[CopiedSource]) -> CastReport:
    """Return what a cast lost; what the format read in another order than from start to end is gone through again."""
    for source in sources:
        if source.cast is cast:
            source.finish()
    return cast.report()
