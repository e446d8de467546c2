"""How tensors of the container are read: together, in part, as mapped memory, as bits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import local_storage
from holdfast.contracts import BulkReader, ConcurrentFile, MappableFile, MetadataFormat
from holdfast.dtypes import as_dtype
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    NotFoundError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)
from holdfast.testing.format_suite import same, values
from holdfast_msgpack import SPEC
from tests.formats.container_files import CHUNK, CountingFile, OneFile, local, opened, weights, written


def test_read_many_takes_any_names() -> None:
    """Names in any order, twice, of strings and of nothing; none of the arrays shares memory with another."""
    tensors = {
        "a": np.arange(5.0),
        "words": np.array([b"x", b"yz"], object),
        "nothing": np.empty((0, 3), np.float32),
        "b": np.array(7.0),
        "flag": np.array([True]),
        "large": weights(100_000),
    }
    reader = opened(written(tensors))
    assert isinstance(reader, BulkReader)
    names = ["large", "a", "nothing", "words", "a", "b", "flag", "large"]
    found = reader.read_many(names)
    assert [same(array, tensors[name]) for name, array in zip(names, found, strict=True)] == [True] * len(names)
    assert not np.shares_memory(found[1], found[4])
    assert not np.shares_memory(found[0], found[7])
    assert reader.read_many([]) == []
    with pytest.raises(NotFoundError, match="none such"):
        reader.read_many(["a", "none such"])
    reader.close()


@pytest.mark.parametrize("options", [{"level": 0}, {"level": 1}], ids=str)
def test_only_the_chunks_that_are_needed_are_read(options: dict[str, Any]) -> None:
    """One tensor out of many, and one row out of a large one, cost their chunks and the index."""
    tensors = {f"w{number}": weights(CHUNK).reshape(256, -1) for number in range(4)}
    data = written(tensors, **options)
    file = CountingFile(data)
    reader = SPEC.factory({"threads": 1}).open(OneFile(file))
    assert sum(length for _, length in file.reads) < 5000
    file.reads.clear()
    assert same(reader.read("w2"), tensors["w2"])
    assert sum(length for _, length in file.reads) <= 4 * CHUNK + 4096 * 4
    file.reads.clear()
    assert same(reader.read("w3", index=(slice(200, 201), slice(5, 9))), tensors["w3"][200:201, 5:9])
    assert sum(length for _, length in file.reads) <= 4 * CHUNK + 4096
    file.reads.clear()
    reader.read("w3", index=(slice(200, 201), slice(50, 90)))
    assert file.reads == []  # the last chunks are kept
    reader.close()


def test_columns_of_a_large_tensor_are_read_in_bands() -> None:
    """A region that is spread over a tensor is right across all bands, and needs no memory of the tensor's size."""
    array = np.arange(6 * CHUNK, dtype=np.int32).reshape(3, 1024, -1)
    reader = opened(written({"w": array}, level=0))
    for region in (
        (slice(0, 3), slice(0, 1024), slice(7, 8)),
        (slice(1, 3), slice(1000, 1024), slice(0, 2048)),
        (slice(0, 3), slice(512, 513), slice(2, 2047)),
        (slice(2, 2), slice(0, 1024), slice(0, 1)),
    ):
        assert same(reader.read("w", index=region), array[region])
    reader.close()


def test_strings_are_read_in_part() -> None:
    """A region of strings reads only the bytes of its rows."""
    words = np.array([b"%d" % n * 50 for n in range(60_000)], object).reshape(600, 100)
    file = CountingFile(written({"words": words}, level=0))
    reader = SPEC.factory({}).open(OneFile(file))
    total = file.size
    file.reads.clear()
    assert same(reader.read("words", index=(slice(300, 301), slice(3, 50))), words[300:301, 3:50])
    assert sum(length for _, length in file.reads) <= 9 * CHUNK < total
    assert same(reader.read("words", index=(slice(0, 600), slice(99, 100))), words[:, 99:])
    reader.close()


def test_metadata_alone() -> None:
    """A list of many checkpoints needs no entries."""
    fmt = SPEC.factory({})
    assert isinstance(fmt, MetadataFormat)
    file = CountingFile(written({"w": weights(CHUNK)}, {"user": {"a": 1}}))
    assert fmt.read_metadata(OneFile(file)) == {"user": {"a": 1}}
    assert sum(length for _, length in file.reads) < 1000


def test_mapped_tensors(tmp_path: Path) -> None:
    """With mmap a raw tensor is memory of the file, verified, private, and valid after closing; others are read."""
    tensors = {
        "raw": weights(3 * CHUNK),
        "small": np.arange(3),
        "words": np.array([b"x"], object),
        "flag": np.ones(CHUNK, bool),
    }
    open_with = local(tmp_path, written(tensors, level=0))
    reader, file = open_with(mmap=True)
    found = reader.read("raw")
    assert not found.flags.owndata
    assert found.flags.writeable
    assert all(same(array, tensors[name]) for name, array in zip(tensors, reader.read_many(list(tensors)), strict=True))
    found[:10] = 0
    assert same(reader.read("raw"), tensors["raw"])
    assert reader.read("raw", index=(slice(0, 5),)).flags.owndata
    reader.close()
    file.close()
    assert found[:10].tolist() == [0] * 10
    assert same(found[10:], tensors["raw"][10:])


def test_mapped_tensors_are_verified(tmp_path: Path) -> None:
    """A flipped byte is noticed in mapped memory too."""
    data = bytearray(written({"w": weights(3 * CHUNK)}, level=0))
    data[len(data) // 2] ^= 1
    reader, file = local(tmp_path, bytes(data))(mmap=True)
    with pytest.raises(CorruptCheckpointError, match="digest of chunk"):
        reader.read("w")
    reader.close()
    file.close()


def test_compressed_tensors_are_not_mapped(tmp_path: Path) -> None:
    """Where nothing can be mapped, mmap changes nothing."""
    array = weights(CHUNK)
    reader, file = local(tmp_path, written({"w": array}))(mmap=True)
    assert reader.read("w").base is None
    assert same(reader.read("w"), array)
    reader.close()
    file.close()


def test_local_files_have_both_abilities(tmp_path: Path) -> None:
    """Files on the disk are read by several threads and can be mapped; a map stops where the file does."""
    path = tmp_path / "x"
    path.write_bytes(bytes(range(200)))
    file = local_storage().open(str(path))
    assert isinstance(file, ConcurrentFile)
    assert isinstance(file, MappableFile)
    assert bytes(file.map(100, 100)) == bytes(range(100, 200))
    with pytest.raises(TruncatedCheckpointError):
        file.map(150, 51)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.map(0, 1)


@pytest.mark.parametrize(
    "dtype,bits", [("bfloat16", np.uint16), ("float8_e5m2", np.uint8), ("float8_e4m3fn", np.uint8)]
)
def test_without_ml_dtypes(dtype: str, bits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, bfloat16 and float8 are an error that says what to do, unless their bits are asked for."""
    array = values(dtype, (3, 5))
    data = written({"w": array, "other": np.arange(3)})
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    monkeypatch.setattr(as_dtype(dtype), "_as_numpy_dtype", None)
    reader = opened(data)
    assert reader.entries["w"].dtype.name == dtype
    assert reader.read("other").tolist() == [0, 1, 2]
    with pytest.raises(UnsupportedCheckpointError, match=r"pip install ml_dtypes.*uint_views"):
        reader.read("w")
    out = np.empty((3, 5), bits)
    assert reader.read("w", out=out) is out
    assert same(out, array.view(bits))
    assert same(opened(data, uint_views=True).read("w"), array.view(bits))


def test_what_follows_a_file_is_told_from_a_cut() -> None:
    """Bytes behind the footer are said to be there; a file that is cut is Truncated."""
    data = written({"w": np.arange(3)})
    with pytest.raises(CorruptCheckpointError, match="3 bytes behind the footer"):
        opened(data + b"abc")
    with pytest.raises(TruncatedCheckpointError, match="footer"):
        opened(data[:-3])
    with pytest.raises(TruncatedCheckpointError):
        opened(b"")
    with pytest.raises(CorruptCheckpointError, match="magic"):
        opened(b"PK\3\4" + bytes(200))


def test_tensors_that_do_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is not there is a CheckpointLimitError that says how much was asked for."""
    reader = opened(written({"w": weights(1000), "v": weights(1000)}))

    def refuse(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("holdfast_msgpack.container_reader.np.empty", refuse)
    with pytest.raises(CheckpointLimitError, match=r"tensor w: found 4,000 bytes"):
        reader.read("w")
    assert isinstance(reader, BulkReader)
    with pytest.raises(CheckpointLimitError, match=r"2 tensors: found 8,000 bytes"):
        reader.read_many(["w", "v"])
