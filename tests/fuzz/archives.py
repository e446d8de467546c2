"""Target ``npz``: files of the format npz."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np

from holdfast.checkpoint import tensor_source
from holdfast.testing.format_suite import same
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs
from holdfast_npz import SPEC
from tests.formats.archive_parts import Parts, Record, take_apart
from tests.fuzz.mutations import other_bytes, other_json, other_text, parse_json
from tests.fuzz.target import Target

_WORDS: tuple[Any, ...] = (
    "string",
    "float64",
    "bool",
    "bfloat16",
    "float5",
    [2, 3],
    [],
    [0],
    ["s", "string", [2], 3],
    2**62,
)


def seeds() -> dict[str, bytes]:
    """Return an empty file, one of stored and one of deflated members."""
    tensors = {
        "w": np.arange(6, dtype="<f4").reshape(2, 3),
        "layer/b": np.zeros(200),
        "../odd": np.array(7),
        "flags": np.array([True, False]),
        "words": np.array([b"one", b"", b"three"], object),
        "none": np.zeros((0, 3), np.int16),
    }
    metadata = {"holdfast": {"global_step": 7}, "user": {"note": "x"}}
    found = {}
    for name, options in {"stored": {}, "deflated": {"compression": "deflate"}}.items():
        outputs = MemoryOutputs(SPEC)
        SPEC.factory(options).write(outputs, [tensor_source(key, array) for key, array in tensors.items()], metadata)
        found[name] = outputs.contents[".npz"]
    return found | {"empty": Parts([], b"", b"{}").seal()}


def read(data: bytes) -> None:
    """Read all tensors, and a region of each."""
    reader = SPEC.factory({}).open(MemoryInputs(SPEC, {".npz": data}))
    try:
        for name, entry in reader.entries.items():
            whole = reader.read(name)
            assert whole.shape == entry.shape
            region = tuple(slice(size // 3, size - size // 4) for size in entry.shape)
            assert same(reader.read(name, index=region), whole[region])
    finally:
        reader.close()


def change(data: bytes, random: Random) -> bytes:
    """Change parts of an archive and seal it again."""
    parts = take_apart(data)
    for _ in range(random.choice((1, 1, 2))):
        random.choice((_change_index, _change_index, _change_metadata, _change_records, _change_record))(parts, random)
    return parts.seal()


def _change_index(parts: Parts, random: Random) -> None:
    """Change a line of the index, or its bytes."""
    lines = [parse_json(line) for line in parts.index.splitlines()]
    if None in lines or random.random() < 0.2:
        parts.index = other_bytes(parts.index, random, (b"\n", b"[", b'"', b"NaN", b"1e9", b"\\u0000"))
    else:
        changed = other_json(lines, random, _WORDS)
        listed = changed if isinstance(changed, list) else [changed]
        parts.index = "".join(json.dumps(line) + "\n" for line in listed).encode()


def _change_metadata(parts: Parts, random: Random) -> None:
    """Change the metadata."""
    said = parse_json(parts.metadata)
    if said is None or random.random() < 0.2:
        parts.metadata = other_bytes(parts.metadata, random, (b"[", b"NaN", b'"'))
    else:
        parts.metadata = json.dumps(other_json(said, random)).encode()


def _change_records(parts: Parts, random: Random) -> None:
    """Leave out, repeat or exchange members."""
    if not parts.records:
        return
    position, other = (random.randrange(len(parts.records)) for _ in range(2))
    match random.randrange(3):
        case 0:
            del parts.records[position]
        case 1:
            parts.records.insert(other, parts.records[position])
        case _:
            records = parts.records
            records[position], records[other] = records[other], records[position]


def _change_record(parts: Parts, random: Random) -> None:
    """Lie about a member."""
    if not parts.records:
        return
    position = random.randrange(len(parts.records))
    old = parts.records[position]
    record = Record(old.name, old.method, old.crc, old.stored, old.size)
    match random.randrange(5):
        case 0:
            record.name = other_text(record.name, random)
        case 1:
            record.method = random.choice((0, 8, 9, 12))
        case 2:
            record.size = random.choice(
                (0, record.size + 1, record.size * 2, len(record.stored) * 1032, 2**32 - 1, 2**40)
            )
        case 3:
            record.crc ^= 1
        case _:
            record.stored = other_bytes(record.stored, random, (b"<f8", b"|O ", b"True ", b"(3,)", b"\x93NUMPY\2\0"))
            if record.method == 0 and random.random() < 0.8:
                record.size = len(record.stored)
    parts.records[position] = record


TARGET = Target("npz", seeds, read, change)
