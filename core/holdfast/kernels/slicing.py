"""Kernels that take parts of arrays, as views where they can, and put gradients back into them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.registry import Pure, View, generic, host
from holdfast.kernels.shape_text import shape_text
from holdfast.ops.strided import SliceSpec, resolve


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


@generic("Slice")
def _(xp: Any, request: KernelRequest) -> View:
    def compute(x: Array, begin: Array, size: Array) -> Array:
        begins, sizes = int_tuple(begin), int_tuple(size)
        if not len(begins) == len(sizes) == x.ndim:
            raise _refuse(
                f"Expected begin and size arguments to be 1-D tensors of size {x.ndim}, but got shapes "
                f"{shape_text(begin.shape)} and {shape_text(size.shape)} instead."
            )
        parts = []
        for i, (first, wanted, whole) in enumerate(zip(begins, sizes, x.shape, strict=True)):
            if not 0 <= first <= whole:
                raise _refuse(f"Expected begin[{i}] in [0, {whole}], but got {first}")
            count = whole - first if wanted == -1 else wanted
            if not 0 <= count <= whole - first:
                raise _refuse(f"Expected size[{i}] in [0, {whole - first}], but got {wanted}")
            parts.append(slice(first, first + count))
        return xp.asarray(x)[tuple(parts)]

    return View(compute)


def _resolved(
    request: KernelRequest, shape: tuple[int, ...], begin: Array, end: Array, strides: Array
) -> tuple[tuple[slice | int, ...], tuple[int, ...]]:
    """Return the index of a strided slice of an array of a shape, and the output's shape."""
    spec = SliceSpec.from_attrs(request.attrs, int_tuple(begin), int_tuple(end), int_tuple(strides))
    if not len(spec.begin) == len(spec.end) == len(spec.strides):
        raise _refuse(
            f"Expected begin, end, and strides to be 1D equal size tensors, but got shapes {shape_text(begin.shape)}, "
            f"{shape_text(end.shape)}, and {shape_text(strides.shape)} instead."
        )
    try:
        return resolve(spec, shape)
    except ValueError as error:
        raise _refuse(str(error)) from None


@generic("StridedSlice")
def _(xp: Any, request: KernelRequest) -> View:
    def compute(x: Array, begin: Array, end: Array, strides: Array) -> Array:
        index, shape = _resolved(request, x.shape, begin, end, strides)
        return xp.reshape(xp.asarray(x)[index], shape)

    return View(compute)


@generic("StridedSliceGrad")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(lambda *inputs: _put_back(xp, request, *inputs))


def _put_back(
    xp: Any, request: KernelRequest, shape: Array, begin: Array, end: Array, strides: Array, dy: Array
) -> Array:
    """Return zeros with a gradient in the place of a strided slice."""
    whole = int_tuple(shape)
    index, expected = _resolved(request, whole, begin, end, strides)
    if dy.shape != expected:
        raise _refuse(f"shape of dy was {shape_text(dy.shape)} instead of {shape_text(expected)}")
    out = xp.zeros(whole, dtype=dy.dtype)
    if all(expected):
        region = tuple(
            len(range(*part.indices(size))) for part, size in zip(index, whole, strict=True) if isinstance(part, slice)
        )
        out[index] = xp.reshape(xp.asarray(dy), region)
    return out


@generic("ReverseV2")
def _(xp: Any, request: KernelRequest) -> View:
    def compute(x: Array, axis: Array) -> Array:
        axes = _checked_axes(int_tuple(axis), x.ndim)
        return xp.flip(xp.asarray(x), axis=axes) if axes else x

    return View(compute)


def _checked_axes(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return axes counted from the front, or raise if one does not exist or comes twice."""
    found: list[int] = []
    for i, axis in enumerate(axes):
        if not -rank <= axis < rank:
            raise _refuse(f"'axis'[{i}] = {axis} is out of valid range [0, {rank - 1}]")
        if axis % rank in found:
            raise _refuse(f"axis {axis % rank} specified more than once.")
        found.append(axis % rank)
    return tuple(found)


@host("ReverseSequence", reason="the array API standard has no assignment by arrays of indices")
def _(request: KernelRequest) -> Pure:
    seq, batch = request.attrs["seq_dim"], request.attrs["batch_dim"]

    def compute(x: NDArray[Any], lengths: NDArray[Any]) -> NDArray[Any]:
        if len(lengths) != x.shape[batch]:
            raise _refuse(f"len(seq_lens) != input.dims({batch}), ({len(lengths)} vs. {x.shape[batch]})")
        out = x.copy()
        source, target = np.moveaxis(x, (batch, seq), (0, 1)), np.moveaxis(out, (batch, seq), (0, 1))
        for i, length in enumerate(lengths.tolist()):
            if not 0 <= length <= x.shape[seq]:
                raise _refuse(f"seq_lens({i}) = {length} is not in [0, {x.shape[seq]}]")
            target[i, :length] = source[i, :length][::-1]
        return out

    return Pure(compute)
