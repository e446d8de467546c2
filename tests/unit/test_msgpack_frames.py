"""Chunks whose digest is right and whose zstd frames or planes mean harm."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
import zstandard
from numpy.typing import NDArray

from holdfast.errors import CorruptCheckpointError
from holdfast.testing.memory_files import MemoryInputs
from holdfast_msgpack import SPEC
from tests.formats.container_parts import Parts

TAIL = bytes(range(48))
DATA = b"A" * 2000 + TAIL
FRAME = zstandard.ZstdCompressor(level=3).compress(DATA)
LARGE = 4 << 20


def read(parts: Parts) -> NDArray[Any]:
    """Open a file and read its tensor."""
    data = parts.finish().seal()
    return SPEC.factory({}).open(MemoryInputs(SPEC, {".holdfast": data})).read("w")


def with_frame(frame: bytes, decoded: int = len(DATA)) -> Parts:
    """Return a file of one chunk that is this frame."""
    parts = Parts()
    parts.add_chunk("zstd", frame, decoded)
    parts.add_tensor("w", "uint8", (decoded,), 0)
    return parts


def header(*, size: int | None = None, window: int | None = None, dictionary: int | None = None) -> bytes:
    """Return the header of a frame, RFC 8878 3.1.1."""
    descriptor = (0xC0 if size is not None else 0) | (0x03 if dictionary is not None else 0)
    parts = [b"\x28\xb5\x2f\xfd", bytes([descriptor]), bytes([12 << 3 if window is None else window])]
    parts.append(b"" if dictionary is None else struct.pack("<I", dictionary))
    parts.append(b"" if size is None else struct.pack("<Q", size))
    return b"".join(parts)


def blocks(data: bytes) -> bytes:
    """Return data that begins as the real one as two blocks: a run, and the rest as it is."""
    rest = data[2000:]
    return (2000 << 3 | 1 << 1).to_bytes(3, "little") + b"A" + (len(rest) << 3 | 1).to_bytes(3, "little") + rest


def zeros(total: int) -> bytes:
    """Return blocks of 4 bytes that unpack to many zeros: a bomb."""
    count = total >> 17
    return b"".join(
        ((1 << 17) << 3 | 1 << 1 | (number == count - 1)).to_bytes(3, "little") + b"\0" for number in range(count)
    )


def streamed(data: bytes) -> bytes:
    """Return a frame without its content size."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return packer.compress(data) + packer.flush()


NOISE = np.random.default_rng(0).bytes(len(DATA))
DICTIONARY = zstandard.ZstdCompressionDict(NOISE, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
SKIPPABLE = struct.pack("<II", 0x184D2A50, 8) + bytes(8)

FRAMES: dict[str, tuple[bytes, str]] = {
    "no content size": (streamed(DATA), "size in the zstd frame"),
    "too small a size": (header(size=len(DATA) - 1) + blocks(DATA), "size in the zstd frame"),
    "too large a size": (header(size=len(DATA) + 1) + blocks(DATA), "size in the zstd frame"),
    "a size of 2^63": (header(size=1 << 63) + blocks(DATA), "size in the zstd frame"),
    "a size of 2^64 - 1": (header(size=(1 << 64) - 1) + blocks(DATA), "size in the zstd frame"),
    "more data than it says": (header(size=len(DATA)) + blocks(DATA + b"x"), "zstd frame"),
    "less data than it says": (header(size=len(DATA)) + blocks(DATA[:-1]), "zstd frame"),
    "a dictionary": (header(size=len(DATA), dictionary=7) + blocks(DATA), "dictionary"),
    "a window of 8 MiB": (header(size=len(DATA), window=13 << 3) + blocks(DATA), "window"),
    "a window of 2 TiB": (header(size=len(DATA), window=31 << 3 | 7) + blocks(DATA), "zstd frame"),
    "a frame that is cut": (FRAME[:-1], "zstd frame"),
    "a header that is cut": (FRAME[:5], "zstd frame"),
    "a byte behind it": (FRAME + b"\0", "zstd frame"),
    "two frames": (
        zstandard.ZstdCompressor().compress(DATA[:1024]) + zstandard.ZstdCompressor().compress(DATA[1024:]),
        "size in the zstd frame",
    ),
    "a second frame": (FRAME + FRAME, "zstd frame"),
    "a skippable frame behind it": (FRAME + SKIPPABLE, "zstd frame"),
    "a skippable frame before it": (SKIPPABLE + FRAME, "zstd frame"),
    "only a skippable frame": (SKIPPABLE, "zstd frame"),
    "no zstd at all": (b"x" * 100, "zstd frame"),
    "a wrong checksum": (zstandard.ZstdCompressor(write_checksum=True).compress(DATA)[:-1] + b"\x55", "zstd frame"),
    "a reserved block type": (header(size=len(DATA)) + b"\x07\x00\x00", "zstd frame"),
    "a dictionary that is not named": (
        zstandard.ZstdCompressor(dict_data=DICTIONARY, write_dict_id=False).compress(NOISE),
        "zstd frame",
    ),
}


def test_an_honest_frame_is_read() -> None:
    """What the other tests change is good before they change it; so is a frame that was made by hand."""
    assert read(with_frame(FRAME)).tobytes() == DATA
    assert read(with_frame(header(size=len(DATA)) + blocks(DATA))).tobytes() == DATA
    assert read(with_frame(header(size=LARGE) + zeros(LARGE), LARGE)).tobytes() == bytes(LARGE)


@pytest.mark.parametrize("what", FRAMES)
def test_hostile_frames(what: str) -> None:
    """A frame that is not exactly one frame of the size in the index is a named error."""
    frame, words = FRAMES[what]
    with pytest.raises(CorruptCheckpointError, match=words):
        read(with_frame(frame))


@pytest.mark.parametrize("claimed", [len(DATA), 1 << 20, LARGE, 256 << 20])
def test_bombs_stay_small(claimed: int) -> None:
    """A frame of 8 KB that unpacks to 256 MiB takes no more memory than its chunk may have, whatever it claims."""
    bomb = header(size=claimed) + zeros(256 << 20)
    decoded = min(claimed, LARGE)
    assert len(bomb) < 10_000
    parts = with_frame(bomb, max(decoded, len(bomb)))
    tracemalloc.start()
    try:
        with pytest.raises(CorruptCheckpointError, match="zstd frame"):
            read(parts)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * LARGE


def with_planes(*stored: bytes, decoded: int = len(DATA)) -> Parts:
    """Return a file of one chunk of planes."""
    parts = Parts()
    parts.add_chunk("planes", b"".join(stored), decoded, tuple(map(len, stored)))
    parts.add_tensor("w", "float32", (decoded // 4,), 0)
    return parts


def planes() -> list[bytes]:
    """Return the planes of the data."""
    return [DATA[number::4] for number in range(4)]


def test_honest_planes_are_read() -> None:
    """Planes are frames or plain bytes, each for itself."""
    first, second, third, fourth = planes()
    pack = zstandard.ZstdCompressor().compress
    assert read(with_planes(first, second, third, fourth)).tobytes() == DATA
    assert read(with_planes(pack(first), second, pack(third), fourth)).tobytes() == DATA


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("what", ["frame of another size", "no frame", "skippable", "empty frame"])
def test_hostile_planes(number: int, what: str) -> None:
    """A plane that does not unpack to its part of the chunk is a named error."""
    pack = zstandard.ZstdCompressor().compress
    wrong = {
        "frame of another size": pack(bytes(511)),
        "no frame": b"x" * 100,
        "skippable": SKIPPABLE,
        "empty frame": pack(b""),
    }[what]
    stored = planes()
    stored[number] = wrong
    with pytest.raises(CorruptCheckpointError, match="zstd frame"):
        read(with_planes(*stored))


def test_strings_whose_ends_lie() -> None:
    """Ends of strings that go back, go too far or stop short are a named error."""
    for ends in ([3, 2, 8], [0, 0, 9], [0, 0, 7], [2**63, 2**63, 8], [2**64 - 1, 0, 8], [9, 9, 9]):
        parts = Parts()
        data = np.array(ends, "<u8").tobytes() + b"onethree"
        parts.add_chunk("raw", data, len(data))
        parts.add_tensor("w", "string", (3,), 0, 8)
        with pytest.raises(CorruptCheckpointError, match="ends of the strings"):
            read(parts)


def test_bools_that_are_neither() -> None:
    """A byte of 2 is no bool."""
    parts = Parts()
    parts.add_chunk("raw", b"\0\1\2", 3)
    parts.add_tensor("w", "bool", (3,), 0)
    with pytest.raises(CorruptCheckpointError, match="0 or 1"):
        read(parts)
