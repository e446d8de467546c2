"""Kernels of reductions along axes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple, int_value
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text

Reduce = Callable[[Array, "tuple[int, ...] | None"], Array]
"""``(x, axes) -> output``; None stands for all axes."""


def _axes(indices: Array, rank: int) -> tuple[int, ...] | None:
    """Return the axes to reduce, counted from the front, None for all of them."""
    axes = set()
    for axis in int_tuple(indices):
        if not -rank <= axis < rank:
            raise InvalidArgumentError(
                None, None, f"Invalid reduction dimension ({axis} for input with {rank} dimension(s)"
            )
        axes.add(axis + rank if axis < 0 else axis)
    return None if len(axes) == rank else tuple(sorted(axes))


def _reduction(xp: Any, request: KernelRequest, reduce: Reduce) -> Pure:
    """Return the kernel of a reduction; where there is no axis to reduce, it copies."""

    def compute(x: Array, indices: Array) -> Array:
        axes = _axes(indices, x.ndim)
        if axes == () or x.ndim == 0:
            return xp.asarray(x, copy=True)
        return reduce(x, axes)

    return Pure(widened(xp, request, compute))


@generic("Sum", "Prod")
def _(xp: Any, request: KernelRequest) -> Pure:
    function = xp.sum if request.op_type == "Sum" else xp.prod
    keep = request.attrs["keep_dims"]
    # Without a dtype, integers would be widened.
    return _reduction(xp, request, lambda x, axes: function(x, axis=axes, dtype=x.dtype, keepdims=keep))


@generic("All", "Any")
def _(xp: Any, request: KernelRequest) -> Pure:
    function = xp.all if request.op_type == "All" else xp.any
    keep = request.attrs["keep_dims"]
    return _reduction(xp, request, lambda x, axes: function(x, axis=axes, keepdims=keep))


def _count(x: Array, axes: tuple[int, ...] | None) -> int:
    """Return how many elements are reduced to one."""
    return prod(x.shape if axes is None else [x.shape[axis] for axis in axes])


@generic("Mean")
def _(xp: Any, request: KernelRequest) -> Pure:
    keep, dtype = request.attrs["keep_dims"], request.input_dtypes[0]

    def mean(x: Array, axes: tuple[int, ...] | None) -> Array:
        return xp.sum(x, axis=axes, dtype=x.dtype, keepdims=keep) / _count(x, axes)

    wide = xp.uint64 if dtype.is_unsigned else xp.int64

    def integer_mean(x: Array, axes: tuple[int, ...] | None) -> Array:
        total = xp.asarray(xp.sum(x, axis=axes, dtype=wide, keepdims=keep))
        # The magnitude rounded down and the sign again: truncation. Of nothing, 0.
        quotient = xp.abs(total) // max(_count(x, axes), 1)
        return xp.astype(quotient if dtype.is_unsigned else quotient * xp.sign(total), x.dtype)

    return _reduction(xp, request, integer_mean if dtype.is_integer else mean)


@generic("Max", "Min")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    keep, dtype = request.attrs["keep_dims"], request.input_dtypes[0]
    if dtype.is_complex:
        return None
    is_max = request.op_type == "Max"
    function = xp.max if is_max else xp.min

    def extreme(x: Array, axes: tuple[int, ...] | None) -> Array:
        if _count(x, axes):
            return function(x, axis=axes, keepdims=keep)
        gone = range(x.ndim) if axes is None else axes
        shape = tuple(1 if i in gone else d for i, d in enumerate(x.shape) if keep or i not in gone)
        return xp.full(shape, _of_nothing(xp, dtype, x.dtype, is_max=is_max), dtype=x.dtype)

    return _reduction(xp, request, extreme)


def _of_nothing(xp: Any, dtype: Any, native: Any, *, is_max: bool) -> Any:
    """Return the extreme of no elements: what leaves every other one as it is."""
    if dtype.is_floating:
        return -xp.inf if is_max else xp.inf
    limits = xp.iinfo(native)
    return int(limits.min if is_max else limits.max)


@generic("ArgMax", "ArgMin")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    if request.input_dtypes[0].is_complex:
        return None
    function = xp.argmax if request.op_type == "ArgMax" else xp.argmin
    output = getattr(xp, request.output_dtypes[0].name)

    def compute(x: Array, dimension: Array) -> Array:
        axis, rank = int_value(dimension), x.ndim
        if not -rank <= axis < rank:
            raise InvalidArgumentError(None, None, f"Expected dimension in the range [{-rank}, {rank}), but got {axis}")
        if x.shape[axis] == 0:
            raise InvalidArgumentError(
                None, None, f"Reduction axis {axis % rank} is empty in shape {shape_text(x.shape)}"
            )
        return xp.astype(xp.asarray(function(x, axis=axis)), output)

    return Pure(widened(xp, request, compute))
