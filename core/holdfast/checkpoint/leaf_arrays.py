"""Arrays of any library as leaves of a tree: how each is stored, and how it comes back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.tree_nodes import ArrayLeaf
from holdfast.contracts import Entry
from holdfast.dtypes import DType, as_dtype, int64, string

# DLPack's numbers of devices whose memory NumPy can look at, and of those from which it always has to be copied.
_HOST_DEVICES = frozenset({1, 3, 11})
_REMOTE_DEVICES = frozenset({2, 10})
# Bytes that an array of objects takes for each string, besides its characters.
_STRING_OVERHEAD = 64
_WIDEST = 99_999_999  # bytes of a string with a fixed width


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array of a tree as the tensor that it is stored as."""

    leaf: ArrayLeaf
    """How it comes back."""
    dtype: DType
    """DType of the tensor."""
    shape: tuple[int, ...]
    """Its shape."""
    values: NDArray[Any] | Callable[[], NDArray[Any]]
    """Its values, or what fetches them from their device."""
    owned: bool = False
    """Whether nobody else can change them: they were made here, or are fetched afresh."""

    def copied(self) -> StoredArray:
        """Return the same with values of its own, as they are now."""
        values = self.values() if callable(self.values) else self.values
        return replace(self, values=values if self.owned else np.array(values, order="C", copy=True), owned=True)


def is_array(value: Any) -> bool:
    """Whether a value is an array of whatever library, or a NumPy scalar.

    ``__array__`` alone is not enough: a table or an image has it, and would not come back as one.
    """
    return isinstance(value, np.ndarray | np.generic) or (hasattr(value, "__dlpack__") and not isinstance(value, type))


def stored_array(value: Any) -> StoredArray:
    """Return how an array is stored; nothing is copied unless it has to be.

    Raises
    ------
    TypeError
        If it is of a kind that cannot be stored, or its library does not hand it out. The message says what to do.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("a masked array; save its data and its mask as two arrays")
    if isinstance(value, np.ndarray | np.generic):
        return _from_numpy(np.asarray(value), scalar=isinstance(value, np.generic))
    device = _device_type(value)
    if device in _HOST_DEVICES or device is None:
        return _from_numpy(host_array(value), scalar=False)
    dtype = foreign_dtype(value)
    if dtype is None:
        return _from_numpy(host_array(value), scalar=False)
    return StoredArray(
        ArrayLeaf(), dtype, tuple(value.shape), lambda: host_array(value), owned=device in _REMOTE_DEVICES
    )


def _device_type(value: Any) -> int | None:
    """Return DLPack's number of the kind of device that an array lies on; None if it does not tell."""
    ask = getattr(value, "__dlpack_device__", None)
    return None if ask is None else int(ask()[0])


def host_array(value: Any) -> NDArray[Any]:
    """Return an array of any library as one of NumPy, on the host; without a copy if it lies there."""
    try:
        on_host = _device_type(value) in _HOST_DEVICES
        return np.from_dlpack(value) if on_host else np.from_dlpack(value, device="cpu")
    except (AttributeError, TypeError, BufferError, RuntimeError, ValueError) as error:
        fetched = _fetched(value)
        if fetched is None:
            raise TypeError(f"a {type(value).__name__} that its library does not hand out as it is: {error}") from error
        return fetched


def _fetched(value: Any) -> NDArray[Any] | None:
    """Return an array by the ways that are older than DLPack; None if there are none, or they do not work."""
    for way in (getattr(value, "get", None), getattr(value, "__array__", None)):
        try:
            found = None if way is None else way()
        except (TypeError, ValueError, RuntimeError, BufferError):
            continue
        if isinstance(found, np.ndarray):
            return found
    return None


def foreign_dtype(value: Any) -> DType | None:
    """Return the DType of an array of any library, by its name; None if it is not known by it."""
    dtype = getattr(value, "dtype", None)
    for candidate in (dtype, str(dtype).rpartition(".")[2]):
        try:
            return as_dtype(candidate).base_dtype
        except TypeError:
            continue
    return None


def _from_numpy(array: NDArray[Any], *, scalar: bool) -> StoredArray:
    """Return how an array of NumPy is stored."""
    kind = array.dtype.kind
    if kind in "OSUT":
        leaf_kind, strings = _strings(array)
        return StoredArray(ArrayLeaf(scalar, leaf_kind), string, array.shape, strings, owned=strings is not array)
    if kind in "mM":
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        return StoredArray(ArrayLeaf(scalar, native.dtype.str[1:]), int64, array.shape, native.view(np.int64))
    try:
        dtype = as_dtype(array.dtype)
    except TypeError as error:
        known = "bool, integers, floats up to 64 bits, bfloat16, float8, complex, dates, strings"
        raise TypeError(
            f"an array of dtype {array.dtype}, which no checkpoint can hold; it can hold {known}"
        ) from error
    return StoredArray(ArrayLeaf(scalar), dtype, array.shape, array)


def _strings(array: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    """Return the kind of an array of strings, and its strings as bytes."""
    values = array.astype(np.object_, copy=False)
    types = set(map(type, values.flat))
    kind = {"U": f"U{array.dtype.itemsize // 4}", "S": f"S{array.dtype.itemsize}", "T": "T"}.get(array.dtype.kind, "")
    if not types <= {str} and not types <= {bytes}:
        found = ", ".join(sorted(item.__name__ for item in types))
        raise TypeError(f"an object array of {found}; those can hold either str or bytes")
    if array.dtype.itemsize > _WIDEST:
        raise TypeError(f"an array of dtype {array.dtype}, wider than strings may be; save it with dtype object")
    if types <= {bytes}:
        return kind, values
    texts: list[str] = values.reshape(-1).tolist()
    encoded = np.empty(array.shape, np.object_)
    encoded.reshape(-1)[:] = [text.encode("utf-8", "surrogatepass") for text in texts]
    return kind or "str", encoded


def returned_nbytes(leaf: ArrayLeaf, entry: Entry) -> int:
    """Return about how much memory an array takes while it is loaded."""
    if entry.dtype != string:
        return entry.nbytes
    width = int(leaf.kind[1:]) * (4 if leaf.kind[0] == "U" else 1) if leaf.kind[:1] in {"U", "S"} else 0
    return entry.nbytes + math.prod(entry.shape) * (_STRING_OVERHEAD + width)


def returned(leaf: ArrayLeaf, values: NDArray[Any]) -> Any:
    """Return what a leaf was, from the values of its tensor.

    Raises
    ------
    ValueError
        If the values are not what such a leaf has.
    """
    kind = leaf.kind
    if kind[:1] in {"m", "M"}:
        values = values.view(np.dtype(kind))
    elif kind:
        values = _texts(kind, values)
    return values[()] if leaf.scalar else values


def _texts(kind: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return the array of strings that a string tensor stands for; UnicodeDecodeError is a ValueError."""
    strings: list[bytes] = values.reshape(-1).tolist()
    found = np.empty(values.shape, np.object_)
    if kind[0] == "S":
        found.reshape(-1)[:] = strings
        longest = max(map(len, strings), default=0)
    else:
        texts = [item.decode("utf-8", "surrogatepass") for item in strings]
        found.reshape(-1)[:] = texts
        longest = max(map(len, texts), default=0)
    if kind == "str":
        return found
    if kind == "T":
        return found.astype(np.dtypes.StringDType())
    if longest > int(kind[1:]):
        raise ValueError(f"a string of {longest:,} in an array of dtype {kind}")
    return found.astype(np.dtype(kind))
