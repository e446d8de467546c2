"""Arithmetic of an array with one row: NumPy's loop along short rows takes longer to begin than to run."""

from __future__ import annotations

from math import prod

import numpy as np

from holdfast.contracts import Array

_SHORT = 128
"""Rows with fewer elements are taken several at a time."""
_MANY = 1 << 15
"""... where the array has more elements than this; else it is not worth the trouble."""
_JOINED = 16


def pays_off(shape: tuple[int, ...], row: tuple[int, ...]) -> bool:
    """Whether :func:`with_row` is faster than the ufunc alone; the row fits the array."""
    return len(row) == 1 < len(shape) and row == shape[-1:] and row[0] < _SHORT and prod(shape) > _MANY


def with_row(function: np.ufunc, values: Array, row: Array, out: Array | None) -> Array:
    """Return ``function(values, row)`` of an array and a vector along its last axis."""
    size = row.shape[0]
    if not pays_off(values.shape, row.shape) or not values.flags.c_contiguous:
        return function(values, row, out=out, order="C")
    count = _joined(values.size // size)
    shape = (-1, count * size)
    target = None if out is None else out.reshape(shape)
    return function(values.reshape(shape), np.concatenate([row] * count), out=target).reshape(values.shape)


def _joined(rows: int) -> int:
    """Return how many rows to take as one."""
    count = _JOINED
    while rows % count:
        count //= 2
    return count
