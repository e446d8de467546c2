"""npz checkpoints made of arbitrary members, with every digest right: for files that no honest writer makes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import xxhash

from holdfast_npz import layout
from holdfast_npz.zip_records import DEFLATED, STORED, Member, end64_records, end_record, read_entry


class Forge:
    """Makes files of arbitrary members and seals them with the right digests."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.members: list[Member] = []
        self.digests = b""
        self.member(layout.FORMAT_MEMBER, layout.FORMAT_TEXT % 1)

    def member(self, name: str, contents: bytes, *, method: int = STORED, size: int | None = None) -> Forge:
        """Add a member."""
        stored = contents
        if method == DEFLATED:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            stored = packer.compress(contents) + packer.flush()
        return self.record(name, method, zlib.crc32(contents), stored, len(contents) if size is None else size)

    def record(self, name: str, method: int, crc: int, stored: bytes, size: int) -> Forge:
        """Add a member of which every fact may be a lie."""
        member = Member(name, method, crc, len(stored), size, len(self.data))
        self.members.append(member)
        self.data += member.local_header() + stored
        return self

    def digest(self) -> Forge:
        """Add the digests of the last member."""
        record = bytes(self.data[self.members[-1].offset :])
        for low in range(0, len(record), layout.BLOCK_BYTES):
            self.digests += xxhash.xxh3_128_digest(record[low : low + layout.BLOCK_BYTES])
        return self

    def array(self, name: str, header: bytes, data: bytes, **more: Any) -> Forge:
        """Add a member that holds an array, with its digests."""
        return self.member(name, header + data, **more).digest()

    def seal(
        self,
        index: str | bytes,
        metadata: bytes = b"{}",
        change: Callable[[bytes], bytes] = lambda directory: directory,
    ) -> bytes:
        """Add index, metadata, digests and the end; `change` forges the central directory."""
        start = len(self.data)
        self.member(layout.INDEX_MEMBER, index.encode() if isinstance(index, str) else index)
        self.member(layout.METADATA_MEMBER, metadata)
        count = len(self.digests) // 16
        self.member(layout.DIGESTS_MEMBER, layout.array_header("|u1", (count, 16)) + self.digests)
        offset = len(self.data)
        directory = change(b"".join(member.central_header() for member in self.members))
        self.data += directory + end64_records(len(self.members), offset, len(directory))
        comment = layout.COMMENT % (1, start, xxhash.xxh3_128_intdigest(bytes(self.data[start:])))
        return bytes(self.data + end_record(len(self.members), offset, len(directory), comment))


@dataclass
class Record:
    """One member, taken apart."""

    name: str
    method: int
    crc: int
    stored: bytes
    size: int


@dataclass
class Parts:
    """An archive in parts."""

    records: list[Record]
    """The members of tensors."""
    index: bytes
    metadata: bytes

    def seal(self) -> bytes:
        """Return the file."""
        forge = Forge()
        for record in self.records:
            forge.record(record.name, record.method, record.crc, record.stored, record.size).digest()
        return forge.seal(self.index, self.metadata)


def take_apart(data: bytes) -> Parts:
    """Return the parts of an archive, sound or not; ValueError where it has none."""
    end = data.rfind(b"PK\x05\x06")
    if not 0 <= end <= len(data) - 22:
        raise ValueError("no end record")
    [position] = struct.unpack_from("<I", data, end + 16)
    records = []
    while (raw := read_entry(data, position)) is not None:
        start = raw.offset + 30 + len(raw.name)
        name, stored = raw.name.decode(errors="replace"), data[start : start + raw.stored]
        records.append(Record(name, raw.method, raw.crc, stored, raw.size))
        position += raw.length
    if len(records) < 4:
        raise ValueError("no members")
    return Parts(records[1:-3], records[-3].stored, records[-2].stored)
