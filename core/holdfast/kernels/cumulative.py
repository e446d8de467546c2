"""Kernels of running sums and products."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_value
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure, generic, host
from holdfast.kernels.shape_text import shape_text


def _axis(dimension: Array, rank: int) -> int:
    """Return the axis, counted from the front."""
    if dimension.ndim:
        raise InvalidArgumentError(None, None, f"ScanOp: axis must be a scalar, not {shape_text(dimension.shape)}")
    axis = int_value(dimension)
    if not -rank <= axis < rank:
        raise InvalidArgumentError(
            None, None, f"ScanOp: Expected scan axis in the range [{-rank}, {rank}), but got {axis}"
        )
    return axis % rank


def _before(axis: int) -> tuple[slice, ...]:
    """Return the index of all but the last along an axis."""
    return (*(slice(None),) * axis, slice(None, -1))


@generic("Cumsum")
def _(xp: Any, request: KernelRequest) -> Pure:
    exclusive, reverse = request.attrs["exclusive"], request.attrs["reverse"]

    def compute(x: Array, dimension: Array) -> Array:
        axis = _axis(dimension, x.ndim)
        source = xp.flip(x, axis=axis) if reverse else x
        result = xp.cumulative_sum(source, axis=axis, dtype=x.dtype, include_initial=exclusive)
        if exclusive:
            result = result[(*_before(axis), ...)]
        return xp.flip(result, axis=axis) if reverse else result

    return Pure(widened(xp, request, compute))


@host("Cumprod", reason="The array API of 2023 has no running product.")
def _(request: KernelRequest) -> Pure:
    exclusive, reverse = request.attrs["exclusive"], request.attrs["reverse"]

    def compute(x: Array, dimension: Array) -> Array:
        axis = _axis(dimension, x.ndim)
        source = np.flip(x, axis=axis) if reverse else x
        result = np.ones_like(x, order="C")
        if exclusive:
            after = (*(slice(None),) * axis, slice(1, None))
            np.cumprod(source[_before(axis)], axis=axis, dtype=x.dtype, out=result[after])
        else:
            np.cumprod(source, axis=axis, dtype=x.dtype, out=result)
        return np.flip(result, axis=axis) if reverse else result

    return Pure(widened(np, request, compute))
