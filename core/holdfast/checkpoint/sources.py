"""What is written: arrays and parts of arrays as tensor sources."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.slices import SliceSpec, parse_slice_spec
from holdfast.contracts import TensorSource
from holdfast.dtypes import DType, as_dtype, string
from holdfast.errors import InvalidArgumentError


class ArraySource:
    """A tensor, or the part of one, whose values are an array or come from a function when their turn comes.

    Made by :func:`tensor_source`; see :class:`holdfast.contracts.TensorSource`.
    """

    __slots__ = ("_nbytes", "_ready", "_values", "dtype", "name", "part", "shape")  # there may be tens of thousands

    def __init__(
        self,
        name: str,
        values: NDArray[Any] | Callable[[], NDArray[Any]],
        dtype: DType,
        shape: tuple[int, ...],
        part: SliceSpec | None,
        *,
        ready: bool = False,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.part = part
        self._values = values
        # Whether the values are an array that is as read() returns it: then no save has to look at it.
        self._ready = ready
        if ready and not callable(values):
            self._nbytes: int | None = values.nbytes
        else:  # only strings themselves tell their length
            self._nbytes = None if dtype is string else math.prod(shape) * dtype.size

    @property
    def nbytes(self) -> int:
        """Bytes of the values; of strings the sum of their lengths."""
        if self._nbytes is None:
            self._values = self.read()
            self._nbytes = sum(map(len, self._values.flat))
        return self._nbytes

    def read(self) -> NDArray[Any]:
        """Return the values on the host, C-contiguous, in native byte order."""
        if self._ready and not callable(self._values):
            return self._values
        values = self._values() if callable(self._values) else self._values
        array = _strings(values) if self.dtype == string else _contiguous(values)
        if array.shape != self.shape or as_dtype(array.dtype) != self.dtype:
            raise InvalidArgumentError(
                None,
                None,
                f"Tensor {self.name!r} was announced as {self.dtype.name} {list(self.shape)}, and its values are "
                f"{array.dtype} {list(array.shape)}.",
            )
        return array


def _contiguous(values: Any) -> NDArray[Any]:
    """Return an array C-contiguous in native byte order; the array itself where it is so already."""
    array = np.asarray(values)
    return array.astype(array.dtype.newbyteorder("="), order="C", copy=False)


def _strings(values: Any) -> NDArray[Any]:
    """Return strings of any kind of array as an object array of bytes."""
    array = np.asarray(values)
    result = np.empty(array.shape, np.object_)
    flat = result.reshape(-1)
    for position, value in enumerate(array.astype(np.object_).flat):
        if isinstance(value, str):
            flat[position] = value.encode()
        elif isinstance(value, bytes | bytearray):
            flat[position] = bytes(value)
        else:
            raise InvalidArgumentError(
                None, None, f"A string tensor holds {type(value).__name__}, expected bytes or str."
            )
    return result


def tensor_source(
    name: str,
    values: NDArray[Any] | Callable[[], NDArray[Any]],
    *,
    dtype: Any = None,
    shape: tuple[int, ...] | None = None,
    spec: str | bytes = "",
) -> ArraySource:
    """Make the source of a tensor for :func:`write_checkpoint`.

    Parameters
    ----------
    name
        Name of the tensor in the checkpoint.
    values
        An array on the host in any layout and byte order; strings as bytes or str. Or a function that returns one and
        is called when the
        tensor's turn comes. Borrowed until the checkpoint is written.
    dtype, shape
        What `values` is; required with a function.
    spec
        Which part of the tensor `name` this is, as :func:`parse_slice_spec` reads it; empty for all of it.

    Raises
    ------
    InvalidArgumentError
        If `spec` is malformed or does not have the shape of the values.
    TypeError
        If the values have no DType, or `dtype` and `shape` are missing with a function.
    """
    ready = False
    if callable(values):
        if dtype is None or shape is None:
            raise TypeError(f"tensor_source({name!r}): a function as values needs dtype= and shape=.")
        base = as_dtype(dtype).base_dtype
    else:
        values = array = np.asarray(values)
        found, shape = array.dtype, array.shape
        base = as_dtype(found if dtype is None else dtype).base_dtype
        ready = dtype is None and base is not string and found.isnative and array.flags.c_contiguous
    base.as_numpy_dtype  # noqa: B018  # raises for types that no array can hold
    part = parse_slice_spec(spec) if spec else None
    if part is not None and part.slice.shape != tuple(shape):
        raise InvalidArgumentError(
            None,
            None,
            f"Slice {str(part)!r} of tensor {name!r} has shape {list(part.slice.shape)}, and the values to be saved "
            f"there have "
            f"{list(shape)}.",
        )
    return ArraySource(name, values, base, tuple(shape), part, ready=ready)


def slice_spec(source: TensorSource) -> SliceSpec | None:
    """Return which part of its tensor a source is, or None for all of it."""
    part: SliceSpec | None = getattr(source, "part", None)
    return part
