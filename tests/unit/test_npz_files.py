from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from holdfast.checkpoint import tensor_source
from holdfast.errors import InvalidArgumentError
from holdfast.testing.format_suite import same, values
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs
from holdfast_npz import SPEC, layout, npz_writer, zip_records


def write(tensors: dict[str, Any], metadata: dict[str, Any] | None = None, **options: Any) -> bytes:
    """Return the file of some tensors."""
    outputs = MemoryOutputs(SPEC)
    sources = [tensor_source(name, array) for name, array in tensors.items()]
    SPEC.factory(options).write(outputs, sources, metadata or {})
    return outputs.contents[".npz"]


def read(data: bytes) -> Any:
    """Open a file."""
    return SPEC.factory({}).open(MemoryInputs(SPEC, {".npz": data}))


@pytest.mark.parametrize("options", [{}, {"compression": "deflate"}], ids=str)
def test_numpy_reads_it(tmp_path: Path, options: dict[str, Any]) -> None:
    """Plain numpy.load gives the same arrays without pickle, and zipfile finds nothing wrong."""
    tensors = {
        "layer/w": np.arange(60.0).reshape(3, 20),
        "n": np.array(7),
        "ü": np.zeros((0, 2), np.complex64),
        "flag": np.array([True, False]),
    }
    (tmp_path / "m.npz").write_bytes(write(tensors, **options))
    with zipfile.ZipFile(tmp_path / "m.npz") as archive:
        assert archive.testzip() is None
    with np.load(tmp_path / "m.npz", allow_pickle=False) as loaded:
        for name, array in tensors.items():
            assert same(loaded[name], array)


def test_what_numpy_lacks_is_stored_as_integers(tmp_path: Path) -> None:
    """bfloat16 and float8 are the integers of their bits; strings are bytes with offsets."""
    tensors = {
        "b": np.array([1.5, -2], ml_dtypes.bfloat16),
        "f": np.array([1.5], ml_dtypes.float8_e5m2),
        "s": np.array([b"ab", b"", b"c"], object),
    }
    (tmp_path / "m.npz").write_bytes(write(tensors))
    with np.load(tmp_path / "m.npz", allow_pickle=False) as loaded:
        assert same(loaded["b"], tensors["b"].view(np.uint16))
        assert same(loaded["f"], tensors["f"].view(np.uint8))
        assert loaded["s"].tobytes() == b"abc"
        assert loaded["__holdfast__/offsets-00000002"].tolist() == [0, 2, 2, 3]


def test_equal_contents_make_equal_files() -> None:
    """Nothing in the file depends on the clock or the machine."""
    assert write({"w": np.arange(3)}, {"a": 1}) == write({"w": np.arange(3)}, {"a": 1})


def test_names_that_are_no_paths_stay_inside() -> None:
    """A member never lies outside of where an archive is unpacked."""
    names = ["../x", "/x", "a/../../x", "C:x", "a\\b", "a//b", "x.npy", "__holdfast__/format", "."]
    found = [layout.member_name(position, name) for position, name in enumerate(names)]
    assert found == [f"__holdfast__/tensor-{position:08d}.npy" for position in range(len(names))]
    assert layout.member_name(0, "a/b.c") == "a/b.c.npy"


@pytest.mark.parametrize("limit", ["ZIP64", "_MOST_MEMBERS"])
@pytest.mark.parametrize("options", [{}, {"compression": "deflate"}], ids=str)
def test_zip64(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, options: dict[str, Any]) -> None:
    """Sizes, offsets and counts over the limits of zip stand in zip64 fields, which zipfile reads too."""
    tensors = {name: np.zeros(200, np.float32) + number for number, name in enumerate("abcd")}
    plain = write(tensors, **options)
    # Zip's own limits, lowered: files of 4 GiB would take long. The fields hold the same numbers as with the real ones.
    if limit == "ZIP64":
        monkeypatch.setattr(zip_records.Member, "_large", property(lambda member: member.size > 500))
    else:
        monkeypatch.setattr(zip_records, limit, 3)
        monkeypatch.setattr(zip_records, "end_record", _end_with_zip64(zip_records.end_record))
        monkeypatch.setattr(npz_writer, "end_record", zip_records.end_record)
        monkeypatch.setattr("holdfast_npz.tail.end_record", zip_records.end_record)
    data = write(tensors, **options)
    assert data != plain
    reader = read(data)
    assert all(same(reader.read(name), array) for name, array in tensors.items())
    (tmp_path / "m.npz").write_bytes(data)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as loaded:
        assert all(same(loaded[name], array) for name, array in tensors.items())


def _end_with_zip64(original: Any) -> Any:
    """Return a function that marks the count of an end record as standing in the zip64 record."""

    def end_record(members: int, offset: int, length: int, comment: bytes) -> bytes:
        plain: bytes = original(members, offset, length, comment)
        return plain[:8] + b"\xff" * 4 + plain[12:]

    return end_record


@pytest.mark.parametrize("options", [{}, {"compression": "deflate"}], ids=str)
def test_tensors_of_many_blocks(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    """Whole tensors and regions that begin and end anywhere among many blocks are right."""
    monkeypatch.setattr(layout, "BLOCK_BYTES", 192)
    tensors = {
        "w": values("float32", (40, 7)),
        "r": np.arange(500, dtype=np.int32) // 9,
        "e": values("float64", (3, 0)),
    }
    reader = read(write(tensors, **options))
    for name, array in tensors.items():
        assert same(reader.read(name), array)
    for start in range(0, 40, 3):
        for stop in range(start, 41, 5):
            region = (slice(start, stop), slice(2, 6))
            assert same(reader.read("w", index=region), tensors["w"][region])
            assert same(reader.read("r", index=(slice(start, 11 * stop),)), tensors["r"][start : 11 * stop])


def test_a_region_reads_only_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage outside of the blocks that a region lies in does not matter to it, and is found by reading the whole."""
    monkeypatch.setattr(layout, "BLOCK_BYTES", 256)
    tensors = {"w": np.arange(1000, dtype=np.int64)}
    data = bytearray(write(tensors))
    data[data.index((900).to_bytes(8, "little"))] ^= 1
    reader = read(bytes(data))
    assert same(reader.read("w", index=(slice(100, 300),)), tensors["w"][100:300])
    with pytest.raises(Exception, match="digest of member"):
        reader.read("w")


def test_incompressible_values_are_stored() -> None:
    """A tensor that deflate does not make smaller is stored as it is."""
    reader = read(write({"a": values("uint8", (100_000,)), "b": np.zeros(1000)}, compression="deflate"))
    assert [entry.codec for entry in reader.entries.values()] == ["stored", "deflate"]


def test_deflate_output_that_ends_within_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long runs, whose last input unpacks to more than one call returns, come out whole at every limit."""
    array = np.zeros(5000, np.uint8)
    data = write({"a": array}, compression="deflate")
    original = zlib.decompressobj

    for most in (1, 7, 255, 257, 1000):

        class Slow:
            """A decoder that returns little at a time."""

            def __init__(self, bits: int, most: int = most) -> None:
                self._decoder, self._most = original(bits), most

            def decompress(self, data: bytes, limit: int) -> bytes:
                found: bytes = self._decoder.decompress(data, min(limit, self._most))
                return found

            def __getattr__(self, name: str) -> Any:
                return getattr(self._decoder, name)

        monkeypatch.setattr(zlib, "decompressobj", Slow)
        assert same(read(data).read("a"), array)


@pytest.mark.parametrize(
    "options", [{"compression": "zstd"}, {"level": 0}, {"level": "6"}, {"level": True}, {"levle": 1}], ids=str
)
def test_bad_options(options: dict[str, Any]) -> None:
    """Options are checked when the format is made."""
    with pytest.raises(ValueError, match=next(iter(options))):
        SPEC.factory(options)


def test_too_many_dimensions() -> None:
    """A tensor of more dimensions than NumPy has is refused when it is written."""

    class Deep:
        name, dtype, shape, nbytes = "deep", tensor_source("x", np.zeros(1)).dtype, (1,) * 65, 8

        def read(self) -> Any:
            raise AssertionError("not read")

    with pytest.raises(InvalidArgumentError, match="holds at most 64"):
        SPEC.factory({}).write(MemoryOutputs(SPEC), [Deep()], {})
