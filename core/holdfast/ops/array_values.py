"""From Python values to the NumPy arrays of constants and feeds, with TensorFlow's dtypes and errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from holdfast import dtypes, shapes
from holdfast.dtypes import DType

_PYTHON_SCALARS = (bool, int, float, complex, str, bytes)
_ARRAYS = (np.ndarray, np.generic)
_USUAL: dict[Any, type[np.generic]] = {int: np.int32, float: np.float32}
"""What Python's numbers become where nobody asks for a dtype and they fit."""


def as_array(values: Any, dtype: DType | None = None, shape: Any = None, *, verify_shape: bool = False) -> NDArray[Any]:
    """Return a fresh or borrowed array for a constant.

    Parameters
    ----------
    dtype
        Required dtype; by default Python floats give float32, ints int32 (int64 if they need it), arrays keep theirs.
    shape
        Shape to fill: fewer values are padded with the last one.
    verify_shape
        Require the values to have exactly that shape.

    Raises
    ------
    TypeError
        If the values cannot have the dtype, or have another shape with ``verify_shape``.
    ValueError
        If they are None, ragged, out of the dtype's range, or do not fit the shape.
    """
    array = _natural(values, dtype)
    if shape is None:
        return array
    dims = shapes.as_shape(shape)
    target = tuple(d for d in dims.as_list() if d is not None) if dims.is_fully_defined() else None
    if target is None:
        raise ValueError(f"The shape of a constant must be fully defined, got {dims}.")
    if array.shape == target:
        return array
    if verify_shape:
        raise TypeError(f"Expected Tensor's shape: {target}, got {array.shape}.")
    return _filled(array, target)


def _filled(array: NDArray[Any], target: tuple[int, ...]) -> NDArray[Any]:
    """Return the values in another shape, the last one repeated to fill it."""
    size = math.prod(target)
    if size == 0:
        return np.empty(target, array.dtype)
    if array.size > size:
        raise ValueError(f"Too many elements provided. Needed at most {size}, but received {array.size}")
    if array.size == 0:
        raise ValueError(f"Cannot fill a tensor of shape {list(target)} from no values.")
    if array.size == 1:
        # One element seen everywhere: large zeros cost nothing.
        return np.broadcast_to(array.reshape(()), target)
    result = np.empty(size, array.dtype)
    result[: array.size] = array.ravel()
    result[array.size :] = array.ravel()[-1]
    return result.reshape(target)


def _natural(values: Any, dtype: DType | None) -> NDArray[Any]:
    """Return the values as an array of the required, or their natural, dtype."""
    if isinstance(values, _ARRAYS):
        return _from_numpy(np.asarray(values), dtype)
    if values is None:
        raise ValueError("None values not supported.")
    kind = _element_type(values)
    if dtype is not None:
        if kind not in _PYTHON_SCALARS or not _fits(kind, dtype):
            _check_elements(values, dtype)
        if dtype is dtypes.string:
            return _strings(values)
    elif kind in _USUAL:
        try:
            return np.array(values, _USUAL[kind])
        except OverflowError:  # integers that need 64 bits, or more
            pass
    try:
        array = np.array(values, dtype=None if dtype is None else dtype.as_numpy_dtype)
    except (ValueError, TypeError, OverflowError) as error:
        _raise_unconvertible(values, dtype, error)
    if dtype is not None:
        return array
    return _strings(values) if array.dtype.kind in "USO" else _narrowed(array, values)


def _from_numpy(array: NDArray[Any], dtype: DType | None) -> NDArray[Any]:
    """Return an array in the required dtype, its own by default; native byte order, strings as bytes objects."""
    if dtype is dtypes.string or (dtype is None and array.dtype.kind in "USO"):
        return _strings(array)
    target = dtypes.as_dtype(array.dtype) if dtype is None else dtype
    try:
        return array.astype(target.as_numpy_dtype, copy=False)
    except ValueError as error:
        raise ValueError(f"Cannot convert an array of {array.dtype} to {target.name}: {error}") from error


def _element_type(values: Any) -> Any:
    """Return the type of a value, or that of all elements of a flat list; None where they differ, or there is none."""
    if not isinstance(values, (list, tuple)):
        return type(values)
    kinds = set(map(type, values))
    return kinds.pop() if len(kinds) == 1 else None


def _narrowed(array: NDArray[Any], values: Any) -> NDArray[Any]:
    """Return what NumPy made of Python numbers in TensorFlow's default dtypes."""
    if array.dtype == np.float64 and not _holds_arrays(values):
        return array.astype(np.float32)
    if array.dtype == np.int64 and not _holds_arrays(values):
        small = array.astype(np.int32)
        return small if np.array_equal(small, array) else array
    return array.astype(dtypes.as_dtype(array.dtype).as_numpy_dtype, copy=False)


def _holds_arrays(values: Any) -> bool:
    """Whether nested sequences hold arrays, whose dtype counts; that of NumPy's scalars does not."""
    while isinstance(values, list | tuple) and values:
        values = values[0]
    return isinstance(values, np.ndarray)


def _leaves(values: Any) -> Iterator[Any]:
    """Yield the leaves of nested sequences."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _leaves(value)
        else:
            yield value


def _check_elements(values: Any, dtype: DType) -> None:
    """Raise TensorFlow's TypeError if a leaf cannot stand for an element of the dtype."""
    for leaf in _leaves(values) if isinstance(values, (list, tuple)) else (values,):
        if leaf is None or (isinstance(leaf, _PYTHON_SCALARS) and not _fits(_element_type(leaf), dtype)):
            raise TypeError(f"Expected {dtype.name}, got {leaf!r} of type '{type(leaf).__name__}' instead.")
        if isinstance(getattr(leaf, "dtype", None), DType):
            kind = type(values).__name__
            raise TypeError(f"Expected {dtype.name}, got list containing Tensors of type '{kind}' instead.")


@lru_cache(maxsize=256)
def _fits(kind: Any, dtype: DType) -> bool:
    """Whether Python scalars of a type may become elements of the dtype."""
    if issubclass(kind, (str, bytes)):
        return dtype is dtypes.string
    if issubclass(kind, bool) and dtype.is_bool:
        return True
    if issubclass(kind, int):  # bool is a kind of int, as in Python
        return dtype.is_integer or dtype.is_floating or dtype.is_complex or dtype.is_quantized
    if issubclass(kind, float):
        return dtype.is_floating or dtype.is_complex
    return dtype.is_complex


def _strings(values: Any) -> NDArray[Any]:
    """Return strings as an object array of bytes."""
    if isinstance(values, list) and _element_type(values) is str:
        return np.array([text.encode() for text in values], dtype=object)
    source = np.array(values, dtype=object)
    result = np.empty(source.shape, dtype=object)
    flat = result.reshape(-1)
    for i, item in enumerate(source.reshape(-1)):
        if isinstance(item, str):
            flat[i] = item.encode()
        elif isinstance(item, bytes):
            flat[i] = bytes(item)
        elif isinstance(values, np.ndarray):
            raise TypeError(f"Expected binary or unicode string, got {item!r}")
        else:
            _raise_unconvertible(values, None, TypeError(f"{item!r} is no string"))
    return result


def _raise_unconvertible(values: Any, dtype: DType | None, error: Exception) -> NoReturn:
    """Raise TensorFlow's error for values that NumPy refuses."""
    if isinstance(error, OverflowError):
        name = dtype.name if dtype is not None else "int64"
        raise ValueError(f"Values {values!r} are out of the range of {name}.") from error
    if isinstance(error, ValueError):
        raise ValueError(f"Argument must be a dense tensor: {values!r} - {_ragged(values) or error}.") from error
    raise TypeError(
        f"Failed to convert object of type {type(values)} to Tensor. Contents: {values}. Consider casting elements to "
        "a supported type."
    ) from error


def _ragged(values: Any) -> str:
    """Return how nested sequences of unequal lengths are ragged; empty if they are not."""
    wanted, first = [], values
    while isinstance(first, list | tuple):
        wanted.append(len(first))
        first = first[0] if first else None
    try:
        found = list(np.array(values, dtype=object).shape)
    except ValueError:
        return ""
    return f"got shape {found}, but wanted {wanted}" if found != wanted else ""
