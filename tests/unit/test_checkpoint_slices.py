from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import (
    SliceSpec,
    TensorRequest,
    open_checkpoint,
    parse_slice_spec,
    restore_tensors,
    tensor_source,
    write_checkpoint,
)
from holdfast.contracts import TensorSlice
from holdfast.errors import CorruptCheckpointError, InvalidArgumentError, NotFoundError
from holdfast_npz import SPEC


def test_specs_are_read_and_printed() -> None:
    """TensorFlow's text for a part gives shape and position, and back."""
    spec = parse_slice_spec("7 2 3,2:0,2")
    assert spec == SliceSpec((7, 2), TensorSlice((3, 0), (2, 2)))
    assert str(spec) == "7 2 3,2:0,2"
    assert spec is not None
    assert spec.index == (slice(3, 5), slice(0, 2))
    assert parse_slice_spec(b"4 4 -:0,2") == SliceSpec((4, 4), TensorSlice((0, 0), (4, 2)))
    assert parse_slice_spec("") is None


@pytest.mark.parametrize(
    "spec",
    ["7", "7 2", "7 2 0,3", "7 2 0,3:0,3", "7 2 6,2:0,2", "7 2 0,3:0", "7 x 0,3:0,2", "7  0,3", "-7 0,3", "7 0,³"],
)
def test_specs_that_are_none(spec: str) -> None:
    """Malformed texts and parts that lie outside are refused."""
    with pytest.raises(InvalidArgumentError, match="Can't parse shape_and_slice"):
        parse_slice_spec(spec)


def _parts(name: str, whole: Any, rows: list[int]) -> list[Any]:
    """Cut a matrix into parts of so many rows."""
    sources, start = [], 0
    for count in rows:
        spec = f"{whole.shape[0]} {whole.shape[1]} {start},{count}:-"
        sources.append(tensor_source(name, whole[start : start + count], spec=spec))
        start += count
    return sources


WHOLE = np.arange(14, dtype=np.float32).reshape(7, 2)


def test_parts_that_make_up_the_whole_are_stored_as_one(tmp_path: Path) -> None:
    """Parts are assembled: plain numpy.load sees one tensor."""
    write_checkpoint(f"{tmp_path}/m", _parts("w", WHOLE, [3, 2, 2]), formats=[SPEC])
    with np.load(f"{tmp_path}/m.npz", allow_pickle=False) as archive:
        assert np.array_equal(archive["w"], WHOLE)


@pytest.mark.parametrize("rows", [[7], [3, 2, 2], [1, 6]])
def test_any_partition_is_restored_from_any_other(tmp_path: Path, rows: list[int]) -> None:
    """What was saved in three parts is restored whole, in three other parts, or in two."""
    write_checkpoint(f"{tmp_path}/m", _parts("w", WHOLE, [3, 2, 2]), formats=[SPEC])
    sources = _parts("w", WHOLE, rows)
    requests = [TensorRequest("w", source.dtype, source.shape, part=source.part) for source in sources]
    found = restore_tensors(f"{tmp_path}/m", requests, formats=[SPEC]).values
    for values, source in zip(found, sources, strict=True):
        assert np.array_equal(values, source.read())  # type: ignore[arg-type]


def test_parts_of_strings(tmp_path: Path) -> None:
    """Strings can be partitioned too."""
    whole = np.array([[b"a", b"bb"], [b"", b"dddd"]], object)
    write_checkpoint(f"{tmp_path}/m", _parts("w", whole, [1, 1]), formats=[SPEC])
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert checkpoint.read("w").tolist() == whole.tolist()


def test_parts_that_leave_gaps_are_stored_as_parts(tmp_path: Path) -> None:
    """The parts that are there can be read, alone and across their border; what is missing is NotFound."""
    write_checkpoint(f"{tmp_path}/m", [*_parts("w", WHOLE, [3, 2, 2])[:2], tensor_source("b", WHOLE)], formats=[SPEC])
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert set(checkpoint.entries) == {"w", "b"}
        entry = checkpoint.entries["w"]
        assert (entry.shape, entry.slices) == ((7, 2), (TensorSlice((0, 0), (3, 2)), TensorSlice((3, 0), (2, 2))))
        region = (slice(2, 5), slice(1, 2))
        assert np.array_equal(checkpoint.read("w", index=region), WHOLE[region])
        with pytest.raises(NotFoundError, match="as a whole"):
            checkpoint.read("w")


@pytest.mark.parametrize(
    "sources, fault",
    [
        (lambda: [tensor_source("w", WHOLE)] * 2, "Two tensors are to be saved under one name"),
        (
            lambda: [tensor_source("w", WHOLE), *_parts("w", WHOLE, [3, 4])],
            "Two tensors are to be saved under one name",
        ),
        (lambda: _parts("w", WHOLE, [3])[:1] * 2, "overlap: '7 2 0,3:0,2' and '7 2 0,3:0,2'"),
        (lambda: [_parts("w", WHOLE, [3])[0], _parts("w", WHOLE[:5], [1])[0]], "belong to different tensors"),
        (lambda: [tensor_source("w", WHOLE, spec="7 2 0,3:0,2")], "has shape"),
        (
            lambda: [tensor_source("holdfast/part-00001", WHOLE), *_parts("w", WHOLE, [3, 2])],
            "are kept for parts",
        ),
    ],
)
def test_parts_that_do_not_fit_together(tmp_path: Path, sources: Any, fault: str) -> None:
    """Duplicates, overlaps and parts of different tensors are refused before anything is written."""
    with pytest.raises(InvalidArgumentError, match=fault):
        write_checkpoint(f"{tmp_path}/m", sources(), formats=[SPEC])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "described",
    [
        None,
        {},
        {"dtype": "float32", "shape": [7, 2], "parts": []},
        {"dtype": "float64", "shape": [7, 2], "parts": [["a", [0, 0], [3, 2]]]},
        {"dtype": "float32", "shape": [7, 2], "parts": [["a", [5, 0], [3, 2]]]},
        {"dtype": "float32", "shape": [7], "parts": [["a", [0, 0], [3, 2]]]},
        {"dtype": "float32", "shape": [7, 2], "parts": [["a", [0, 0], [3, 2]], ["b", [0, 0], [3, 2]]]},
        {"dtype": "float32", "shape": [7, 2], "parts": [["zzz", [0, 0], [3, 2]]]},
        {"dtype": "float32", "shape": [7, True], "parts": [["a", [0, 0], [3, 2]]]},
    ],
)
def test_hostile_descriptions_of_parts(tmp_path: Path, described: Any) -> None:
    """A file whose metadata describes parts that it does not have is corrupt."""
    format_ = SPEC.factory({})

    class Hostile:
        """Writes npz with metadata of its own."""

        def write(self, outputs: Any, tensors: Any, metadata: Any) -> None:
            format_.write(outputs, tensors, {"holdfast": {**metadata["holdfast"], "partial": {"w": described}}})

        def open(self, inputs: Any) -> Any:
            return format_.open(inputs)

    hostile = type(SPEC)("npz", SPEC.suffixes, SPEC.magic, lambda _: Hostile(), "digest")
    sources = [tensor_source(name, WHOLE[:3]) for name in "ab"]
    write_checkpoint(f"{tmp_path}/m", sources, formats=[hostile])
    with pytest.raises(CorruptCheckpointError, match="parts of tensor 'w'"):
        open_checkpoint(f"{tmp_path}/m", formats=[SPEC])
