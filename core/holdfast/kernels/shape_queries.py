"""Kernels that tell shapes, or work on them."""

from __future__ import annotations

import math
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple, int_value
from holdfast.kernels.native_dtypes import native_dtype
from holdfast.kernels.registry import Pure, PureMany, generic
from holdfast.kernels.shape_text import shape_text


@generic("Shape", "ShapeN")
def _(xp: Any, request: KernelRequest) -> PureMany:
    dtype = native_dtype(xp, request.output_dtypes[0])
    return PureMany(lambda *inputs: tuple(xp.asarray(x.shape, dtype=dtype) for x in inputs))


@generic("Size")
def _(xp: Any, request: KernelRequest) -> Pure:
    dtype = native_dtype(xp, request.output_dtypes[0])
    return Pure(lambda x: xp.asarray(math.prod(x.shape), dtype=dtype))


@generic("Rank")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(lambda x: xp.asarray(x.ndim, dtype=xp.int32))


@generic("BroadcastArgs")
def _(xp: Any, request: KernelRequest) -> Pure:
    dtype = native_dtype(xp, request.output_dtypes[0])

    def compute(first: Array, second: Array) -> Array:
        x, y = int_tuple(first), int_tuple(second)
        rank = max(len(x), len(y))
        sizes = []
        for a, b in zip((1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y, strict=True):
            if a != b and 1 not in {a, b}:
                raise InvalidArgumentError(None, None, f"Incompatible shapes: {shape_text(x)} vs. {shape_text(y)}")
            sizes.append(b if a == 1 else a)
        return xp.asarray(sizes, dtype=dtype)

    return Pure(compute)


@generic("ConcatOffset")
def _(xp: Any, request: KernelRequest) -> PureMany:
    def compute(concat_dim: Array, *shapes: Array) -> tuple[Array, ...]:
        sizes = [int_tuple(shape) for shape in shapes]
        rank = len(sizes[0])
        axis = int_value(concat_dim)
        if not -rank <= axis < rank:
            raise InvalidArgumentError(None, None, f"Concat dim is out of range: {axis} vs. {rank}")
        axis %= rank
        _check_shapes(sizes, axis)
        outputs, offset = [], 0
        for size in sizes:
            outputs.append(xp.asarray([offset if i == axis else 0 for i in range(rank)], dtype=xp.int32))
            offset += size[axis]
        return tuple(outputs)

    return PureMany(compute)


def _check_shapes(sizes: list[tuple[int, ...]], axis: int) -> None:
    """Raise unless the shapes agree but for one axis."""
    first = sizes[0]
    for i, size in enumerate(sizes):
        if len(size) != len(first):
            raise InvalidArgumentError(
                None, None, f"input {i} should contain {len(first)} elements, but got {len(size)}"
            )
        for j, (a, b) in enumerate(zip(first, size, strict=True)):
            if j != axis and a != b:
                raise InvalidArgumentError(
                    None,
                    None,
                    f"All dimensions except {axis} must match. Input {i} has shape {shape_text(size)} and doesn't "
                    f"match input 0 with shape {shape_text(first)}.",
                )


@generic("InvertPermutation")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(x: Array) -> Array:
        if x.ndim != 1:
            raise InvalidArgumentError(None, None, "invert_permutation expects a 1D vector.")
        order = int_tuple(x)
        inverse = [-1] * len(order)
        for i, target in enumerate(order):
            if not 0 <= target < len(order):
                raise InvalidArgumentError(None, None, f"{target} is not between 0 and {len(order)}")
            if inverse[target] != -1:
                raise InvalidArgumentError(None, None, f"{target} is duplicated in the input.")
            inverse[target] = i
        return xp.asarray(inverse, dtype=x.dtype)

    return Pure(compute)
