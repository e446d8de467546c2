"""Looking into a checkpoint: what it holds, with figures on the values."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.formats import Formats
from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.names import Path
from holdfast.checkpoint.opened import OpenCheckpoint, escaped_key
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.regions import stored_regions
from holdfast.contracts import Entry, Storage
from holdfast.errors import NotFoundError

BINS = 10
"""Number of bars of a histogram."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures on the finite values of a real tensor."""

    minimum: float
    """The smallest; NaN if none is finite."""
    mean: float
    """Their mean, in float64; NaN if none is finite."""
    maximum: float
    """The largest; NaN if none is finite."""
    non_finite: int
    """How many are infinite or NaN."""
    histogram: tuple[int, ...]
    """How many lie in each of :data:`BINS` equal parts of the range; empty if none is finite."""


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


@dataclass(frozen=True, slots=True)
class CheckpointSummary:
    """A checkpoint."""

    path: str
    """The file by which it was recognised."""
    prefix: str
    """Its path without suffix."""
    format: str
    """Name of its format."""
    integrity: str
    """What notices damage to values: ``digest``, ``crc`` or ``none``."""
    nbytes: int
    """Size of that file."""
    metadata: CheckpointMetadata
    """What it says about itself."""
    tensors: tuple[TensorSummary, ...]
    """Its tensors, by name."""


def inspect(
    path: Path,
    *,
    names: Collection[str] | None = None,
    statistics: bool = True,
    storage: Storage | None = None,
    formats: Formats = None,
) -> CheckpointSummary:
    """Describe a checkpoint.

    Parameters
    ----------
    path
        A prefix, a file, or a directory, which stands for its latest checkpoint.
    names
        The tensors to describe; None for all.
    statistics
        Whether to read the values, which also checks their digests. Memory stays bounded.
    storage, formats
        As for :func:`open_checkpoint`.

    Raises
    ------
    NotFoundError
        If there is no checkpoint, or one of `names` is not in it.
    CorruptCheckpointError and its like
        As :func:`open_checkpoint` and, with statistics, :meth:`OpenCheckpoint.read`.
    """
    with open_checkpoint(path, storage=storage, formats=formats) as checkpoint:
        wanted = sorted(checkpoint.entries if names is None else names)
        for name in wanted:
            if name not in checkpoint.entries:
                raise NotFoundError(None, None, f"Key {escaped_key(name)} not found in checkpoint")
        return CheckpointSummary(
            path=checkpoint.path,
            prefix=checkpoint.prefix,
            format=checkpoint.spec.name,
            integrity=checkpoint.spec.integrity,
            nbytes=_size(checkpoint.path, storage),
            metadata=checkpoint.metadata,
            tensors=tuple(_summary(checkpoint, name, statistics) for name in wanted),
        )


def _size(path: str, storage: Storage | None) -> int:
    """Return the size of a file."""
    status = storage.status(path) if storage is not None else None
    return status.size if status is not None else os.stat(path).st_size


def _summary(checkpoint: OpenCheckpoint, name: str, statistics: bool) -> TensorSummary:
    """Describe one tensor."""
    entry = checkpoint.entries[name]
    return TensorSummary(
        name=name,
        dtype=entry.dtype.name,
        shape=entry.shape,
        nbytes=entry.nbytes,
        stored_nbytes=entry.stored_nbytes,
        codec=entry.codec,
        whole=not entry.slices,
        statistics=_statistics(checkpoint, name, entry) if statistics else None,
    )


def _statistics(checkpoint: OpenCheckpoint, name: str, entry: Entry) -> Statistics | None:
    """Read a tensor twice, piece by piece: for its range, then for the histogram over it."""
    real = entry.dtype.is_floating or entry.dtype.is_integer or entry.dtype.is_bool
    regions = list(stored_regions(entry))
    if not real or math.prod(entry.shape) == 0:
        for region in regions:
            checkpoint.read(name, index=region)  # for its digests
        return None
    low, high, mean, count, non_finite = math.inf, -math.inf, 0.0, 0, 0
    keep: NDArray[Any] | None = None
    for region in regions:
        keep = _as_float(checkpoint.read(name, index=region))
        finite = keep[np.isfinite(keep)]
        non_finite += keep.size - finite.size
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            count += finite.size
            mean += (_mean(finite) - mean) * (finite.size / count)
    if not count:
        return Statistics(math.nan, math.nan, math.nan, non_finite, ())
    bins = np.zeros(BINS, np.int64)
    for region in regions:
        values = keep if len(regions) == 1 and keep is not None else _as_float(checkpoint.read(name, index=region))
        bins += _histogram(values[np.isfinite(values)], low, high)
    return Statistics(low, mean, high, non_finite, tuple(bins.tolist()))


def _as_float(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as float64, flat."""
    with np.errstate(all="ignore"):
        return np.asarray(values).astype(np.float64).reshape(-1)


def _mean(values: NDArray[Any]) -> float:
    """Return the mean of finite values, also where their sum overflows."""
    with np.errstate(over="ignore"):
        mean = float(values.mean())
    if math.isfinite(mean):
        return mean
    scale = float(np.abs(values).max())
    return float((values / scale).mean() * scale)


def _histogram(values: NDArray[Any], low: float, high: float) -> NDArray[np.int64]:
    """Count values in equal parts of a range, also where the range is wider than float64 or too narrow to divide."""
    scale = max(abs(low), abs(high), 1.0)
    width = high / scale - low / scale
    if width == 0:
        places = np.full(values.shape, BINS // 2)
    else:
        places = ((values / scale - low / scale) / width * BINS).astype(np.int64).clip(0, BINS - 1)
    return np.bincount(places, minlength=BINS).astype(np.int64)
