"""What the golden containers hold; ``python -m tests.formats.generate_golden`` writes those that are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from holdfast.errors import UnsupportedCheckpointError
from holdfast.testing.format_suite import DTYPES, SHAPES, values
from tests.formats.container_parts import Parts

FOLDER = Path(__file__).parent / "golden" / "msgpack-zstd"

METADATA: dict[str, Any] = {
    "holdfast": {"writer": "holdfast 0.1.0", "save_sequence": 3, "global_step": 1200, "metrics": {"loss": 0.25}},
    "user": {"note": "ü 日本 \u2028", "nested": [1, -2.5, None, True, {"": []}], "big": 2**70},
}


@dataclass(frozen=True)
class Golden:
    """A container that holdfast wrote."""

    tensors: Callable[[], dict[str, NDArray[Any]]]
    options: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)


def every_dtype() -> dict[str, NDArray[Any]]:
    """Return each dtype in each shape."""
    return {f"{dtype}/{'x'.join(map(str, shape))}": values(dtype, shape) for dtype in DTYPES for shape in SHAPES}


def large() -> dict[str, NDArray[Any]]:
    """Return tensors of several chunks that shrink to almost nothing, one that does not shrink, and small ones."""
    steps = np.arange(400_000) // 1000
    noise = np.frombuffer(np.random.default_rng(7).bytes(16_384), np.uint8)
    return {
        "float32": steps.astype(np.float32).reshape(400, 1000),
        "float64": np.sqrt(steps[:200_000].astype(np.float64)),
        "bfloat16": values("bfloat16", (16,)).repeat(4096),
        "complex128": steps[:20_000].astype(np.complex128) * 1j,
        "uint8": noise.repeat(8),
        "planes": noise[:16_384].astype(np.int32).reshape(128, 128) << 7,
        "small/b": np.array([1.5, -0.0, np.inf], np.float32),
        "small/a": np.array([[2**62, -1]]),
        "words": np.array([b"\x00\xff" * n for n in range(500)], object),
    }


WRITTEN: dict[str, Golden] = {
    "empty": Golden(dict, {}),
    "metadata": Golden(lambda: {"ü/日本": np.array(1, np.float32)}, {}, METADATA),
    "dtypes-level-0": Golden(every_dtype, {"level": 0}),
    "dtypes-level-1": Golden(every_dtype, {}),
    "large-level-1": Golden(large, {}),
    "large-level-9": Golden(large, {"level": 9, "threads": 1}),
}
"""Golden files that holdfast wrote, without ``.holdfast``."""


def liberties() -> tuple[Parts, dict[str, NDArray[Any]]]:
    """Return a file that takes every liberty of the page which holdfast itself does not take, and its contents."""
    first, second = np.arange(50, dtype=np.int16), np.full((5, 5), 0.1)
    words = np.array([b"", b"one", b"three"], object)
    ends = np.array([0, 3, 8], "<u8").tobytes()
    stream = second.tobytes() + ends + b"onethree" + first.tobytes()
    parts = Parts(minor=7, compatible=0x8000_0000_0000_0005)
    parts.index = {"a later key": "ignored", "and another": 2**63, "third": ["x"], "fourth": b"\x00"}
    parts.index |= {"codecs": ["from the future", "zstd"], "dtypes": ["float5", "int16"]}
    frame = zstandard.ZstdCompressor(level=19, write_checksum=True).compress(stream[:101])
    parts.add_chunk("zstd", frame, 101)
    middle = np.frombuffer(stream[101:197], np.uint8).reshape(-1, 2).T
    parts.add_chunk("planes", middle.tobytes(), 96, (48, 48))
    parts.add_chunk("raw", stream[197:], len(stream) - 197)
    parts.add_tensor("first", "int16", (50,), 200 + 32)
    parts.add_tensor("nothing", "string", (3, 0), 0, 0)
    parts.add_tensor("second", "float64", (5, 5), 0)
    parts.add_tensor("words", "string", (3,), 200, 8)
    parts.finish('{"user": {"by": "hand"}}')
    nothing = np.empty((3, 0), object)
    return parts, {"first": first, "nothing": nothing, "second": second, "words": words}


def _future(change: Callable[[Parts], None]) -> bytes:
    parts, _ = liberties()
    change(parts)
    return parts.seal()


def _unknown_codec(parts: Parts) -> None:
    parts.index["codecs"] = ["from the future", "zstd", "lz9", "raw"][: len(parts.index["codecs"])]


def _unknown_dtype(parts: Parts) -> None:
    parts.index["dtypes"] = [{"int16": "float6"}.get(name, name) for name in parts.index["dtypes"]]


FUTURE: dict[str, tuple[Callable[[Parts], None], type[Exception], str]] = {
    "future-major": (lambda parts: setattr(parts, "major", 2), UnsupportedCheckpointError, "found 2.7"),
    "future-bits": (lambda parts: setattr(parts, "incompatible", 0b100100), UnsupportedCheckpointError, "bit 2, 5"),
    "future-codec": (_unknown_codec, UnsupportedCheckpointError, "lz9"),
    "future-dtype": (_unknown_dtype, UnsupportedCheckpointError, "float6"),
}
"""Files of later versions: how they differ from the one with liberties, and what they give."""


def future_files() -> dict[str, bytes]:
    """Return the files of later versions."""
    return {name: _future(change) for name, (change, _, _) in FUTURE.items()}


def path(name: str) -> Path:
    """Return where a golden file lies."""
    return FOLDER / f"{name}.holdfast"
