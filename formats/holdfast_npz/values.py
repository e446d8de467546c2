"""The values of a tensor as bytes, piece by piece, and packed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import RangeSource, TensorSource
from holdfast.errors import AbortedError
from holdfast_npz import layout
from holdfast_npz.arrays import bytes_of, stored_array, swap_if_big

_MOST_KEPT = 8 << 20
_STRINGS_AT_ONCE = 1 << 14


class Values:
    """The bytes that are stored for a tensor; gone through as often as is needed.

    A tensor that is in memory is one piece. One that can be read piece by piece is never in memory as a whole.
    """

    def __init__(self, source: TensorSource) -> None:
        self._source = source
        self._dtype = source.dtype.name
        self._size = math.prod(source.shape)
        self._offsets = np.zeros(self._size + 1 if self._dtype == "string" else 0, np.uint64)
        self._whole: memoryview | None = None
        self._crc: int | None = None

    @property
    def in_pieces(self) -> bool:
        """Whether the values are read anew each time."""
        return isinstance(self._source, RangeSource)

    @property
    def offsets(self) -> NDArray[np.uint64]:
        """Where each string begins and the last ends; known once the values were gone through."""
        return swap_if_big(self._offsets.copy())

    def __iter__(self) -> Iterator[memoryview]:
        if isinstance(self._source, RangeSource):
            yield from self._pieces(self._source)
            return
        if self._whole is None:
            self._whole = self._bytes(self._source.read(), 0)
        yield self._whole

    def _pieces(self, source: RangeSource) -> Iterator[memoryview]:
        """Read piece by piece; what is written must be what the checksum was made of."""
        step, crc = self._step(), 0
        for start in range(0, self._size, step):
            piece = self._bytes(source.read_range(start, min(start + step, self._size)), start)
            crc = zlib.crc32(piece, crc)
            yield piece
        if self._crc is not None and crc != self._crc:
            raise AbortedError(None, None, f"The values of tensor {source.name!r} changed while they were saved.")
        self._crc = crc

    def _step(self) -> int:
        """Return how many elements make a piece."""
        if self._dtype == "string":
            return _STRINGS_AT_ONCE
        return layout.BLOCK_BYTES // layout.element_type(self._dtype).itemsize

    def _bytes(self, values: NDArray[Any], start: int) -> memoryview:
        """Return the bytes of the values from position `start` on; of strings, note where they end."""
        if self._dtype != "string":
            return bytes_of(stored_array(values, self._dtype))
        strings: list[bytes] = values.reshape(-1).tolist()
        ends = self._offsets[start + 1 : start + len(strings) + 1]
        np.cumsum(np.fromiter(map(len, strings), np.uint64, len(strings)), out=ends)
        ends += self._offsets[start]
        return memoryview(b"".join(strings))


class Packing:
    """A deflate stream that is made once to learn its length, and kept, or made again if it is long.

    Parameters
    ----------
    level
        Level of deflate.
    keep
        Whether to keep it however long it is.
    """

    def __init__(self, level: int, *, keep: bool) -> None:
        self._level = level
        self._keep = keep
        self._kept: list[bytes] | None = []
        self.length = 0

    def survey(self, pieces: Iterable[memoryview]) -> Iterator[memoryview]:
        """Pack, and hand the pieces on as they are."""
        compressor = zlib.compressobj(self._level, zlib.DEFLATED, -zlib.MAX_WBITS)
        for piece in pieces:
            self._add(compressor.compress(piece))
            yield piece
        self._add(compressor.flush())

    def _add(self, packed: bytes) -> None:
        """Count what was packed."""
        self.length += len(packed)
        if not self._keep and self.length > _MOST_KEPT:
            self._kept = None
        if self._kept is not None:
            self._kept.append(packed)

    def packed(self, pieces: Iterable[memoryview]) -> Iterator[bytes]:
        """Return the stream of the pieces that were surveyed."""
        if self._kept is not None:
            yield from self._kept
            return
        compressor = zlib.compressobj(self._level, zlib.DEFLATED, -zlib.MAX_WBITS)
        for piece in pieces:
            yield compressor.compress(piece)
        yield compressor.flush()
