"""Strings as bytes: where each of them ends, then all of them one after the other."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

END_BYTES = 8
"""Bytes of where a string ends."""


def join_strings(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return what is stored for an array of strings."""
    strings: list[bytes] = values.reshape(-1).tolist()
    ends = np.fromiter(accumulate(map(len, strings)), np.dtype("<u8"), len(strings))
    return np.frombuffer(b"".join([ends.tobytes(), *strings]), np.uint8)


def split_strings(data: bytes, bounds: list[int], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the strings of an array; where each begins and the last ends was checked."""
    result = np.empty(shape, np.object_)
    flat = result.reshape(-1)
    for position, (start, end) in enumerate(pairwise(bounds)):
        flat[position] = data[start:end]
    return result
