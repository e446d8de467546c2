"""Kernels that arrange the elements of an array anew; they give views where they can."""

from __future__ import annotations

import math
from typing import Any

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.registry import View, Views, generic
from holdfast.kernels.shape_text import shape_text


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


@generic("IdentityN")
def _(xp: Any, request: KernelRequest) -> Kernel:
    return Views(lambda *inputs: inputs, {i: (i,) for i in range(len(request.input_dtypes))})


@generic("Reshape")
def _(xp: Any, request: KernelRequest) -> View:
    def compute(x: Array, shape: Array) -> Array:
        if shape.ndim != 1:
            raise _refuse(f"sizes input must be 1-D, not {shape_text(shape.shape)}")
        return xp.reshape(xp.asarray(x), _target(x.shape, int_tuple(shape)))

    return View(compute)


def _target(shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a reshape gives, -1 resolved."""
    count = math.prod(shape)
    if -1 not in wanted:
        negative = next(((i, size) for i, size in enumerate(wanted) if size < 0), None)
        if negative is not None:
            raise _refuse(f"Size {negative[0]} must be non-negative, not {negative[1]}")
        if math.prod(wanted) != count:
            raise _refuse(
                f"Input to reshape is a tensor with {count} values, but the requested shape has {math.prod(wanted)}"
            )
        return wanted
    at = wanted.index(-1)
    for i, size in enumerate(wanted):
        if size == -1 and i != at:
            raise _refuse(f"Only one input size may be -1, not both {at} and {i}")
        if size < -1:
            raise _refuse(f"Size {i} must be non-negative, not {size}")
    known = math.prod(size for size in wanted if size != -1)
    if known == 0:
        raise _refuse(
            "Reshape cannot infer the missing input size for an empty tensor unless all specified input sizes are "
            "non-zero"
        )
    if count % known:
        raise _refuse(
            f"Input to reshape is a tensor with {count} values, but the requested shape requires a multiple of {known}"
        )
    return (*wanted[:at], count // known, *wanted[at + 1 :])


@generic("Transpose")
def _(xp: Any, request: KernelRequest) -> View:
    def compute(x: Array, perm: Array) -> Array:
        rank, order = x.ndim, int_tuple(perm)
        if len(order) != rank:
            raise _refuse(f"transpose expects a vector of size {rank}. But input(1) is a vector of size {len(order)}")
        if sorted(order) != list(range(rank)):
            order = _checked_order(order, rank)
        return xp.permute_dims(xp.asarray(x), order)

    return View(compute)


def _checked_order(order: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return an order with negative axes counted from the front, or raise if it is none."""
    for axis in order:
        if not -rank <= axis < rank:
            raise _refuse(f"{axis} is out of range [0 .. {rank})")
    counted = tuple(axis % rank for axis in order)
    missing = next((axis for axis in range(rank) if axis not in counted), None)
    if missing is not None:
        raise _refuse(f"{missing} is missing from {{{','.join(map(str, order))}}}.")
    return counted


@generic("ExpandDims")
def _(xp: Any, request: KernelRequest) -> View:
    def compute(x: Array, dim: Array) -> Array:
        values = int_tuple(dim)
        if len(values) != 1:
            raise _refuse(f"'dim' must be a tensor with a single value, got {len(values)}")
        axis = values[0]
        if not -x.ndim - 1 <= axis <= x.ndim:
            raise _refuse(f"Tried to expand dim index {axis} for tensor with {x.ndim} dimensions.")
        return xp.expand_dims(xp.asarray(x), axis=axis)

    return View(compute)


@generic("Squeeze")
def _(xp: Any, request: KernelRequest) -> View:
    axes: list[int] = request.attrs["squeeze_dims"]

    def compute(x: Array) -> Array:
        if not axes:
            return xp.reshape(xp.asarray(x), tuple(size for size in x.shape if size != 1))
        dropped = set()
        for axis in axes:
            if not -x.ndim <= axis < x.ndim:
                raise _refuse(f"Tried to squeeze dim index {axis} for tensor with {x.ndim} dimensions.")
            size = x.shape[axis]
            if size != 1:
                raise _refuse(f"Tried to explicitly squeeze dimension {axis % x.ndim} but dimension was not 1: {size}")
            dropped.add(axis % x.ndim)
        return xp.reshape(xp.asarray(x), tuple(size for i, size in enumerate(x.shape) if i not in dropped))

    return View(compute)
