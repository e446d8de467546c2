"""Byte planes: all first bytes of the elements, then all second bytes, and so on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

# Shifting whole elements is twice as fast as picking every second or fourth byte; for wider elements it is not.
_SHIFTED: dict[int, np.dtype[Any]] = {2: np.dtype("<u2"), 4: np.dtype("<u4")}


def split_planes(data: Bytes, planes: Bytes) -> None:
    """Write the planes of `data` to the rows of `planes`, whose number is the item size."""
    count = len(planes)
    element = _SHIFTED.get(count)
    if element is None:
        np.copyto(planes, data.reshape(-1, count).T)
        return
    values = data.view(element)
    shifted = np.empty_like(values)
    np.copyto(planes[0], values, casting="unsafe")
    for number in range(1, count):
        np.right_shift(values, element.type(8 * number), out=shifted)
        np.copyto(planes[number], shifted, casting="unsafe")


def join_planes(planes: list[Bytes], data: Bytes) -> None:
    """Write to `data` the elements that the planes are made of."""
    count = len(planes)
    element = _SHIFTED.get(count)
    if element is None:
        for number, plane in enumerate(planes):
            data[number::count] = plane
        return
    values = data.view(element)
    np.copyto(values, planes[-1])
    for plane in reversed(planes[:-1]):
        np.left_shift(values, element.type(8), out=values)
        np.bitwise_or(values, plane, out=values)
