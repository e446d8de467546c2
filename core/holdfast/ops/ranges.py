"""The arithmetic of ranges, as TensorFlow does it: sizes in the dtype of the numbers, floats by repeated addition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def range_size(start: Any, limit: Any, delta: Any) -> int:
    """Return the number of elements of a range of NumPy scalars of one dtype.

    Raises
    ------
    ValueError
        If the numbers make no range: TensorFlow's sentence.
    """
    if delta == 0:
        raise ValueError("Requires delta != 0")
    if delta > 0 and start > limit:
        raise ValueError(f"Requires start <= limit when delta > 0: {start}/{limit}")
    if delta < 0 and start < limit:
        raise ValueError(f"Requires start >= limit when delta < 0: {start}/{limit}")
    if isinstance(start, np.integer):
        return max(0, -((int(start) - int(limit)) // int(delta)))
    return int(np.ceil(np.abs((limit - start) / delta)))


def range_values(start: Any, limit: Any, delta: Any) -> NDArray[Any]:
    """Return a range of NumPy scalars of one dtype; ValueError as :func:`range_size`."""
    count = range_size(start, limit, delta)
    if isinstance(start, np.integer):
        return np.arange(int(start), int(start) + count * int(delta), int(delta), dtype=start.dtype)
    steps = np.full(count, delta, dtype=start.dtype)
    steps[:1] = start
    return np.add.accumulate(steps)
