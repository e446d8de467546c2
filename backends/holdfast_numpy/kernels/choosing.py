"""Elements that a mask keeps, without the branches of ``where``.

They are multiplied, as integers, by 1 or 0: that keeps every bit, of infinities and NaN too, and takes a tenth of the
time that ``where`` takes for a mask without pattern.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.contracts import Array

_BITS: dict[int, np.dtype[Any]] = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


def bits_of(values: Array) -> np.dtype[Any]:
    """Return the dtype of integers of as many bits."""
    return _BITS[values.dtype.itemsize]


def keep(out: Array, mask: Array, values: Array) -> None:
    """Write the values, float32 or float64, where the mask holds, else zero."""
    bits = bits_of(out)
    if not values.dtype.isnative:
        values = values.astype(out.dtype)
    target = out.view(bits)
    np.copyto(target, mask)
    np.multiply(values.view(bits), target, out=target)
