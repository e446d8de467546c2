from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.graph import Tensor
from holdfast.ops import diagonals, padding, sequences
from holdfast.ops.grids import meshgrid
from holdfast.ops.identities import placeholder
from tests.unit.evaluation import floats, ints, run, vague

A = np.arange(6, dtype=np.float32).reshape(2, 3)
W = [[1, 2], [0, 1]]


def _summed(array: Any) -> Any:
    """Return floats as repeated addition makes them."""
    return np.add.accumulate(np.array(array, np.float32))


VALUES: dict[str, tuple[Callable[[], Tensor], Any]] = {
    "zeros": (lambda: sequences.zeros([2, 0]), np.zeros((2, 0), np.float32)),
    "zeros of a tensor": (lambda: sequences.zeros(vague([2]), dtypes.int64), np.zeros(2, np.int64)),
    "zeros of strings": (lambda: sequences.zeros([1], dtypes.string), np.array([b""], object)),
    "ones": (lambda: sequences.ones([2], dtypes.bool), np.array([True, True])),
    "ones_like": (lambda: sequences.ones_like(vague(A)), np.ones_like(A)),
    "zeros_like": (lambda: sequences.zeros_like(vague(A)), np.zeros_like(A)),
    "zeros_like of strings": (lambda: sequences.zeros_like(vague(["a"])), np.array([b""], object)),
    "fill": (lambda: sequences.fill(vague([2, 2]), 7), np.full((2, 2), 7, np.int32)),
    "linspace": (lambda: sequences.linspace(0.0, 1.0, 5), np.linspace(0, 1, 5, dtype=np.float32)),
    "linspace of one": (lambda: sequences.linspace(3.0, 1.0, vague(1)), floats([3])),
    "range": (lambda: sequences.range(5), np.arange(5, dtype=np.int32)),
    "range down": (lambda: sequences.range(9, 2, -2), ints([9, 7, 5, 3])),
    "range of floats": (lambda: sequences.range(vague(0.0), 1.0, 0.1), _summed([0] + [0.1] * 9)),
    "range of int64": (lambda: sequences.range(3, dtype=dtypes.int64), np.arange(3)),
    "empty range": (lambda: sequences.range(3, 3), np.zeros(0, np.int32)),
    "one_hot": (lambda: sequences.one_hot([2, -1, 5], 3), floats([[0, 0, 1], [0, 0, 0], [0, 0, 0]])),
    "one_hot first axis": (lambda: sequences.one_hot([1, 0], 3, axis=0), floats([[0, 1], [1, 0], [0, 0]])),
    "one_hot of values": (lambda: sequences.one_hot([1], vague(2), 5, 6), ints([[6, 5]])),
    "eye": (lambda: diagonals.eye(2, 3), np.eye(2, 3, dtype=np.float32)),
    "eye in batches": (lambda: diagonals.eye(vague(2), batch_shape=[2]), np.stack([np.eye(2, dtype=np.float32)] * 2)),
    "matrix_diag": (lambda: diagonals.matrix_diag([1, 2]), np.diag(ints([1, 2]))),
    "matrix_diag_part": (lambda: diagonals.matrix_diag_part(A), floats([0, 4])),
    "matrix_set_diag": (lambda: diagonals.matrix_set_diag(A, [8.0, 9.0]), floats([[8, 1, 2], [3, 9, 5]])),
    "diag": (lambda: diagonals.diag([1, 2]), np.diag(ints([1, 2]))),
    "pad": (lambda: padding.pad(A, W), np.pad(A, W)),
    "pad with values": (lambda: padding.pad(vague(A), W, constant_values=7.0), np.pad(A, W, constant_values=7)),
    "pad strings": (lambda: padding.pad(["a"], [[1, 0]]), np.array([b"", b"a"], object)),
    "reflect": (lambda: padding.pad(A, [[1, 1], [2, 1]], "reflect"), np.pad(A, [[1, 1], [2, 1]], "reflect")),
    "symmetric": (lambda: padding.pad(A, [[2, 1], [3, 0]], "SYMMETRIC"), np.pad(A, [[2, 1], [3, 0]], "symmetric")),
    "tile": (lambda: padding.tile(A, [2, 3]), np.tile(A, [2, 3])),
    "tile away": (lambda: padding.tile(vague(A), vague([0, 1])), A[:0]),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    """Values and dtypes are NumPy's, and fit the static shape."""
    make, expected = VALUES[name]
    tensor = make()
    result = run(tensor)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)
    assert tensor.shape.is_compatible_with(expected.shape)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_meshgrid(indexing: Any) -> None:
    """Coordinates are NumPy's in both orders."""
    vectors = [ints([1, 2]), ints([3, 4, 5]), ints([6])]
    for ours, theirs in zip(
        run(meshgrid(*vectors, indexing=indexing)), np.meshgrid(*vectors, indexing=indexing), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "make,error,message",
    [
        (lambda: sequences.fill([-2], 1), ValueError, "Fill dimensions must be >= 0"),
        (lambda: sequences.fill([2], [1]), ValueError, "Shape must be rank 0 but is rank 1"),
        (lambda: sequences.linspace(0.0, 1.0, 0), ValueError, "Requires num > 0: 0"),
        (lambda: sequences.range(5, 1), ValueError, "Requires start <= limit when delta > 0: 5/1"),
        (lambda: sequences.range(1, 5, -1), ValueError, "Requires start >= limit when delta < 0: 1/5"),
        (lambda: sequences.range(1, 5, 0), ValueError, "Requires delta != 0"),
        (lambda: sequences.range("a"), TypeError, "range takes numbers"),
        (lambda: sequences.one_hot([1], 3, axis=7), ValueError, r"Expected axis to be -1 or between \[0, 1\]"),
        (lambda: sequences.one_hot([1], 3, True, 1.0), TypeError, "of on_value does not match dtype"),
        (lambda: sequences.one_hot([1], 3, 3, dtype=dtypes.float64), TypeError, "does not match dtype parameter"),
        (lambda: padding.pad(A, W, "foo"), ValueError, "Unknown padding mode: FOO"),
        (lambda: padding.pad(A, [[1, 1]]), ValueError, "Shape must be rank 1 but is rank 2"),
        (lambda: padding.pad(A, [[1, -1], [0, 0]]), ValueError, "Paddings must be non-negative"),
        (lambda: padding.tile(A, [2]), ValueError, "Shape must be rank 2 but is rank 1"),
        (lambda: meshgrid([1], indexing="no"), ValueError, "indexing parameter must be either 'xy' or 'ij'"),
        (lambda: meshgrid([1], sparse=True), TypeError, "'sparse' is an invalid keyword argument"),
    ],
)
def test_refused_while_building(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    """Arguments that cannot be are refused at once."""
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: sequences.fill(vague([-1]), 1), "Dimension -1 must be >= 0"),
        (lambda: sequences.linspace(0.0, 1.0, vague(0)), "Requires num > 0: 0"),
        (lambda: sequences.range(vague(5), 1), "Requires start <= limit when delta > 0: 5/1"),
        (lambda: sequences.range(vague(5), 6, 0), "Requires delta != 0: 0"),
        (lambda: sequences.one_hot([1], vague(-3)), "depth must be non-negative, got: -3"),
        (lambda: padding.pad(A[0], vague([[1, -1]])), "Paddings must be non-negative: 1 -1"),
        (lambda: padding.pad(A[0], vague(W)), "The first dimension of paddings must be the rank of inputs"),
        (
            lambda: padding.pad(A[0], vague([[3, 1]]), "REFLECT"),
            "must be less than the dimension size: 3, 1 not less than 3",
        ),
        (lambda: padding.pad(A[0], vague([[4, 1]]), "SYMMETRIC"), "must be no greater than the dimension size: 4, 1"),
        (lambda: padding.tile(A[0], vague([1, 2])), "to be a vector of length 1 but got length 2"),
        (lambda: padding.tile(A[0], vague([-1])), r"Expected multiples\[0\] >= 0, but got -1"),
    ],
)
def test_refused_in_the_run(make: Callable[[], Any], message: str) -> None:
    """Arguments that do not fit in the run are InvalidArgumentError."""
    tensor = make()
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)


def test_names() -> None:
    """Implicit constants are named after the inputs they stand for."""
    tensor = sequences.range(2, 9, 3, name="r")
    assert [t.name for t in tensor.op.inputs] == ["r/start:0", "r/limit:0", "r/delta:0"]
    assert sequences.one_hot([1], 3).op.inputs[1].name == "one_hot/depth:0"
    assert padding.pad(A, W, "REFLECT").name == "MirrorPad:0"
    assert sequences.range(1, 3.0).op.inputs[0].name == "range/Cast:0"
    assert placeholder(dtypes.float32).name == "Placeholder:0"
