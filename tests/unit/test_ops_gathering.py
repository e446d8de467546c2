from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.graph import Tensor
from holdfast.ops.gathering import gather, gather_nd, scatter_nd
from holdfast.ops.identities import placeholder
from tests.unit.evaluation import floats, ints, run, vague

P = np.arange(15, dtype=np.float32).reshape(5, 3)


VALUES: dict[str, tuple[Callable[[], Tensor], Any]] = {
    "rows": (lambda: gather(P, [[3, 0], [1, 1]]), P[[[3, 0], [1, 1]]]),
    "one row": (lambda: gather(P, 2), P[2]),
    "columns": (lambda: gather(P, [2, 0], axis=1), P[:, [2, 0]]),
    "from the end": (lambda: gather(vague(P), vague([[1]]), axis=-1), P[:, [[1]]]),
    "none": (lambda: gather(P, np.zeros((0,), np.int64)), P[:0]),
    "strings": (lambda: gather(["a", "b"], [1, 1]), np.array([b"b", b"b"], object)),
    "elements": (lambda: gather_nd(P, [[4, 2], [0, 0]]), P[[4, 0], [2, 0]]),
    "rows by position": (lambda: gather_nd(vague(P), [[[4]], [[1]]]), P[[[4], [1]]]),
    "all of it": (lambda: gather_nd(P, np.zeros((2, 0), np.int32)), np.stack([P, P])),
    "strings by position": (lambda: gather_nd(["a", "b"], [[1]]), np.array([b"b"], object)),
    "scatter": (lambda: scatter_nd([[1], [3]], [5.0, 6.0], [4]), floats([0, 5, 0, 6])),
    "scatter adds up": (lambda: scatter_nd([[1], [1]], [5, 6], [3]), ints([0, 11, 0])),
    "scatter rows": (lambda: scatter_nd([[2]], [[1.0, 2.0]], vague([3, 2])), floats([[0, 0], [0, 0], [1, 2]])),
    "scatter elements": (lambda: scatter_nd([[0, 1]], [7], [1, 2]), ints([[0, 7]])),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    """Values, dtypes and static shapes are NumPy's."""
    make, expected = VALUES[name]
    tensor = make()
    result = run(tensor)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)
    assert tensor.shape.is_compatible_with(expected.shape)


def test_op_types() -> None:
    """Axis 0 makes the older Gather, any other one GatherV2 with the axis below it."""
    assert gather(P, [0]).op.type == "Gather"
    tensor = gather(placeholder(dtypes.float32, [5, 3, 2]), placeholder(dtypes.int32, [None, 2]), axis=-2)
    assert (tensor.op.type, tensor.op.inputs[2].name) == ("GatherV2", "GatherV2/axis:0")
    assert tensor.shape.as_list() == [5, None, 2, 2]


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: gather(placeholder(dtypes.float32, []), [1]), "Shape must be at least rank 1 but is rank 0"),
        (lambda: gather(P, 1, axis=4), "Shape must be at least rank 5 but is rank 2"),
        (
            lambda: gather_nd(P, [[1, 2, 3]]),
            r"indices.shape\[-1\] must be <= params.rank, but saw indices shape: \[1,3\]",
        ),
        (lambda: scatter_nd([[1]], np.ones((1, 2)), [4, 3]), "The inner 1 dimensions of output.shape"),
        (lambda: scatter_nd([[1]], np.ones((2, 3)), [4, 3]), "The outer 1 dimensions of indices.shape"),
    ],
)
def test_refused_while_building(make: Callable[[], Any], message: str) -> None:
    """Static shapes that cannot fit are refused at once."""
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: gather(P, [0, 7]), r"indices\[1\] = 7 is not in \[0, 5\)"),
        (lambda: gather(P, [[0, 1], [-1, 2]]), r"indices\[1,0\] = -1 is not in \[0, 5\)"),
        (lambda: gather(P, 7), r"indices = 7 is not in \[0, 5\)"),
        (lambda: gather(P, [7], axis=1), r"indices\[0\] = 7 is not in \[0, 3\)"),
        (lambda: gather(vague(P), [0], axis=vague(3)), r"Expected axis in the range \[-2, 2\), but got 3"),
        (
            lambda: gather_nd(P, [[0, 1], [0, 7]]),
            r"flat indices\[1, :\] = \[0, 7\] does not index into param \(shape: \[5,3\]\)\.",
        ),
        (lambda: scatter_nd([[7]], [1.0], [3]), r"Invalid indices: \[0,0\] = \[7\] does not index into \[3\]"),
    ],
)
def test_indices_out_of_range(make: Callable[[], Any], message: str) -> None:
    """Every index is checked; the first wrong one is named."""
    tensor = make()
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)
