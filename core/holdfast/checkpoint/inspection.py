"""Looking into a checkpoint: what it holds, with figures on the values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from holdfast.checkpoint.figures import BINS, Statistics, statistics_of
from holdfast.checkpoint.formats import Formats
from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.names import Path
from holdfast.checkpoint.notebook import table
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.progress import Meter, Progress
from holdfast.checkpoint.regions import stored_regions
from holdfast.checkpoint.selection import select
from holdfast.checkpoint.storages import choose_storage
from holdfast.checkpoint.verified import CAVEATS
from holdfast.checkpoint.wording import counted, metadata_facts, size_text
from holdfast.contracts import Entry, Storage

_PIECE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """One tensor of a checkpoint."""

    name: str
    """Its name, as it is: escape it before it is printed."""
    dtype: str
    """Name of its DType."""
    shape: tuple[int, ...]
    """Its shape."""
    nbytes: int
    """Bytes of its values."""
    stored_nbytes: int | None
    """Bytes in the file, where the format knows."""
    codec: str
    """How it is stored."""
    whole: bool
    """False if only parts of it are stored."""
    statistics: Statistics | None
    """Figures; None for strings, complex numbers, tensors without elements, and where none were asked for."""

    @property
    def ratio(self) -> float | None:
        """Stored bytes for each byte of its values; None where the format does not know, or there are no values."""
        return self.stored_nbytes / self.nbytes if self.stored_nbytes is not None and self.nbytes else None


@dataclass(frozen=True, slots=True)
class CheckpointSummary:
    """A checkpoint."""

    path: str
    """The file by which it was recognised."""
    prefix: str
    """Its path without suffix."""
    format: str
    """Name of its format."""
    integrity: Literal["digest", "crc", "none"]
    """What notices damage to values: ``digest``, ``crc`` or ``none``."""
    nbytes: int
    """Size of its files."""
    metadata: CheckpointMetadata
    """What it says about itself."""
    tensors: tuple[TensorSummary, ...]
    """Its tensors, by name."""
    parts: int = 1
    """How many parts it is stored in."""

    @property
    def ratio(self) -> float | None:
        """Stored bytes for each byte of the values, over the described tensors; None where that is not known."""
        stored = [item.stored_nbytes for item in self.tensors]
        nbytes = sum(item.nbytes for item in self.tensors)
        return sum(n for n in stored if n is not None) / nbytes if nbytes and None not in stored else None

    @property
    def caveat(self) -> str:
        """What the format leaves unseen of damage, as a sentence; empty where its digests cover everything."""
        return CAVEATS[self.integrity]

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        ratio = "" if self.ratio is None else f", {self.ratio:.3f} of the values"
        facts = {
            "file": f"{self.path} ({size_text(self.nbytes)}{ratio})",
            "format": f"{self.format}, integrity: {self.integrity}",
            **metadata_facts(self.metadata),
        }
        rows = [
            (item.name, item.dtype, list(item.shape), f"{item.nbytes:,}", item.codec, *_shown(item.statistics))
            for item in self.tensors
        ]
        columns = ("name", "dtype", "shape", "bytes", "codec", "min", "mean", "max")
        return table(f"Checkpoint of {counted(len(rows), 'tensor')}", facts, columns, rows)


def _shown(figures: Statistics | None) -> tuple[str, str, str]:
    """Return the figures of a tensor for a table."""
    if figures is None:
        return "", "", ""
    return f"{figures.minimum:.4g}", f"{figures.mean:.4g}", f"{figures.maximum:.4g}"


def inspect(
    path: Path,
    *,
    names: Iterable[str] | None = None,
    statistics: bool = True,
    bins: int = BINS,
    progress: Progress | None = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> CheckpointSummary:
    """Describe a checkpoint.

    Parameters
    ----------
    path
        A prefix, a file, or a directory, which stands for its latest checkpoint.
    names
        Names of the tensors to describe, or patterns as in a shell; None for all.
    statistics
        Whether to read the values, which also checks their digests. Memory stays bounded.
    bins
        How many bars histograms have.
    progress
        Called with the bytes that are done, and all bytes.
    storage, formats
        As for :func:`open_checkpoint`.

    Raises
    ------
    NotFoundError
        If there is no checkpoint, or one of `names` means no tensor of it.
    CorruptCheckpointError and its like
        As :func:`open_checkpoint` and, with statistics, :meth:`OpenCheckpoint.read`.
    """
    with open_checkpoint(path, storage=storage, formats=formats) as checkpoint:
        wanted = select(checkpoint.entries, names)
        meter = Meter(progress, sum(checkpoint.entries[name].nbytes for name in wanted))
        figures = {name: _statistics(checkpoint, name, bins, meter) for name in wanted} if statistics else {}
        return describe(checkpoint, wanted, figures, _size(checkpoint.files, choose_storage(storage, checkpoint.path)))


def _size(paths: Sequence[str], storage: Storage) -> int:
    """Return the size of all files together."""
    return sum(status.size for path in paths if (status := storage.status(path)) is not None)


def describe(
    checkpoint: OpenCheckpoint, names: Iterable[str], figures: Mapping[str, Statistics | None], nbytes: int
) -> CheckpointSummary:
    """Describe an open checkpoint; `nbytes` is the size of its files."""
    return CheckpointSummary(
        path=checkpoint.path,
        prefix=checkpoint.prefix,
        format=checkpoint.spec.name,
        integrity=checkpoint.integrity,
        nbytes=nbytes,
        metadata=checkpoint.metadata,
        tensors=tuple(_summary(name, checkpoint.entries[name], figures.get(name)) for name in names),
        parts=checkpoint.parts,
    )


def _summary(name: str, entry: Entry, statistics: Statistics | None) -> TensorSummary:
    """Describe one tensor."""
    return TensorSummary(
        name=name,
        dtype=entry.dtype.name,
        shape=entry.shape,
        nbytes=entry.nbytes,
        stored_nbytes=entry.stored_nbytes,
        codec=entry.codec,
        whole=not entry.slices,
        statistics=statistics,
    )


def _statistics(checkpoint: OpenCheckpoint, name: str, bins: int, meter: Meter) -> Statistics | None:
    """Read a tensor for its figures, which are also the check of its digests; None where it can have none."""
    entry = checkpoint.entries[name]
    start, nbytes, size = meter.done, entry.nbytes, math.prod(entry.shape)

    def read() -> Iterator[NDArray[Any]]:
        seen = 0
        for region in stored_regions(entry, _PIECE_BYTES):
            values = checkpoint.read(name, index=region)
            seen += values.size
            meter.reach(max(meter.done, start + nbytes * seen // max(1, size)))
            yield values

    if size and (entry.dtype.is_floating or entry.dtype.is_integer or entry.dtype.is_bool):
        return statistics_of(read, bins)
    for _ in read():
        pass
    return None
