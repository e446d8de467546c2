"""Reading: every byte that is handed out was compared with its digest first."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from holdfast.contracts import Entry, Index, ReadableFile
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    InvalidArgumentError,
    NotFoundError,
    UnsupportedCheckpointError,
)
from holdfast_npz import layout
from holdfast_npz.arrays import bytes_of, split_strings, swap_if_big
from holdfast_npz.index import ArrayMember, IndexParser, StoredTensor
from holdfast_npz.tail import read_tail
from holdfast_npz.zip_records import DEFLATED


class NpzReader:
    """Implementation of :class:`holdfast.contracts.Reader`.

    Parameters
    ----------
    file
        The open file; whoever opened it closes it.
    """

    def __init__(self, file: ReadableFile) -> None:
        self._file = file
        parser = IndexParser(file.path, read_tail(file))
        self._tensors = parser.tensors()
        self._metadata = parser.metadata()
        self._entries = {name: tensor.entry for name, tensor in self._tensors.items()}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata."""
        return MappingProxyType(self._metadata)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All tensors by name, in stored order."""
        return MappingProxyType(self._entries)

    def close(self) -> None:
        """Release nothing: the file belongs to whoever opened it."""

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor or a region of it."""
        tensor = self._tensors.get(name)
        if tensor is None:
            raise NotFoundError(None, None, f"Key {name[:200]!a} not found in checkpoint {self._file.path}")
        shape = tensor.entry.shape
        region = tuple(slice(0, size) for size in shape) if index is None else _bounded(index, shape, name)
        try:
            result = self._destination(name, tensor, tuple(part.stop - part.start for part in region), out)
            if tensor.offsets is not None:
                result[...] = self._strings(name, tensor, tensor.offsets)[region]
            elif region == tuple(slice(0, size) for size in shape):
                self._fill(tensor.values, 0, bytes_of(result), whole=True)
                swap_if_big(result)
            elif result.size:
                self._fill_region(tensor, region, result)
        except MemoryError as error:
            raise CheckpointLimitError(
                path=self._file.path,
                field=f"size of tensor {name}",
                found=f"{tensor.entry.nbytes:,} bytes",
                expected="what fits into memory",
            ) from error
        if tensor.entry.dtype.name == "bool" and result.view(np.uint8).max(initial=0) > 1:
            raise self._fault(f"values of tensor {name}", "bytes other than 0 and 1", "0 or 1 for each bool")
        return result

    def _fault(self, field: str, found: object, expected: object, offset: int | None = None) -> CorruptCheckpointError:
        return CorruptCheckpointError(path=self._file.path, field=field, found=found, expected=expected, offset=offset)

    def _destination(
        self, name: str, tensor: StoredTensor, shape: tuple[int, ...], out: NDArray[Any] | None
    ) -> NDArray[Any]:
        """Return the array that the values go to."""
        try:
            dtype = np.dtype(tensor.entry.dtype.as_numpy_dtype)
        except TypeError as error:
            raise UnsupportedCheckpointError(
                path=self._file.path,
                field=f"dtype of tensor {name}",
                found=tensor.entry.dtype.name,
                expected="a dtype that is installed",
                advice=str(error),
            ) from error
        if out is None:
            return np.empty(shape, dtype)
        if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
            raise InvalidArgumentError(
                None,
                None,
                f"Tensor {name!r} is read into out, a {out.dtype} array of shape {list(out.shape)}; expected a "
                f"writable, "
                f"C-contiguous {dtype} array of shape {list(shape)}.",
            )
        return out

    def _fill_region(self, tensor: StoredTensor, region: Index, result: NDArray[Any]) -> None:
        """Read the rows that a region lies in, and take the region out of them."""
        shape, start = tensor.entry.shape, 0
        depth = 0
        # Leading dimensions of which one index is wanted only move the start.
        while depth < len(shape) and region[depth].stop - region[depth].start == 1:
            start += region[depth].start * math.prod(shape[depth + 1 :])
            depth += 1
        rows = region[depth] if depth < len(shape) else slice(0, 1)
        inner = shape[depth + 1 :]
        start += rows.start * math.prod(inner) if depth < len(shape) else 0
        lines = np.empty((rows.stop - rows.start, *inner), result.dtype)
        self._fill(tensor.values, start * lines.dtype.itemsize, bytes_of(lines))
        result[...] = swap_if_big(lines)[(slice(None), *region[depth + 1 :])].reshape(result.shape)

    def _strings(self, name: str, tensor: StoredTensor, where: ArrayMember) -> NDArray[Any]:
        """Return all strings of a tensor."""
        offsets = np.empty(where.nbytes // 8, np.uint64)
        self._fill(where, 0, bytes_of(offsets), whole=True)
        swap_if_big(offsets)
        total = tensor.entry.nbytes
        if offsets[0] != 0 or offsets[-1] != total or bool((offsets[1:] < offsets[:-1]).any()):
            raise self._fault(f"offsets of tensor {name}", "other offsets", f"offsets that grow from 0 to {total}")
        data = bytearray(total)
        self._fill(tensor.values, 0, memoryview(data), whole=True)
        return split_strings(bytes(data), offsets, tensor.entry.shape)

    def _fill(self, source: ArrayMember, start: int, target: memoryview, *, whole: bool = False) -> None:
        """Copy the bytes from `start` of a member's data to `target`; `whole` checks all of its blocks."""
        if source.member.method == DEFLATED:
            self._inflate(source, start, target, whole=whole)
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

    def _inflate(self, source: ArrayMember, start: int, target: memoryview, *, whole: bool) -> None:
        """Unpack a deflated member as far as it is wanted."""
        name, position, end = source.member.name, -len(source.header), start + len(target)
        header = bytearray()
        for data in self._unpacked(source):
            if position < 0:
                taken = min(-position, len(data))
                header += data[:taken]
                data, position = data[taken:], position + taken  # noqa: PLW2901  # what is left of it
                if position == 0:
                    self._check_array_header(source, bytes(header))
            low, high = max(start, position), min(end, position + len(data))
            if low < high:
                target[low - start : high - start] = data[low - position : high - position]
            position += len(data)
            if position >= end and not whole:
                return
        if position != source.nbytes:
            found = f"{position:,} bytes"
            raise self._fault(f"size of member {name}", found, f"{source.nbytes:,}", source.member.offset)

    def _unpacked(self, source: ArrayMember) -> Iterator[memoryview]:
        """Yield what a deflated member unpacks to, never more than its size and one byte."""
        decoder, left = zlib.decompressobj(-zlib.MAX_WBITS), source.member.size + 1
        for number in range(len(source.digests) // 16):
            data = self._block(source, number)[0 if number else source.member.header_length :]
            while data:
                try:
                    found = decoder.decompress(data, min(left, layout.BLOCK_BYTES))
                except zlib.error as error:
                    raise self._fault(f"member {source.member.name}", error, "a deflate stream") from error
                left -= len(found)
                yield memoryview(found)
                if left <= 0 or decoder.unused_data:
                    raise self._fault(f"member {source.member.name}", "more data", f"{source.member.size:,} bytes")
                data = decoder.unconsumed_tail
        # What the last piece of input unpacks to may exceed the limit of one call.
        while not decoder.eof and (found := decoder.decompress(b"", min(left, layout.BLOCK_BYTES))):
            left -= len(found)
            yield memoryview(found)
            if left <= 0:
                raise self._fault(f"member {source.member.name}", "more data", f"{source.member.size:,} bytes")
        if not decoder.eof:
            raise self._fault(f"member {source.member.name}", "a deflate stream without its end", "its end")


def _bounded(index: Index, shape: tuple[int, ...], name: str) -> Index:
    """Return an index with its bounds filled in."""
    bounds = [part.indices(size) for part, size in zip(index, shape, strict=False)]
    if len(index) != len(shape) or any(step != 1 for _, _, step in bounds):
        raise InvalidArgumentError(
            None,
            None,
            f"Tensor {name!r} of shape {list(shape)} is read with one slice of step 1 a dimension, not {index}.",
        )
    return tuple(slice(start, max(start, stop)) for start, stop, _ in bounds)
