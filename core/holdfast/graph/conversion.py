"""Conversion of anything to tensors: the registry behind ``tf.convert_to_tensor``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from holdfast import dtypes
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.tensor import Tensor

ConversionFunction = Callable[..., Any]
"""``(value, dtype=None, name=None, as_ref=False) -> Tensor``, or NotImplemented to let the next one try."""

_registry: list[tuple[int, tuple[type, ...], ConversionFunction]] = []
_cache: dict[type, list[ConversionFunction]] = {}


def register_tensor_conversion_function(
    base_type: type | tuple[type, ...], conversion_func: ConversionFunction, priority: int = 100
) -> None:
    """Register a function that converts instances of ``base_type``; lower priorities are tried first.

    Raises
    ------
    TypeError
        If ``base_type`` is no type or tuple of types, or the function is not callable.
    """
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not types or not all(isinstance(t, type) for t in types):
        raise TypeError("base_type must be a type or a tuple of types.")
    if not callable(conversion_func):
        raise TypeError("conversion_func must be callable.")
    _registry.append((priority, types, conversion_func))
    _registry.sort(key=lambda entry: entry[0])
    _cache.clear()


def _functions_for(kind: type) -> list[ConversionFunction]:
    """Return the conversion functions for a type, in the order they are tried."""
    functions = _cache.get(kind)
    if functions is None:
        functions = _cache[kind] = [f for _, types, f in _registry if issubclass(kind, types)]
    return functions


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None, preferred_dtype: Any = None) -> Tensor:
    """Return ``value`` as a tensor of the default graph.

    Parameters
    ----------
    value
        A tensor, variable, array, number, string, or nested list of these.
    dtype
        Required dtype; by default what the value suggests (Python floats float32, ints int32).
    name
        Name of the constant, where one is made.
    preferred_dtype
        Dtype to try first where ``dtype`` is None.

    Raises
    ------
    TypeError
        If no conversion is registered for its type, or it cannot have that dtype.
    ValueError
        If a tensor has another dtype, or values are malformed.
    RuntimeError
        If a registered function does not keep its contract.
    """
    return internal_convert(value, dtype=dtype, name=name, preferred_dtype=preferred_dtype)


def internal_convert(
    value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False, preferred_dtype: Any = None
) -> Tensor:
    """As :func:`convert_to_tensor`; with ``as_ref`` a variable gives its reference instead of its value."""
    if dtype is not None and not isinstance(dtype, dtypes.DType):
        dtype = dtypes.as_dtype(dtype)
    if isinstance(value, Tensor):
        if dtype is not None and not dtype.is_compatible_with(value.dtype):
            raise ValueError(
                f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype {value.dtype.name}: "
                f"{str(value)!r}"
            )
        return value
    for function in _functions_for(type(value)):
        result: Any = NotImplemented
        if dtype is None and preferred_dtype is not None:
            try:
                result = function(value, dtype=dtypes.as_dtype(preferred_dtype), name=name, as_ref=as_ref)
            except (TypeError, ValueError):
                result = NotImplemented
        if result is NotImplemented:
            result = function(value, dtype=dtype, name=name, as_ref=as_ref)
        if result is not NotImplemented:
            return _checked(result, dtype, value, function)
    raise TypeError(f"Cannot convert {value!r} with type {type(value)} to Tensor: no conversion function registered.")


def _checked(result: Any, dtype: Any, value: Any, function: ConversionFunction) -> Tensor:
    """Return what a conversion function gave, if it kept its contract."""
    if type(result) is Tensor and result._dtype is dtype:
        return result
    if not isinstance(result, Tensor):
        raise RuntimeError(f"Conversion function {function!r} for type {type(value)} returned non-Tensor: {result!r}")
    if dtype is not None and not dtype.is_compatible_with(result.dtype):
        raise RuntimeError(
            f"Conversion function {function!r} for type {type(value)} returned incompatible dtype: "
            f"requested = {dtype.name}, actual = {result.dtype.name}"
        )
    return result


def convert_n_to_tensor(
    values: Sequence[Any], dtype: Any = None, name: str | None = None, *, as_ref: bool = False
) -> list[Tensor]:
    """Convert several values; the i-th constant is named ``<name>_<i>``."""
    return [
        internal_convert(value, dtype=dtype, name=None if name is None else f"{name}_{i}", as_ref=as_ref)
        for i, value in enumerate(values)
    ]


def convert_to_tensor_or_indexed_slices(
    value: Any, dtype: Any = None, name: str | None = None, *, as_ref: bool = False
) -> Any:
    """Return IndexedSlices unchanged and convert all else; None stays None."""
    if value is None:
        return None
    if isinstance(value, IndexedSlices):
        if dtype is not None and not dtypes.as_dtype(dtype).is_compatible_with(value.dtype):
            raise ValueError(
                f"Tensor conversion requested dtype {dtypes.as_dtype(dtype).name} for Tensor with dtype "
                f"{value.dtype.name}"
            )
        return value
    return internal_convert(value, dtype=dtype, name=name, as_ref=as_ref)
