"""Kernels that join arrays and take them apart."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple, int_value
from holdfast.kernels.registry import Pure, Views, generic
from holdfast.kernels.shape_text import shape_text


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


@generic("Concat", "ConcatV2")
def _(xp: Any, request: KernelRequest) -> Pure:
    axis_is_last = request.op_type == "ConcatV2"

    def compute(*inputs: Array) -> Array:
        *values, axis = inputs if axis_is_last else (*inputs[1:], inputs[0])
        at = int_value(axis)
        _check_parts([value.shape for value in values], at)
        return xp.concat([xp.asarray(value) for value in values], axis=at)

    return Pure(compute)


def _check_parts(shapes: list[tuple[int, ...]], axis: int) -> None:
    """Raise unless arrays of these shapes can be joined."""
    first = shapes[0]
    rank = len(first)
    if not -rank <= axis < rank:
        raise _refuse(f"ConcatOp : Expected concatenating dimensions in the range [{-rank}, {rank}), but got {axis}")
    at = axis % rank
    for i, shape in enumerate(shapes):
        if len(shape) != rank:
            what = "Ranks of all input tensors"
        elif shape[:at] != first[:at] or shape[at + 1 :] != first[at + 1 :]:
            what = "Dimensions of inputs"
        else:
            continue
        raise _refuse(
            f"ConcatOp : {what} should match: shape[0] = {shape_text(first)} vs. shape[{i}] = {shape_text(shape)}"
        )


@generic("Pack")
def _(xp: Any, request: KernelRequest) -> Pure:
    axis: int = request.attrs["axis"]

    def compute(*values: Array) -> Array:
        first = values[0].shape
        for i, value in enumerate(values):
            if value.shape != first:
                raise _refuse(
                    f"Shapes of all inputs must match: values[0].shape = {shape_text(first)} != values[{i}].shape = "
                    f"{shape_text(value.shape)}"
                )
        if not -len(first) - 1 <= axis <= len(first):
            raise _refuse(f"axis = {axis} not in [{-len(first) - 1}, {len(first) + 1})")
        return xp.stack([xp.asarray(value) for value in values], axis=axis)

    return Pure(compute)


def _part(array: Array, axis: int, begin: int, end: int) -> Array:
    """Return a part of an array along an axis, a view where the library has views."""
    return array[(slice(None),) * axis + (slice(begin, end),) + (slice(None),) * (array.ndim - axis - 1)]


@generic("Unpack")
def _(xp: Any, request: KernelRequest) -> Kernel:
    num, axis = request.attrs["num"], request.attrs["axis"]

    def compute(value: Array) -> tuple[Array, ...]:
        rank = value.ndim
        if not -rank <= axis < rank:
            raise _refuse(f"axis = {axis} not in [{-rank}, {rank})")
        at = axis % rank
        if value.shape[at] != num:
            raise _refuse(f"Input shape axis {at} must equal {num}, got shape {shape_text(value.shape)}")
        rest = value.shape[:at] + value.shape[at + 1 :]
        return tuple(xp.reshape(_part(value, at, i, i + 1), rest) for i in range(num))

    return Views(compute, dict.fromkeys(range(num), (0,)))


@generic("Split")
def _(xp: Any, request: KernelRequest) -> Kernel:
    count = request.attrs["num_split"]

    def compute(split_dim: Array, value: Array) -> tuple[Array, ...]:
        axis = _split_axis(split_dim, value)
        size = value.shape[axis]
        if size % count:
            raise _refuse(
                "Number of ways to split should evenly divide the split dimension, but got split_dim "
                f"{axis} (size = {size}) and num_split {count}"
            )
        step = size // count
        return tuple(_part(value, axis, i * step, (i + 1) * step) for i in range(count))

    return Views(compute, dict.fromkeys(range(count), (1,)))


def _split_axis(split_dim: Array, value: Array) -> int:
    """Return the axis to split along, counted from the front."""
    axis, rank = int_value(split_dim), value.ndim
    if not -rank <= axis < rank:
        raise _refuse(f"-input rank(-{rank}) <= split_dim < input rank ({rank}), but got {axis}")
    return int(axis % rank)


@generic("SplitV")
def _(xp: Any, request: KernelRequest) -> Kernel:
    count = request.attrs["num_split"]

    def compute(value: Array, size_splits: Array, split_dim: Array) -> tuple[Array, ...]:
        axis = _split_axis(split_dim, value)
        sizes = _sizes(int_tuple(size_splits), value.shape[axis], count)
        parts, begin = [], 0
        for size in sizes:
            parts.append(_part(value, axis, begin, begin + size))
            begin += size
        return tuple(parts)

    return Views(compute, dict.fromkeys(range(count), (0,)))


def _sizes(sizes: tuple[int, ...], total: int, count: int) -> list[int]:
    """Return the sizes of the parts, -1 resolved."""
    if len(sizes) != count:
        raise _refuse(f"Length of size_splits should be equal to num_outputs, but got {len(sizes)} and {count}")
    if sizes.count(-1) > 1:
        raise _refuse("There can only be one -1 in the input.")
    negative = next(((i, size) for i, size in enumerate(sizes) if size < -1), None)
    if negative is not None:
        raise _refuse(f"Split size at index {negative[0]} must be >= 0. Got: {negative[1]}")
    given = sum(size for size in sizes if size != -1)
    if given > total or (-1 not in sizes and given != total):
        raise _refuse(
            "Determined shape must either match input shape along split_dim exactly if fully specified, or be less "
            f"than the size of the input along split_dim if not fully specified.  Got: {given}"
        )
    return [total - given if size == -1 else size for size in sizes]
