"""The records of a zip archive in the one form that this format allows, after PKWARE's APPNOTE 6.3.

A record is made from the few facts of a :class:`Member`; a reader makes it again and compares, so that nothing in it
is left unchecked.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

STORED = 0
DEFLATED = 8

ZIP64 = 0xFFFFFFFF
"""Sizes and offsets from here on stand in a zip64 field."""
_MOST_MEMBERS = 0xFFFF
_UTF8 = 0x800
_DATE = 0x21  # 1 January 1980, the first day that zip knows: equal contents make equal files

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")

LOCAL_MAGIC = b"PK\x03\x04"
CENTRAL_MAGIC = b"PK\x01\x02"
END_MAGIC = b"PK\x05\x06"
END_LENGTH = _END.size
CENTRAL_LENGTH = _CENTRAL.size


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the archive."""

    name: str
    """Its name."""
    method: int
    """:data:`STORED` or :data:`DEFLATED`."""
    crc: int
    """CRC-32 of its contents."""
    stored: int
    """Bytes in the file."""
    size: int
    """Bytes of its contents."""
    offset: int
    """Where its local header begins."""

    @property
    def header_length(self) -> int:
        """Bytes of the local header."""
        return _LOCAL.size + len(self.name.encode()) + (20 if self._large else 0)

    @property
    def end(self) -> int:
        """Where the next member begins."""
        return self.offset + self.header_length + self.stored

    @property
    def _large(self) -> bool:
        """Whether the sizes need a zip64 field."""
        return self.size >= ZIP64 or self.stored >= ZIP64

    def local_header(self) -> bytes:
        """Return the local header."""
        name = self.name.encode()
        extra = struct.pack("<2H2Q", 1, 16, self.size, self.stored) if self._large else b""
        sizes = (ZIP64, ZIP64) if self._large else (self.stored, self.size)
        version = 45 if self._large else 20
        fixed = _LOCAL.pack(
            LOCAL_MAGIC, version, _flags(name), self.method, 0, _DATE, self.crc, *sizes, len(name), len(extra)
        )
        return fixed + name + extra

    def central_header(self) -> bytes:
        """Return the entry of the central directory."""
        name = self.name.encode()
        far = self.offset >= ZIP64
        numbers = [self.size, self.stored] * self._large + [self.offset] * far
        extra = struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
        sizes = (ZIP64, ZIP64) if self._large else (self.stored, self.size)
        version = 45 if numbers else 20
        texts = (len(name), len(extra), 0)
        fixed = _CENTRAL.pack(
            CENTRAL_MAGIC, version, version, _flags(name), self.method, 0, _DATE, self.crc, *sizes, *texts, 0, 0, 0,
            ZIP64 if far else self.offset,
        )  # fmt: skip
        return fixed + name + extra


def _flags(name: bytes) -> int:
    """Return the general purpose flags."""
    return 0 if name.isascii() else _UTF8


def end64_records(members: int, offset: int, length: int) -> bytes:
    """Return the zip64 records that stand between central directory and end record; empty where they are not needed."""
    if members < _MOST_MEMBERS and offset < ZIP64 and length < ZIP64:
        return b""
    record = _END64.pack(b"PK\x06\x06", _END64.size - 12, 45, 45, 0, 0, members, members, length, offset)
    return record + _LOCATOR.pack(b"PK\x06\x07", 0, offset + length, 1)


def end_record(members: int, offset: int, length: int, comment: bytes) -> bytes:
    """Return the end record with the archive's comment."""
    count = min(members, _MOST_MEMBERS)
    return _END.pack(END_MAGIC, 0, 0, count, count, min(length, ZIP64), min(offset, ZIP64), len(comment)) + comment


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry of the central directory as it stands there, before anything in it is believed."""

    name: bytes
    flags: int
    method: int
    crc: int
    stored: int
    size: int
    offset: int
    length: int
    """Bytes that it takes in the directory."""


def read_entry(directory: bytes, start: int) -> RawEntry | None:
    """Read one entry of a central directory; None where there is none."""
    if len(directory) - start < _CENTRAL.size:
        return None
    fields: Sequence[int] = _CENTRAL.unpack_from(directory, start)
    if directory[start : start + 4] != CENTRAL_MAGIC:
        return None
    _, _, _, flags, method, _, _, crc, stored, size, name_length, extra_length, comment_length, _, _, _, offset = fields
    end = start + _CENTRAL.size + name_length + extra_length + comment_length
    if end > len(directory):
        return None
    name = directory[start + _CENTRAL.size : start + _CENTRAL.size + name_length]
    extra = directory[start + _CENTRAL.size + name_length : start + _CENTRAL.size + name_length + extra_length]
    numbers = [number for (number,) in struct.iter_unpack("<Q", extra[4:])] if len(extra) % 8 == 4 else []
    if size == stored == ZIP64 and len(numbers) >= 2:
        size, stored, numbers = numbers[0], numbers[1], numbers[2:]
    if offset == ZIP64 and numbers:
        offset = numbers[0]
    return RawEntry(name, flags, method, crc, stored, size, offset, end - start)


def read_local(data: bytes, start: int, name: str) -> Member | None:
    """Read a local header that this format could have written for a stored member `name`; None if it is another."""
    if len(data) - start < _LOCAL.size:
        return None
    _, _, _, _, _, _, crc, _, size, _, _ = _LOCAL.unpack_from(data, start)
    member = Member(name, STORED, crc, size, size, start)
    return member if data.startswith(member.local_header(), start) else None
