from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast.contracts import TensorSource
from holdfast.errors import AbortedError, CorruptCheckpointError
from holdfast.testing.format_suite import PiecewiseSource, same, values
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs
from holdfast_npz import SPEC, layout
from holdfast_npz import values as values_module

OPTIONS: list[dict[str, Any]] = [{}, {"compression": "deflate", "level": 1}]


def written(sources: list[TensorSource], options: dict[str, Any]) -> bytes:
    """Return the file of some sources."""
    outputs = MemoryOutputs(SPEC)
    SPEC.factory(options).write(outputs, sources, {})
    return outputs.contents[".npz"]


def reader(data: bytes) -> Any:
    """Open a file."""
    return SPEC.factory({}).open(MemoryInputs(SPEC, {".npz": data}))


@pytest.mark.parametrize("options", OPTIONS, ids=["stored", "deflate"])
@pytest.mark.parametrize("kept", [0, 8 << 20], ids=["packed twice", "packed once"])
def test_pieces_make_the_same_file(options: dict[str, Any], kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor that is read piece by piece is stored as one that is in memory; the file is the same but for blocks."""
    monkeypatch.setattr(values_module, "_MOST_KEPT", kept)
    monkeypatch.setattr(values_module, "_STRINGS_AT_ONCE", 7)
    arrays = {
        "x": np.arange(3 * layout.BLOCK_BYTES // 8 + 5),
        "s": values("string", (5, 7)),
        "h": values("bfloat16", (33,)),
    }
    data = written([PiecewiseSource(name, array) for name, array in arrays.items()], options)
    opened = reader(data)
    assert all(same(opened.read(name), array) for name, array in arrays.items())
    assert opened.entries["x"].codec == ("deflate" if options else "stored")


class _Restless(PiecewiseSource):
    """Gives other values each time."""

    def __init__(self, *, longer: bool = False) -> None:
        super().__init__("x", np.zeros(10))
        self.reads = 0
        self._longer = longer

    def read_range(self, start: int, stop: int) -> Any:
        self.reads += 1
        return np.full(stop - start + (self.reads > 1 and self._longer), self.reads, np.float64)


@pytest.mark.parametrize("longer", [False, True])
def test_values_that_change_are_noticed(longer: bool) -> None:
    """What is written is what the checksum was made of, or nothing."""
    with pytest.raises(AbortedError, match="changed while they were saved"):
        written([_Restless(longer=longer)], {})


def test_regions_in_order_are_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who goes through a deflated tensor from start to end reads each block of the file once."""
    array = np.random.default_rng(0).integers(0, 16, 3 << 20, dtype=np.uint8)
    opened = reader(written([PiecewiseSource("x", array)], OPTIONS[1]))
    blocks: list[int] = []
    block = opened._members._block

    def noted(source: Any, number: int) -> Any:
        blocks.append(number)
        return block(source, number)

    monkeypatch.setattr(opened._members, "_block", noted)
    for start in range(0, array.size, 100_000):
        region = (slice(start, start + 100_000),)
        assert same(opened.read("x", index=region), array[region])
    assert blocks == list(range(len(blocks)))
    assert same(opened.read("x", index=(slice(5, 9),)), array[5:9])
    assert blocks.count(0) == 2


def test_the_end_of_a_deflated_tensor_is_checked() -> None:
    """Regions up to the end see damage behind the last value, as reading the whole does."""
    data = bytearray(written([PiecewiseSource("x", np.zeros(1 << 16))], OPTIONS[1]))
    opened = reader(bytes(data))
    member = opened._tensors["x"].values.member
    data[member.end - 1] ^= 1
    opened = reader(bytes(data))
    with pytest.raises(CorruptCheckpointError):
        opened.read("x")
    with pytest.raises(CorruptCheckpointError):
        opened.read("x", index=(slice((1 << 16) - 1, 1 << 16),))


@pytest.mark.parametrize("options", OPTIONS, ids=["stored", "deflate"])
def test_regions_of_strings(options: dict[str, Any]) -> None:
    """A region of strings is what slicing the whole gives, at every edge."""
    array = values("string", (4, 3, 2))
    opened = reader(written([PiecewiseSource("s", array)], options))
    for low in range(5):
        for high in range(low, 5):
            for index in ((slice(low, high), slice(0, 3), slice(0, 2)), (slice(low, high), slice(1, 2), slice(1, 2))):
                assert same(opened.read("s", index=index), array[index])
