"""Kernels that make arrays of nothing but their shape: fill, ranges, one-hot."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes
from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple, int_value
from holdfast.kernels.native_dtypes import native_dtype
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text
from holdfast.ops.ranges import range_size, range_values


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


def _full(xp: Any, shape: tuple[int, ...], value: Array) -> Array:
    """Return a fresh array with a scalar everywhere."""
    scalar = xp.asarray(value)
    # Never back to a Python number, which would lose digits or cost a transfer.
    out = xp.empty(shape, dtype=scalar.dtype)
    out[...] = scalar
    return out


@generic("Fill")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(dims: Array, value: Array) -> Array:
        if dims.ndim != 1:
            raise _refuse(f"dims must be a vector of int32, got shape {shape_text(dims.shape)}")
        if value.ndim != 0:
            raise _refuse(f"value must be a scalar, got shape {shape_text(value.shape)}")
        shape = int_tuple(dims)
        negative = next((size for size in shape if size < 0), None)
        if negative is not None:
            raise _refuse(f"Dimension {negative} must be >= 0")
        return _full(xp, shape, value)

    return Pure(compute)


@generic("ZerosLike", "OnesLike")
def _(xp: Any, request: KernelRequest) -> Pure:
    dtype = request.output_dtypes[0]
    if dtype is dtypes.string:
        return Pure(lambda x: xp.full(x.shape, b"", dtype=object))
    make = xp.zeros if request.op_type == "ZerosLike" else xp.ones
    native = native_dtype(xp, dtype)
    return Pure(lambda x: make(x.shape, dtype=native))


@generic("LinSpace")
def _(xp: Any, request: KernelRequest) -> Pure:
    dtype = native_dtype(xp, request.output_dtypes[0])

    def compute(start: Array, stop: Array, num: Array) -> Array:
        count = int_value(num)
        if count <= 0:
            raise _refuse(f"Requires num > 0: {count}")
        first, last = xp.asarray(start, dtype=dtype), xp.asarray(stop, dtype=dtype)
        if count == 1:
            return xp.reshape(first, (1,)) + xp.zeros((1,), dtype=dtype)
        # As TensorFlow calculates: each element on its own, from the start.
        return first + xp.arange(count, dtype=dtype) * ((last - first) / (count - 1))

    return Pure(compute)


@generic("Range")
def _(xp: Any, request: KernelRequest) -> Pure:
    scalar = request.output_dtypes[0].as_numpy_dtype
    native = native_dtype(xp, request.output_dtypes[0])
    number = int if request.output_dtypes[0].is_integer else float

    def compute(*inputs: Array) -> Array:
        start, limit, delta = (scalar(number(value)) for value in inputs)
        try:
            count = range_size(start, limit, delta)
        except ValueError as error:
            raise _refuse(f"{error}: {delta}" if delta == 0 else str(error)) from None
        if number is int:
            return xp.arange(int(start), int(start) + count * int(delta), int(delta), dtype=native)
        return xp.asarray(range_values(start, limit, delta))

    return Pure(compute)


@generic("OneHot")
def _(xp: Any, request: KernelRequest) -> Pure:
    axis: int = request.attrs["axis"]

    def compute(indices: Array, depth: Array, on_value: Array, off_value: Array) -> Array:
        count = int_value(depth)
        if count < 0:
            raise _refuse(f"depth must be non-negative, got: {count}")
        where = xp.asarray(indices)
        if not -1 <= axis <= where.ndim:
            raise _refuse(f"Expected axis to be -1 or between [0, {where.ndim + 1}).  But received: {axis}")
        at = where.ndim if axis == -1 else axis
        numbers = xp.reshape(
            xp.arange(count, dtype=where.dtype), tuple(count if i == at else 1 for i in range(where.ndim + 1))
        )
        return xp.where(xp.expand_dims(where, axis=at) == numbers, xp.asarray(on_value), xp.asarray(off_value))

    return Pure(compute)
