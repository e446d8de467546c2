"""What differs between two arrays: exactly for integers, by absolute difference for all numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_INTEGERS = "iu"
_AT_ONCE = 1 << 18  # elements: what is calculated with them stays in the processor's cache


def as_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a type that NumPy calculates in without loss: int64, uint64, float64 or complex128."""
    flat = values.reshape(-1)
    if flat.dtype.names is not None:  # quantized integers
        flat = flat.view(flat.dtype[0])
    if flat.dtype.kind in {"b", "u"}:
        return flat.astype(np.uint64)
    if flat.dtype.kind == "i":
        return flat.astype(np.int64)
    with np.errstate(invalid="ignore"):  # NaNs that signal
        return flat.astype(np.complex128 if flat.dtype.kind == "c" else np.float64)


class Differences:
    """Counts what differs, piece by piece.

    Parameters
    ----------
    rtol, atol
        Numbers differ if they lie further apart than `atol` and `rtol` of the larger one.
    """

    def __init__(self, rtol: float, atol: float) -> None:
        self._rtol, self._atol = rtol, atol
        self.elements = 0
        self.changed = 0
        self.non_finite = 0
        self._largest: float = 0
        self._exact = 0
        self._mean = 0.0
        self._measured = 0
        self._whole_numbers = True

    def add(self, before: NDArray[Any], after: NDArray[Any]) -> None:
        """Compare two pieces of one shape; C-contiguous, and both strings or neither."""
        self.elements += before.size
        before, after = before.reshape(-1), after.reshape(-1)
        if before.dtype == np.object_:
            self.changed += int(np.count_nonzero(before != after))
            return
        for start in range(0, before.size, _AT_ONCE):
            first, second = (as_numbers(values[start : start + _AT_ONCE]) for values in (before, after))
            if first.dtype == second.dtype and first.dtype.kind in _INTEGERS:
                self._add_integers(first, second)
            else:
                self._add_floats(first, second)

    def _add_integers(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        """Compare integers of one type: their differences fit into 64 bits without sign, and are exact."""
        low, high = np.minimum(first, second), np.maximum(first, second)
        apart = high.view(np.uint64) - low.view(np.uint64)
        if self._rtol or self._atol:
            allowed = self._allowed(first.astype(np.float64), second.astype(np.float64))
            self.changed += int(np.count_nonzero(apart.astype(np.float64) > allowed))
        else:
            self.changed += int(np.count_nonzero(apart))
        self._largest = max(self._largest, int(apart.max(initial=0)))
        # In halves, so that the sum is exact.
        self._exact += (int((apart >> np.uint64(32)).sum()) << 32) + int((apart & np.uint64(0xFFFFFFFF)).sum())
        self._measured += apart.size

    def _add_floats(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        """Compare numbers of which one at least is no integer, or which are integers of different types."""
        self._whole_numbers = False
        first, second = (a.astype(np.float64) if a.dtype.kind in _INTEGERS else a for a in (first, second))
        with np.errstate(all="ignore"):
            apart = np.abs(first - second)
            if not np.isfinite(apart).all():  # rare, and three times the work
                same = (first == second) | (np.isnan(first) & np.isnan(second))
                comparable = np.isfinite(first) & np.isfinite(second)
                odd = int(np.count_nonzero(~same & ~comparable))
                self.non_finite += odd
                self.changed += odd
                first, second, apart = first[comparable], second[comparable], apart[comparable]
            self.changed += int(np.count_nonzero(apart > self._allowed(first, second)))
            largest, mean = float(apart.max(initial=0.0)), _mean(apart) if apart.size else 0.0
        self._largest = max(self._largest, largest)
        self._measured += apart.size
        if apart.size and math.isfinite(self._mean):
            self._mean += (mean - self._mean) * (apart.size / self._measured)

    def _allowed(self, first: NDArray[Any], second: NDArray[Any]) -> Any:
        """Return how far numbers may lie apart and be the same."""
        if not self._rtol:
            return self._atol
        return self._atol + self._rtol * np.maximum(np.abs(first), np.abs(second))

    @property
    def largest(self) -> int | float | None:
        """The largest absolute difference of finite numbers, exact for integers; None if there are none."""
        return self._largest if self._measured else None

    @property
    def mean(self) -> float | None:
        """The mean absolute difference of finite numbers, the same ones included; None if there are none."""
        if not self._measured:
            return None
        return self._exact / self._measured if self._whole_numbers else self._mean


def _mean(values: NDArray[Any]) -> float:
    """Return the mean of numbers that are not negative, also where their sum is too large."""
    with np.errstate(over="ignore"):
        mean = float(values.mean())
    if math.isfinite(mean) or not np.isfinite(values).all():
        return mean
    scale = float(values.max())
    return float((values / scale).mean() * scale)
