"""Members that hold arrays: every byte that is handed out was compared with its digest first."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator

import xxhash

from holdfast.contracts import ReadableFile
from holdfast.errors import CorruptCheckpointError
from holdfast_npz import layout
from holdfast_npz.index import ArrayMember
from holdfast_npz.zip_records import DEFLATED


class MemberReader:
    """Reads the data of members, all of it or a part.

    Parameters
    ----------
    file
        The open file; whoever opened it closes it.
    """

    def __init__(self, file: ReadableFile) -> None:
        self._file = file
        self._guard = threading.Lock()
        self._stream: _Stream | None = None

    def close(self) -> None:
        """Forget what was unpacked."""
        self._stream = None

    def fill(self, source: ArrayMember, start: int, target: memoryview, *, whole: bool = False) -> None:
        """Copy the bytes from `start` of a member's data to `target`; `whole` checks all of its blocks."""
        if source.member.method == DEFLATED:
            self._inflate(source, start, target)
            return
        begin, end = source.start + start, source.start + start + len(target)
        blocks = len(source.digests) // 16
        for number in range(0 if whole else begin // layout.BLOCK_BYTES, blocks):
            low = number * layout.BLOCK_BYTES
            high = min(low + layout.BLOCK_BYTES, source.length)
            if low >= end and not whole:
                break
            if begin <= low and high <= end:  # straight into its place
                piece = target[low - begin : high - begin]
                self._file.read_into(source.member.offset + low, piece)
                self._check(source, number, piece)
                continue
            data = memoryview(self._block(source, number))
            wanted = data[max(begin - low, 0) : max(end - low, 0)]
            target[max(low - begin, 0) : max(low - begin, 0) + len(wanted)] = wanted

    def _fault(self, field: str, found: object, expected: object, offset: int | None = None) -> CorruptCheckpointError:
        return CorruptCheckpointError(path=self._file.path, field=field, found=found, expected=expected, offset=offset)

    def _block(self, source: ArrayMember, number: int) -> bytes:
        """Return a block of a record, its digest checked; the first one also for what the record begins with."""
        low = number * layout.BLOCK_BYTES
        data = self._file.read_at(source.member.offset + low, min(layout.BLOCK_BYTES, source.length - low))
        self._check(source, number, data)
        if number == 0:
            self._check_start(source, data)
        return data

    def _check(self, source: ArrayMember, number: int, data: bytes | memoryview) -> None:
        """Compare a block with its digest."""
        found, expected = xxhash.xxh3_128_digest(data), source.digests[16 * number : 16 * number + 16]
        if found != expected:
            offset = source.member.offset + number * layout.BLOCK_BYTES
            raise self._fault(f"digest of member {source.member.name}", found.hex(), expected.hex(), offset)

    def _check_start(self, source: ArrayMember, data: bytes) -> None:
        """Compare the headers in the first block with those that belong there."""
        member, header = source.member, source.member.local_header()
        if not data.startswith(header):
            raise self._fault(f"local header of member {member.name}", data[: len(header)], header, member.offset)
        if member.method != DEFLATED:
            self._check_array_header(source, data[len(header) : source.start])

    def _check_array_header(self, source: ArrayMember, found: bytes) -> None:
        """Compare the header of an array with the one that its tensor has."""
        if found != source.header:
            expected = source.header.rstrip() + (b" (and not a pickled array)" if b"|O" in found else b"")
            raise self._fault(f"array header of member {source.member.name}", found.rstrip(), expected)

    def _inflate(self, source: ArrayMember, start: int, target: memoryview) -> None:
        """Unpack a deflated member as far as it is wanted, going on from where the last call ended if that helps."""
        with self._guard:
            stream, self._stream = self._stream, None
        if stream is None or stream.source is not source or stream.position > start:
            stream = _Stream(source, self._unpacked(source))
            header = bytearray(len(source.header))
            found = stream.read(memoryview(header))
            self._check_array_header(source, bytes(header[:found]))
            stream.position = 0
        stream.skip(start - stream.position)
        if stream.read(target) == len(target) and stream.position < source.nbytes:
            self._stream = stream
            return
        stream.skip(None)
        if stream.position != source.nbytes:
            found_size = f"{stream.position:,} bytes"
            raise self._fault(
                f"size of member {source.member.name}", found_size, f"{source.nbytes:,}", source.member.offset
            )

    def _unpacked(self, source: ArrayMember) -> Iterator[memoryview]:
        """Yield what a deflated member unpacks to, never more than its size and one byte."""
        name, size = source.member.name, source.member.size
        decoder, left = zlib.decompressobj(-zlib.MAX_WBITS), size + 1
        for number in range(len(source.digests) // 16):
            data = self._block(source, number)[0 if number else source.member.header_length :]
            while data:
                found = self._decompress(decoder, data, left, name)
                left -= len(found)
                yield memoryview(found)
                if left <= 0 or decoder.unused_data:
                    raise self._fault(f"member {name}", "more data", f"{size:,} bytes")
                data = decoder.unconsumed_tail
        # What the last piece of input unpacks to may exceed the limit of one call.
        while not decoder.eof and (found := self._decompress(decoder, b"", left, name)):
            left -= len(found)
            yield memoryview(found)
            if left <= 0:
                raise self._fault(f"member {name}", "more data", f"{size:,} bytes")
        if not decoder.eof:
            raise self._fault(f"member {name}", "a deflate stream without its end", "its end")

    def _decompress(self, decoder: zlib._Decompress, data: bytes, most: int, name: str) -> bytes:
        """Unpack the next bytes, at most a block of them."""
        try:
            return decoder.decompress(data, min(most, layout.BLOCK_BYTES))
        except zlib.error as error:
            raise self._fault(f"member {name}", error, "a deflate stream") from error


class _Stream:
    """What a deflated member unpacks to, from its start to where it was read last."""

    def __init__(self, source: ArrayMember, unpacked: Iterator[memoryview]) -> None:
        self.source = source
        self.position = 0
        self._unpacked = unpacked
        self._rest = memoryview(b"")

    def read(self, target: memoryview) -> int:
        """Fill `target` as far as there is data; return how far."""
        filled = 0
        while filled < len(target) and (piece := self._next(len(target) - filled)):
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled

    def skip(self, count: int | None) -> None:
        """Pass over some bytes, or over all that is left."""
        end = None if count is None else self.position + count
        while (end is None or self.position < end) and self._next(None if end is None else end - self.position):
            pass

    def _next(self, most: int | None) -> memoryview:
        """Return the next bytes, at most so many; none at the end."""
        while not self._rest and (piece := next(self._unpacked, None)) is not None:
            self._rest = piece
        taken = self._rest[:most]
        self._rest = self._rest[len(taken) :]
        self.position += len(taken)
        return taken
