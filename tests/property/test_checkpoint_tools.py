from __future__ import annotations

import math
import tempfile
from itertools import chain
from typing import Any

import ml_dtypes
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from holdfast.checkpoint import convert, diff, open_checkpoint, tensor_source, verify, write_checkpoint
from holdfast.checkpoint.casting import Cast
from holdfast.checkpoint.differences import Differences
from holdfast.checkpoint.names import name_fault
from holdfast.checkpoint.regions import boxes, pieces
from holdfast.contracts import Entry
from holdfast.dtypes import as_dtype
from holdfast.testing.format_suite import DTYPES, same, values
from holdfast_npz import SPEC

names = st.text(min_size=1, max_size=12).filter(lambda name: name_fault(name) is None)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
arrays = st.builds(values, st.sampled_from(DTYPES), shapes, st.integers(0, 1000))
checkpoints = st.dictionaries(names, arrays, max_size=4)


def save(prefix: str, tensors: dict[str, Any]) -> None:
    """Write a checkpoint."""
    write_checkpoint(prefix, [tensor_source(name, array) for name, array in tensors.items()], formats=[SPEC])


@given(shape=shapes, data=st.data())
def test_boxes_are_the_range(shape: tuple[int, ...], data: st.DataObject) -> None:
    """The regions of a range of elements are contiguous, in order, and nothing else."""
    size = math.prod(shape)
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size))
    positions = np.arange(size).reshape(shape)
    found = [positions[box].reshape(-1).tolist() for box in boxes(shape, start, stop)]
    assert list(chain.from_iterable(found)) == list(range(start, stop))
    assert len(found) <= 2 * max(1, len(shape))


@given(shape=shapes, most=st.integers(1, 200))
def test_pieces_are_the_whole(shape: tuple[int, ...], most: int) -> None:
    """The pieces of a tensor make it up in order, and none is larger than was asked for, but for one element."""
    size = math.prod(shape)
    found = list(pieces(Entry(as_dtype("int64"), shape, 8 * size), most))
    positions = np.arange(size).reshape(shape)
    cut = [positions[... if piece is None else piece].reshape(-1).tolist() for piece in found]
    assert list(chain.from_iterable(cut)) == list(range(size))
    assert all(8 * len(piece) <= max(most, 8) for piece in cut)


@settings(max_examples=25)
@given(tensors=checkpoints, deflate=st.booleans())
def test_there_and_back(tensors: dict[str, Any], deflate: bool) -> None:
    """A checkpoint that is converted, and back, is what it was; it verifies, and differs in nothing."""
    options = {"compression": "deflate"} if deflate else {}
    with tempfile.TemporaryDirectory() as directory:
        save(f"{directory}/a", tensors)
        convert(f"{directory}/a", f"{directory}/b", format_options=options, formats=[SPEC])
        convert(f"{directory}/b", f"{directory}/c", formats=[SPEC])
        assert verify(f"{directory}/b", formats=[SPEC]).intact
        assert diff(f"{directory}/a", f"{directory}/b", metadata=True, formats=[SPEC]).equal
        with open_checkpoint(f"{directory}/c", formats=[SPEC]) as checkpoint:
            assert list(checkpoint.entries) == list(tensors)
            assert all(same(checkpoint.read(name), array) for name, array in tensors.items())


@settings(max_examples=25)
@given(before=checkpoints, after=checkpoints, both=checkpoints)
def test_diff_is_symmetric(before: dict[str, Any], after: dict[str, Any], both: dict[str, Any]) -> None:
    """Nothing differs from itself; from B to A is from A to B with added and removed exchanged."""
    with tempfile.TemporaryDirectory() as directory:
        save(f"{directory}/a", before | both)
        save(f"{directory}/b", after | both)
        assert diff(f"{directory}/a", f"{directory}/a", formats=[SPEC]).equal
        there = diff(f"{directory}/a", f"{directory}/b", formats=[SPEC])
        back = diff(f"{directory}/b", f"{directory}/a", formats=[SPEC])
    assert [item.name for item in there.added] == sorted({*after} - {*before, *both})
    assert [item.name for item in there.added] == [item.name for item in back.removed]
    assert [item.name for item in there.removed] == [item.name for item in back.added]
    assert there.same == back.same >= len(both)
    for one, other in zip(there.changed, back.changed, strict=True):
        assert (one.name, one.reasons, one.changed, one.non_finite) == (
            other.name,
            other.reasons,
            other.changed,
            other.non_finite,
        )
        assert repr((one.max_difference, one.mean_difference)) == repr((other.max_difference, other.mean_difference))


@given(
    pair=hnp.array_shapes(max_dims=1, max_side=20).flatmap(
        lambda shape: st.tuples(*(hnp.arrays(np.int64, shape, elements=st.integers(-(2**63), 2**63 - 1)) for _ in "ab"))
    )
)
def test_differences_of_integers_are_exact(pair: Any) -> None:
    """As Python's own integers have them."""
    before, after = pair
    found = Differences(0, 0)
    found.add(before, after)
    apart = [abs(a - b) for a, b in zip(before.tolist(), after.tolist(), strict=True)]
    assert (found.largest, found.mean) == (max(apart), sum(apart) / len(apart))
    assert found.changed == sum(1 for item in apart if item)


@given(hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_bounds_of_casting(array: Any) -> None:
    """A float32 as bfloat16 is off by half a unit in the last place; inexact are those that do not come back."""
    what = Cast("x", as_dtype("float32"), as_dtype("bfloat16"), allow_overflow=True)
    out = np.empty(array.shape, ml_dtypes.bfloat16)
    what.apply(array, 0, out)
    report, back = what.report(), out.astype(np.float64)
    wide, fits = array.astype(np.float64), np.isfinite(back)
    assert report.inexact == int((back != wide).sum())
    assert report.overflowed == int((~fits).sum())
    errors = np.abs(back - wide)[fits]
    assert bool((errors <= np.maximum(np.abs(wide[fits]) * 2.0**-8, 2.0**-134)).all())
    assert report.max_error == errors.max(initial=0)
