"""Tensors of one checkpoint as sources for another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.casting import Cast
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.progress import Meter
from holdfast.checkpoint.regions import boxes
from holdfast.checkpoint.slices import SliceSpec
from holdfast.contracts import Index, TensorSlice
from holdfast.dtypes import string

_AT_ONCE = 1 << 19  # elements that are read at once where they are cast


class CopiedSource:
    """A tensor, or a stored part of one, that is read from a checkpoint when its turn comes, and cast.

    An implementation of :class:`holdfast.contracts.RangeSource`.

    Parameters
    ----------
    checkpoint, stored
        The checkpoint, and the name in it.
    name
        The new name.
    part
        The part that is stored; None for a whole tensor.
    cast
        How it is cast; None to leave it as it is.
    meter
        Counts what was read.
    """

    def __init__(
        self,
        checkpoint: OpenCheckpoint,
        stored: str,
        name: str,
        part: TensorSlice | None,
        cast: Cast | None,
        meter: Meter,
    ) -> None:
        entry = checkpoint.entries[stored]
        self.name = name
        self.dtype = entry.dtype if cast is None else cast.after
        self.shape = entry.shape if part is None else part.shape
        self.part = None if part is None else SliceSpec(entry.shape, part)
        self.cast = cast
        self._entry = entry
        self._start = (0,) * len(self.shape) if part is None else part.start
        self._checkpoint = checkpoint
        self._stored_name = stored
        self._meter = meter
        self._seen = 0
        self._cast_from = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the values; of strings the sum of their lengths."""
        if self.dtype != string:
            return math.prod(self.shape) * self.dtype.size
        return self._entry.nbytes if self.part is None else sum(map(len, self.read().flat))

    def read(self) -> NDArray[Any]:
        """Return the values."""
        return self.read_range(0, math.prod(self.shape)).reshape(self.shape)

    def read_range(self, start: int, stop: int) -> NDArray[Any]:
        """Return the elements `start` to `stop` in C order."""
        if self.cast is None:
            values = self._stored(start, stop)
        else:
            values = np.empty(stop - start, np.dtype(self.dtype.as_numpy_dtype))
            self._cast_range(self.cast, start, stop, values)
        if start <= self._seen < stop:
            done = self._entry.nbytes // max(1, math.prod(self._entry.shape)) * (stop - self._seen)
            self._meter.reach(min(self._meter.total, self._meter.done + done))
            self._seen = stop
        return values

    def finish(self) -> None:
        """Go through what was not read from start to end, so that what casting lost is counted in full."""
        if self.cast is not None:
            size = math.prod(self.shape)
            while (start := self.cast.seen - self._cast_from) < size:
                self.read_range(start, min(start + _AT_ONCE, size))

    def _cast_range(self, cast: Cast, start: int, stop: int, out: NDArray[Any]) -> None:
        """Read and cast elements, some at a time."""
        if start == 0 and self._seen == 0:
            self._cast_from = cast.seen  # where this part begins among the parts of its tensor
        for first in range(start, stop, _AT_ONCE):
            last = min(first + _AT_ONCE, stop)
            cast.apply(self._stored(first, last), self._cast_from + first, out[first - start : last - start])

    def _stored(self, start: int, stop: int) -> NDArray[Any]:
        """Return elements as they are stored."""
        values = np.empty(stop - start, np.dtype(self._entry.dtype.as_numpy_dtype))
        done = 0
        for box in boxes(self.shape, start, stop):
            extents = tuple(cut.stop - cut.start for cut in box)
            count = math.prod(extents)
            room = values[done : done + count].reshape(extents)
            self._checkpoint.read(self._stored_name, index=self._moved(box), out=room)
            done += count
        return values

    def _moved(self, box: Index) -> Index:
        """Return a region of the part as a region of its tensor."""
        return tuple(slice(cut.start + origin, cut.stop + origin) for cut, origin in zip(box, self._start, strict=True))


def copied_sources(
    checkpoint: OpenCheckpoint, stored: str, name: str, cast: Cast | None, meter: Meter
) -> Iterator[CopiedSource]:
    """Yield the sources of one tensor: itself, or the parts of it that are stored."""
    for part in checkpoint.entries[stored].slices or (None,):
        yield CopiedSource(checkpoint, stored, name, part, cast, meter)
