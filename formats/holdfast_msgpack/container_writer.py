"""Writing: one pass over the tensors; chunks are encoded by a few threads and written in order."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from typing import Any, TypeAlias, cast

import msgpack
import numpy as np
import xxhash
from numpy.typing import NDArray

from holdfast.contracts import Outputs, RangeSource, TensorSource
from holdfast.errors import InvalidArgumentError
from holdfast_msgpack import layout
from holdfast_msgpack.encoding import RAW_CHUNK_BYTES, Coding, EncodedChunk, Encoder
from holdfast_msgpack.planning import Run, StreamPlan, plan_stream
from holdfast_msgpack.sink import Sink
from holdfast_msgpack.strings import join_strings
from holdfast_msgpack.workers import Workers

Bytes = NDArray[np.uint8]
Chunk: TypeAlias = tuple[Bytes, int, Coding]
"""Bytes, item size, and how they are to be stored."""

# Chunks that are encoded ahead of the one that is written; with them the threads always have something to do.
_AHEAD = 2


def new_file_id() -> bytes:
    """Return 16 bytes that no other file has."""
    return os.urandom(16)


class ContainerWriter:
    """Writes one container.

    Parameters
    ----------
    level
        Level of zstd; 0 stores everything as it is.
    threads
        Threads that encode.
    """

    def __init__(self, level: int, threads: int) -> None:
        self._encoder = Encoder(level)
        self._threads = threads
        self._chunks: list[tuple[int, EncodedChunk]] = []

    def write(
        self, outputs: Outputs, suffix: str, sources: Sequence[TensorSource], metadata: Mapping[str, Any]
    ) -> None:
        """Write everything; see :meth:`holdfast.contracts.CheckpointFormat.write`."""
        plan = plan_stream(sources)
        sink = Sink(outputs.create(suffix))
        header = _header()
        sink.write(header)
        chunks = (chunk for run in plan.runs for chunk in self._chunks_of(run, plan, sources))
        with closing(self._encode(chunks, plan.nbytes)) as encoded:
            for chunk in encoded:
                self._put(sink, chunk)
        sink.align(layout.ALIGNMENT)
        index = _index(plan, self._chunks, metadata)
        offset = sink.offset
        sink.write(index)
        sink.write(_footer(header, index, offset, len(sources), len(self._chunks)))
        sink.flush()

    def _put(self, sink: Sink, chunk: EncodedChunk) -> None:
        """Write a chunk; only what the index needs of it is kept."""
        sink.align(layout.alignment_of(chunk.codec, chunk.stored))
        offset = sink.offset
        for piece in chunk.pieces:
            sink.write(piece)
        kept = EncodedChunk((), chunk.codec, chunk.decoded, chunk.stored, chunk.digest, chunk.planes)
        self._chunks.append((offset, kept))

    def _encode(self, chunks: Iterator[Chunk], total: int) -> Generator[EncodedChunk]:
        """Yield the chunks in order, encoded by threads where there is enough to do."""
        if self._threads == 1 or total <= layout.PAGE_ALIGNED_BYTES:
            for chunk in chunks:
                yield self._encoder.encode(*chunk)
            return
        workers = Workers(self._threads)
        waiting: deque[Future[EncodedChunk]] = deque()
        try:
            for chunk in chunks:
                waiting.append(workers.submit(self._encoder.encode, *chunk))
                if len(waiting) >= self._threads + _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            workers.close()

    def _chunks_of(self, run: Run, plan: StreamPlan, sources: Sequence[TensorSource]) -> Iterator[Chunk]:
        """Yield the chunks of a run; its tensors are read now."""
        first = run.members[0]
        source = sources[first]
        if len(run.members) == 1 and isinstance(source, RangeSource) and plan.dtypes[first] != layout.STRING:
            yield from self._chunks_of_ranges(run, source)
            return
        data = _bytes_of_run(run, plan.dtypes, sources)
        if len(data) != run.nbytes:
            names = source.name if len(run.members) == 1 else f"{source.name} or one that is packed with it"
            raise InvalidArgumentError(
                None, None, f"Tensor {names} was announced with another size: {run.nbytes:,} bytes, not {len(data):,}."
            )
        coding = self._encoder.choose(data, run.item_bytes)
        for start in range(0, len(data), coding.chunk_bytes):
            yield data[start : start + coding.chunk_bytes], run.item_bytes, coding

    def _chunks_of_ranges(self, run: Run, source: RangeSource) -> Iterator[Chunk]:
        """Yield the chunks of a tensor that is read piece by piece; copies, since each piece is borrowed."""
        coding: Coding | None = None
        count, most = run.nbytes // run.item_bytes, RAW_CHUNK_BYTES // run.item_bytes
        for start in range(0, count, most):
            values = source.read_range(start, min(start + most, count))
            data = layout.bytes_of(_stored(values, source.dtype.name)).copy()
            coding = coding or self._encoder.choose(data, run.item_bytes)
            for begin in range(0, len(data), coding.chunk_bytes):
                yield data[begin : begin + coding.chunk_bytes], run.item_bytes, coding


def _stored(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Return the elements as they are stored: the same memory, on little-endian machines."""
    if dtype not in layout.EXTENSIONS and sys.byteorder == "little":
        return values
    element = layout.element_type(dtype)
    return values.view(element.newbyteorder("=")).astype(element, copy=False)


def _bytes_of_run(run: Run, dtypes: Sequence[str], sources: Sequence[TensorSource]) -> Bytes:
    """Return the bytes of a run: the memory of its one tensor, or a copy of several."""
    pieces = [
        join_strings(sources[number].read())
        if dtypes[number] == layout.STRING
        else _stored(sources[number].read(), dtypes[number])
        for number in run.members
    ]
    if len(pieces) == 1:
        return layout.bytes_of(pieces[0])
    return np.frombuffer(b"".join(cast("list[memoryview]", pieces)), np.uint8)  # any buffers


def _header() -> bytes:
    """Return a header."""
    facts = (layout.MAGIC, *layout.VERSION, 0, 0, 0, 0, new_file_id())
    start = layout.HEADER.pack(*facts, 0)[:-8]
    return start + xxhash.xxh3_64_intdigest(start).to_bytes(8, "little")


def _footer(header: bytes, index: bytes, offset: int, tensors: int, chunks: int) -> bytes:
    """Return the footer of a file whose index stands at an offset."""
    length = offset + len(index) + layout.END_BYTES
    hasher = xxhash.xxh3_128(header)
    hasher.update(index)
    facts = (offset, len(index), length, hasher.digest(), tensors, chunks)
    seal = xxhash.xxh3_64_intdigest(layout.FOOTER.pack(*facts, 0, b"")[:-16])
    return layout.FOOTER.pack(*facts, seal, layout.END_MAGIC)


def _index(plan: StreamPlan, chunks: Sequence[tuple[int, EncodedChunk]], metadata: Mapping[str, Any]) -> bytes:
    """Return the index."""
    known = {name: number for number, name in enumerate(dict.fromkeys(plan.dtypes))}
    encoded = [chunk for _, chunk in chunks]
    index: bytes = msgpack.packb(
        {
            "metadata": _json(metadata),
            "names": layout.SEPARATOR.join(plan.names),
            "dtypes": list(known),
            "dtype": bytes([known[dtype] for dtype in plan.dtypes]),
            "rank": bytes(map(len, plan.shapes)),
            "shape": _column("<u8", [size for shape in plan.shapes for size in shape]),
            "start": _column("<u8", plan.starts),
            "string_bytes": _column("<u8", plan.string_bytes),
            "codecs": list(layout.CODECS),
            "codec": bytes(chunk.codec for chunk in encoded),
            "offset": _column("<u8", [offset for offset, _ in chunks]),
            "stored": _column("<u4", [chunk.stored for chunk in encoded]),
            "decoded": _column("<u4", [chunk.decoded for chunk in encoded]),
            "digest": b"".join([chunk.digest for chunk in encoded]),
            "planes": bytes(len(chunk.planes) for chunk in encoded),
            "plane_bytes": _column("<u4", [length for chunk in encoded for length in chunk.planes]),
        }
    )
    if len(index) > layout.MOST_INDEX_BYTES:
        raise InvalidArgumentError(
            None, None, f"The index takes {len(index):,} bytes; format msgpack-zstd holds at most 256 MiB of it."
        )
    return index


def _json(metadata: Mapping[str, Any]) -> str:
    """Return the metadata as text; lone surrogates, which UTF-8 has not, are escaped."""
    text = json.dumps(metadata, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode()


def _column(element: str, values: list[int]) -> bytes:
    """Return numbers as a column."""
    return np.array(values, element).tobytes()
