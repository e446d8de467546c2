"""A second reader of the container, written from docs/formats/msgpack-zstd.md alone; it shares no code with holdfast.

It reads a file whole and is as strict as the page; errors are plain ValueErrors.
"""

from __future__ import annotations

import itertools
import json
import math
import struct
from typing import Any

import msgpack
import numpy as np
import xxhash
import zstandard
from numpy.typing import NDArray

ITEM = {
    **dict.fromkeys(["int8", "uint8", "bool", "qint8", "quint8", "float8_e5m2", "float8_e4m3fn"], 1),
    **dict.fromkeys(["float16", "bfloat16", "int16", "uint16", "qint16", "quint16"], 2),
    **dict.fromkeys(["float32", "int32", "uint32", "qint32"], 4),
    **dict.fromkeys(["float64", "int64", "uint64", "complex64"], 8),
    "complex128": 16,
}


def require(fact: object, what: str) -> None:
    """Refuse the file unless something is true."""
    if not fact:
        raise ValueError(what)


def read(data: bytes) -> tuple[dict[str, tuple[str, tuple[int, ...], Any]], dict[str, Any]]:
    """Return for each tensor dtype, shape and contents (bytes, or a list of strings), and the metadata."""
    require(len(data) >= 128, "short")
    header, footer = data[:64], data[-64:]
    magic, major, _, zero, _, incompatible, unused = struct.unpack("<8sHHIQQQ", header[:40])
    require(magic == b"\x89HFT\r\n\x1a\n", "magic")
    require(xxhash.xxh3_64_intdigest(header[:56]) == int.from_bytes(header[56:], "little"), "header hash")
    require(major == 1 and incompatible == 0, "version")
    require(zero == 0 and unused == 0, "reserved")
    place, length, total, digest, tensors, chunks, seal, end = struct.unpack("<QQQ16sIIQ8s", footer)
    require(end == b"\x89HFE\r\n\x1a\n", "end magic")
    require(xxhash.xxh3_64_intdigest(footer[:48]) == seal, "footer hash")
    require(total == len(data) and place >= 64 and place % 64 == 0 and place + length + 64 == total, "places")
    require(length <= 2**28 and tensors <= 2**20, "limits")
    packed = data[place : place + length]
    require(xxhash.xxh3_128_digest(header + packed) == digest, "index hash")
    try:
        index = msgpack.unpackb(packed, object_pairs_hook=_unique)
    except Exception as error:
        raise ValueError("index") from error
    require(isinstance(index, dict) and len(index) <= 64, "index")
    require(all(isinstance(key, str) and len(key.encode()) <= 64 for key in index), "keys")
    require(all(_allowed(value) for value in index.values()), "values")
    stream = b"".join(_chunks(data, index, chunks, place))
    return _tensors(index, tensors, stream), json.loads(index["metadata"])


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    require(len({key for key, _ in pairs}) == len(pairs), "keys twice")
    return dict(pairs)


def _allowed(value: Any) -> bool:
    if isinstance(value, list):
        short = all(isinstance(item, str) and len(item.encode()) <= 64 for item in value)
        return short and len(value) <= 64 and len(set(value)) == len(value)
    return isinstance(value, str | bytes) or (type(value) is int and value >= 0)


def _column(index: dict[str, Any], key: str, kind: str, count: int) -> list[int]:
    value = index.get(key)
    require(isinstance(value, bytes) and len(value) == count * struct.calcsize(f"<{kind}"), key)
    return list(struct.unpack(f"<{count}{kind}", index[key]))


def _chunks(data: bytes, index: dict[str, Any], count: int, place: int) -> list[bytes]:
    """Check and decode all chunks."""
    columns = [_column(index, key, kind, count) for key, kind in zip(
        ("codec", "offset", "stored", "decoded", "planes"), "BQIIB", strict=True)]  # fmt: skip
    lengths = _column(index, "plane_bytes", "I", sum(columns[4]))
    digests = bytes(_column(index, "digest", "B", 16 * count))
    position, result = 64, []
    for number, (codec, offset, stored, decoded, planes) in enumerate(zip(*columns, strict=True)):
        name = index["codecs"][codec]
        alignment = 4096 if name == "raw" and stored >= 2**20 else 64
        require(offset == position + -position % alignment and offset + stored <= place, "offset")
        require(1 <= decoded <= 2**22 and 1 <= stored <= decoded, "sizes")
        require(not any(data[position:offset]), "padding")
        bytes_ = data[offset : offset + stored]
        require(xxhash.xxh3_128_digest(bytes_) == digests[16 * number : 16 * number + 16], "chunk hash")
        mine, lengths = lengths[:planes], lengths[planes:]
        require((name == "planes") == (planes in {2, 4, 8, 16}) and (planes == 0 or name == "planes"), "planes")
        require(name in {"raw", "zstd", "planes"} and (name != "raw" or stored == decoded), "codec")
        result.append(_decode(name, bytes_, decoded, mine))
        position = offset + stored
    require(place == position + -position % 64 and not any(data[position:place]), "index place")
    return result


def _decode(codec: str, stored: bytes, decoded: int, planes: list[int]) -> bytes:
    if codec == "raw":
        return stored
    if codec == "zstd":
        return _frame(stored, decoded)
    require(decoded % len(planes) == 0 and sum(planes) == len(stored), "plane sizes")
    each, position, parts = decoded // len(planes), 0, []
    for length in planes:
        require(1 <= length <= each, "plane size")
        part = stored[position : position + length]
        parts.append(np.frombuffer(part if length == each else _frame(part, each), np.uint8))
        position += length
    return np.stack(parts, axis=1).tobytes()


def _frame(frame: bytes, decoded: int) -> bytes:
    require(frame[:4] == b"\x28\xb5\x2f\xfd", "frame magic")
    facts = zstandard.get_frame_parameters(frame)
    require(facts.content_size == decoded and facts.dict_id == 0 and facts.window_size <= 2**22, "frame header")
    result: bytes = zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False)
    require(len(result) == decoded, "frame size")
    return result


def _tensors(index: dict[str, Any], count: int, stream: bytes) -> dict[str, tuple[str, tuple[int, ...], Any]]:
    """Check all tensors and cut them out of the stream."""
    names = index["names"].split("\n") if count else []
    require(len(names) == count == len(set(names)) and (count or not index["names"]), "names")
    require(all(1 <= len(name.encode()) <= 1024 for name in names), "name")
    ranks, starts = _column(index, "rank", "B", count), _column(index, "start", "Q", count)
    sizes = _column(index, "shape", "Q", sum(ranks))
    dtypes = [index["dtypes"][number] for number in _column(index, "dtype", "B", count)]
    strings = _column(index, "string_bytes", "Q", dtypes.count("string"))
    found, ranges = {}, []
    for name, dtype, rank, start in zip(names, dtypes, ranks, starts, strict=True):
        shape, sizes = tuple(sizes[:rank]), sizes[rank:]
        require(rank <= 64 and (dtype == "string" or dtype in ITEM), "dtype or rank")
        n = math.prod(shape)
        extra = strings.pop(0) if dtype == "string" else 0
        length = n * ITEM.get(dtype, 8) + extra
        require(start + length <= len(stream) and (length or start == 0) and (n or not extra), "range")
        ranges += [(start, start + length)] if length else []
        contents: Any = stream[start : start + length]
        if dtype == "string":
            ends = [0, *np.frombuffer(contents[: 8 * n], "<u8").tolist()]
            require(ends == sorted(ends) and ends[-1] == extra, "ends")
            contents = [contents[8 * n + a : 8 * n + b] for a, b in itertools.pairwise(ends)]
        require(dtype != "bool" or max(contents, default=0) <= 1, "bool")
        found[name] = dtype, shape, contents
    bounds = sorted(ranges)
    require([a for a, _ in bounds] + [len(stream)] == [0] + [b for _, b in bounds], "cover")
    return found


def contents_of(array: NDArray[Any]) -> Any:
    """Return an array as :func:`read` returns the contents of a tensor."""
    return array.reshape(-1).tolist() if array.dtype == object else array.tobytes()
