from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from holdfast.checkpoint import DiffReport, TensorDifference, diff, tensor_source, write_checkpoint
from holdfast.errors import CorruptCheckpointError, NotFoundError
from holdfast_npz import SPEC as NPZ
from tests.unit.checkpoint_files import BOTH, flip, save, series


def compare(directory: Path, before: Any, after: Any, **options: Any) -> DiffReport:
    """Compare two dicts of arrays by way of files, the second in another format where that can hold it."""
    save(directory / "a", before)
    save(directory / "b", after)
    return diff(directory / "a", directory / "b", formats=BOTH, **options)


def change(directory: Path, before: Any, after: Any, **options: Any) -> TensorDifference:
    """Compare two arrays, which are to differ."""
    (found,) = compare(directory, {"x": before}, {"x": after}, **options).changed
    return found


def test_added_removed_changed_and_the_same(tmp_path: Path) -> None:
    """Each tensor is in one of four groups, by name."""
    same = np.arange(3)
    before = {"gone": np.zeros((2, 1)), "x": np.array([1.0, 2.0, 4.0]), "same": same}
    after = {"new": np.array(1, np.int32), "x": np.array([1.0, 2.5, 3.0]), "same": same}
    found = compare(tmp_path, before, after)
    assert (found.before, found.after, found.same, found.equal) == (f"{tmp_path}/a.npz", f"{tmp_path}/b.npz", 1, False)
    (added,), (removed,), (changed,) = found.added, found.removed, found.changed
    assert (added.name, added.kind, added.dtypes, added.shapes) == ("new", "added", (None, "int32"), (None, ()))
    assert (removed.name, removed.dtypes, removed.shapes) == ("gone", ("float64", None), ((2, 1), None))
    assert (changed.name, changed.reasons, changed.elements, changed.changed) == ("x", ("values",), 3, 2)
    assert (changed.max_difference, changed.mean_difference) == (1.0, 0.5)


def test_integers_are_compared_exactly(tmp_path: Path) -> None:
    """The largest and the mean difference of integers are exact, also where they do not fit into the dtype."""
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    found = change(tmp_path, np.array([low, 2**62, 0]), np.array([high, 2**62 + 1, 0]))
    assert (found.max_difference, found.changed) == (2**64 - 1, 2)
    assert type(found.max_difference) is int
    assert found.mean_difference == 2**64 / 3
    found = change(tmp_path, np.array([2**64 - 1], np.uint64), np.array([0], np.uint64))
    assert found.max_difference == 2**64 - 1
    found = change(tmp_path, np.array([True, False]), np.array([True, True]))
    assert (found.max_difference, found.mean_difference) == (1, 0.5)


def test_nan_and_infinity(tmp_path: Path) -> None:
    """NaN is NaN and infinity infinity; what is finite on one side only is counted, and left out of differences."""
    before = np.array([np.nan, np.inf, -np.inf, 1.0, np.nan, 0.0, 5.0])
    assert compare(tmp_path, {"x": before}, {"x": before}).equal
    found = change(tmp_path, before, np.array([np.nan, np.inf, np.inf, np.nan, 1.0, -0.0, 7.0]))
    assert (found.changed, found.non_finite, found.max_difference, found.mean_difference) == (4, 3, 2.0, 1.0)
    assert change(tmp_path, np.array([np.nan]), np.array([1.0])).max_difference is None


def test_numbers_at_the_limits(tmp_path: Path) -> None:
    """Differences larger than float64 holds are infinite; those of subnormal numbers are not lost."""
    assert change(tmp_path, np.array([1.7e308]), np.array([-1.7e308])).max_difference == np.inf
    assert change(tmp_path, np.array([5e-324]), np.array([0.0])).max_difference == 5e-324
    many = np.full(1000, 1.7e308)
    assert change(tmp_path, many, np.zeros(1000)).mean_difference == 1.7e308


@pytest.mark.parametrize("dtype", ["float16", "float32", ml_dtypes.bfloat16, ml_dtypes.float8_e5m2, "complex64"])
def test_other_numbers(tmp_path: Path, dtype: Any) -> None:
    """Numbers of every floating dtype have differences."""
    found = change(tmp_path, np.array([1, 2, 4], dtype), np.array([1, 2, 2], dtype))
    assert (found.changed, found.max_difference) == (1, 2.0)


def test_strings(tmp_path: Path) -> None:
    """Of strings it is counted how many differ."""
    found = change(tmp_path, np.array([b"a", b"b", b""], object), np.array([b"a", b"", b""], object))
    assert (found.reasons, found.elements, found.changed) == (("values",), 3, 1)
    assert (found.max_difference, found.mean_difference) == (None, None)


def test_dtype_and_shape(tmp_path: Path) -> None:
    """Another dtype is a change, and values are compared all the same; of another shape they are not."""
    found = change(tmp_path, np.array([1.0, 2.5], np.float32), np.array([1.0, 2.5], ml_dtypes.bfloat16))
    assert (found.reasons, found.dtypes, found.changed) == (("dtype",), ("float32", "bfloat16"), 0)
    found = change(tmp_path, np.arange(3), np.arange(3.0) * 2)
    assert (found.reasons, found.max_difference) == (("dtype", "values"), 2.0)
    found = change(tmp_path, np.zeros(4), np.zeros((2, 2)))
    assert (found.reasons, found.shapes, found.elements) == (("shape",), ((4,), (2, 2)), 0)
    found = change(tmp_path, np.array([b"1"], object), np.array([1]))
    assert (found.reasons, found.elements, found.max_difference) == (("dtype", "values"), 0, None)


def test_tolerances(tmp_path: Path) -> None:
    """Within the tolerances numbers are the same; the relative one counts from the larger number."""
    before, after = {"x": np.array([100.0, 1.0])}, {"x": np.array([101.0, 1.0])}
    assert compare(tmp_path, before, after, atol=1.0).equal
    assert compare(tmp_path, before, after, rtol=1 / 101).equal
    found = compare(tmp_path, before, after, rtol=0.009, atol=0.01)
    assert (found.rtol, found.atol, found.changed[0].changed) == (0.009, 0.01, 1)
    whole = {"x": np.array([100, 1])}
    assert compare(tmp_path, whole, {"x": np.array([101, 1])}, atol=1).equal
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="a tolerance is a number from 0 on"):
            compare(tmp_path, before, after, atol=wrong)


def test_some_tensors(tmp_path: Path) -> None:
    """Names and patterns say which tensors are compared; one that means nothing is an error."""
    before = {"l1/w": np.zeros(2), "l1/b": np.zeros(2), "l2/w": np.zeros(2)}
    after = {"l1/w": np.ones(2), "l1/b": np.zeros(2), "l3/w": np.ones(2)}
    found = compare(tmp_path, before, after, names=["l1/*"])
    assert ([item.name for item in found.changed], found.added, found.same) == (["l1/w"], (), 1)
    assert [item.name for item in compare(tmp_path, before, after, names=["*/w"]).added] == ["l3/w"]
    with pytest.raises(NotFoundError, match=r"Key l1/v not found in checkpoint. Did you mean 'l1/w'\?"):
        compare(tmp_path, before, after, names=["l1/v"])
    with pytest.raises(NotFoundError, match=r"No tensor of the checkpoint matches 'l9/\*'"):
        compare(tmp_path, before, after, names=["l9/*"])


def test_metadata(tmp_path: Path) -> None:
    """On demand what the program said is compared; when and by whom it was saved never is."""
    said: dict[str, Any] = {
        "global_step": 1,
        "metrics": {"loss": 0.5, "x": float("nan")},
        "user": {"a": [1], "b": None},
    }
    save(tmp_path / "a", {}, **said)
    save(tmp_path / "b", {}, **said)
    assert diff(tmp_path / "a", tmp_path / "b", metadata=True, formats=BOTH).equal
    save(tmp_path / "b", {}, global_step=1, metrics={"loss": 0.25}, user={"a": [1], "c": "ü"})
    assert diff(tmp_path / "a", tmp_path / "b", formats=BOTH).equal
    found = diff(tmp_path / "a", tmp_path / "b", metadata=True, formats=BOTH)
    assert [(item.key, item.before, item.after) for item in found.metadata] == [
        ("metrics/loss", "0.5", "0.25"),
        ("metrics/x", "NaN", None),
        ("user/b", "null", None),
        ("user/c", None, '"\\u00fc"'),
    ]
    assert not found.equal


def test_parts_that_are_not_the_whole(tmp_path: Path) -> None:
    """Tensors of which the same parts are stored are compared; those of different parts are not."""
    for name, value, spec in (("a", 0.0, "9 0,2"), ("b", 1.0, "9 0,2"), ("c", 0.0, "9 2,2")):
        source = tensor_source("x", np.full(2, value), spec=spec)
        write_checkpoint(tmp_path / name, [source], formats=[NPZ])
    assert diff(tmp_path / "a", tmp_path / "a", formats=[NPZ]).equal
    (found,) = diff(tmp_path / "a", tmp_path / "b", formats=[NPZ]).changed
    assert (found.reasons, found.elements, found.changed) == (("values",), 2, 2)
    (found,) = diff(tmp_path / "a", tmp_path / "c", formats=[NPZ]).changed
    assert (found.reasons, found.elements) == (("parts",), 0)


def test_directories_and_formats(tmp_path: Path) -> None:
    """A directory is its latest checkpoint, and formats do not matter."""
    series(tmp_path, 2)
    save(tmp_path / "copy", {"w": np.full(3, 2)}, "two-files")
    assert diff(tmp_path, tmp_path / "copy", formats=BOTH).equal
    assert not diff(tmp_path / "m.ckpt-1", tmp_path / "copy.tdata", formats=BOTH).equal


def test_trouble(tmp_path: Path) -> None:
    """Damage is an error, never a difference; so is a checkpoint that is not there."""
    saved = series(tmp_path, 2)
    flip(saved[0].path, np.full(3, 1).tobytes())
    for pair in ((saved[0].prefix, saved[1].prefix), (saved[1].prefix, saved[0].prefix)):
        with pytest.raises(CorruptCheckpointError):
            diff(*pair, formats=BOTH)
    with pytest.raises(NotFoundError):
        diff(saved[1].prefix, tmp_path / "nope", formats=BOTH)


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """Two tensors of 48 MiB are compared in less memory than one of them takes."""
    array = np.zeros((1, 12 << 20), np.float32)
    save(tmp_path / "a", {"x": array})
    array[0, -1] = 1
    save(tmp_path / "b", {"x": array})
    del array
    tracemalloc.start()
    try:
        (found,) = diff(tmp_path / "a", tmp_path / "b", formats=BOTH).changed
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.changed, found.max_difference) == (1, 1.0)
    assert peak < 44 << 20
