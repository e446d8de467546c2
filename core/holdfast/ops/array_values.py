"""From Python values to the NumPy arrays of constants and feeds, with TensorFlow's dtypes and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast import dtypes, shapes
from holdfast.dtypes import DType

_PYTHON_SCALARS = (bool, int, float, complex, str, bytes)


def as_array(values: Any, dtype: DType | None = None, shape: Any = None, *, verify_shape: bool = False) -> NDArray[Any]:
    """Return a fresh or borrowed array for a constant.

    Parameters
    ----------
    dtype
        Required dtype; by default Python floats give float32, ints int32 (int64 where they need it), arrays keep theirs.
    shape
        Shape to fill: fewer values are padded with the last one.
    verify_shape
        Require the values to have exactly that shape.

    Raises
    ------
    TypeError
        If the values cannot have the dtype.
    ValueError
        If they are None, ragged, or do not fit the shape.
    """
    array = _natural(values, dtype)
    if shape is None:
        return array
    dims = shapes.as_shape(shape)
    if not dims.is_fully_defined():
        msg = f"The shape of a constant must be fully defined, got {dims}."
        raise ValueError(msg)
    target = tuple(dims.as_list())
    if array.shape == target:
        return array
    if verify_shape:
        msg = f"Expected Tensor's shape: {target}, got {array.shape}."
        raise TypeError(msg)
    return _filled(array, target)


def _filled(array: NDArray[Any], target: tuple[int, ...]) -> NDArray[Any]:
    """Return the values in another shape, the last one repeated to fill it."""
    size = int(np.prod(target, dtype=np.int64))
    if array.size > size:
        msg = f"Too many elements provided. Needed at most {size}, but received {array.size}"
        raise ValueError(msg)
    if array.size == 0 and size > 0:
        msg = f"Cannot fill a tensor of shape {list(target)} from no values."
        raise ValueError(msg)
    result = np.empty(size, array.dtype)
    result[: array.size] = array.ravel()
    if array.size < size:
        result[array.size :] = array.ravel()[-1]
    return result.reshape(target)


def _natural(values: Any, dtype: DType | None) -> NDArray[Any]:
    """Return the values as an array of the required, or their natural, dtype."""
    if isinstance(values, (np.ndarray, np.generic)):
        return _from_numpy(np.asarray(values), dtype)
    if values is None:
        msg = "None values not supported."
        raise ValueError(msg)
    if dtype is not None:
        _check_elements(values, dtype)
        if dtype == dtypes.string:
            return _strings(values)
    try:
        array = np.array(values, dtype=None if dtype is None else dtype.as_numpy_dtype)
    except (ValueError, TypeError, OverflowError) as error:
        _raise_unconvertible(values, dtype, error)
    if dtype is None:
        if array.dtype.kind in "USO":
            return _strings(values)
        array = _narrowed(array, values)
    return array


def _from_numpy(array: NDArray[Any], dtype: DType | None) -> NDArray[Any]:
    """Return an array in the required dtype, its own by default; native byte order, strings as bytes objects."""
    if array.dtype.kind in "USO" and (dtype is None or dtype == dtypes.string):
        return _strings(array)
    if dtype is None:
        found = dtypes.as_dtype(array.dtype)
        return array.astype(found.as_numpy_dtype, copy=False)
    target = np.dtype(dtype.as_numpy_dtype)
    if array.dtype == target:
        return array
    return array.astype(target)


def _narrowed(array: NDArray[Any], values: Any) -> NDArray[Any]:
    """Return what NumPy made of Python numbers in TensorFlow's default dtypes."""
    if array.dtype == np.float64 and not _holds_arrays(values):
        return array.astype(np.float32)
    if array.dtype == np.int64 and not _holds_arrays(values):
        small = array.astype(np.int32)
        return small if np.array_equal(small, array) else array
    dtypes.as_dtype(array.dtype)
    return array


def _holds_arrays(values: Any) -> bool:
    """Whether nested sequences hold NumPy values, whose dtype counts."""
    while isinstance(values, (list, tuple)) and values:
        values = values[0]
    return isinstance(values, (np.ndarray, np.generic))


def _leaves(values: Any) -> Any:
    """Yield the leaves of nested sequences."""
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from _leaves(value)
    else:
        yield values


def _check_elements(values: Any, dtype: DType) -> None:
    """Raise TensorFlow's TypeError if a Python leaf cannot stand for an element of the dtype."""
    for leaf in _leaves(values):
        if leaf is None:
            msg = f"Expected {dtype.name}, got None of type 'NoneType' instead."
            raise TypeError(msg)
        if isinstance(leaf, _PYTHON_SCALARS) and not _fits(leaf, dtype):
            msg = f"Expected {dtype.name}, got {leaf!r} of type '{type(leaf).__name__}' instead."
            raise TypeError(msg)


def _fits(leaf: Any, dtype: DType) -> bool:
    """Whether a Python scalar may become an element of the dtype."""
    if isinstance(leaf, (str, bytes)):
        return dtype == dtypes.string
    if isinstance(leaf, bool):
        return dtype.is_bool
    if isinstance(leaf, int):
        return dtype.is_integer or dtype.is_floating or dtype.is_complex or dtype.is_quantized
    if isinstance(leaf, float):
        return dtype.is_floating or dtype.is_complex
    return dtype.is_complex


def _strings(values: Any) -> NDArray[Any]:
    """Return strings as an object array of bytes."""
    source = np.array(values, dtype=object)
    result = np.empty(source.shape, dtype=object)
    flat = result.reshape(-1)
    for i, item in enumerate(source.reshape(-1)):
        if isinstance(item, str):
            flat[i] = item.encode()
        elif isinstance(item, bytes):
            flat[i] = bytes(item)
        else:
            msg = f"Failed to convert object of type {type(values)} to Tensor. Contents: {values}. Consider casting elements to a supported type."
            raise TypeError(msg)
    return result


def _raise_unconvertible(values: Any, dtype: DType | None, error: Exception) -> Any:
    """Raise TensorFlow's error for values that NumPy refuses."""
    if isinstance(error, OverflowError):
        name = dtype.name if dtype is not None else "int64"
        msg = f"Values {values!r} are out of the range of {name}."
        raise ValueError(msg) from error
    if isinstance(error, ValueError):
        msg = f"Argument must be a dense tensor: {values!r} - {error}"
        raise ValueError(msg) from error
    msg = f"Failed to convert object of type {type(values)} to Tensor. Contents: {values}. Consider casting elements to a supported type."
    raise TypeError(msg) from error
