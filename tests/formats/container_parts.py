"""Containers taken apart and put together again, with every hash right: for files that no honest writer makes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import msgpack
import xxhash

HEADER = "<8sHHIQQQ16s"
FOOTER = "<QQQ16sII"
MAGIC, END_MAGIC = b"\x89HFT\r\n\x1a\n", b"\x89HFE\r\n\x1a\n"


def xxh3_64(data: bytes) -> bytes:
    """Return the hash as it stands in a file."""
    return int(xxhash.xxh3_64_intdigest(data)).to_bytes(8, "little")


@dataclass
class Parts:
    """A container in parts; :meth:`seal` computes what depends on others."""

    body: bytes = b""
    """From behind the header to the index."""
    index: dict[str, Any] = field(default_factory=dict)
    """The index."""
    tensors: int = 0
    chunks: int = 0
    major: int = 1
    minor: int = 0
    zero: int = 0
    compatible: int = 0
    incompatible: int = 0
    unused: int = 0
    file_id: bytes = bytes(range(16))
    packed_index: bytes | None = None
    """The index as bytes, in place of the map."""
    footer: dict[int, int] = field(default_factory=dict)
    """Numbers of the footer to put in the place of the right ones: index offset, index length, file length."""

    def seal(self) -> bytes:
        """Return the file."""
        start = struct.pack(
            HEADER,
            MAGIC,
            self.major,
            self.minor,
            self.zero,
            self.compatible,
            self.incompatible,
            self.unused,
            self.file_id,
        )
        header = start + xxh3_64(start)
        index = msgpack.packb(self.index) if self.packed_index is None else self.packed_index
        offset = 64 + len(self.body)
        numbers = [offset, len(index), offset + len(index) + 64]
        for position, number in self.footer.items():
            numbers[position] = number
        digest = xxhash.xxh3_128_digest(header + index)
        footer = struct.pack(FOOTER, *numbers, digest, self.tensors, self.chunks)
        return header + self.body + index + footer + xxh3_64(footer) + END_MAGIC

    def add_chunk(self, codec: str, stored: bytes, decoded: int, planes: tuple[int, ...] = ()) -> None:
        """Append a chunk, aligned as it has to be."""
        page = codec == "raw" and len(stored) >= 1 << 20
        offset = 64 + len(self.body)
        padding = -offset % (4096 if page else 64)
        self.body += bytes(padding) + stored
        codecs = self.index.setdefault("codecs", [])
        if codec not in codecs:
            codecs.append(codec)
        for key, value in {
            "codec": bytes([codecs.index(codec)]),
            "offset": struct.pack("<Q", offset + padding),
            "stored": struct.pack("<I", len(stored)),
            "decoded": struct.pack("<I", decoded),
            "digest": xxhash.xxh3_128_digest(stored),
            "planes": bytes([len(planes)]),
            "plane_bytes": struct.pack(f"<{len(planes)}I", *planes),
        }.items():
            self.index[key] = self.index.get(key, b"") + value
        self.chunks += 1

    def add_tensor(
        self, name: str, dtype: str, shape: tuple[int, ...], start: int, string_bytes: int | None = None
    ) -> None:
        """Append a tensor to the index."""
        dtypes = self.index.setdefault("dtypes", [])
        if dtype not in dtypes:
            dtypes.append(dtype)
        self.index["names"] = "\n".join([*([self.index["names"]] if self.tensors else []), name])
        for key, value in {
            "dtype": bytes([dtypes.index(dtype)]),
            "rank": bytes([len(shape)]),
            "shape": struct.pack(f"<{len(shape)}Q", *shape),
            "start": struct.pack("<Q", start),
            "string_bytes": b"" if string_bytes is None else struct.pack("<Q", string_bytes),
        }.items():
            self.index[key] = self.index.get(key, b"") + value
        self.tensors += 1

    def hash_chunks(self) -> Parts:
        """Give all chunks the digests of what stands where the index says, as far as it says it."""
        data = bytes(64) + self.body
        offsets, lengths = self.index["offset"], self.index["stored"]
        places = struct.unpack_from(f"<{len(offsets) // 8}Q", offsets)
        counts = struct.unpack_from(f"<{len(lengths) // 4}I", lengths)
        stored = (data[place : place + count] for place, count in zip(places, counts, strict=False))
        self.index["digest"] = b"".join(map(xxhash.xxh3_128_digest, stored))
        return self

    def finish(self, metadata: str = "{}") -> Parts:
        """Align the index and give it the metadata."""
        self.body += bytes(-(64 + len(self.body)) % 64)
        self.index["metadata"] = metadata
        return self


def take_apart(data: bytes) -> Parts:
    """Return the parts of a sound container."""
    _, major, minor, zero, compatible, incompatible, unused, file_id = struct.unpack(HEADER, data[:56])
    offset, length, _, _, tensors, chunks = struct.unpack(FOOTER, data[-64:-16])
    index = msgpack.unpackb(data[offset : offset + length])
    return Parts(data[64:offset], index, tensors, chunks, major, minor, zero, compatible, incompatible, unused, file_id)
