"""Target ``container``: files of the format msgpack-zstd."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from random import Random

import msgpack
import numpy as np

from holdfast.testing.format_suite import same
from holdfast.testing.memory_files import MemoryInputs
from holdfast_msgpack import SPEC
from tests.faults.hostile_containers import OTHER_TYPES, TEXTS, variants
from tests.formats.container_parts import FOOTER, HEADER, Parts, take_apart
from tests.formats.golden_contents import liberties, path
from tests.fuzz.mutations import other_bytes, other_json, other_text, parse_json
from tests.fuzz.target import Target

_FORMAT = SPEC.factory({"threads": 1})


def seeds() -> dict[str, bytes]:
    """Return an empty file, one of every codec, and one that uses the liberties of the format."""
    golden = {name: path(name).read_bytes() for name in ("empty", "metadata")}
    return golden | {"liberties": liberties()[0].seal(), "codecs": _every_codec().seal()}


def _every_codec() -> Parts:
    """Return a small file with a tensor of each codec, and strings."""
    import zstandard  # the only place that packs here

    pack = zstandard.ZstdCompressor(1).compress
    parts = Parts()
    numbers = np.arange(64, dtype="<f4")
    planes = [pack(numbers.tobytes()[plane::4]) for plane in range(4)]
    planes = [packed if len(packed) < 64 else numbers.tobytes()[plane::4] for plane, packed in enumerate(planes)]
    words = struct.pack("<3Q", 1, 1, 3) + b"abc"
    parts.add_chunk("planes", b"".join(planes), 256, tuple(map(len, planes)))
    parts.add_chunk("zstd", pack(bytes(512)), 512)
    parts.add_chunk("raw", words + b"\0\1", len(words) + 2)
    parts.add_tensor("a/planes", "float32", (4, 16), 0)
    parts.add_tensor("a/zstd", "complex128", (32,), 256)
    parts.add_tensor("words", "string", (3,), 768, 3)
    parts.add_tensor("flags", "bool", (2, 1), 768 + len(words))
    parts.add_tensor("none", "int64", (0, 3), 0)
    return parts.finish(json.dumps({"holdfast": {"global_step": 7, "metrics": {"loss": 0.5}}, "user": {"n": [1]}}))


def read(data: bytes) -> None:
    """Read all tensors, in both ways that there are, and a region of each."""
    reader = _FORMAT.open(MemoryInputs(SPEC, {".holdfast": data}))
    try:
        for name, entry in reader.entries.items():
            whole = reader.read(name)
            assert whole.shape == entry.shape
            region = tuple(slice(size // 3, size - size // 4) for size in entry.shape)
            assert same(reader.read(name, index=region), whole[region])
        reader.read_many(list(reader.entries))  # type: ignore[attr-defined]  # an ability of this format
    finally:
        reader.close()


def change(data: bytes, random: Random) -> bytes:
    """Change parts of a container and seal it again; bytes that are none are changed as they are."""
    parts = _apart(data)
    if parts is None:
        return other_bytes(data, random)
    for _ in range(random.choice((1, 1, 2, 3))):
        random.choices(_CHANGES, (6, 3, 2, 1))[0](parts, random)
    if parts.packed_index is None and random.random() < 0.8:
        with suppress(KeyError, TypeError):  # columns that are none have no chunks
            parts.hash_chunks()
    return parts.seal()


def _apart(data: bytes) -> Parts | None:
    """Take a file apart, with the index as bytes where it is none; None where there are no parts."""
    if len(data) < struct.calcsize(HEADER) + struct.calcsize(FOOTER) + 24:
        return None
    try:
        parts = take_apart(data)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        return None
    return parts if isinstance(parts.index, dict) and all(isinstance(key, str) for key in parts.index) else None


def _change_index(parts: Parts, random: Random) -> None:
    """Change a key of the index."""
    if not parts.index:
        return
    key = random.choice(list(parts.index))
    value = parts.index[key]
    said = parse_json(value) if key == "metadata" and isinstance(value, str) else None
    match random.randrange(8):
        case 0:
            del parts.index[key]
        case 1:
            parts.index[key] = random.choice(OTHER_TYPES)
        case 2 if len(short := [text for text in TEXTS.get(key, ()) if len(text) < 4096]) > 0:
            parts.index[key] = random.choice(short)
        case 3 | 4 if isinstance(value, bytes):
            parts.index[key] = other_bytes(value, random)
        case 3 | 4 | 5 if said is not None:
            parts.index[key] = json.dumps(other_json(said, random))
        case 3 | 4 | 5 if isinstance(value, str):
            parts.index[key] = other_text(value, random).encode("utf-8", "replace").decode()
        case _ if others := list(variants(key, value)):
            parts.index[key] = random.choice(others)


def _change_body(parts: Parts, random: Random) -> None:
    """Change stored bytes."""
    changed = other_bytes(parts.body, random)
    same = random.random() < 0.8  # else everything behind it moves
    parts.body = changed[: len(parts.body)].ljust(len(parts.body), b"\0") if same else changed


def _change_ends(parts: Parts, random: Random) -> None:
    """Change a number of header or footer."""
    number = random.choice((0, 1, 2, 63, 64, 128, 4096, 1 << random.randrange(32), (1 << random.randrange(1, 33)) - 1))
    match random.randrange(6):
        case 0:
            parts.tensors = number
        case 1:
            parts.chunks = number
        case 2:
            parts.footer = {random.randrange(3): number << random.choice((0, 0, 32))}
        case 3:
            parts.major, parts.minor = random.randrange(3), random.randrange(3)
        case 4:
            parts.compatible = 1 << random.randrange(64)
        case _:
            setattr(parts, random.choice(("incompatible", "unused", "zero")), 1 << random.randrange(32))


def _change_packed(parts: Parts, random: Random) -> None:
    """Change the bytes of the index."""
    packed = msgpack.packb(parts.index, unicode_errors="surrogatepass")
    parts.packed_index = other_bytes(
        packed, random, (b"\xdf\xff\xff\xff\xff", b"\xdd", b"\xc7\1", b"\x91" * 40, b"\xc1")
    )


_CHANGES: tuple[Callable[[Parts, Random], None], ...] = (_change_index, _change_body, _change_ends, _change_packed)

TARGET = Target("container", seeds, read, change)
