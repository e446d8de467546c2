"""Work on large arrays block by block, with scratch memory that stays in the processor's cache.

A formula of several steps reads and writes its operands once a step. Over a whole array each step goes to main memory,
over a block only the first one does.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 20
"""Size of a block of one operand: half a dozen lie in the last cache, and the calls cost nothing against their work."""
SMALL_BLOCK_BYTES = 1 << 18
"""The same for formulas of few operands, which then find them in a core's own cache."""
LARGE_BYTES = 1 << 23
"""Arrays of more bytes drive each other out of the caches that all cores share."""

_KEPT_VIEWS = 512

Floats: TypeAlias = NDArray[Any]


class _Memory(threading.local):
    """Memory of one thread, by number and dtype, in native byte order; it has the contents that its last user left."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[int, int], Floats] = {}
        self.views: dict[tuple[int, int, tuple[int, ...]], Floats] = {}
        self.workspaces: dict[tuple[int, int], Floats] = {}

    def view(self, number: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Floats:
        """Return the first elements of a block in a shape; a new array, where the block is too small."""
        found = self.blocks.get((number, dtype.num))
        if found is None:
            found = self.blocks[number, dtype.num] = np.empty(block_size(dtype), dtype.newbyteorder("="))
        size = math.prod(shape)
        if size > found.size:
            return np.empty(shape, found.dtype)
        if len(self.views) >= _KEPT_VIEWS:
            self.views.clear()
        view = self.views[number, dtype.num, shape] = found[:size].reshape(shape)
        return view

    def grown(self, number: int, dtype: np.dtype[Any], size: int) -> Floats:
        """Return the first elements of the workspace of that number."""
        found = self.workspaces.get((number, dtype.num))
        if found is None or found.size < size:
            self.workspaces.pop((number, dtype.num), None)
            found = self.workspaces[number, dtype.num] = np.empty(size, dtype.newbyteorder("="))
        return found[:size]


_memory = _Memory()


def block_size(dtype: np.dtype[Any]) -> int:
    """Return how many elements a block has."""
    return max(1, BLOCK_BYTES // dtype.itemsize)


def scratch(like: Floats, number: int = 0, dtype: np.dtype[Any] | None = None) -> Floats:
    """Return memory of an array's shape, and its dtype where none is given; see :func:`scratch_of`."""
    return scratch_of(like.shape, like.dtype if dtype is None else dtype, number)


def scratch_of(shape: tuple[int, ...], dtype: np.dtype[Any], number: int = 0) -> Floats:
    """Return memory for the time of a call: a thread's own block, where that is large enough.

    Functions that run at the same time use different numbers.
    """
    found = _memory.views.get((number, dtype.num, shape))
    return _memory.view(number, dtype, shape) if found is None else found


@cache
def _filled(value: float, dtype: np.dtype[Any]) -> Floats:
    """Return a block of one number, read-only."""
    block = np.full(block_size(dtype), value, dtype)
    block.flags.writeable = False
    return block


def repeated(value: float, like: Floats) -> Floats:
    """Return a number once for each element of an array, or once for all: whichever NumPy compares with faster."""
    if like.nbytes > BLOCK_BYTES:
        return np.array(value, like.dtype)
    return _filled(value, like.dtype)[: like.size].reshape(like.shape)


def workspace(shape: tuple[int, ...], dtype: np.dtype[Any], number: int) -> Floats:
    """Return memory of any size for the time of a call: a thread's own, which stays as large as it once was needed."""
    return _memory.grown(number, dtype, math.prod(shape)).reshape(shape)


def in_blocks(
    function: Callable[..., None], *arrays: Floats, least: int = BLOCK_BYTES, block: int = BLOCK_BYTES
) -> None:
    """Call an elementwise function of arrays block by block; at once where they are small or do not fit each other.

    Parameters
    ----------
    function
        Of as many arrays; it writes the first, and perhaps more of them.
    arrays
        What it works on.
    least
        Up to as many bytes are small. A function without scratch memory of its own gains nothing by blocks as long as
        the arrays lie in a cache at all.
    block
        How many bytes of the first array to take at a time.
    """
    first = arrays[0]
    if first.nbytes <= least or not all(
        type(x) is np.ndarray and x.shape == first.shape and x.flags.c_contiguous for x in arrays
    ):
        function(*arrays)
        return
    flat = [x.reshape(-1) for x in arrays]
    step = block // first.itemsize
    for start in range(0, first.size, step):
        function(*[x[start : start + step] for x in flat])
