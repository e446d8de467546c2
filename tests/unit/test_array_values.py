from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast import dtypes
from holdfast.ops.array_values import as_array


@pytest.mark.parametrize(
    "value,expected",
    [
        (1, np.int32),
        (2**31, np.int64),
        (-(2**31), np.int32),
        (1.5, np.float32),
        (True, np.bool_),
        (1j, np.complex128),
        ([1, 2.5], np.float32),
        ([1, True], np.int32),
        ([], np.float32),
        ((1, 2), np.int32),
        ([np.float64(1), 2], np.float32),
        ([np.int64(1)], np.int32),
        ([np.int64(2**40)], np.int64),
        ([np.float32(1)], np.float32),
        ([np.uint8(3)], np.uint8),
        (np.float64(1), np.float64),
        (np.int64(1), np.int64),
        (np.array([1.0]), np.float64),
        (np.array([1], ">i4"), np.int32),
    ],
)
def test_natural_dtypes(value: Any, expected: Any) -> None:
    """Python numbers get TensorFlow's default dtypes, NumPy's arrays and lone scalars keep theirs."""
    assert as_array(value).dtype == np.dtype(expected)
    assert as_array(value).dtype.isnative


@pytest.mark.parametrize("value", ["a", b"a", np.array(["a"]), ["a", b"a"], np.array(["a"], object)])
def test_strings_become_bytes(value: Any) -> None:
    """Text of every form is an object array of bytes."""
    array = as_array(value)
    assert array.dtype == object
    assert set(array.reshape(-1)) == {b"a"}


@pytest.mark.parametrize(
    "value,dtype,message",
    [
        ("a", dtypes.float32, "Expected float32, got 'a' of type 'str' instead."),
        (1.5, dtypes.int32, "Expected int32, got 1.5 of type 'float' instead."),
        (1, dtypes.bool, "Expected bool, got 1 of type 'int' instead."),
        (1, dtypes.string, "Expected string, got 1 of type 'int' instead."),
        (1j, dtypes.float32, "Expected float32, got 1j of type 'complex' instead."),
        ([[1, 2], [3, 4.5]], dtypes.int64, "Expected int64, got 4.5 of type 'float' instead."),
        ([None, 1], dtypes.float32, "Expected float32, got None of type 'NoneType' instead."),
        (np.array([1]), dtypes.string, "Expected binary or unicode string, got 1"),
    ],
)
def test_elements_that_do_not_fit_the_dtype(value: Any, dtype: dtypes.DType, message: str) -> None:
    """A value that cannot stand for an element is a TypeError that shows it."""
    with pytest.raises(TypeError, match=message.replace("[", r"\[")):
        as_array(value, dtype)


@pytest.mark.parametrize(
    "value,dtype,expected",
    [
        (True, dtypes.int32, 1),
        (True, dtypes.float32, 1.0),
        (1, dtypes.float64, 1.0),
        (1, dtypes.complex64, 1 + 0j),
        (np.float64(1.5), dtypes.int32, 1),
        (np.int64(3), dtypes.float32, 3.0),
    ],
)
def test_required_dtypes(value: Any, dtype: dtypes.DType, expected: Any) -> None:
    """Numbers are widened to the required dtype; arrays are cast as NumPy casts."""
    array = as_array(value, dtype)
    assert array.dtype == dtype.as_numpy_dtype
    assert array[()] == expected


def test_values_out_of_range() -> None:
    """A Python integer that the dtype cannot hold is refused, not wrapped."""
    with pytest.raises(ValueError, match=r"Values 300 are out of the range of uint8\."):
        as_array(300, dtypes.uint8)


def test_ragged_lists() -> None:
    """Lists of unequal lengths are refused with the shapes that they suggest."""
    with pytest.raises(
        ValueError, match=r"Argument must be a dense tensor: .* - got shape \[2\], but wanted \[2, 1\]\."
    ):
        as_array([[1], [2, 3]])


def test_none() -> None:
    """None is no value."""
    with pytest.raises(ValueError, match="None values not supported"):
        as_array(None)


def test_shape_is_filled_with_the_last_value() -> None:
    """Fewer values than the shape has are padded with the last one."""
    assert as_array([1, 2], None, [2, 2]).tolist() == [[1, 2], [2, 2]]
    assert as_array(7, None, [3]).tolist() == [7, 7, 7]
    assert as_array(7, None, [0, 2]).shape == (0, 2)


@pytest.mark.parametrize(
    "value,shape,message",
    [
        ([1, 2, 3], [2], "Too many elements provided. Needed at most 2, but received 3"),
        ([], [2], "Cannot fill a tensor of shape"),
        ([1, 2], [None], "must be fully defined"),
    ],
)
def test_shapes_that_do_not_fit(value: Any, shape: Any, message: str) -> None:
    """A shape that the values cannot fill is refused."""
    with pytest.raises(ValueError, match=message):
        as_array(value, None, shape)


def test_verify_shape() -> None:
    """With verify_shape, values of another shape are refused."""
    with pytest.raises(TypeError, match=r"Expected Tensor's shape: \(2, 1\), got \(2,\)\."):
        as_array([1, 2], None, [2, 1], verify_shape=True)
