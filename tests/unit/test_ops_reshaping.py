from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.graph import Tensor
from holdfast.ops import reshaping, shape_queries
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder, placeholder_with_default
from holdfast.runtime import Session
from tests.unit.evaluation import run

VALUE = np.arange(6, dtype=np.float32).reshape(2, 3)


def _open(value: Any, dtype: Any = None) -> Tensor:
    """Return a tensor whose static shape and value are not known."""
    return placeholder_with_default(constant(value, dtype), None)


@pytest.mark.parametrize(
    "shape,given,expected",
    [
        ([2, 3], [3, 2], [3, 2]),
        ([2, 3], [-1], [6]),
        ([2, None], [4, -1], [4, None]),
        ([None, 6], [-1, 2, 3], [None, 2, 3]),
        ([2, 3], [-1, -1], [None, None]),
        ([0, 3], [0, -1], [0, None]),
    ],
)
def test_static_shapes_of_reshape(shape: Any, given: list[int], expected: list[int | None]) -> None:
    """The static shape is the wanted one, its only unknown size calculated."""
    tensor = reshaping.reshape(placeholder(dtypes.float32, shape), given)
    assert tensor.shape.as_list() == expected
    assert tensor.op.inputs[1].name == "Reshape/shape:0"


@pytest.mark.parametrize(
    "given,message",
    [
        ([4, 2], r"Cannot reshape a tensor with 6 elements to shape \[4,2\] \(8 elements\) for 'Reshape'"),
        ([4, -1], "Dimension size must be evenly divisible by 4 but is 6"),
        ([], r"Cannot reshape a tensor with 6 elements to shape \[\] \(1 elements\)"),
        (6, "Shape must be rank 1 but is rank 0"),
    ],
)
def test_reshapes_that_are_refused_while_building(given: Any, message: str) -> None:
    """A shape that cannot fit is a ValueError at once."""
    with pytest.raises(ValueError, match=message):
        reshaping.reshape(placeholder(dtypes.float32, [2, 3]), given)


@pytest.mark.parametrize(
    "given,message",
    [
        ([2, 2], "Input to reshape is a tensor with 6 values, but the requested shape has 4"),
        ([4, -1], "but the requested shape requires a multiple of 4"),
        ([-1, -1], "Only one input size may be -1, not both 0 and 1"),
        ([-2, 3], "Size 0 must be non-negative, not -2"),
        (6, r"sizes input must be 1-D, not \[\]"),
    ],
)
def test_reshapes_that_are_refused_in_the_run(given: Any, message: str) -> None:
    """A shape that is known only in the run is checked there."""
    tensor = reshaping.reshape(_open(VALUE), _open(given))
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)


def test_reshape_of_nothing() -> None:
    """A missing size cannot be told where another one is 0."""
    with pytest.raises(errors.InvalidArgumentError, match="Reshape cannot infer the missing input size"):
        run(reshaping.reshape(_open([[]], dtypes.float32), _open([0, -1])))
    assert run(reshaping.reshape(_open([[]], dtypes.float32), [0, 5])).shape == (0, 5)


VALUES: dict[str, tuple[Callable[[], Tensor], Any]] = {
    "reshape": (lambda: reshaping.reshape(_open(VALUE), [3, -1]), VALUE.reshape(3, 2)),
    "transpose": (lambda: reshaping.transpose(_open(VALUE)), VALUE.T),
    "transpose by perm": (lambda: reshaping.transpose(constant(VALUE), [-1, 0]), VALUE.T),
    "transpose of a scalar": (lambda: reshaping.transpose(constant(3.0)), np.float32(3)),
    "matrix_transpose": (
        lambda: reshaping.matrix_transpose(_open(VALUE.reshape(1, 2, 3))),
        VALUE.T.reshape(1, 3, 2),
    ),
    "expand_dims": (lambda: reshaping.expand_dims(constant(VALUE), 1), VALUE[:, None]),
    "expand_dims from the end": (lambda: reshaping.expand_dims(_open(VALUE), _open(-1)), VALUE[..., None]),
    "squeeze": (lambda: reshaping.squeeze(_open(VALUE.reshape(1, 2, 1, 3))), VALUE),
    "squeeze one": (lambda: reshaping.squeeze(_open(VALUE.reshape(1, 2, 1, 3)), -2), VALUE.reshape(1, 2, 3)),
    "strings": (lambda: reshaping.reshape(constant(["a", "b"]), [2, 1]), np.array([[b"a"], [b"b"]], object)),
    "shape": (lambda: shape_queries.shape(_open(VALUE)), np.array([2, 3], np.int32)),
    "shape int64": (lambda: shape_queries.shape(_open(VALUE), out_type=dtypes.int64), np.array([2, 3], np.int64)),
    "size": (lambda: shape_queries.size(_open(VALUE)), np.int32(6)),
    "rank": (lambda: shape_queries.rank(_open(VALUE)), np.int32(2)),
    "broadcast": (
        lambda: shape_queries.broadcast_dynamic_shape(_open([2, 1]), _open([3])),
        np.array([2, 3], np.int32),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    """Values and dtypes are NumPy's."""
    make, expected = VALUES[name]
    result = run(make())
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_what_run_returns_shares_nothing() -> None:
    """Views of a constant are copied before they are handed out."""
    tensor = reshaping.reshape(constant(VALUE), [6])
    with Session() as session:
        session.run(tensor)[0] = 99
        assert session.run(tensor)[0] == 0


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda x: reshaping.transpose(x, [0, 1, 2]), "Dimension must be 2 but is 3"),
        (lambda x: reshaping.transpose(x, [0, 5]), "perm dim 5 is out of range of input rank 2"),
        (lambda x: reshaping.expand_dims(x, 5), r"dim 5 not in the interval \[-3, 2\]\. for|dim 5 not in"),
        (lambda x: reshaping.expand_dims(x, 0, dim=0), "can't specify both 'dim' and 'axis'"),
        (lambda x: reshaping.squeeze(x, [1]), r"Can not squeeze dim\[1\], expected a dimension of 1, got 3"),
        (lambda x: reshaping.squeeze(x, [4]), r"squeeze_dims\[0\] not in \[-2,2\)"),
        (lambda x: reshaping.squeeze(x, [0], squeeze_dims=[0]), "Cannot specify both 'squeeze_dims' and 'axis'"),
        (lambda x: reshaping.matrix_transpose(x[0]), r"Argument 'a' should be a \(batch\) matrix, with rank >= 2"),
    ],
)
def test_refused_while_building(make: Callable[[Tensor], Any], message: str) -> None:
    """Axes that the static shape does not have are refused at once."""
    with pytest.raises(ValueError, match=message):
        make(placeholder(dtypes.float32, [2, 3]))


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda x: reshaping.transpose(x, _open([0, 0])), r"1 is missing from \{0,0\}"),
        (lambda x: reshaping.transpose(x, _open([0])), "transpose expects a vector of size 2"),
        (lambda x: reshaping.transpose(x, _open([0, 2])), r"2 is out of range \[0 \.\. 2\)"),
        (lambda x: reshaping.expand_dims(x, _open(4)), "Tried to expand dim index 4 for tensor with 2 dimensions"),
        (lambda x: reshaping.squeeze(x, [0]), "Tried to explicitly squeeze dimension 0 but dimension was not 1: 2"),
        (lambda x: reshaping.squeeze(x, [3]), "Tried to squeeze dim index 3 for tensor with 2 dimensions"),
    ],
)
def test_refused_in_the_run(make: Callable[[Tensor], Any], message: str) -> None:
    """Axes that the value does not have are InvalidArgumentError."""
    tensor = make(_open(VALUE))
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)


def test_names_of_transpose() -> None:
    """Without a permutation, the reversed one is calculated by nodes below the transpose."""
    tensor = reshaping.transpose(placeholder(dtypes.float32, [2, 3, 4], name="x"))
    assert tensor.shape.as_list() == [4, 3, 2]
    assert [op.name for op in tensor.graph.get_operations()] == [
        "x",
        "transpose/Rank",
        "transpose/sub/y",
        "transpose/sub",
        "transpose/Range/start",
        "transpose/Range/delta",
        "transpose/Range",
        "transpose/sub_1",
        "transpose",
    ]


def test_static_broadcasting() -> None:
    """Static shapes broadcast as NumPy's, unknown sizes as far as they are known."""
    assert shape_queries.broadcast_static_shape([2, 1], [None, 3]).as_list() == [2, 3]
    assert shape_queries.broadcast_static_shape([1], [None]).as_list() == [None]
    with pytest.raises(ValueError, match="Incompatible shapes for broadcasting"):
        shape_queries.broadcast_static_shape([2], [3])
