"""Between tensors and the arrays that are stored for them."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast_npz import layout

_SWAP = sys.byteorder == "big"


def bytes_of(array: NDArray[Any]) -> memoryview:
    """Return the memory of a C-contiguous array."""
    return array.reshape(-1).view(np.uint8).data


def stored_array(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Return what is stored for a tensor: the same memory as integers or NumPy's own type, little-endian."""
    return swap_if_big(values.view(layout.element_type(dtype).newbyteorder("=")), values)


def swap_if_big(array: NDArray[Any], borrowed: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return an array in the other byte order if this machine's is not the file's; in place unless it is borrowed."""
    return array.byteswap(inplace=borrowed is None) if _SWAP else array


def split_strings(data: bytes, offsets: NDArray[np.uint64], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the strings; the offsets were checked."""
    result = np.empty(shape, np.object_)
    bounds = offsets.tolist()
    flat = result.reshape(-1)
    for position, (start, end) in enumerate(pairwise(bounds)):
        flat[position] = data[start:end]
    return result
