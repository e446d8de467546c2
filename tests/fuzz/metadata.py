"""Target ``metadata``: what a sound container says about itself: its tree, tensors in parts, figures."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import numpy as np

from holdfast.checkpoint import load, open_checkpoint
from holdfast.testing.simulated_disk import SimulatedDisk
from holdfast_msgpack import SPEC
from tests.formats.container_parts import Parts
from tests.fuzz.mutations import other_bytes, other_json, parse_json
from tests.fuzz.target import Target

_FORMATS = [replace(SPEC, factory=lambda options: SPEC.factory({**options, "threads": 1}))]
_TREE = [
    "d",
    ["w", "text", "when", "opt", "n~1m", 3],
    [
        ["a"],
        ["a", "U5"],
        ["a", "M8[s]"],
        ["n", "Adam", ["lr", "m"], [0.5, ["t", [["s"], ["B"], ["S"], ["I"]]]]],
        ["o", ["~e", "x"], [["i", "-0x1fffffffffffffff"], ["f", "7ff8000000000000"]]],
        ["l", [["c", "7ff0000000000000", "0000000000000000"], ["b", "AAE="], ["u", "7aCA"], None, True, "x", 7]],
    ],
]
_TENSORS: dict[str, tuple[str, tuple[int, ...], bytes]] = {
    "w": ("float32", (2, 2), np.arange(4, dtype="<f4").tobytes()),
    "when": ("int64", (2,), np.array([0, -(2**63)]).tobytes()),
    "opt/m/0": ("float64", (), bytes(8)),
    "opt/m/1": ("uint8", (3,), b"\0\1\2"),
    "opt/m/2": ("uint8", (3,), b"\xed\xa0\x80"),
    "opt/m/3": ("uint8", (2,), b"\xff\x80"),
    "~": ("uint8", (1,), b"x"),
    "~tree": ("uint8", (9,), b'["l",[7]]'),
    "p-0": ("int64", (2,), np.arange(2).tobytes()),
    "p-1": ("int64", (2,), np.arange(2).tobytes()),
    "none": ("int64", (3, 0), b""),
}
_PARTS = {"p": {"dtype": "int64", "shape": [4], "parts": [["p-0", [0], [2]], ["p-1", [2], [2]]]}}
_LEAVES = [[tag] for tag in "asSBI"] + [["a", kind] for kind in ("U5", "S1", "T", "str", "M8[ns]", "m8[25s]", "M8")]
_WORDS: tuple[Any, ...] = (
    *_LEAVES, _TREE, *_PARTS["p"]["parts"], "~tree", "w", "text", "opt/m/1", "p-0", "p", "none", "~", "~0", "~{7f}",
    "class", "_1",
    ["d", [], []], ["l", []], ["t", [1]], ["n", "T", ["a"], [1]], ["i", "0x"], ["f", "7ff"], ["u", "////"], ["s", "U1"],
    2**53, 2**53 + 1, -(2**63), 2**63, "Infinity", 1e308, [2**31] * 4, [2**62] * 3, [0] * 65, [0, 2**62], [2**80, 0],
)  # fmt: skip


def seeds() -> dict[str, bytes]:
    """Return the metadata of a tree, of one that is described by a tensor, and of a Saver with tensors in parts."""
    engine = {
        "writer": "holdfast 0.1.0",
        "lineage": "a",
        "origin": 1.5,
        "save_sequence": 2,
        "global_step": 7,
        "time": 2,
    }
    engine |= {"metrics": {"loss": 0.5, "best": "Infinity"}, "random_streams": {"a": [1]}}
    said: dict[str, Any] = {
        "tree": {"holdfast": engine | {"tree": {"version": 1, "root": _TREE}}, "user": {"n": [1]}},
        "tensor": {"holdfast": {"tree": {"version": 1, "tensor": "~tree"}}},
        "parts": {"holdfast": engine | {"partial": _PARTS}, "user": {}},
        "foreign": {"epoch": 3},
    }
    return {name: json.dumps(value).encode() for name, value in said.items()}


@cache
def _container() -> Parts:
    """Return a container without its metadata."""
    parts, stream = Parts(), b""
    strings = np.array([1, 5], "<u8").tobytes() + b"a\xc3\xbcbc"
    for _, _, data in _TENSORS.values():
        stream += data
    parts.add_chunk("raw", stream + strings, len(stream) + len(strings))
    start = 0
    for name, (dtype, shape, data) in _TENSORS.items():
        parts.add_tensor(name, dtype, shape, start if data else 0)
        start += len(data)
    parts.add_tensor("text", "string", (2,), start, 5)
    return parts.finish()


def read(data: bytes) -> None:
    """Load the tree, and read all tensors as a Saver would."""
    container = _container()
    text = data.decode("utf-8", "replace")
    sealed = Parts(container.body, container.index | {"metadata": text}, container.tensors, container.chunks).seal()
    disk = SimulatedDisk({"d/m.holdfast": sealed})
    with open_checkpoint("d/m", storage=disk, formats=_FORMATS) as checkpoint:
        checkpoint.read_many([name for name, entry in checkpoint.entries.items() if not entry.slices])
        checkpoint.debug_string()
    load("d/m", storage=disk, formats=_FORMATS, max_bytes=1 << 20)


def change(data: bytes, random: Random) -> bytes:
    """Change a value of the metadata, or their text."""
    said = parse_json(data)
    if said is None or random.random() < 0.1:
        return other_bytes(data, random, (b"[", b"]", b'"', b",", b"NaN", b"\xff", b"\\ud800", b"1e999"))
    for _ in range(random.choice((1, 1, 2, 3))):
        said = other_json(said, random, _WORDS)
    return json.dumps(said).encode()


TARGET = Target("metadata", seeds, read, change)
