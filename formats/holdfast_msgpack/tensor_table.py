"""The tensors: names, dtypes, shapes, and which part of the stream each is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Entry
from holdfast.dtypes import DType, as_dtype
from holdfast.errors import CorruptCheckpointError, UnsupportedCheckpointError
from holdfast_msgpack import layout
from holdfast_msgpack.chunk_table import ChunkTable
from holdfast_msgpack.columns import Columns
from holdfast_msgpack.strings import END_BYTES

Numbers = NDArray[np.int64]


class Kind(NamedTuple):
    """What tensors of one dtype and shape have in common."""

    dtype: str
    """Name of the dtype."""
    shape: tuple[int, ...]
    """The shape."""
    size: int
    """Bytes in the stream; of strings without their contents."""


class TensorTable:
    """All tensors in stored order; the constructor checks every one of them.

    Parameters
    ----------
    columns
        The index.
    chunks
        The chunks, checked.
    """

    def __init__(self, columns: Columns, chunks: ChunkTable) -> None:
        self._columns = columns
        self._count = columns.envelope.tensors
        self._total = chunks.total
        self.names = self._read_names()
        """Their names."""
        self.kinds = self._kinds()
        """What they are, by position."""
        sizes, nbytes = self._sizes()
        starts = self._starts(sizes)
        self.sizes: list[int] = sizes.tolist()
        """Their bytes in the stream."""
        self.starts: list[int] = starts.tolist()
        """Where they begin in the stream."""
        self.positions = {name: position for position, name in enumerate(self.names)}
        """Their positions by name."""
        if len(self.positions) != self._count:
            twice = next(name for position, name in enumerate(self.names) if self.positions[name] != position)
            raise columns.fault("name of a tensor", f"{twice} twice", "a name that no other tensor has")
        there = sizes > 0
        first, last = np.ones_like(sizes), np.zeros_like(sizes)  # of tensors without bytes: from 1 to 0
        first[there], last[there] = chunks.covering(starts[there], sizes[there])
        self.chunks: list[int] = np.where(first == last, first, -1).tolist()
        """For each that lies in one chunk its number; -1 for others."""
        self.entries = self._entries(nbytes, sizes, chunks, first, last)
        """What the contract says about them, by name in stored order."""

    def _read_names(self) -> list[str]:
        """Return all names."""
        text = self._columns.text("names")
        names = text.split(layout.SEPARATOR) if self._count else []
        if len(names) != self._count or (text and not names):
            found = text.count(layout.SEPARATOR) + bool(text)
            raise self._columns.fault("number of names in the index", found, self._count)
        short = text.isascii() and len(max(names, key=len, default="")) <= layout.MOST_NAME_BYTES
        if not (short and all(names)):
            for name in names:
                if not 1 <= len(name.encode()) <= layout.MOST_NAME_BYTES:
                    raise self._columns.fault("name of a tensor", name, "1 to 1,024 bytes of UTF-8")
        return names

    def _kinds(self) -> list[Kind]:
        """Return dtype and shape of all tensors; each pair is checked once."""
        dtypes = self._columns.texts("dtypes")
        ranks = bytes(self._columns.bytes("rank", self._count))
        extents = bytes(self._columns.bytes("shape", 8 * sum(ranks)))
        known: dict[tuple[int, bytes], Kind] = {}
        kinds: list[Kind] = []
        start = 0
        for dtype, rank in zip(bytes(self._columns.bytes("dtype", self._count)), ranks, strict=True):
            end = start + 8 * rank
            key = dtype, extents[start:end]
            kind = known.get(key)
            if kind is None:
                kind = known[key] = self._kind(len(kinds), dtype, dtypes, key[1])
            kinds.append(kind)
            start = end
        return kinds

    def _kind(self, position: int, dtype: int, dtypes: list[str], extents: bytes) -> Kind:
        """Check a dtype and a shape."""
        if dtype >= len(dtypes):
            raise self._fault("dtype of", position, dtype, f"a number below {len(dtypes)}")
        name = dtypes[dtype]
        if name not in layout.STORED and name != layout.STRING:
            raise UnsupportedCheckpointError(
                path=self._columns.path,
                field=f"dtype of tensor {self.names[position]}",
                found=name,
                expected="a dtype that this release knows",
                advice="Read it with a newer release of holdfast, which reads older versions too",
            )
        shape: tuple[int, ...] = tuple(np.frombuffer(extents, "<u8").tolist())
        if len(shape) > layout.MOST_DIMENSIONS:
            raise self._fault("rank of", position, len(shape), f"at most {layout.MOST_DIMENSIONS}")
        count = math.prod(shape)
        size = count * layout.ITEM_BYTES.get(name, END_BYTES)
        # With a 0 among them, others may be anything as long as NumPy takes them.
        if size > self._total or (not count and math.prod(extent or 1 for extent in shape) * 16 > layout.MOST_BYTES):
            raise self._fault("shape of", position, list(shape), f"what fits into {self._total:,} bytes")
        return Kind(name, shape, size)

    def _sizes(self) -> tuple[Numbers, list[int]]:
        """Return the bytes of all tensors in the stream, and of their values alone."""
        sizes = [kind.size for kind in self.kinds]
        nbytes = list(sizes)
        strings = [position for position, kind in enumerate(self.kinds) if kind.dtype == layout.STRING]
        lengths = self._columns.numbers("string_bytes", "<u8", len(strings))
        for position, length in zip(strings, lengths.tolist(), strict=True):
            nbytes[position] = length
            sizes[position] += length
            if sizes[position] > self._total or (length and not self.kinds[position].size):
                expected = f"what fits into {self._total:,} bytes, and 0 where there are no strings"
                raise self._fault("bytes of strings in", position, length, expected)
        return np.array(sizes, np.int64), nbytes

    def _starts(self, sizes: Numbers) -> Numbers:
        """Return where all tensors begin; they make up the stream, without overlaps and gaps."""
        column = self._columns.numbers("start", "<u8", self._count)
        wrong = np.flatnonzero((column > self._total) | ((sizes == 0) & (column != 0)))
        if len(wrong):
            expected = f"at most {self._total:,}, the end of the stream, and 0 where there are no bytes"
            raise self._fault("start of", wrong[0], column[wrong[0]], expected)
        starts = column.astype(np.int64)
        order = np.argsort(starts, kind="stable")
        order = order[sizes[order] > 0]
        found = np.append(starts[order], self._total)
        expected_starts = np.append(0, starts[order] + sizes[order])
        wrong = np.flatnonzero(found != expected_starts)
        if len(wrong):
            at = wrong[0]
            if at == len(order):
                raise self._columns.fault("end of the last tensor", expected_starts[at], f"{found[at]}, as of chunks")
            raise self._fault("start of", order[at], found[at], f"{expected_starts[at]}: no overlap and no gap")
        return starts

    def _fault(self, what: str, position: int, found: object, expected: str) -> CorruptCheckpointError:
        return self._columns.fault(f"{what} tensor {self.names[position]}", found, expected)

    def _entries(
        self, nbytes: list[int], sizes: Numbers, chunks: ChunkTable, first: Numbers, last: Numbers
    ) -> dict[str, Entry]:
        """Return the entries; tensors that do not differ share one."""
        stored = np.zeros_like(sizes)
        there = sizes > 0
        stored[there] = chunks.stored_of(first[there], last[there], sizes[there])
        dtypes: dict[str, DType] = {name: as_dtype(name) for name in {kind.dtype for kind in self.kinds}}
        shared: dict[tuple[int, int, int, int, int], Entry] = {}
        entries: dict[str, Entry] = {}
        # Tensors of one kind have the same object for it, and the number of an object is quickly hashed.
        keys = zip(map(id, self.kinds), nbytes, stored.tolist(), first.tolist(), last.tolist(), strict=True)
        for name, kind, key in zip(self.names, self.kinds, keys, strict=True):
            entry = shared.get(key)
            if entry is None:
                _, length, in_file, begin, end = key
                codec = chunks.codec_names(begin, end)
                entry = shared[key] = Entry(dtypes[kind.dtype], kind.shape, length, (), in_file, codec)
            entries[name] = entry
        return entries
