"""Tensors piece by piece: bounded memory for whoever looks at every value."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.slices import index_of
from holdfast.contracts import Entry, Index
from holdfast.dtypes import string

PIECE_BYTES = 16 << 20
"""Most bytes of a piece, where one element is not larger."""

_STRING_BYTES = 64  # what a bytes object and the pointer to it take besides its contents


def memory_bytes(entry: Entry) -> int:
    """Return about how much memory the values of a tensor take as an array."""
    return entry.nbytes + (_STRING_BYTES * math.prod(entry.shape) if entry.dtype == string else 0)


def pieces(entry: Entry, most: int = PIECE_BYTES) -> Iterator[Index | None]:
    """Yield regions that make up a tensor in C order, each contiguous in it; None for all of it at once."""
    size, memory = math.prod(entry.shape), memory_bytes(entry)
    if memory <= most or size <= 1:
        yield None
        return
    room = max(1, size * most // memory)
    # The first dimension of which one index fits is cut; those before it are gone through index by index.
    depth = next(axis for axis in range(len(entry.shape)) if math.prod(entry.shape[axis + 1 :]) <= room)
    rows = max(1, room // math.prod(entry.shape[depth + 1 :]))
    rest = tuple(slice(0, extent) for extent in entry.shape[depth + 1 :])
    for outer in np.ndindex(entry.shape[:depth]):
        for start in range(0, entry.shape[depth], rows):
            cut = slice(start, min(start + rows, entry.shape[depth]))
            yield (*(slice(position, position + 1) for position in outer), cut, *rest)


def boxes(shape: tuple[int, ...], start: int, stop: int) -> Iterator[Index]:
    """Yield regions that make up the elements `start` to `stop` of a tensor in C order, each contiguous in it."""
    if start >= stop:
        return
    if not shape:
        yield ()
        return
    row = math.prod(shape[1:])
    (first, skipped), (last, rest) = divmod(start, row), divmod(stop, row)
    if first == last:
        yield from _of_row(first, shape, skipped, rest)
        return
    if skipped:
        yield from _of_row(first, shape, skipped, row)
        first += 1
    if first < last:
        yield (slice(first, last), *(slice(0, extent) for extent in shape[1:]))
    yield from _of_row(last, shape, 0, rest)


def _of_row(number: int, shape: tuple[int, ...], start: int, stop: int) -> Iterator[Index]:
    """Yield the regions of a part of one row."""
    for box in boxes(shape[1:], start, stop):
        yield (slice(number, number + 1), *box)


def stored_regions(entry: Entry, most: int = PIECE_BYTES) -> Iterator[Index | None]:
    """Yield regions that make up what is stored of a tensor: its pieces, or those of its parts if it is not whole."""
    if not entry.slices:
        yield from pieces(entry, most)
        return
    stored = sum(math.prod(part.shape) for part in entry.slices)
    for part in entry.slices:
        # Of strings, about: how long each of them is only the values tell.
        nbytes = entry.nbytes * math.prod(part.shape) // max(1, stored)
        for region in pieces(Entry(entry.dtype, part.shape, nbytes), most):
            yield index_of(part) if region is None else _moved(region, part.start)


def _moved(region: Index, start: tuple[int, ...]) -> Index:
    """Return a region of a part as a region of its tensor."""
    return tuple(slice(cut.start + origin, cut.stop + origin) for cut, origin in zip(region, start, strict=True))


def region_size(region: Index | None, shape: tuple[int, ...]) -> int:
    """Return the number of elements of a region with known bounds."""
    return math.prod(shape if region is None else (cut.stop - cut.start for cut in region))


def verify_values(checkpoint: OpenCheckpoint) -> None:
    """Read everything, which checks it; the errors of :meth:`OpenCheckpoint.read` and of ``verify_files``."""
    checkpoint.verify_files()
    for name, entry in checkpoint.entries.items():
        for region in stored_regions(entry):
            checkpoint.read(name, index=region)
