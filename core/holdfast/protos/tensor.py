"""Tensors as messages: NumPy arrays to and from ``TensorProto``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from holdfast.dtypes import DType, as_dtype, float32, float64, int32, int64, string
from holdfast.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from holdfast.protos import TensorProto

__all__ = ["MAX_TENSOR_BYTES", "make_ndarray", "make_tensor_proto"]

MAX_TENSOR_BYTES: Final = 2**31
"""What `make_ndarray` allocates at most by default: no larger tensor fits into a message, which ends at 2 GiB."""

_MAX_RANK: Final = 64  # NumPy's


class _Field(NamedTuple):
    """The typed field of a TensorProto that holds the values of a type."""

    name: str
    stored: str
    """NumPy type of the field's values, two of them per complex number."""
    bits: bool = False
    """The values are bit patterns, not numbers."""


_FIELDS: Final = {
    "float32": _Field("float_val", "f4"),
    "float64": _Field("double_val", "f8"),
    "float16": _Field("half_val", "u2", bits=True),
    "bfloat16": _Field("half_val", "u2", bits=True),
    "int64": _Field("int64_val", "i8"),
    "uint32": _Field("uint32_val", "u4"),
    "uint64": _Field("uint64_val", "u8"),
    "bool": _Field("bool_val", "?"),
    "complex64": _Field("scomplex_val", "f4", bits=True),
    "complex128": _Field("dcomplex_val", "f8", bits=True),
    **dict.fromkeys(("int32", "int16", "int8", "uint16", "uint8"), _Field("int_val", "i4")),
    **dict.fromkeys(("qint32", "qint16", "qint8", "quint16", "quint8"), _Field("int_val", "i4")),
    "float8_e5m2": _Field("float8_val", "u1", bits=True),
    "float8_e4m3fn": _Field("float8_val", "u1", bits=True),
}


def _plain(dtype: DType) -> np.dtype[Any]:
    """Return the NumPy dtype in which a type's elements are plain numbers: a quantized type's integers."""
    numpy_dtype: np.dtype[Any] = np.dtype(dtype.as_numpy_dtype)
    return numpy_dtype if numpy_dtype.names is None else numpy_dtype[0]


def _as_bytes(value: Any) -> bytes:
    """Return one element of a string tensor as bytes; TypeError if it is not text or bytes."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, bytes):
        return value
    raise TypeError(f"Expected str or bytes in a string tensor, found {type(value).__name__}: {value!r}")


def _default_width(array: NDArray[Any], dtype: DType) -> DType:
    """Return the type that TensorFlow gives to Python's numbers, which NumPy made an array of."""
    if dtype is float64:
        return float32
    if dtype is int64 and array.size and array.min() >= -(2**31) and array.max() < 2**31:
        return int32
    return dtype


def _as_array(values: Any, dtype: DType | None) -> tuple[NDArray[Any], DType]:
    """Return the values as an array of the wanted type, or of the type that they suggest."""
    array = np.asarray(values)
    if array.dtype.kind in "SU" and not isinstance(values, np.ndarray):
        array = np.array(values, dtype=np.object_)  # NumPy's own string types drop trailing zero bytes
    if dtype is None:
        dtype = as_dtype(array.dtype)
        if not isinstance(values, np.ndarray | np.generic):
            dtype = _default_width(array, dtype)
    if dtype is string:
        return array.astype(np.object_), dtype
    if array.dtype.names is not None:
        array = array.view(array.dtype[0])
    _check_values(array, dtype)
    return array.astype(_plain(dtype), copy=False), dtype


def _check_values(array: NDArray[Any], dtype: DType) -> None:
    """Refuse values that the type would change beyond rounding; TypeError."""
    kind, plain = array.dtype.kind, _plain(dtype)
    whole = plain.kind in "iu"
    if (
        kind in "SUO"
        or (kind == "c" and not dtype.is_complex)
        or (kind == "f" and whole)
        or (dtype.is_bool and kind != "b")
    ):
        raise TypeError(f"Expected values of type {dtype.name}, found {array.dtype}")
    if kind in "iu" and whole and array.size and not np.can_cast(array.dtype, plain):
        limits = np.iinfo(plain)
        for value in (int(array.min()), int(array.max())):
            if not limits.min <= value <= limits.max:
                raise TypeError(f"Expected values of type {dtype.name}, found {value}")


def make_tensor_proto(values: Any, dtype: Any = None, shape: Iterable[int] | None = None) -> TensorProto:
    """Return a ``TensorProto`` of an array.

    Parameters
    ----------
    values
        An array of any shape, a scalar, or a nested list of scalars; text is stored as UTF-8.
    dtype
        Anything `holdfast.dtypes.as_dtype` takes. By default the array's; Python floats are float32 and ints int32,
        or int64 where they do not fit.
    shape
        By default the array's. With more elements than `values` has, the last value is repeated; with no elements,
        the values are dropped.

    Returns
    -------
    TensorProto
        A new message, which shares nothing with `values`.

    Raises
    ------
    TypeError
        If the values are not of the type, or the type cannot be stored (resources).
    ValueError
        If there are more values than `shape` has elements, or none to repeat.
    """
    from holdfast.protos import TensorProto

    array, dtype = _as_array(values, None if dtype is None else as_dtype(dtype).base_dtype)
    dims = array.shape if shape is None else tuple(int(size) for size in shape)
    count = math.prod(dims)
    if array.size > count > 0:
        raise ValueError(f"Too many elements provided. Needed at most {count}, but received {array.size}")
    if array.size == 0 < count:
        raise ValueError(f"No elements provided for shape {list(dims)}: at least one is needed, to be repeated")
    proto = TensorProto(dtype=dtype.as_datatype_enum)
    proto.tensor_shape.SetInParent()  # the shape of a scalar is an empty message, and present
    for size in dims:
        proto.tensor_shape.dim.add(size=size)
    if not count:
        return proto
    if dtype is string:
        proto.string_val.extend([_as_bytes(value) for value in array.ravel()])
    elif array.size > 1 and array.size == count:
        proto.tensor_content = _little_endian(array).tobytes()
    else:
        _store_values(proto, array.ravel(), _FIELDS[dtype.name])
    return proto


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array in the byte order of tensor_content."""
    if array.dtype.kind == "V":  # ml_dtypes' types have no byte order of their own
        array = array.view(f"u{array.dtype.itemsize}")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _store_values(proto: TensorProto, array: NDArray[Any], field: _Field) -> None:
    """Write the values into the typed field."""
    stored = np.ascontiguousarray(array).view(field.stored) if field.bits else array.astype(field.stored)
    if field.name == "float8_val":
        proto.float8_val = stored.tobytes()
    else:
        getattr(proto, field.name).extend(stored.tolist())


def _malformed(what: str) -> InvalidArgumentError:
    """Return the error of a message that describes no tensor."""
    return InvalidArgumentError(None, None, f"Cannot parse tensor from proto: {what}")


def _checked_dtype(proto: TensorProto) -> DType:
    """Return the type of a message's tensor."""
    try:
        dtype = as_dtype(proto.dtype).base_dtype
    except TypeError:
        raise _malformed(f"dtype {proto.dtype} is not a known element type") from None
    if not dtype.is_numpy_compatible:
        raise TypeError(f"Unsupported tensor type: {dtype.name} has no NumPy equivalent")
    return dtype


def _checked_shape(proto: TensorProto, itemsize: int, max_bytes: int) -> tuple[int, ...]:
    """Return the shape of a message's tensor, in which nothing is negative or larger than the limit."""
    shape = proto.tensor_shape
    if shape.unknown_rank:
        raise _malformed("the rank is unknown, expected a full shape")
    if len(shape.dim) > _MAX_RANK:
        raise _malformed(f"rank {len(shape.dim)}, expected at most {_MAX_RANK}")
    dims = tuple(dim.size for dim in shape.dim)
    if any(size < 0 for size in dims):
        raise _malformed(f"shape {list(dims)} has a negative size")
    nbytes = itemsize * math.prod(max(size, 1) for size in dims)
    if nbytes > max_bytes:
        raise _malformed(f"shape {list(dims)} takes {nbytes:,} bytes, expected at most {max_bytes:,}")
    return dims


def make_ndarray(proto: TensorProto, *, max_bytes: int = MAX_TENSOR_BYTES) -> NDArray[Any]:
    """Return the array that a ``TensorProto`` describes; the message may come from a stranger.

    Parameters
    ----------
    proto
        The message. Where its typed field has fewer values than the shape has elements, the last one is repeated;
        where it has none, the elements are zero or empty.
    max_bytes
        Limit on the size of the array.

    Returns
    -------
    numpy.ndarray
        A fresh, writable, C-contiguous array; of strings, an object array of bytes.

    Raises
    ------
    InvalidArgumentError
        If the message describes no tensor: an unknown type, a negative or unknown size, a size over the limit, or
        contents that do not fit the shape. Nothing was allocated then.
    TypeError
        If the type has no NumPy equivalent (resources, variants), or needs ml_dtypes and that is not installed.
    """
    dtype = _checked_dtype(proto)
    dims = _checked_shape(proto, dtype.size, max_bytes)
    count = math.prod(dims)
    if dtype is string:
        flat = _strings(proto, count)
    elif proto.tensor_content:
        flat = _from_content(proto.tensor_content, _plain(dtype), count)
    else:
        flat = _from_values(proto, dtype, count)
    return flat.view(dtype.as_numpy_dtype).reshape(dims) if dtype.is_quantized else flat.reshape(dims)


def _strings(proto: TensorProto, count: int) -> NDArray[Any]:
    """Return the elements of a string tensor."""
    if proto.tensor_content:
        raise _malformed("strings in tensor_content, expected them in string_val")
    flat = np.full(_checked_count(len(proto.string_val), count), b"", dtype=np.object_)
    flat[: len(proto.string_val)] = list(proto.string_val)
    flat[len(proto.string_val) :] = proto.string_val[-1] if proto.string_val else b""
    return flat


def _checked_count(found: int, count: int) -> int:
    """Return the number of elements, once it is clear that there are not more values than that."""
    if found > count:
        raise _malformed(f"{found} values, expected at most {count}")
    return count


def _from_content(content: bytes, plain: np.dtype[Any], count: int) -> NDArray[Any]:
    """Return the elements of a tensor whose bytes are given."""
    expected = count * plain.itemsize
    if len(content) != expected:
        raise _malformed(f"tensor_content has {len(content):,} bytes, expected {expected:,}")
    if plain.kind == "V":
        bits = np.frombuffer(content, dtype=f"<u{plain.itemsize}")
        return bits.astype(bits.dtype.newbyteorder("="), copy=True).view(plain)
    return np.frombuffer(content, dtype=plain.newbyteorder("<")).astype(plain, copy=True)


def _from_values(proto: TensorProto, dtype: DType, count: int) -> NDArray[Any]:
    """Return the elements of a tensor whose values are in the typed field."""
    field, plain = _FIELDS[dtype.name], _plain(dtype)
    values = getattr(proto, field.name)
    per_element = plain.itemsize // np.dtype(field.stored).itemsize if dtype.is_complex else 1
    if len(values) % per_element:
        raise _malformed(f"{field.name} has {len(values)} values, expected pairs")
    found = len(values) // per_element
    flat: NDArray[Any] = np.zeros(_checked_count(found, count), dtype=plain)
    if found:
        flat[:found] = _decoded(values, field, plain)
        flat[found:] = flat[found - 1]
    return flat


def _decoded(values: Any, field: _Field, plain: np.dtype[Any]) -> NDArray[Any]:
    """Return the values of a typed field in the tensor's type."""
    if isinstance(values, bytes):
        return np.frombuffer(values, dtype=field.stored).view(plain)
    exact = np.array(values, dtype=np.int64 if field.name in ("half_val", "int_val") else field.stored)
    if exact.dtype == np.int64 and field.name != "int64_val":
        limits = np.iinfo(field.stored if field.bits else plain)
        if exact.size and (exact.min() < limits.min or exact.max() > limits.max):
            raise _malformed(f"{field.name} has values outside of {limits.min}..{limits.max}")
        exact = exact.astype(field.stored if field.bits else plain)
    return exact.view(plain) if field.bits else exact.astype(plain)
