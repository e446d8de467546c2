"""Containers whose hashes are right and whose index means harm: what becomes of each, under a limit on memory.

Run as a program; it prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgpack

from holdfast.testing.format_suite import NAMED_ERRORS
from holdfast.testing.memory_files import MemoryInputs
from holdfast_msgpack import SPEC
from tests.formats.container_parts import Parts, take_apart
from tests.formats.golden_contents import path

GROWTH = 64 << 20
MOST_SECONDS = 1.0

NUMBERS = (0, 1, 2, 3, 16, 63, 64, 65, 127, 128, 255, 4095, 4096, 2**16, 2**22, 2**22 + 1, 2**31 - 1, 2**31, 2**32 - 1)
LARGE = (2**32, 2**40, 2**48, 2**62, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)
ELEMENTS = {"dtype": "B", "rank": "B", "shape": "Q", "start": "Q", "string_bytes": "Q", "codec": "B", "offset": "Q"}
ELEMENTS |= {"stored": "I", "decoded": "I", "digest": "B", "planes": "B", "plane_bytes": "I"}

OTHER_TYPES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**63, float("nan"), float("inf"), 1.0, "", "x", "\n", b"", b"\0", b"\xff" * 4096),
    *([], [""], ["raw"], ["float32", "float32"], ["x"] * 65, ["y" * 65], [1], [None], [[]], [[[[["x"]]]]], [b"raw"]),
    *({}, {"a": 1}, msgpack.ExtType(0, b""), msgpack.ExtType(127, bytes(100)), msgpack.Timestamp(1, 2)),
)

TEXTS = {
    "names": (
        "",
        "\n",
        "\n\n",
        "a\na",
        "a\n",
        "\na",
        "x" * 1024,
        "x" * 1025,
        "ü" * 600,
        "\0",
        "\n" * 100_000,
        "a" * 10**6,
    ),
    "metadata": (
        *("", "{", "[]", "1", "null", '"x"', "{}x", "NaN", '{"a":NaN}', '{"a":Infinity}', '{"a":1,"a":2}', "{'a':1}"),
        *(
            "[" * 100_000,
            '{"a":' * 50_000,
            "9" * 10_000,
            '{"a":' + "9" * 10_000 + "}",
            '{"a":1e999}',
            "{}" + " " * 10**6,
        ),
        *('{"a":"' + "x" * (7 << 20) + '"}', '{"a":[' + "[]," * 300_000 + "[]]}", '{"a":"\\ud800"}', "\ufeff{}"),
    ),
}


def raw_maps() -> Iterator[tuple[str, bytes]]:
    """Yield indexes that are no map of the right form."""
    heads = {"map 32": b"\xdf\xff\xff\xff\xff", "map 16": b"\xde\xff\xff", "array 32": b"\xdd\xff\xff\xff\xff"}
    heads |= {
        "text 32": b"\xdb\xff\xff\xff\xff",
        "bytes 32": b"\xc6\xff\xff\xff\xff",
        "extension 32": b"\xc9\xff\xff\xff\xff\0",
    }
    yield from heads.items()
    for code in range(256):
        yield f"code {code:#x}", bytes([code])
        yield f"one key, code {code:#x}", b"\x81\xa1k" + bytes([code])
        yield f"one key, code {code:#x} and more", b"\x81\xa1k" + bytes([code]) + b"\xff" * 16
    for name, nested in {"arrays": b"\x91", "maps": b"\x81\xa1k", "wide arrays": b"\xdc\xff\xff"}.items():
        yield f"deep {name}", nested * 100_000
        yield f"deep {name} as a value", b"\x81\xa1k" + nested * 100_000
    yield "a million empty maps", b"\x81\xa1k\xdd" + struct.pack(">I", 10**6) + b"\x80" * 10**6
    yield "a million empty arrays", b"\x81\xa1k\xdd" + struct.pack(">I", 10**6) + b"\x90" * 10**6
    yield "a key twice", b"\x82\xa1k\x01\xa1k\x01"
    yield "a key that is a number", b"\x81\x01\x01"
    yield "a key that is no UTF-8", b"\x81\xa1\xff\x01"


def hostile(name: str, parts: Parts) -> Iterator[tuple[str, Parts]]:
    """Yield what a file becomes when one thing of it is changed."""
    for key, value in parts.index.items():
        rest = {other: kept for other, kept in parts.index.items() if other != key}
        yield f"{name}: no {key}", replace(parts, index=rest)
        for number, other in enumerate((*OTHER_TYPES, *TEXTS.get(key, ()), *variants(key, value))):
            if type(other) is not type(value) or other != value:
                yield f"{name}: {key} #{number} {str(other)[:40]!a}", replace(parts, index={**rest, key: other})
    yield from _other_ends(name, parts)


def variants(key: str, value: Any) -> Iterator[Any]:
    """Yield values of the same type."""
    if isinstance(value, bytes):
        yield from (value + b"\0", value[:-1], value[1:], value * 2, value[::-1], bytes(len(value)))
        yield from _elements(value, ELEMENTS.get(key, "B"))
    if isinstance(value, list):
        yield from (value[::-1], value[:-1], [*value, "lz9"], [*value, *value], [str(item).upper() for item in value])
    if isinstance(value, str):
        yield from (value + "\n", value + "x", value[:-1], value.replace("\n", ""), value.replace("\n", "\n\n"))


def _other_ends(name: str, parts: Parts) -> Iterator[tuple[str, Parts]]:
    """Yield files with another header or footer."""
    for position in range(3):
        for value in (*NUMBERS, *LARGE):
            yield f"{name}: footer {position} is {value}", replace(parts, footer={position: value})
    for value in NUMBERS:
        yield f"{name}: {value} tensors", replace(parts, tensors=value)
        yield f"{name}: {value} chunks", replace(parts, chunks=value)
    for bit in range(64):
        yield f"{name}: incompatible bit {bit}", replace(parts, incompatible=1 << bit)
    for value in (0, 2, 255, 65535):
        yield f"{name}: major {value}", replace(parts, major=value)
    yield f"{name}: reserved", replace(parts, zero=1)
    yield f"{name}: reserved", replace(parts, unused=1)


def _elements(value: bytes, kind: str) -> Iterator[bytes]:
    """Yield a column with one of its elements changed; of long columns, those at both ends."""
    size = struct.calcsize(kind)
    count = len(value) // size
    most = 2 ** (8 * size)
    for position in sorted({*range(min(count, 3)), *range(max(0, count - 2), count)}):
        [now] = struct.unpack_from(f"<{kind}", value, position * size)
        for other in {*NUMBERS, *LARGE, now - 1, now + 1, now * 2, now + 64, now - 64, now + 4096, most - 1, now // 2}:
            if 0 <= other < most and other != now:
                yield value[: position * size] + struct.pack(f"<{kind}", other) + value[(position + 1) * size :]


def bases() -> dict[str, Parts]:
    """Return the files that are changed."""
    return {name: take_apart(path(name).read_bytes()) for name in ("large-level-1", "liberties", "metadata", "empty")}


def cases() -> Iterator[tuple[str, Parts]]:
    """Yield all hostile files."""
    for name, parts in bases().items():
        yield from hostile(name, parts)
    empty = bases()["empty"]
    for what, packed in raw_maps():
        yield what, replace(empty, packed_index=packed)


def attempt(data: bytes) -> str:
    """Read all of a file; return how that ended."""
    try:
        reader = SPEC.factory({"threads": 1}).open(MemoryInputs(SPEC, {".holdfast": data}))
        for name in reader.entries:
            reader.read(name)
        reader.read_many(list(reader.entries))  # type: ignore[attr-defined]
        reader.close()
    except NAMED_ERRORS as error:
        return type(error).__name__
    except BaseException as error:  # noqa: BLE001  # this is what must not be
        return f"! {type(error).__name__}: {error}"
    return "read"


def main() -> None:
    """Try all files under a limit on memory."""
    for parts in bases().values():
        attempt(parts.seal())  # what is loaded and kept for ever is there before the limit is set
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes: Counter[str] = Counter()
    bad: list[str] = []
    for what, parts in cases():
        data = parts.seal()
        resource.setrlimit(resource.RLIMIT_AS, (now + GROWTH, resource.RLIM_INFINITY))
        start = time.process_time()
        outcome = attempt(data)
        spent = time.process_time() - start
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith("!") or spent > MOST_SECONDS:
            bad.append(f"{what}: {outcome} after {spent:.3f} s")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(json.dumps({"outcomes": outcomes, "bad": bad[:20], "grown": grown}))  # noqa: T201  # a program that talks


if __name__ == "__main__":
    main()
