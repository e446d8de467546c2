"""Comparing two checkpoints: what was added, removed and changed, and by how much."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.checkpoint.differences import Differences
from holdfast.checkpoint.formats import Formats
from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.names import Path
from holdfast.checkpoint.notebook import table
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.progress import Meter, Progress
from holdfast.checkpoint.regions import memory_bytes, stored_regions
from holdfast.checkpoint.selection import select
from holdfast.checkpoint.wording import counted
from holdfast.contracts import Entry, Index, Storage
from holdfast.dtypes import string

_PIECE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor that is not the same in both."""

    name: str
    """Its name, as it is: escape it before it is printed."""
    kind: Literal["added", "removed", "changed"]
    """Whether only the second has it, only the first, or both."""
    reasons: tuple[Literal["dtype", "shape", "parts", "values"], ...]
    """What is not the same of one that changed. ``parts``: different parts of it are stored, and its values were not
    compared."""
    dtypes: tuple[str | None, str | None]
    """Name of its dtype in the first and in the second; None where it is not there."""
    shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None]
    """Its shape in the first and in the second."""
    elements: int = 0
    """How many elements were compared; 0 where shapes differ, and where one holds strings and the other numbers."""
    changed: int = 0
    """How many of them differ, by more than the tolerances."""
    non_finite: int = 0
    """How many of those are infinite or NaN on one side and not the same on the other: differences leave them out."""
    max_difference: float | None = None
    """The largest absolute difference; an int, and exact, for integers of one dtype. None for strings."""
    mean_difference: float | None = None
    """The mean absolute difference over all elements that are finite in both."""


@dataclass(frozen=True, slots=True)
class MetadataDifference:
    """One piece of metadata that is not the same in both."""

    key: str
    """Where it stands: ``global_step``, ``metrics/loss``, ``random_streams/...`` or ``user/...``, as it is."""
    before: str | None
    """Its value in the first as JSON; None if it is not there."""
    after: str | None
    """Its value in the second as JSON; None if it is not there."""


@dataclass(frozen=True, slots=True)
class DiffReport:
    """How two checkpoints differ."""

    before: str
    """File of the first."""
    after: str
    """File of the second."""
    added: tuple[TensorDifference, ...]
    """Tensors that only the second has."""
    removed: tuple[TensorDifference, ...]
    """Tensors that only the first has."""
    changed: tuple[TensorDifference, ...]
    """Tensors that both have, and that are not the same."""
    same: int
    """How many tensors are the same."""
    metadata: tuple[MetadataDifference, ...]
    """What differs in the metadata, where that was asked for."""
    rtol: float
    """Relative tolerance."""
    atol: float
    """Absolute tolerance."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.metadata)

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        rows: list[tuple[str, ...]] = [
            (
                item.name,
                item.kind,
                ", ".join(item.reasons),
                " → ".join(dict.fromkeys(filter(None, item.dtypes))),
                " → ".join(dict.fromkeys(str(list(shape)) for shape in item.shapes if shape is not None)),
                f"{item.changed:,} of {item.elements:,}" if item.elements else "",
                "" if item.max_difference is None else f"{item.max_difference:.6g}",
                "" if item.mean_difference is None else f"{item.mean_difference:.6g}",
            )
            for item in (*self.removed, *self.added, *self.changed)
        ]
        rows += [(item.key, "metadata", "", "", "", f"{item.before} → {item.after}", "", "") for item in self.metadata]
        facts = {"before": self.before, "after": self.after, "same": counted(self.same, "tensor")}
        columns = ("name", "kind", "reasons", "dtype", "shape", "differ", "max difference", "mean difference")
        return table("No differences" if self.equal else "Differences", facts, columns, rows)


def diff(
    before: Path,
    after: Path,
    *,
    names: Iterable[str] | None = None,
    rtol: float = 0.0,
    atol: float = 0.0,
    metadata: bool = False,
    progress: Progress | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> DiffReport:
    """Compare two checkpoints, of any formats, value by value.

    NaN is the same as NaN, and 0.0 as -0.0. Integers of one dtype are compared exactly. Tensors of different dtypes
    have changed; where their shapes are the same their values are compared as float64. Memory stays bounded.

    Parameters
    ----------
    before, after
        Prefixes, files, or directories, which stand for their latest checkpoint.
    names
        Names of tensors, or patterns as in a shell; None for all.
    rtol, atol
        Numbers are the same if they lie no further apart than `atol` and `rtol` of the larger one.
    metadata
        Whether to compare global step, metrics, random streams and the user's metadata too. When, and by whom, a
        checkpoint was saved is never compared.
    progress
        Called with the bytes that are done, and all bytes.
    storage, formats
        As for :func:`open_checkpoint`.

    Raises
    ------
    NotFoundError
        If there is no such checkpoint, or one of `names` means no tensor of either.
    ValueError
        If a tolerance is negative or NaN.
    CorruptCheckpointError and its like
        As :func:`open_checkpoint` and :meth:`OpenCheckpoint.read`.
    """
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:
            raise ValueError(f"{name}={value}: a tolerance is a number from 0 on.")
    with (
        open_checkpoint(before, storage=storage, formats=formats) as first,
        open_checkpoint(after, storage=storage, formats=formats) as second,
    ):
        pair = _Pair(first, second, rtol, atol)
        found = list(pair.compare(names, progress))
        by_kind = {kind: tuple(d for d in found if d is not None and d.kind == kind) for kind in _KINDS}
        return DiffReport(
            before=first.path,
            after=second.path,
            **by_kind,
            same=found.count(None),
            metadata=tuple(_metadata(first.metadata, second.metadata)) if metadata else (),
            rtol=rtol,
            atol=atol,
        )


_KINDS = ("added", "removed", "changed")


class _Pair:
    """Two open checkpoints."""

    def __init__(self, first: OpenCheckpoint, second: OpenCheckpoint, rtol: float, atol: float) -> None:
        self._first, self._second = first, second
        self._rtol, self._atol = rtol, atol

    def compare(self, names: Iterable[str] | None, progress: Progress | None) -> Iterator[TensorDifference | None]:
        """Yield for each tensor how it differs, None for one that is the same."""
        before, after = self._first.entries, self._second.entries
        chosen = select({*before, *after}, names)
        both = [name for name in chosen if name in before and name in after]
        meter = Meter(progress, sum(memory_bytes(before[name]) for name in both))
        for name in chosen:
            if name in before and name in after:
                yield self._compare(name, meter)
            else:
                yield _only_one(name, before.get(name), after.get(name))

    def _compare(self, name: str, meter: Meter) -> TensorDifference | None:
        """Compare a tensor that both have."""
        before, after = self._first.entries[name], self._second.entries[name]
        reasons: list[Literal["dtype", "shape", "parts", "values"]] = []
        if before.dtype != after.dtype:
            reasons.append("dtype")
        if before.shape != after.shape:
            reasons.append("shape")
        elif set(before.slices) != set(after.slices):
            reasons.append("parts")
        found = Differences(self._rtol, self._atol)
        kinds_fit = (before.dtype == string) == (after.dtype == string)
        start, nbytes, elements = meter.done, memory_bytes(before), max(1, math.prod(before.shape))
        if kinds_fit and not {"shape", "parts"} & set(reasons):
            for region in _regions(before, after):
                found.add(self._first.read(name, index=region), self._second.read(name, index=region))
                meter.reach(start + nbytes * found.elements // elements)
        meter.reach(start + nbytes)
        if found.changed or not kinds_fit:
            reasons.append("values")
        if not reasons:
            return None
        return TensorDifference(
            name=name,
            kind="changed",
            reasons=tuple(reasons),
            dtypes=(before.dtype.name, after.dtype.name),
            shapes=(before.shape, after.shape),
            elements=found.elements,
            changed=found.changed,
            non_finite=found.non_finite,
            max_difference=found.largest,
            mean_difference=found.mean,
        )


def _regions(before: Entry, after: Entry) -> Iterator[Index | None]:
    """Yield the regions in which two tensors of one shape are read."""
    larger = max(before, after, key=memory_bytes)
    return stored_regions(larger, _PIECE_BYTES)


def _only_one(name: str, before: Entry | None, after: Entry | None) -> TensorDifference:
    """Describe a tensor that only one of them has."""
    return TensorDifference(
        name=name,
        kind="added" if before is None else "removed",
        reasons=(),
        dtypes=(before.dtype.name if before else None, after.dtype.name if after else None),
        shapes=(before.shape if before else None, after.shape if after else None),
    )


def _metadata(before: CheckpointMetadata, after: CheckpointMetadata) -> Iterator[MetadataDifference]:
    """Yield what differs in what the program gave to the saves."""
    first, second = _flat(before), _flat(after)
    for key in sorted({*first, *second}):
        if first.get(key) != second.get(key):
            yield MetadataDifference(key, first.get(key), second.get(key))


def _flat(said: CheckpointMetadata) -> dict[str, str]:
    """Return metadata by place, as JSON."""
    step = {} if said.global_step is None else {"global_step": said.global_step}
    sections: Mapping[str, Mapping[str, Any]] = {
        "metrics": said.metrics,
        "random_streams": said.random_streams,
        "user": said.user,
    }
    values = step | {f"{title}/{key}": value for title, section in sections.items() for key, value in section.items()}
    return {key: json.dumps(value, sort_keys=True) for key, value in values.items()}
