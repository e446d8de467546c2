"""Regions of a tensor: which elements are read for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from holdfast.contracts import Index
from holdfast.errors import InvalidArgumentError

BAND_BYTES = 8 << 20
"""Most bytes that are read at once to take a part of them, where one row is not larger."""


class Band(NamedTuple):
    """Consecutive elements that a part of a region lies in."""

    start: int
    """Position of the first element in C order."""
    shape: tuple[int, ...]
    """The elements as an array, with as many dimensions as the tensor."""
    inner: Index
    """The part of the region in that array."""
    outer: Index
    """The same part in an array of the region's shape."""


def bounded(index: Index | None, shape: tuple[int, ...], name: str) -> Index:
    """Return an index with its bounds filled in; InvalidArgumentError if it does not fit."""
    if index is None:
        return tuple(slice(0, size) for size in shape)
    bounds = [part.indices(size) for part, size in zip(index, shape, strict=False)]
    if len(index) != len(shape) or any(step != 1 for _, _, step in bounds):
        raise InvalidArgumentError(
            None,
            None,
            f"Tensor {name!r} of shape {list(shape)} is read with one slice of step 1 a dimension, not {index}.",
        )
    return tuple(slice(start, max(start, stop)) for start, stop, _ in bounds)


def contiguous_start(region: Index, shape: tuple[int, ...]) -> int | None:
    """Return the position of a region's first element in C order if its elements follow each other, else None."""
    start, split = 0, False
    for part, size in zip(region, shape, strict=True):
        length = part.stop - part.start
        if split and length != size:
            return None
        split = split or length > 1
        start = start * size + part.start
    return start


def bands(region: Index, shape: tuple[int, ...], item_bytes: int) -> Iterator[Band]:
    """Yield bands of bounded size that a region, not an empty one, lies in."""
    # The first dimension of which one index fits into a band is cut; those before it are gone through index by index.
    depth = next((axis for axis in range(len(shape)) if _row(shape, axis) * item_bytes <= BAND_BYTES), len(shape))
    extents = [part.stop - part.start for part in region]
    rest = shape[depth + 1 :]
    for outer in product(*(range(part.start, part.stop) for part in region[:depth])):
        base = 0
        for position, size in zip(outer, shape, strict=False):
            base = base * size + position
        ones = (slice(0, 1),) * depth
        places = tuple(
            slice(position - part.start, position - part.start + 1)
            for position, part in zip(outer, region, strict=False)
        )
        if depth == len(shape):
            yield Band(base, (1,) * depth, ones, places)
            continue
        row = _row(shape, depth)
        first = region[depth].start
        step = max(1, BAND_BYTES // max(1, row * item_bytes))
        for begin in range(0, extents[depth], step):
            end = min(begin + step, extents[depth])
            yield Band(
                (base * shape[depth] + first + begin) * row,
                (*(1,) * depth, end - begin, *rest),
                (*ones, slice(0, end - begin), *region[depth + 1 :]),
                (*places, slice(begin, end), *(slice(0, extent) for extent in extents[depth + 1 :])),
            )


def _row(shape: tuple[int, ...], axis: int) -> int:
    """Return how many elements one index of a dimension has."""
    return math.prod(shape[axis + 1 :])
