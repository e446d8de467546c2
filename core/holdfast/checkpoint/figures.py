"""Figures on the values of a tensor, gathered piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
"""Number of bars of a histogram, where no other is asked for."""

_AT_ONCE = 1 << 18  # elements: what is calculated with them stays in the processor's cache


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
    """How many lie in each of equal parts of the range; empty if none is finite."""
    deviation: float = math.nan
    """Their standard deviation, in float64; NaN if none is finite."""
    zeros: int = 0
    """How many are zero."""


def statistics_of(read: Callable[[], Iterable[NDArray[Any]]], bins: int = BINS) -> Statistics:
    """Go through the values twice: for their range, then for the histogram over it."""
    low, high, mean, squares, count, zeros, non_finite = math.inf, -math.inf, 0.0, 0.0, 0, 0, 0
    for values in _floats(read()):
        finite = _finite(values)
        non_finite += values.size - finite.size
        zeros += finite.size - int(np.count_nonzero(finite))
        if not finite.size:
            continue
        low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        count += finite.size
        with np.errstate(over="ignore", invalid="ignore"):
            own = _mean(finite)
            apart = np.float64(own) - mean
            squares += float(((finite - own) ** 2).sum() + apart**2 * (count - finite.size) * finite.size / count)
            mean += float(apart * (finite.size / count))
    if not count:
        return Statistics(math.nan, math.nan, math.nan, non_finite, ())
    histogram = np.zeros(bins, np.int64)
    for values in _floats(read()):
        histogram += _histogram(_finite(values), low, high, bins)
    deviation = math.sqrt(squares / count) if squares >= 0 else math.inf
    return Statistics(low, mean, high, non_finite, tuple(histogram.tolist()), deviation, zeros)


def _floats(pieces: Iterable[NDArray[Any]]) -> Iterator[NDArray[np.float64]]:
    """Yield values as float64, flat, and not too many at once."""
    for piece in pieces:
        flat = np.asarray(piece).reshape(-1)
        for start in range(0, flat.size, _AT_ONCE):
            with np.errstate(all="ignore"):
                yield flat[start : start + _AT_ONCE].astype(np.float64)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the finite ones of some values."""
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of finite values, also where their sum overflows."""
    mean = float(values.mean())
    if math.isfinite(mean):
        return mean
    scale = float(np.abs(values).max())
    return float((values / scale).mean() * scale)


def _histogram(values: NDArray[np.float64], low: float, high: float, bins: int) -> NDArray[np.int64]:
    """Count values in equal parts of a range, also where the range is wider than float64 or too narrow to divide."""
    if high == low:
        return np.bincount([bins // 2], [values.size], bins).astype(np.int64)
    if math.isinf(high - low):
        values, low, high = values / 2, low / 2, high / 2
    with np.errstate(all="ignore"):
        places = np.minimum((values - low) / (high - low) * bins, bins - 1).astype(np.intp)
    return np.bincount(places, minlength=bins).astype(np.int64)
