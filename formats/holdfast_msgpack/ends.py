"""Header and footer: what a file is, whether it is whole, and where its index stands."""

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
from holdfast_msgpack import layout

_SEARCHED_BYTES = 64 << 10  # how far from the end a footer is looked for, to say what follows it


@dataclass(frozen=True, slots=True)
class Envelope:
    """What header and footer say, and the index, whose digest was checked."""

    index: bytes
    """The index."""
    offset: int
    """Where it stands."""
    tensors: int
    """How many tensors it has."""
    chunks: int
    """How many chunks it has."""


def read_envelope(file: ReadableFile) -> Envelope:
    """Check header, footer and the digest over header and index."""
    header = _read_header(file)
    offset, length, total, digest, tensors, chunks = _read_footer(file)
    _check_places(file, offset, length, total)
    index = file.read_at(offset, length)
    hasher = xxhash.xxh3_128(header)
    hasher.update(index)
    if hasher.digest() != digest:
        raise _corrupt(file, "digest of header and index", hasher.hexdigest(), digest.hex(), offset)
    if tensors > layout.MOST_TENSORS or tensors > length or chunks > total // layout.ALIGNMENT:
        raise CheckpointLimitError(
            path=file.path,
            field="counts in the footer",
            found=f"{tensors:,} tensors, {chunks:,} chunks",
            expected=f"at most {layout.MOST_TENSORS:,} tensors, and no more of both than fit into the file",
            advice="No writer makes such a file; do not use it",
        )
    return Envelope(index, offset, tensors, chunks)


def _corrupt(
    file: ReadableFile, field: str, found: object, expected: object, offset: int | None = None
) -> CorruptCheckpointError:
    return CorruptCheckpointError(path=file.path, field=field, found=found, expected=expected, offset=offset)


def _read_header(file: ReadableFile) -> bytes:
    """Return the header; versions come first, since later ones may change all that follows."""
    header = file.read_at(0, min(layout.END_BYTES, file.size))
    if not header.startswith(layout.MAGIC):
        if layout.MAGIC.startswith(header):
            raise _too_short(file)
        raise _corrupt(file, "magic", header[:8], layout.MAGIC, 0)
    if len(header) < layout.END_BYTES:
        raise _too_short(file)
    _, major, minor, zero, _, incompatible, unused, _, seal = layout.HEADER.unpack(header)
    found = xxhash.xxh3_64_intdigest(header[:-8])
    if found != seal:
        raise _corrupt(file, "checksum of the header", f"{found:016x}", f"{seal:016x}", 56)
    if major != layout.VERSION[0]:
        raise UnsupportedCheckpointError(
            path=file.path,
            field="version",
            found=f"{major}.{minor}",
            expected=f"{layout.VERSION[0]} and any minor version",
            offset=8,
            advice="Read it with a newer release of holdfast, which reads older versions too",
        )
    if incompatible:
        bits = [str(bit) for bit in range(64) if incompatible >> bit & 1]
        raise UnsupportedCheckpointError(
            path=file.path,
            field="incompatible bits",
            found=f"bit {', '.join(bits)}",
            expected="none: this release knows of no such feature",
            offset=24,
            advice="Read it with a newer release of holdfast, which reads older versions too",
        )
    if zero or unused:
        raise _corrupt(file, "reserved bytes of the header", header[12:40], "zeros where nothing is defined", 12)
    return header


def _too_short(file: ReadableFile) -> TruncatedCheckpointError:
    return TruncatedCheckpointError(
        path=file.path,
        field="file length",
        found=f"{file.size:,} bytes",
        expected=f"at least {2 * layout.END_BYTES}, header and footer",
    )


def _read_footer(file: ReadableFile) -> tuple[int, int, int, bytes, int, int]:
    """Return the footer's facts."""
    if file.size < 2 * layout.END_BYTES:
        raise _too_short(file)
    start = file.size - layout.END_BYTES
    footer = file.read_at(start, layout.END_BYTES)
    *facts, seal, magic = layout.FOOTER.unpack(footer)
    found = xxhash.xxh3_64_intdigest(footer[:-16])
    if found != seal and magic != layout.END_MAGIC:
        raise _without_footer(file, footer)
    if magic != layout.END_MAGIC:
        raise _corrupt(file, "end magic", magic, layout.END_MAGIC, file.size - 8)
    if found != seal:
        raise _corrupt(file, "checksum of the footer", f"{found:016x}", f"{seal:016x}", file.size - 16)
    offset, length, total, digest, tensors, chunks = facts
    return offset, length, total, digest, tensors, chunks


def _without_footer(file: ReadableFile, footer: bytes) -> TruncatedCheckpointError | CorruptCheckpointError:
    """Return the error for a file that does not end with a footer: cut, or something was appended."""
    searched = file.read_at(max(0, file.size - _SEARCHED_BYTES), min(file.size, _SEARCHED_BYTES))
    at = searched.rfind(layout.END_MAGIC)
    if at >= 0:
        more = len(searched) - at - len(layout.END_MAGIC)
        found = f"{more:,} byte{'s' if more > 1 else ''} behind the footer"
        return _corrupt(file, "end of the file", found, "none", file.size - more)
    return TruncatedCheckpointError(
        path=file.path, field="footer", found=footer[-8:], expected=f"{layout.END_MAGIC!r}, which ends every whole file"
    )


def _check_places(file: ReadableFile, offset: int, length: int, total: int) -> None:
    """Check that index and footer stand where the footer says, before anything of that size is read."""
    if total != file.size:
        raise _corrupt(file, "file length", f"{file.size:,} bytes", f"{total:,}", file.size - 48)
    if length > layout.MOST_INDEX_BYTES:
        raise CheckpointLimitError(
            path=file.path,
            field="length of the index",
            found=f"{length:,} bytes",
            expected=f"at most {layout.MOST_INDEX_BYTES:,}",
            advice="No writer makes such a file; do not use it",
        )
    if offset < layout.END_BYTES or offset % layout.ALIGNMENT or offset + length + layout.END_BYTES != total:
        found = f"{length:,} bytes at {offset:,}"
        raise _corrupt(file, "place of the index", found, f"at a multiple of 64, up to the footer at {total - 64:,}")
