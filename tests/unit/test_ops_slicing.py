from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.ops import slicing
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from tests.unit.evaluation import run, vague

X = np.arange(120, dtype=np.float32).reshape(4, 5, 6)


KEYS: dict[str, Any] = {
    "integer": 1,
    "negative": -1,
    "NumPy integer": np.int64(2),
    "slice": slice(1, 3),
    "steps": (slice(1, 3), slice(None, None, 2)),
    "ellipsis": (Ellipsis, 1),
    "ellipsis in the middle": (1, Ellipsis, slice(2, 4)),
    "new axis": (slice(None), None, slice(2, -1), -1),
    "new axis at the end": (Ellipsis, None),
    "backwards": slice(None, None, -1),
    "backwards with ends": (slice(3, 0, -2), slice(-1, -4, -1)),
    "empty": (slice(3, 1), slice(None)),
    "out of range": slice(2, 100),
    "far out of range": slice(-100, 2),
    "nothing": (),
    "all": (slice(None), slice(None), slice(None)),
    "scalar": (1, 2, 3),
}


@pytest.mark.parametrize("name", KEYS)
def test_indexing_is_numpys(name: str) -> None:
    """Python's indices give NumPy's values and the static shape of the result."""
    key = KEYS[name]
    tensor = constant(X)[key]
    assert tuple(tensor.shape.as_list()) == X[key].shape
    np.testing.assert_array_equal(run(tensor), X[key])
    np.testing.assert_array_equal(run(vague(X)[key]), X[key])


def test_indices_may_be_tensors() -> None:
    """Scalars of integers stand for indices and ends."""
    begin, end = vague(1), vague(3)
    tensor = constant(X)[begin:end, end]
    assert tensor.shape.as_list() == [None, 6]
    np.testing.assert_array_equal(run(tensor), X[1:3, 3])
    wide = constant(X)[vague(np.int64(2)), 1:2]
    assert wide.op.attrs["Index"] == dtypes.int64
    np.testing.assert_array_equal(run(wide), X[2, 1:2])


def test_names_of_indexing() -> None:
    """The vectors of a slice are constants named stack below it."""
    tensor = placeholder(dtypes.float32, [3], name="x")[1]
    assert tensor.name == "strided_slice:0"
    assert [t.name for t in tensor.op.inputs] == [
        "x:0",
        "strided_slice/stack:0",
        "strided_slice/stack_1:0",
        "strided_slice/stack_2:0",
    ]


@pytest.mark.parametrize(
    "key,message",
    [
        ((1, 2, 3, 4), "Index out of range using input dim 3; input has only 3 dims"),
        (7, "slice index 7 of dimension 0 out of bounds"),
        ((Ellipsis, Ellipsis), "Multiple ellipses in slice spec not allowed"),
        (slice(None, None, 0), r"strides\[0\] must be non-zero"),
    ],
)
def test_indices_that_are_refused_while_building(key: Any, message: str) -> None:
    """What cannot index the static shape is a ValueError."""
    with pytest.raises(ValueError, match=message):
        placeholder(dtypes.float32, [4, 5, 6])[key]


@pytest.mark.parametrize("key", ["a", 1.0, True])
def test_indices_of_wrong_types(key: Any) -> None:
    """Only integers index."""
    with pytest.raises(TypeError):
        placeholder(dtypes.float32, [4])[key]


def test_masks_are_pointed_to_boolean_mask() -> None:
    """A boolean tensor is no index; the error says what to use."""
    x = placeholder(dtypes.float32, [4])
    with pytest.raises(TypeError, match=r"Use tf\.boolean_mask"):
        x[placeholder(dtypes.bool, [4])]


def test_slice() -> None:
    """A slice is given by its begin and size, -1 for the rest."""
    np.testing.assert_array_equal(run(slicing.slice(X, [1, 0, 2], [2, -1, 3])), X[1:3, :, 2:5])
    np.testing.assert_array_equal(run(slicing.slice(X, vague([1, 0, 2]), vague([2, -1, 3]))), X[1:3, :, 2:5])
    tensor = slicing.slice(placeholder(dtypes.float32, [5, None]), [1, 0], [-1, -1])
    assert tensor.shape.as_list() == [4, None]


def test_strided_slice_with_masks() -> None:
    """The masks say what the vectors do not."""
    tensor = slicing.strided_slice(X, [1, 0], [0, 4], [1, 2], end_mask=1, shrink_axis_mask=2, name="q")
    np.testing.assert_array_equal(run(tensor), X[1:, 0])
    assert tensor.op.name == "q"
    np.testing.assert_array_equal(run(slicing.strided_slice(X, [1, 0], [3, 4])), X[1:3, :4])


@pytest.mark.parametrize(
    "make,message",
    [
        (
            lambda: slicing.slice(vague(X), vague([2, 0, 0]), [3, 1, 1]),
            r"Expected size\[0\] in \[0, 2\], but got 3",
        ),
        (
            lambda: slicing.slice(vague(X), vague([-1, 0, 0]), [1, 1, 1]),
            r"Expected begin\[0\] in \[0, 4\], but got -1",
        ),
        (
            lambda: slicing.slice(vague(X), vague([0]), [1]),
            "Expected begin and size arguments to be 1-D tensors of size 3",
        ),
        (lambda: vague(X)[vague(5)], "slice index 5 of dimension 0 out of bounds"),
        (lambda: vague(X)[1, 2, 3, 4], "Index out of range using input dim 3; input has only 3 dims"),
        (lambda: vague(X)[:: vague(0)], r"strides\[0\] must be non-zero"),
    ],
)
def test_refused_in_the_run(make: Callable[[], Any], message: str) -> None:
    """What does not fit the value is InvalidArgumentError."""
    tensor = make()
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)
