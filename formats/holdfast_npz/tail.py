"""The end of the archive: found, compared with its digest, and read into members."""

from __future__ import annotations

from dataclasses import dataclass

import xxhash

from holdfast.contracts import ReadableFile
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)
from holdfast_npz import layout
from holdfast_npz.zip_records import (
    DEFLATED,
    END_LENGTH,
    END_MAGIC,
    STORED,
    Member,
    RawEntry,
    end64_records,
    end_record,
    read_entry,
    read_local,
)

# A deflate stream cannot be longer than this when it is unpacked, whatever its header says.
_MOST_EXPANSION = 1032


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the tensors, its digest checked."""

    members: list[Member]
    """All members, in their order in the file."""
    index: bytes
    """Contents of the index."""
    metadata: bytes
    """Contents of the metadata."""
    digests: bytes
    """Contents of the member of digests, an array."""


def read_tail(file: ReadableFile) -> Tail:
    """Find, check and read the end of the archive; it must be exactly where it belongs."""
    start, data, ending = _checked(file)
    return _Parser(file, start, data).parse(ending)


def read_metadata(file: ReadableFile) -> bytes:
    """Return the contents of the metadata alone, with the digest of the tail checked, but no member of a tensor."""
    start, data, _ = _checked(file)
    index = read_local(data, 0, layout.INDEX_MEMBER)
    metadata = None if index is None else read_local(data, index.end, layout.METADATA_MEMBER)
    if metadata is None or metadata.end > len(data):
        raise _corrupt(file, "members of the tail", "others", [layout.INDEX_MEMBER, layout.METADATA_MEMBER], start)
    return data[metadata.end - metadata.size : metadata.end]


def _checked(file: ReadableFile) -> tuple[int, bytes, bytes]:
    """Return where the tail begins, the tail, whose digest is right, and the end record."""
    first = Member(layout.FORMAT_MEMBER, STORED, 0, 0, 0, 0).header_length + len(layout.FORMAT_TEXT % layout.VERSION)
    end = file.size - END_LENGTH - layout.COMMENT_LENGTH
    if end < first:
        raise TruncatedCheckpointError(
            path=file.path, field="file length", found=f"{file.size:,} bytes", expected="a whole npz checkpoint"
        )
    ending = file.read_at(end, file.size - end)
    match = layout.COMMENT_PATTERN.fullmatch(ending[END_LENGTH:])
    if not ending.startswith(END_MAGIC) or match is None:
        raise _no_end(file, end)
    if int(match[1]) != layout.VERSION:
        raise UnsupportedCheckpointError(
            path=file.path, field="version of the npz layout", found=int(match[1]), expected=layout.VERSION, offset=end
        )
    start = int(match[2], 16)
    if not first <= start <= end:
        raise _corrupt(file, "start of the tail", start, f"an offset from {first} to {end}", end)
    if end - start > layout.MOST_TAIL_BYTES:
        found, most = f"{end - start:,} bytes", f"at most {layout.MOST_TAIL_BYTES:,}"
        raise CheckpointLimitError(path=file.path, field="index", found=found, expected=most, offset=start)
    data = file.read_at(start, end - start)
    if xxhash.xxh3_128_hexdigest(data) != match[3].decode("ascii"):
        raise _corrupt(file, "digest of the index", xxhash.xxh3_128_hexdigest(data), match[3].decode("ascii"), start)
    return start, data, ending


def _no_end(file: ReadableFile, end: int) -> TruncatedCheckpointError | CorruptCheckpointError:
    """Return the error for a file whose end is not that of an archive: cut off, or followed by something."""
    start = max(0, file.size - (1 << 16))
    if b"holdfast-npz " in file.read_at(start, file.size - start):
        return _corrupt(file, "end of the archive", "other bytes", "the end record, and nothing after it", end)
    return TruncatedCheckpointError(
        path=file.path, field="end of the archive", found="no end record", expected="an end record", offset=end
    )


def _corrupt(file: ReadableFile, field: str, found: object, expected: object, offset: int) -> CorruptCheckpointError:
    return CorruptCheckpointError(path=file.path, field=field, found=found, expected=expected, offset=offset)


class _Parser:
    """Reads a tail whose digest is right. That says nothing yet: who made the file may have meant harm."""

    def __init__(self, file: ReadableFile, start: int, data: bytes) -> None:
        self._file = file
        self._start = start
        self._data = data

    def parse(self, ending: bytes) -> Tail:
        """Return what is in it."""
        directory_start = self._directory_start(ending)
        members = self._members(directory_start)
        directory = b"".join(member.central_header() for member in members)
        expected = directory + end64_records(len(members), self._start + directory_start, len(directory))
        if self._data[directory_start:] != expected:
            raise self._fault("central directory", "other records", "one entry a member", directory_start)
        comment = ending[END_LENGTH:]
        if ending != end_record(len(members), self._start + directory_start, len(directory), comment):
            raise self._fault("end record", ending[:END_LENGTH], "counts and offsets as they are", len(self._data))
        names = [layout.INDEX_MEMBER, layout.METADATA_MEMBER, layout.DIGESTS_MEMBER]
        if len(members) < 4 or [member.name for member in members[-3:]] != names or members[-3].offset != self._start:
            raise self._fault("members of the tail", [m.name for m in members[-3:]], names, 0)
        self._check_first(members[0])
        contents = [self._contents(member) for member in members[-3:]]
        return Tail(members, *contents)

    def _fault(self, field: str, found: object, expected: object, position: int) -> CorruptCheckpointError:
        return _corrupt(self._file, field, found, expected, self._start + position)

    def _directory_start(self, ending: bytes) -> int:
        """Return where the central directory begins in the tail, as the end record, or its zip64 form, says."""
        offset = int.from_bytes(ending[16:20], "little")
        locator = self._data[-20:]
        if offset == 0xFFFFFFFF or ending[10:12] == b"\xff\xff":
            record = int.from_bytes(locator[8:16], "little") - self._start
            if locator[:4] != b"PK\x06\x07" or not 0 <= record <= len(self._data) - 76:
                raise self._fault("zip64 locator", locator, "a locator of the zip64 record", len(self._data) - 20)
            offset = int.from_bytes(self._data[record + 48 : record + 56], "little")
        if not 0 <= offset - self._start <= len(self._data):
            raise self._fault("start of the central directory", offset, "an offset in the tail", len(self._data))
        return offset - self._start

    def _members(self, position: int) -> list[Member]:
        """Read the central directory: one entry after the other, each in the one form that is allowed."""
        members: list[Member] = []
        names: set[str] = set()
        offset = 0
        while (raw := read_entry(self._data, position)) is not None:
            member = self._member(raw, position)
            if member.name in names:
                raise self._fault("name of a member", member.name, "a name that no other member has", position)
            if member.offset != offset:
                raise self._fault(f"offset of member {member.name}", member.offset, offset, position)
            if member.central_header() != self._data[position : position + raw.length]:
                raise self._fault(
                    f"entry of member {member.name}", "other fields", "fields as holdfast writes", position
                )
            members.append(member)
            names.add(member.name)
            offset = member.end
            position += raw.length
        if not members or offset > self._start + len(self._data):
            raise self._fault("central directory", f"members up to byte {offset:,}", "members that lie in the file", 0)
        return members

    def _member(self, raw: RawEntry, position: int) -> Member:
        """Check the fields of one entry for themselves."""
        try:
            name = raw.name.decode()
        except UnicodeDecodeError as error:
            raise self._fault("name of a member", raw.name, "UTF-8", position) from error
        if raw.flags & 1:
            raise self._fault(f"flags of member {name}", "an encrypted member", "a member that is not", position)
        if raw.method not in {STORED, DEFLATED}:
            raise UnsupportedCheckpointError(
                path=self._file.path,
                field=f"compression of member {name}",
                found=f"method {raw.method}",
                expected="0 (stored) or 8 (deflate)",
                offset=self._start + position,
            )
        most = raw.stored if raw.method == STORED else raw.stored * _MOST_EXPANSION
        if raw.size > most or (raw.method == STORED and raw.size != raw.stored):
            expected = f"what {raw.stored:,} stored bytes can hold"
            raise self._fault(f"size of member {name}", f"{raw.size:,} bytes", expected, position)
        return Member(name, raw.method, raw.crc, raw.stored, raw.size, raw.offset)

    def _check_first(self, member: Member) -> None:
        """Check the member by which the format is recognised."""
        expected = layout.FORMAT_TEXT % layout.VERSION
        if (member.name, member.stored, member.method) != (layout.FORMAT_MEMBER, len(expected), STORED):
            raise _corrupt(self._file, "first member", member.name, layout.FORMAT_MEMBER, 0)
        record = self._file.read_at(0, member.end)
        if record != member.local_header() + expected:
            found = record[member.header_length :]
            raise _corrupt(self._file, "first member", found, expected, 0)

    def _contents(self, member: Member) -> bytes:
        """Return the contents of a member of the tail, which must be stored plainly."""
        position = member.offset - self._start
        record = self._data[position : member.end - self._start]
        header = member.local_header()
        if member.method != STORED or not record.startswith(header) or len(record) != len(header) + member.size:
            raise self._fault(
                f"member {member.name}", record[: len(header)], "its local header, and plain contents", position
            )
        return record[len(header) :]
