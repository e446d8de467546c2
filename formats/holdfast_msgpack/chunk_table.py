"""The chunks: where each is stored and how, and which part of the stream it decodes to."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import UnsupportedCheckpointError
from holdfast_msgpack import layout
from holdfast_msgpack.columns import Columns

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LARGEST = (1 << 63) - 1


class Chunk(NamedTuple):
    """One chunk."""

    number: int
    """Its position, from 0 on."""
    offset: int
    """Where it is stored."""
    padding: int
    """Zeros that stand before it."""
    stored: int
    """Bytes in the file."""
    start: int
    """Where it begins in the stream."""
    decoded: int
    """Bytes in the stream."""
    codec: int
    """One of the codecs of :mod:`layout`."""
    planes: tuple[int, ...]
    """Of planes, the stored bytes of each."""
    digest: bytes
    """xxh3_128 of the stored bytes."""

    @property
    def stop(self) -> int:
        """Where it ends in the stream."""
        return self.start + self.decoded


class ChunkTable:
    """All chunks; the constructor checks every one of them.

    Parameters
    ----------
    columns
        The index.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._count = count = columns.envelope.chunks
        self._codec = self._codecs()
        self._codes: list[int] = self._codec.tolist()
        self._stored = columns.numbers("stored", "<u4", count).astype(np.int64)
        self._decoded = columns.numbers("decoded", "<u4", count).astype(np.int64)
        self._digests = columns.bytes("digest", layout.DIGEST_BYTES * count)
        self._check_sizes()
        self._offset, self._padding = self._places()
        self._planes = columns.numbers("planes", "|u1", count).astype(np.int64)
        self._plane, self._first_plane = self._plane_lengths()
        self._starts: list[int] = [0, *np.cumsum(self._decoded).tolist()]

    @property
    def total(self) -> int:
        """Bytes of the stream."""
        return self._starts[-1]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Chunk:
        first = int(self._first_plane[number])
        return Chunk(
            number,
            int(self._offset[number]),
            int(self._padding[number]),
            int(self._stored[number]),
            self._starts[number],
            int(self._decoded[number]),
            int(self._codec[number]),
            tuple(self._plane[first : first + int(self._planes[number])].tolist()),
            bytes(self._digests[layout.DIGEST_BYTES * number : layout.DIGEST_BYTES * (number + 1)]),
        )

    def at(self, position: int) -> int:
        """Return the number of the chunk that holds a byte of the stream."""
        return bisect_right(self._starts, position) - 1

    def covering(self, starts: Numbers, sizes: Numbers) -> tuple[Numbers, Numbers]:
        """Return the first and the last chunk of stretches of the stream, none of them empty."""
        bounds = np.array(self._starts, np.int64)
        first = np.searchsorted(bounds, starts, "right") - 1
        return first, np.searchsorted(bounds, starts + sizes - 1, "right") - 1

    def stored_of(self, first: Numbers, last: Numbers, sizes: Numbers) -> Numbers:
        """Return the bytes in the file that stretches take; of a chunk that they share, their part."""
        if not len(sizes):
            return sizes
        ends = np.concatenate([[0], np.cumsum(self._stored)])
        shared = self._stored[first] * sizes // self._decoded[first]
        return np.where(first == last, shared, ends[last + 1] - ends[first])

    def codec_names(self, first: int, last: int) -> str:
        """Return the codecs of some chunks, as text."""
        return "+".join(layout.CODECS[codec] for codec in sorted(set(self._codes[first : last + 1])))

    def _refuse(self, bad: Flags, column: str, values: NDArray[Any], expected: str) -> None:
        """Raise for the first chunk that is wrong."""
        if bad.any():
            number = int(np.flatnonzero(bad)[0])
            raise self._columns.fault(f"{column} of chunk {number}", int(values[number]), expected)

    def _codecs(self) -> Numbers:
        """Return each chunk's codec as its number in :mod:`layout`."""
        names = self._columns.texts("codecs")
        column = self._columns.numbers("codec", "|u1", self._count)
        self._refuse(column >= len(names), "codec", column, f"one of {len(names)}")
        for number in np.unique(column).tolist():
            if names[number] not in layout.CODECS:
                raise UnsupportedCheckpointError(
                    path=self._columns.path,
                    field=f"codec of chunk {int(np.flatnonzero(column == number)[0])}",
                    found=names[number],
                    expected=f"one of {', '.join(layout.CODECS)}",
                    advice="Read it with a newer release of holdfast, which reads older versions too",
                )
        known = [layout.CODECS.index(name) if name in layout.CODECS else -1 for name in names]
        result: Numbers = np.array(known, np.int64)[column]
        return result

    def _check_sizes(self) -> None:
        """Check the lengths of all chunks."""
        stored, decoded = self._stored, self._decoded
        most = layout.MOST_CHUNK_BYTES
        self._refuse((decoded < 1) | (decoded > most), "decoded size", decoded, f"1 to {most:,} bytes")
        wrong = (stored < 1) | (stored > decoded) | ((self._codec == layout.RAW) & (stored != decoded))
        self._refuse(wrong, "stored size", stored, "1 byte up to the decoded size, and all of it if it is raw")

    def _places(self) -> tuple[Numbers, Numbers]:
        """Return the offsets of all chunks, and the zeros before each: they follow each other without gaps."""
        column = self._columns.numbers("offset", "<u8", self._count)
        self._refuse(column > _LARGEST, "offset", column, "an offset in the file")
        offset = column.astype(np.int64)
        end = self._columns.envelope.offset
        self._refuse(offset > end, "offset", offset, f"an offset before the index at {end:,}")
        ends = np.concatenate([[layout.END_BYTES], offset + self._stored])
        large = (self._codec == layout.RAW) & (self._stored >= layout.PAGE_ALIGNED_BYTES)
        alignment = np.where(large, layout.PAGE_ALIGNMENT, layout.ALIGNMENT)
        padding = offset - ends[:-1]
        wrong = (padding < 0) | (padding >= alignment) | (offset % alignment != 0)
        self._refuse(wrong, "offset", offset, "the first aligned offset behind the chunk before")
        if not 0 <= end - int(ends[-1]) < layout.ALIGNMENT:
            raise self._columns.fault("end of the last chunk", int(ends[-1]), f"less than 64 bytes before {end:,}")
        return offset, padding

    def _plane_lengths(self) -> tuple[Numbers, Numbers]:
        """Return the stored lengths of all planes, and which of them is the first of each chunk."""
        planes, decoded = self._planes, self._decoded
        if not (planes.any() or (self._codec == layout.PLANES).any()):
            self._columns.bytes("plane_bytes", 0)
            return planes, planes
        split = self._codec == layout.PLANES
        wrong = np.where(split, ~np.isin(planes, layout.PLANE_COUNTS), planes != 0)
        self._refuse(wrong, "number of planes", planes, f"one of {layout.PLANE_COUNTS}, and 0 for other codecs")
        self._refuse(split & (decoded % np.maximum(planes, 1) != 0), "decoded size", decoded, "whole elements")
        lengths = self._columns.numbers("plane_bytes", "<u4", int(planes.sum())).astype(np.int64)
        ends = np.cumsum(planes)
        first = ends - planes
        owner = np.repeat(np.arange(self._count), planes)
        fits = (lengths >= 1) & (lengths * planes[owner] <= decoded[owner])
        sums = np.concatenate([[0], np.cumsum(lengths)])
        wrong = split & (sums[ends] - sums[first] != self._stored)
        if not fits.all():
            wrong[owner[np.flatnonzero(~fits)[0]]] = True
        self._refuse(wrong, "stored size", self._stored, "the sum of the stored planes, none longer than decoded")
        return lengths, first

    def last_end(self) -> int:
        """Return where the last chunk ends in the file."""
        return int(self._offset[-1] + self._stored[-1]) if self._count else layout.END_BYTES
