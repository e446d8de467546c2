"""Kernels that make arrays larger from their own elements or a constant."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


def _pairs(shape: tuple[int, ...], paddings: Array) -> list[tuple[int, int]]:
    """Return how much goes before and after each axis."""
    if paddings.ndim != 2 or paddings.shape[1] != 2:
        raise _refuse(f"paddings must be a matrix with 2 columns: {shape_text(paddings.shape)}")
    if paddings.shape[0] != len(shape):
        raise _refuse(
            "The first dimension of paddings must be the rank of inputs"
            f"{shape_text(paddings.shape)} {shape_text(shape)}"
        )
    flat = int_tuple(paddings)
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    for before, after in pairs:
        if before < 0 or after < 0:
            raise _refuse(f"Paddings must be non-negative: {before} {after}")
    return pairs


def _inner(shape: tuple[int, ...], pairs: list[tuple[int, int]]) -> tuple[slice, ...]:
    """Return where the input stands in the padded array."""
    return tuple(slice(before, before + size) for size, (before, _) in zip(shape, pairs, strict=True))


@generic("Pad", "PadV2")
def _(xp: Any, request: KernelRequest) -> Pure:
    is_string = request.output_dtypes[0].name == "string"

    def compute(x: Array, paddings: Array, *constant_values: Array) -> Array:
        array = xp.asarray(x)
        pairs = _pairs(array.shape, paddings)
        shape = tuple(before + size + after for size, (before, after) in zip(array.shape, pairs, strict=True))
        if constant_values:
            out = xp.empty(shape, dtype=array.dtype)
            out[...] = xp.asarray(constant_values[0])
        else:
            out = xp.full(shape, b"", dtype=array.dtype) if is_string else xp.zeros(shape, dtype=array.dtype)
        out[_inner(array.shape, pairs)] = array
        return out

    return Pure(compute)


@generic("MirrorPad")
def _(xp: Any, request: KernelRequest) -> Pure:
    border = 1 if request.attrs["mode"] == b"REFLECT" else 0

    def compute(x: Array, paddings: Array) -> Array:
        result = xp.asarray(x)
        pairs = _pairs(result.shape, paddings)
        _check_mirror(result.shape, pairs, border)
        for axis, (before, after) in enumerate(pairs):
            size = result.shape[axis]
            front = xp.flip(_along(result, axis, border, border + before), axis=axis)
            back = xp.flip(_along(result, axis, size - border - after, size - border), axis=axis)
            result = xp.concat([front, result, back], axis=axis)
        return result

    return Pure(compute)


def _along(array: Array, axis: int, begin: int, end: int) -> Array:
    """Return a part of an array along an axis."""
    return array[(slice(None),) * axis + (slice(begin, end),) + (slice(None),) * (array.ndim - axis - 1)]


def _check_mirror(shape: tuple[int, ...], pairs: list[tuple[int, int]], border: int) -> None:
    """Raise unless there are enough elements to mirror."""
    for size, (before, after) in zip(shape, pairs, strict=True):
        if before > size - border or after > size - border:
            words = ("less than", "not less than") if border else ("no greater than", "greater than")
            raise _refuse(f"paddings must be {words[0]} the dimension size: {before}, {after} {words[1]} {size}")


@generic("MirrorPadGrad")
def _(xp: Any, request: KernelRequest) -> Pure:
    border = 1 if request.attrs["mode"] == b"REFLECT" else 0

    def compute(grad: Array, paddings: Array) -> Array:
        result = xp.asarray(grad)
        pairs = _pairs(result.shape, paddings)
        shape = tuple(size - before - after for size, (before, after) in zip(result.shape, pairs, strict=True))
        if any(size < 0 for size in shape):
            raise _refuse(f"Paddings are larger than the input: {shape_text(result.shape)}")
        _check_mirror(shape, pairs, border)
        # The reverse of MirrorPad, axis by axis: what was mirrored is added to where it came from.
        for axis, (before, after) in enumerate(pairs):
            size = shape[axis]
            inner = _along(result, axis, before, before + size) + xp.zeros((), dtype=result.dtype)
            front = xp.flip(_along(result, axis, 0, before), axis=axis)
            back = xp.flip(_along(result, axis, before + size, before + size + after), axis=axis)
            _add_along(inner, axis, border, front)
            _add_along(inner, axis, size - border - after, back)
            result = inner
        return result if pairs else result + xp.zeros((), dtype=result.dtype)

    return Pure(compute)


def _add_along(out: Array, axis: int, begin: int, values: Array) -> None:
    """Add values to a part of an array along an axis, in place."""
    count = values.shape[axis]
    index = (slice(None),) * axis + (slice(begin, begin + count),) + (slice(None),) * (out.ndim - axis - 1)
    out[index] = out[index] + values


@generic("Tile")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(x: Array, multiples: Array) -> Array:
        array, times = xp.asarray(x), int_tuple(multiples)
        if multiples.ndim != 1 or len(times) != array.ndim:
            raise _refuse(
                f"Expected multiples argument to be a vector of length {array.ndim} but got length {len(times)}"
            )
        for i, count in enumerate(times):
            if count < 0:
                raise _refuse(f"Expected multiples[{i}] >= 0, but got {count}")
        return xp.tile(array, times)

    return Pure(compute)
