"""From the bytes of a chunk to what is stored: plain, as one zstd frame, or plane by plane."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import xxhash
import zstandard
from numpy.typing import NDArray

from holdfast_msgpack import layout
from holdfast_msgpack.planes import split_planes

Bytes = NDArray[np.uint8]
Coder: TypeAlias = Literal["entropy", "level"]

RAW_CHUNK_BYTES = layout.MOST_CHUNK_BYTES
CODED_CHUNK_BYTES = 1 << 20

# Decoding costs time at every read; what gains less is stored as it is.
_WORTH_IT = 0.97
_LEAST_BYTES = 512  # below, the headers of frames eat the gain
_SAMPLE_PIECES, _PIECE_BYTES = 4, 8 << 10
# Searching for repeats takes three times as long as entropy coding alone, and so does undoing it.
_SEARCH_WORTH_IT = 0.95
_SURPRISE = 0.8
# Bytes of real weights repeat by chance only. With as few matches as zstd can be told to find, it is an entropy coder:
# on byte planes smaller than level 1 and three times as fast.
_ENTROPY = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_FAST,
    window_log=CODED_CHUNK_BYTES.bit_length() - 1,
    hash_log=6,
    chain_log=6,
    search_log=1,
    min_match=7,
    target_length=0,
)


@dataclass(frozen=True, slots=True)
class Coding:
    """How the chunks of a tensor are stored, where it gains enough."""

    codec: int
    """One of the codecs of :mod:`layout`."""
    coder: Coder = "entropy"
    """Which compressor makes the frames."""
    shares: tuple[float, ...] = ()
    """Of planes, which share of each one its frame took in the sample; 1 where none gained enough."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk, decoded."""
        return RAW_CHUNK_BYTES if self.codec == layout.RAW else CODED_CHUNK_BYTES


RAW = Coding(layout.RAW)


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """A chunk as it is stored."""

    pieces: Sequence[memoryview | bytes]
    """The stored bytes."""
    codec: int
    """How they are stored."""
    decoded: int
    """Bytes before."""
    stored: int
    """Bytes of all pieces."""
    digest: bytes
    """xxh3_128 of them."""
    planes: tuple[int, ...] = ()
    """Of planes, the stored bytes of each."""


class Encoder:
    """Encodes chunks; its methods may be called by several threads.

    Parameters
    ----------
    level
        Level of zstd; 0 stores everything as it is.
    """

    def __init__(self, level: int) -> None:
        self._level = level
        self._local = threading.local()

    def choose(self, data: Bytes, item_bytes: int) -> Coding:
        """Return how to store a tensor that begins with, or is, `data`: what does best on a sample of it."""
        if self._level == 0 or len(data) < _LEAST_BYTES:
            return RAW
        sample = _sample(data, item_bytes)
        best, fewest = RAW, _WORTH_IT * len(sample)
        for candidate in _candidates(item_bytes):
            coding, size = self._try(sample, item_bytes, candidate)
            if size < fewest * (1.0 if best is RAW else _SEARCH_WORTH_IT):
                best, fewest = coding, float(size)
        return best

    def encode(self, data: Bytes, item_bytes: int, coding: Coding) -> EncodedChunk:
        """Encode a chunk. Pieces of what is stored as it is are views of `data`."""
        if coding.codec == layout.ZSTD:
            frame = self._frame(data, coding.coder)
            if frame is not None:
                digest = xxhash.xxh3_128_digest(frame)
                return EncodedChunk((frame,), layout.ZSTD, len(data), len(frame), digest)
        elif coding.codec == layout.PLANES:
            pieces = self._planes(data, item_bytes, coding)
            if pieces is not None:
                return _of_planes(data, pieces)
        return EncodedChunk((data.data,), layout.RAW, len(data), len(data), xxhash.xxh3_128_digest(data.data))

    def _try(self, sample: Bytes, item_bytes: int, coding: Coding) -> tuple[Coding, int]:
        """Return a coding with what was learnt about it, and how many bytes the sample takes."""
        if coding.codec != layout.PLANES:
            frame = self._frame(sample, coding.coder)
            return coding, len(sample) if frame is None else len(frame)
        pieces = self._planes(sample, item_bytes, coding)
        if pieces is None:
            return coding, len(sample)
        shares = tuple(len(piece) * item_bytes / len(sample) for piece in pieces)
        return replace(coding, shares=shares), sum(map(len, pieces))

    def _planes(self, data: Bytes, item_bytes: int, coding: Coding) -> list[memoryview | bytes] | None:
        """Return the planes as they are stored; None if none of them gains enough."""
        planes = np.empty((item_bytes, len(data) // item_bytes), np.uint8)
        split_planes(data, planes)
        expected = coding.shares or (0.0,) * item_bytes
        frames = [
            self._frame(plane, coding.coder) if share < 1 else None
            for plane, share in zip(planes, expected, strict=True)
        ]
        # Where the planes that shrink do so by much more than in the sample, this chunk is another kind of data.
        if any(
            frame and len(frame) < _SURPRISE * e * len(p) for frame, e, p in zip(frames, expected, planes, strict=True)
        ):
            frames = [frame or self._frame(plane, coding.coder) for frame, plane in zip(frames, planes, strict=True)]
        if all(frame is None for frame in frames):
            return None
        return [plane.data if frame is None else frame for plane, frame in zip(planes, frames, strict=True)]

    def _frame(self, data: Bytes, coder: Coder) -> bytes | None:
        """Return data as one frame, its length inside; None if that gains too little."""
        frame: bytes = self._compressor(coder).compress(data.data)
        return frame if len(frame) < _WORTH_IT * len(data) else None

    def _compressor(self, coder: Coder) -> zstandard.ZstdCompressor:
        """Return this thread's compressor."""
        found: zstandard.ZstdCompressor | None = getattr(self._local, coder, None)
        if found is None:
            if coder == "entropy":
                found = zstandard.ZstdCompressor(compression_params=_ENTROPY)
            else:
                found = zstandard.ZstdCompressor(level=self._level)
            setattr(self._local, coder, found)
        return found


def _of_planes(data: Bytes, pieces: Sequence[memoryview | bytes]) -> EncodedChunk:
    """Return a chunk of planes."""
    hasher = xxhash.xxh3_128()
    for piece in pieces:
        hasher.update(piece)
    lengths = tuple(map(len, pieces))
    return EncodedChunk(pieces, layout.PLANES, len(data), sum(lengths), hasher.digest(), lengths)


def _candidates(item_bytes: int) -> list[Coding]:
    """Return what is tried, the quickest first."""
    if item_bytes in layout.PLANE_COUNTS:
        return [Coding(layout.PLANES), Coding(layout.ZSTD, "level"), Coding(layout.PLANES, "level")]
    return [Coding(layout.ZSTD), Coding(layout.ZSTD, "level")]


def _sample(data: Bytes, item_bytes: int) -> Bytes:
    """Return some data, or a few pieces of it from start to end."""
    if len(data) <= _SAMPLE_PIECES * _PIECE_BYTES:
        return data
    last = len(data) - _PIECE_BYTES
    starts = [last * number // (_SAMPLE_PIECES - 1) // item_bytes * item_bytes for number in range(_SAMPLE_PIECES)]
    return np.concatenate([data[start : start + _PIECE_BYTES] for start in starts])
