"""The index: which members hold which tensor, checked entry by entry."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from holdfast.contracts import MAX_METADATA_BYTES, Entry
from holdfast.dtypes import as_dtype
from holdfast.errors import CheckpointLimitError, CorruptCheckpointError, UnsupportedCheckpointError
from holdfast_npz import layout
from holdfast_npz.tail import Tail
from holdfast_npz.zip_records import DEFLATED, Member

_MOST_LINE_BYTES = 1 << 14
_MOST_NAME_BYTES = 1024


@dataclass(frozen=True, slots=True)
class ArrayMember:
    """A member that holds an array, and the digests of its blocks."""

    member: Member
    """The member."""
    header: bytes
    """The header that its array must have."""
    digests: bytes
    """16 bytes a block."""

    @property
    def start(self) -> int:
        """Bytes from the start of the record to the data, if they are stored plainly."""
        return self.member.header_length + len(self.header)

    @property
    def nbytes(self) -> int:
        """Bytes of the data."""
        return self.member.size - len(self.header)

    @property
    def length(self) -> int:
        """Bytes of the record."""
        return self.member.end - self.member.offset


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor."""

    entry: Entry
    """What it is."""
    values: ArrayMember
    """Its values; of strings, all their bytes."""
    offsets: ArrayMember | None
    """Of strings, where each begins and the last ends."""


class IndexParser:
    """Reads index, digests and metadata of a tail.

    Parameters
    ----------
    path
        The file, for messages.
    tail
        The tail.
    """

    def __init__(self, path: str, tail: Tail) -> None:
        self._path = path
        self._tail = tail
        self._members = iter(tail.members[1:-3])
        self._digests = self._digest_blocks()
        self._used = 0

    def _fault(self, field: str, found: object, expected: object) -> CorruptCheckpointError:
        return CorruptCheckpointError(path=self._path, field=field, found=found, expected=expected)

    def tensors(self) -> dict[str, StoredTensor]:
        """Return all tensors by name; every member and every digest belongs to one of them."""
        found: dict[str, StoredTensor] = {}
        for position, line in enumerate(self._lines()):
            name, tensor = self._tensor(position, line)
            if name in found:
                raise self._fault("name of a tensor", name, "a name that no other tensor has")
            found[name] = tensor
        if (extra := next(self._members, None)) is not None:
            raise self._fault("members", extra.name, "no member without a tensor")
        if self._used != len(self._digests):
            raise self._fault("digests", f"{len(self._digests) // 16} blocks", f"{self._used // 16}")
        return found

    def metadata(self) -> dict[str, Any]:
        """Return the metadata."""
        return parse_metadata(self._path, self._tail.metadata)

    def _digest_blocks(self) -> bytes:
        """Return the digests of all blocks, one after the other."""
        contents = self._tail.digests
        for length in (64, 128):
            count, rest = divmod(len(contents) - length, 16)
            if not rest and count >= 0 and contents[:length] == layout.array_header("|u1", (count, 16)):
                return contents[length:]
        raise self._fault("digests", contents[:64], "an array of uint8, 16 a block")

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of the index."""
        text, start = self._tail.index, 0
        while start < len(text):
            end = text.find(b"\n", start, start + _MOST_LINE_BYTES)
            if end < 0:
                raise self._fault("index", text[start : start + 64], "a line of JSON")
            yield text[start:end]
            start = end + 1

    def _tensor(self, position: int, line: bytes) -> tuple[str, StoredTensor]:
        """Read one line and take the members that belong to it."""
        fields = _parsed(self._path, "index", line)
        if not isinstance(fields, list) or len(fields) not in {3, 4}:
            raise self._fault("index", line[:200], "[name, dtype, shape]")
        name, dtype, shape, *rest = fields
        if not isinstance(name, str) or not name or len(name.encode(errors="surrogatepass")) > _MOST_NAME_BYTES:
            raise self._fault("name of a tensor", name, "a text of 1 to 1,024 bytes")
        if dtype != "string" and (not isinstance(dtype, str) or dtype not in layout.STORED):
            raise UnsupportedCheckpointError(
                path=self._path, field=f"dtype of tensor {name}", found=dtype, expected="a dtype that holdfast knows"
            )
        sizes = self._shape(name, shape)
        total = rest[0] if rest else None
        if (total is not None) != (dtype == "string") or (rest and (type(total) is not int or total < 0)):
            raise self._fault(f"entry of tensor {name}", line[:200], "a number of bytes for strings, and only for them")
        if total is not None:
            return name, self._strings(position, name, sizes, total)
        description = layout.STORED[dtype]
        values = self._array(layout.member_name(position, name), description, sizes)
        nbytes = math.prod(sizes) * np.dtype(description).itemsize
        return name, self._stored(name, dtype, sizes, nbytes, values, None)

    def _shape(self, name: str, shape: Any) -> tuple[int, ...]:
        """Check a shape; it must be one that an array can have."""
        if not isinstance(shape, list) or len(shape) > layout.MOST_DIMENSIONS:
            raise self._fault(f"shape of tensor {name}", shape, "a list of at most 64 sizes")
        if any(type(size) is not int or size < 0 for size in shape):
            raise self._fault(f"shape of tensor {name}", shape, "sizes from 0 on")
        if math.prod(max(size, 1) for size in shape) * 16 > layout.MOST_BYTES:
            raise self._fault(f"shape of tensor {name}", shape, "sizes whose product fits into memory")
        return tuple(shape)

    def _strings(self, position: int, name: str, shape: tuple[int, ...], total: int) -> StoredTensor:
        """Take the two members of a tensor of strings."""
        values = self._array(layout.member_name(position, name), "|u1", (total,))
        offsets = self._array(layout.offsets_name(position), "<u8", (math.prod(shape) + 1,))
        if values.nbytes != total:
            raise self._fault(f"size of tensor {name}", f"{values.nbytes:,} bytes", f"{total:,}")
        return self._stored(name, "string", shape, total, values, offsets)

    def _stored(
        self,
        name: str,
        dtype: str,
        shape: tuple[int, ...],
        nbytes: int,
        values: ArrayMember,
        offsets: ArrayMember | None,
    ) -> StoredTensor:
        """Put a tensor together."""
        stored = values.member.stored + (offsets.member.stored if offsets is not None else 0)
        codec = "deflate" if values.member.method == DEFLATED else "stored"
        if offsets is None and values.nbytes != nbytes:
            raise self._fault(f"size of tensor {name}", f"{values.nbytes:,} bytes", f"{nbytes:,}")
        entry = Entry(dtype=as_dtype(dtype), shape=shape, nbytes=nbytes, stored_nbytes=stored, codec=codec)
        return StoredTensor(entry, values, offsets)

    def _array(self, name: str, description: str, shape: tuple[int, ...]) -> ArrayMember:
        """Take the next member, which must have this name and the size of this array."""
        member = next(self._members, None)
        if member is None or member.name != name:
            raise self._fault("members", "none" if member is None else member.name, name)
        header = layout.array_header(description, shape)
        expected = len(header) + math.prod(shape) * np.dtype(description).itemsize
        if member.size != expected:
            raise self._fault(f"size of member {name}", f"{member.size:,} bytes", f"{expected:,}")
        start = self._used
        self._used += 16 * -(-(member.end - member.offset) // layout.BLOCK_BYTES)
        if self._used > len(self._digests):
            raise self._fault("digests", f"{len(self._digests) // 16} blocks", f"at least {self._used // 16}")
        return ArrayMember(member, header, self._digests[start : self._used])


def parse_metadata(path: str, text: bytes) -> dict[str, Any]:
    """Return the metadata that stands in a text."""
    if len(text) > 6 * MAX_METADATA_BYTES:  # each byte may be escaped as \\u00xx
        found = f"{len(text):,} bytes"
        raise CheckpointLimitError(path=path, field="metadata", found=found, expected="at most 1 MiB of JSON")
    value = _parsed(path, "metadata", text)
    if not isinstance(value, dict):
        raise CorruptCheckpointError(path=path, field="metadata", found=type(value).__name__, expected="a JSON object")
    return value


def _parsed(path: str, field: str, text: bytes) -> Any:
    """Decode JSON under limits."""
    try:
        return json.loads(text.decode("ascii"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        found = str(error) or "JSON that is nested too deeply"
        raise CorruptCheckpointError(path=path, field=field, found=found, expected="JSON in ASCII") from error


def _unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """Refuse an object with a key twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return result


def _refuse_constant(text: str) -> NoReturn:
    """Refuse NaN and infinities."""
    raise ValueError(f"{text} is no JSON")
