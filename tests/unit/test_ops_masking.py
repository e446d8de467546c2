from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.graph import Tensor
from holdfast.ops import dynamic_rows, masking, reordering
from holdfast.ops.identities import placeholder, placeholder_with_default
from tests.unit.evaluation import floats, ints, run, vague

A = np.arange(6, dtype=np.float32).reshape(2, 3)
M = A % 2 == 0


VALUES: dict[str, tuple[Callable[[], Tensor], Any]] = {
    "where": (lambda: masking.where(vague(M)), np.argwhere(M)),
    "select": (lambda: masking.where(M, A, -A), np.where(M, A, -A)),
    "select rows": (lambda: masking.where([True, False], vague(A), -A), np.stack([A[0], -A[1]])),
    "select all": (lambda: masking.where(vague(False), A, -A), -A),
    "select strings": (lambda: masking.where([True, False], ["a", "b"], ["c", "d"]), np.array([b"a", b"d"], object)),
    "mask": (lambda: masking.boolean_mask(A, M), A[M]),
    "mask rows": (lambda: masking.boolean_mask(vague(A), placeholder_with_default([False, True], [None])), A[1:]),
    "sequence_mask": (
        lambda: masking.sequence_mask([[1], [3]], 3),
        np.array([[[True, False, False]], [[True, True, True]]]),
    ),
    "sequence_mask as floats": (
        lambda: masking.sequence_mask([2, 0], dtype=dtypes.float32),
        floats([[1, 1], [0, 0]]),
    ),
    "reverse": (lambda: reordering.reverse(A, [1]), A[:, ::-1]),
    "reverse nothing": (lambda: reordering.reverse(vague(A), np.zeros(0, np.int32)), A),
    "reverse both": (lambda: reordering.reverse(A, [-1, 0]), A[::-1, ::-1]),
    "reverse_sequence": (
        lambda: reordering.reverse_sequence(A, [2, 3], seq_axis=1, batch_axis=0),
        floats([[1, 0, 2], [5, 4, 3]]),
    ),
    "invert_permutation": (lambda: reordering.invert_permutation([2, 0, 1]), ints([1, 2, 0])),
    "stitch": (lambda: dynamic_rows.dynamic_stitch([[0, 2], [1, 0]], [[1, 2], [3, 4]]), ints([4, 3, 2])),
    "stitch with a hole": (lambda: dynamic_rows.dynamic_stitch([2], [A[0]]), np.stack([0 * A[0], 0 * A[0], A[0]])),
    "segment_sum": (lambda: dynamic_rows.segment_sum(A, [0, 2]), floats([[0, 1, 2], [0, 0, 0], [3, 4, 5]])),
    "segment_sum of nothing": (lambda: dynamic_rows.segment_sum(A[:0], np.zeros(0, np.int32)), A[:0]),
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


def test_dynamic_partition() -> None:
    """Rows go to the tensor of their number."""
    parts = run(dynamic_rows.dynamic_partition(A, [1, 0], 3))
    np.testing.assert_array_equal(parts[0], A[1:])
    np.testing.assert_array_equal(parts[1], A[:1])
    assert parts[2].shape == (0, 3)
    elements = run(dynamic_rows.dynamic_partition(A, M.astype(np.int32), 2))
    np.testing.assert_array_equal(elements[1], A[M])


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: masking.where(M, A), "x and y must both be non-None or both be None"),
        (lambda: masking.where([True] * 3, A, A), "Dimension 0 in both shapes must be equal, but are 3 and 2"),
        (lambda: masking.where(M, A, 1.0), "Shapes must be equal rank, but are 2 and 0"),
        (lambda: masking.boolean_mask(A, placeholder(dtypes.bool, [])), "mask cannot be scalar"),
        (lambda: masking.boolean_mask(A, placeholder(dtypes.bool)), "Number of mask dimensions must be specified"),
        (lambda: masking.boolean_mask(A, [True] * 3), r"Shapes \(2,\) and \(3,\) are incompatible"),
        (lambda: reordering.reverse(A, [4]), r"'axis'\[0\] = 4 is out of valid range"),
        (lambda: reordering.reverse(A, [1, -1]), "axis 1 specified more than once"),
        (lambda: reordering.reverse_sequence(A, [1, 1]), "Give exactly one of 'seq_axis' and 'seq_dim'"),
        (lambda: dynamic_rows.dynamic_partition(A, [0] * 3, 2), "Dimensions must be equal, but are 2 and 3"),
        (lambda: dynamic_rows.segment_sum(A, [0] * 3), "Dimensions must be equal, but are 2 and 3"),
    ],
)
def test_refused_while_building(make: Callable[[], Any], message: str) -> None:
    """Arguments that cannot fit are refused at once."""
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: masking.where(vague(True)), "WhereOp : Unhandled input dimensions: 0"),
        (
            lambda: masking.where(vague([True] * 3), A, A),
            "Number of batches of 'then' must match size of 'cond', but saw",
        ),
        (lambda: masking.where(vague([True] * 2), A, vague(A[0])), "must have the same size and shape"),
        (lambda: reordering.reverse(A, vague([2])), r"'axis'\[0\] = 2 is out of valid range \[0, 1\]"),
        (lambda: reordering.invert_permutation([0, 0]), "0 is duplicated in the input"),
        (lambda: reordering.invert_permutation([0, 5]), "5 is not between 0 and 2"),
        (lambda: dynamic_rows.dynamic_partition([1, 2], [0, 7], 2), r"partitions\[1\] = 7 is not in \[0, 2\)"),
        (
            lambda: dynamic_rows.dynamic_partition([1, 2], vague([0]), 2),
            "data.shape must start with partitions.shape",
        ),
        (lambda: dynamic_rows.dynamic_stitch([vague([0, -4])], [[1, 2]]), r"indices\[1\] is out of range"),
        (
            lambda: dynamic_rows.dynamic_stitch([vague([0, 4])], [vague([1])]),
            r"data\[0\].shape = \[1\] does not start",
        ),
        (lambda: dynamic_rows.segment_sum([1.0, 2.0], [1, 0]), "segment ids are not increasing"),
        (lambda: dynamic_rows.segment_sum([1.0], [-1]), r"Segment id -1 out of range \[0, 0\)"),
    ],
)
def test_refused_in_the_run(make: Callable[[], Any], message: str) -> None:
    """Arguments that do not fit in the run are InvalidArgumentError."""
    tensor = make()
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)


def test_names_of_boolean_mask() -> None:
    """The mask's nodes are below its name, and the rows' static shape is known as far as can be."""
    tensor = masking.boolean_mask(placeholder(dtypes.float32, [None, 3]), placeholder(dtypes.bool, [None]), name="m")
    assert tensor.name == "m/Gather:0"
    assert tensor.shape.as_list() == [None, 3]
