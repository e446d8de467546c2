"""What the container does with options and tensors when it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.checkpoint import tensor_source
from holdfast.contracts import BulkReader, RangeSource
from holdfast.dtypes import DType, as_dtype
from holdfast.errors import (
    InvalidArgumentError,
)
from holdfast.testing.format_suite import same
from holdfast.testing.memory_files import MemoryOutputs
from holdfast_msgpack import SPEC
from tests.formats.container_files import CHUNK, opened, weights, written
from tests.formats.container_parts import take_apart


@pytest.mark.parametrize(
    "options,words",
    [
        ({"level": -1}, "level .* is -1, expected an int from 0 to 19"),
        ({"level": 20}, "level .* is 20"),
        ({"level": True}, "level .* is True"),
        ({"level": "1"}, "level .* is '1'"),
        ({"threads": 0}, "threads .* is 0, expected an int from 1 to 64"),
        ({"threads": 1.0}, "threads .* is 1.0"),
        ({"mmap": 1}, "mmap .* is 1, expected a bool"),
        ({"uint_views": None}, "uint_views .* is None"),
        ({"compression": "zstd"}, "no option 'compression'; it has: level, threads, mmap, uint_views"),
    ],
    ids=str,
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    """An option that is not known, or has a bad value, is a ValueError that says what is allowed."""
    with pytest.raises(ValueError, match=words):
        SPEC.factory(options)


@pytest.mark.parametrize(
    "dtype,level,codec",
    [
        ("float32", 0, "raw"),
        ("float32", 1, "planes"),
        ("float64", 1, "planes"),
        ("bfloat16", 1, "planes"),
        ("complex64", 9, "planes"),
        ("int8", 1, "raw"),
    ],
)
def test_codecs_of_noise(dtype: str, level: int, codec: str) -> None:
    """Weights are stored in planes at any level but 0; bytes that do not shrink stay as they are."""
    array = weights(100_000).astype(as_dtype(dtype).as_numpy_dtype)
    if dtype == "int8":
        array = np.frombuffer(np.random.default_rng(0).bytes(100_000), np.int8)
    reader = opened(written({"w": array}, level=level))
    entry = reader.entries["w"]
    assert entry.codec == codec
    assert entry.stored_nbytes is not None
    assert (entry.stored_nbytes < entry.nbytes) == (codec != "raw")
    assert same(reader.read("w"), array)
    reader.close()


def test_repeats_are_found() -> None:
    """What consists of repeats is stored by a codec that searches for them, and takes next to nothing."""
    row = np.frombuffer(np.random.default_rng(0).bytes(4000), np.float32)
    entry = opened(written({"w": np.tile(row, (200, 1))})).entries["w"]
    assert entry.codec == "zstd"
    assert entry.stored_nbytes is not None
    assert entry.stored_nbytes < entry.nbytes / 20


def test_chunks_that_do_not_shrink_are_raw() -> None:
    """The codec is chosen for a tensor, and given up chunk by chunk where it gains nothing."""
    half = np.zeros(CHUNK, np.uint8)
    noise = np.frombuffer(np.random.default_rng(0).bytes(CHUNK), np.uint8)
    array = np.concatenate([half, half, noise])
    data = written({"w": array})
    reader = opened(data)
    assert reader.entries["w"].codec == "raw+zstd"
    assert take_apart(data).index["offset"][16:] == (4096).to_bytes(8, "little")
    assert same(reader.read("w"), array)
    reader.close()


def test_small_tensors_share_chunks() -> None:
    """Ten thousand small tensors of two item sizes are two chunks; large ones have chunks of their own."""
    tensors: dict[str, NDArray[Any]] = {f"f{n}": np.full(4, n, np.float32) for n in range(5000)}
    tensors |= {f"i{n}": np.array([n]) for n in range(5000)}
    tensors["large"] = weights(CHUNK // 2)
    data = written(tensors)
    parts = take_apart(data)
    assert parts.chunks == 1 + 1 + 2
    reader = opened(data)
    assert list(reader.entries) == list(tensors)
    assert sum(entry.stored_nbytes or 0 for entry in reader.entries.values()) <= len(data)
    assert isinstance(reader, BulkReader)
    found = reader.read_many(list(tensors))
    assert all(same(array, tensors[name]) for name, array in zip(tensors, found, strict=True))
    assert all(array.base is None and array.flags.writeable for array in found)
    reader.close()


class Pieces:
    """A source that is read piece by piece, into the same memory each time."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.name = "w"
        self.dtype: DType = as_dtype(array.dtype)
        self.shape = array.shape
        self.nbytes = array.nbytes
        self._array = array
        self._piece = np.empty(0, array.dtype)

    def read(self) -> NDArray[Any]:
        raise AssertionError("read as a whole")

    def read_range(self, start: int, stop: int) -> NDArray[Any]:
        if len(self._piece) != stop - start:
            self._piece = np.empty(stop - start, self._array.dtype)
        self._piece[:] = self._array.reshape(-1)[start:stop]
        return self._piece


@pytest.mark.parametrize("options", [{"level": 0}, {"level": 1}, {"level": 1, "threads": 4}], ids=str)
def test_sources_that_come_in_pieces(options: dict[str, Any]) -> None:
    """A tensor larger than the memory is written as it comes."""
    array = weights(5 * CHUNK, np.float64).reshape(5, -1)
    source = Pieces(array)
    assert isinstance(source, RangeSource)
    outputs = MemoryOutputs(SPEC)
    SPEC.factory(options).write(outputs, [source], {})
    reader = opened(outputs.contents[".holdfast"])
    assert same(reader.read("w"), array)
    reader.close()


class Lying:
    """A source that gives other values than it announced."""

    name, dtype, shape, nbytes = "liar", as_dtype("int8"), (10,), 10

    def read(self) -> NDArray[Any]:
        return np.zeros(9, np.int8)


def test_sources_that_lie() -> None:
    """Values of another size than announced are an error that names the tensor."""
    with pytest.raises(InvalidArgumentError, match="liar"):
        SPEC.factory({}).write(MemoryOutputs(SPEC), [Lying()], {})


@pytest.mark.parametrize("name", ["", "a\nb", "\ud800", "n" * 1025, "ü" * 513])
def test_names_that_cannot_be_stored(name: str) -> None:
    """A name that the index cannot hold is refused before anything is written."""
    outputs = MemoryOutputs(SPEC)
    with pytest.raises(InvalidArgumentError, match="1 to 1,024 bytes"):
        SPEC.factory({}).write(outputs, [tensor_source(name, np.arange(3))], {})
    assert outputs.contents == {}
