"""Writing: one pass over each tensor for checksum and digest, one for the file."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import xxhash

from holdfast.contracts import TensorSource, WritableFile
from holdfast.errors import AbortedError, InvalidArgumentError
from holdfast_npz import layout
from holdfast_npz.arrays import bytes_of
from holdfast_npz.values import Packing, Values
from holdfast_npz.zip_records import DEFLATED, STORED, Member, end64_records, end_record

# Unpacking costs time at every read; what gains less is stored as it is.
_WORTH_IT = 0.97


def check_source(source: TensorSource) -> None:
    """Refuse what the format cannot hold, before anything is written."""
    if source.dtype.name != "string" and source.dtype.name not in layout.STORED:
        raise InvalidArgumentError(
            None, None, f"Tensor {source.name!r} has dtype {source.dtype.name}, which format npz cannot hold."
        )
    if len(source.shape) > layout.MOST_DIMENSIONS:
        raise InvalidArgumentError(
            None, None, f"Tensor {source.name!r} has {len(source.shape)} dimensions; format npz holds at most 64."
        )


class _Digests:
    """Digests of the blocks of a member, taken as its bytes pass by."""

    def __init__(self) -> None:
        self.found = bytearray()
        self._hasher = xxhash.xxh3_128()
        self._room = layout.BLOCK_BYTES

    def update(self, data: memoryview) -> None:
        """Take the next bytes."""
        while len(data) >= self._room:
            self._hasher.update(data[: self._room])
            data = data[self._room :]
            self._end_block()
        self._hasher.update(data)
        self._room -= len(data)

    def _end_block(self) -> None:
        """Keep the digest of a block and begin the next."""
        self.found += self._hasher.digest()
        self._hasher.reset()
        self._room = layout.BLOCK_BYTES

    def finish(self) -> bytes:
        """Return all digests; the last block may be short."""
        if self._room < layout.BLOCK_BYTES:
            self._end_block()
        return bytes(self.found)


class NpzWriter:
    """Writes one archive from start to end.

    Parameters
    ----------
    file
        Where to.
    level
        Level of deflate, or None.
    """

    def __init__(self, file: WritableFile, level: int | None) -> None:
        self._file = file
        self._level = level
        self._members: list[Member] = []
        self._lines: list[str] = []
        self._digests = bytearray()
        self._raw(layout.FORMAT_MEMBER, layout.FORMAT_TEXT % layout.VERSION)

    def add(self, source: TensorSource) -> None:
        """Write a tensor."""
        position, shape, dtype = len(self._lines), list(source.shape), source.dtype.name
        name = layout.member_name(position, source.name)
        values = Values(source)
        if dtype != "string":
            self._lines.append(_line([source.name, dtype, shape]))
            self._array(name, layout.STORED[dtype], source.shape, values)
            return
        nbytes = source.nbytes
        self._lines.append(_line([source.name, "string", shape, nbytes]))
        self._array(name, "|u1", (nbytes,), values)
        offsets = values.offsets
        self._array(layout.offsets_name(position), "<u8", offsets.shape, [bytes_of(offsets)])

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Write index, metadata, digests, the central directory and the end."""
        start = self._file.tell()
        tail = xxhash.xxh3_128()
        digests = np.frombuffer(bytes(self._digests), np.uint8).reshape(-1, 16)
        text = json.dumps(metadata, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
        for piece in (
            self._raw(layout.INDEX_MEMBER, "".join(self._lines).encode("ascii")),
            self._raw(layout.METADATA_MEMBER, text.encode("ascii")),
            self._raw(layout.DIGESTS_MEMBER, layout.array_header("|u1", digests.shape) + digests.tobytes()),
        ):
            tail.update(piece)
        offset = self._file.tell()
        directory = b"".join(member.central_header() for member in self._members)
        directory_and_end = directory + end64_records(len(self._members), offset, len(directory))
        tail.update(directory_and_end)
        comment = layout.COMMENT % (layout.VERSION, start, tail.intdigest())
        self._file.write(directory_and_end)
        self._file.write(end_record(len(self._members), offset, len(directory), comment))

    def _raw(self, name: str, contents: bytes) -> bytes:
        """Write a member of the format's own and return its record."""
        size = len(contents)
        member = Member(name, STORED, zlib.crc32(contents), size, size, self._file.tell())
        record = member.local_header() + contents
        self._file.write(record)
        self._members.append(member)
        return record

    def _array(self, name: str, description: str, shape: tuple[int, ...], values: Values | list[memoryview]) -> None:
        """Write a member that holds an array; the values are gone through twice, for the checksum and for the file."""
        header = memoryview(layout.array_header(description, shape))
        size, crc = len(header) + math.prod(shape) * np.dtype(description).itemsize, 0
        packing = None
        pieces: Iterable[memoryview] = chain([header], values)
        if self._level is not None:
            packing = Packing(self._level, keep=not isinstance(values, Values) or not values.in_pieces)
            pieces = packing.survey(pieces)
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
        contents: Iterable[bytes | memoryview] = chain([header], values)
        method, stored = STORED, size
        if packing is not None and packing.length < _WORTH_IT * size:
            method, stored, contents = DEFLATED, packing.length, packing.packed(chain([header], values))
        member = Member(name, method, crc, stored, size, self._file.tell())
        digests = _Digests()
        for data in chain([member.local_header()], contents):
            digests.update(memoryview(data))
            self._file.write(data)
        if self._file.tell() != member.end:
            raise AbortedError(None, None, f"The values of member {name!r} changed while they were saved.")
        self._digests += digests.finish()
        self._members.append(member)


def _line(values: list[Any]) -> str:
    """Return a line of the index."""
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")) + "\n"
