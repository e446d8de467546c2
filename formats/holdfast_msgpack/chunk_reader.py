"""From stored chunks to bytes of the stream: the digest first, then decoding, straight into its place."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import xxhash
import zstandard
from numpy.typing import NDArray

from holdfast.contracts import MappableFile, ReadableFile
from holdfast.errors import CorruptCheckpointError
from holdfast_msgpack import layout
from holdfast_msgpack.chunk_table import Chunk, ChunkTable
from holdfast_msgpack.index import check_padding, refuse_padding
from holdfast_msgpack.planes import join_planes
from holdfast_msgpack.workers import Workers

Bytes = NDArray[np.uint8]

_KEPT_BYTES = 8 << 20
# Less than this is not worth waking another thread for.
_LEAST_SHARED_BYTES = 1 << 20


class Stretch(NamedTuple):
    """A stretch of the stream and where its bytes go."""

    start: int
    """Where it begins in the stream."""
    target: Bytes
    """Its place, of its length."""


class ChunkReader:
    """Reads stretches of the stream. May be used by several threads.

    Parameters
    ----------
    file
        The file.
    chunks
        Its chunks, checked.
    threads
        Threads that read, check and decode.
    """

    def __init__(self, file: ReadableFile, chunks: ChunkTable, threads: int) -> None:
        self._file = file
        self._chunks = chunks
        self._local = threading.local()
        self._kept: OrderedDict[int, Bytes] = OrderedDict()
        self._kept_bytes = 0
        self._guard = threading.Lock()
        # The ability to be read by several threads at once, see ConcurrentFile; isinstance would take 50 microseconds.
        at_once: int = getattr(file, "concurrent_reads", 1)
        self._turn: AbstractContextManager[object] = nullcontext() if at_once > 1 else threading.Lock()
        if at_once > 1:
            threads = min(threads, at_once)
        self._workers = Workers(threads)

    def close(self) -> None:
        """Let go of threads and memory."""
        self._workers.close()
        with self._guard:
            self._kept.clear()
            self._kept_bytes = 0

    def read(self, stretches: list[Stretch]) -> None:
        """Fill all of them; chunks that lie in one as a whole are decoded in its place."""
        whole: list[tuple[Chunk, Bytes]] = []
        total = 0
        for start, target in stretches:
            stop = start + len(target)
            number = self._chunks.at(start)
            while start < stop:
                chunk = self._chunks[number]
                length = min(stop, chunk.stop) - start
                piece, target = target[:length], target[length:]  # noqa: PLW2901  # what is left of it
                if length == chunk.decoded:
                    whole.append((chunk, piece))
                    total += length
                else:
                    piece[:] = self._decoded(chunk)[start - chunk.start : start - chunk.start + length]
                start, number = start + length, number + 1  # noqa: PLW2901
        if total >= _LEAST_SHARED_BYTES:
            self._workers.for_each(self._fill, whole)
        else:
            for item in whole:
                self._fill(item)

    def chunk(self, number: int) -> tuple[int, Bytes]:
        """Return where a chunk begins in the stream and what it decodes to, which must not be written to."""
        chunk = self._chunks[number]
        return chunk.start, self._decoded(chunk)

    def _decoded(self, chunk: Chunk) -> Bytes:
        """Return a decoded chunk; the last few are kept, for tensors that share one."""
        with self._guard:
            kept = self._kept.get(chunk.number)
            if kept is not None:
                self._kept.move_to_end(chunk.number)
                return kept
        decoded = np.empty(chunk.decoded, np.uint8)
        self._fill((chunk, decoded))
        with self._guard:
            if chunk.number not in self._kept:
                self._kept[chunk.number] = decoded
                self._kept_bytes += len(decoded)
            while self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        return decoded

    def map(self, start: int, size: int) -> Bytes | None:
        """Return a stretch of the stream as private, writable memory of the file; None where it is not stored so."""
        if not isinstance(self._file, MappableFile):
            return None
        chunks: list[Chunk] = []
        number, stop = self._chunks.at(start), start + size
        while start < stop:
            chunk = self._chunks[number]
            if chunk.codec != layout.RAW or chunk.start != start or chunk.stop > stop or (chunks and chunk.padding):
                return None
            chunks.append(chunk)
            start, number = chunk.stop, number + 1
        memory = np.frombuffer(self._file.map(chunks[0].offset, size), np.uint8)
        pieces = [(chunk, memory[chunk.start - chunks[0].start :][: chunk.decoded]) for chunk in chunks]
        self._workers.for_each(self._check_mapped, pieces)
        return memory

    def _check_mapped(self, item: tuple[Chunk, Bytes]) -> None:
        chunk, stored = item
        self._check_padding(chunk)
        self._check(chunk, stored)

    def _fill(self, item: tuple[Chunk, Bytes]) -> None:
        """Read, check and decode a chunk."""
        chunk, target = item
        if chunk.codec == layout.RAW:
            self._check_padding(chunk)
            with self._turn:
                self._file.read_into(chunk.offset, target.data)
            self._check(chunk, target)
            return
        scratch = self._scratch(chunk.padding + chunk.stored)
        with self._turn:
            self._file.read_into(chunk.offset - chunk.padding, scratch.data)
        refuse_padding(self._file, chunk.offset - chunk.padding, scratch[: chunk.padding].tobytes())
        stored = scratch[chunk.padding :]
        self._check(chunk, stored)
        if chunk.codec == layout.ZSTD:
            target[:] = self._unpack(chunk, stored, chunk.decoded)
        else:
            self._join(chunk, stored, target)

    def _scratch(self, length: int) -> Bytes:
        """Return memory of this thread's."""
        found: Bytes | None = getattr(self._local, "scratch", None)
        if found is None or len(found) < length:
            found = np.empty(max(length, layout.PAGE_ALIGNED_BYTES), np.uint8)
            self._local.scratch = found
        return found[:length]

    def _check_padding(self, chunk: Chunk) -> None:
        with self._turn:
            check_padding(self._file, chunk.offset - chunk.padding, chunk.padding)

    def _check(self, chunk: Chunk, stored: Bytes) -> None:
        """Compare a chunk with its digest."""
        found = xxhash.xxh3_128_digest(stored.data)
        if found != chunk.digest:
            raise self._fault(chunk, "digest", found.hex(), chunk.digest.hex())

    def _fault(self, chunk: Chunk, what: str, found: object, expected: object) -> CorruptCheckpointError:
        return CorruptCheckpointError(
            path=self._file.path,
            field=f"{what} of chunk {chunk.number}",
            found=found,
            expected=expected,
            offset=chunk.offset,
        )

    def _join(self, chunk: Chunk, stored: Bytes, target: Bytes) -> None:
        """Put the planes of a chunk together."""
        length = chunk.decoded // len(chunk.planes)
        planes: list[Bytes] = []
        start = 0
        for size in chunk.planes:
            plane = stored[start : start + size]
            planes.append(plane if size == length else self._unpack(chunk, plane, length))
            start += size
        join_planes(planes, target)

    def _unpack(self, chunk: Chunk, stored: Bytes, length: int) -> Bytes:
        """Unpack a zstd frame. Its header is compared first: zstandard believes whatever size stands there."""
        data = stored.data
        try:
            parameters = zstandard.get_frame_parameters(data)
            found = f"{parameters.content_size:,} bytes"
            if data[:4] != layout.ZSTD_MAGIC:
                raise self._fault(chunk, "zstd frame", "a skippable frame", "a frame with data")
            if parameters.content_size != length:
                raise self._fault(chunk, "size in the zstd frame", found, f"{length:,} bytes, as in the index")
            if parameters.dict_id:
                raise self._fault(chunk, "dictionary of the zstd frame", parameters.dict_id, "none")
            if parameters.window_size > layout.MOST_WINDOW_BYTES:
                window = f"{parameters.window_size:,} bytes"
                raise self._fault(chunk, "window of the zstd frame", window, f"at most {layout.MOST_WINDOW_BYTES:,}")
            unpacked = self._decompressor().decompress(data, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise self._fault(chunk, "zstd frame", error, "one whole frame and nothing else") from error
        if len(unpacked) != length:
            raise self._fault(chunk, "size of the zstd frame", f"{len(unpacked):,} bytes", f"{length:,}")
        return np.frombuffer(unpacked, np.uint8)

    def _decompressor(self) -> zstandard.ZstdDecompressor:
        """Return this thread's decompressor."""
        found: zstandard.ZstdDecompressor | None = getattr(self._local, "decompressor", None)
        if found is None:
            found = zstandard.ZstdDecompressor()
            self._local.decompressor = found
        return found
