"""The bias of each channel, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_half, is_plain, is_real, override

_SHORT = 128
"""Rows with fewer elements are added several at a time: NumPy's loop along a row takes a while to begin."""
_MANY = 1 << 15
"""... where the array has more elements than this; else it is not worth the trouble."""
_JOINED = 16


def _joined(rows: int) -> int:
    """Return how many rows to take as one."""
    count = _JOINED
    while rows % count:
        count //= 2
    return count


@override("BiasAdd", "BiasAddV1")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request) or request.attrs.get("data_format") == b"NCHW":
        return None
    rest: Callable[..., Array] = fallback(request).function

    def add(value: Array, bias: Array, out: Array | None) -> Array:
        size = bias.shape[0]
        if (
            size < _SHORT
            and value.size > _MANY
            and value.flags.c_contiguous
            and (out is None or out.flags.c_contiguous)
        ):
            count = _joined(value.size // size)
            shape = (-1, count * size)
            target = None if out is None else out.reshape(shape)
            return np.add(value.reshape(shape), np.concatenate([bias] * count), target).reshape(value.shape)
        return np.add(value, bias, out, order="C")

    def compute(value: Array, bias: Array) -> Array:
        fits = value.ndim > 1 and bias.ndim == 1 and bias.shape[0] == value.shape[-1]
        return add(value, bias, None) if fits else rest(value, bias)

    def write(out: Array, value: Array, bias: Array) -> None:
        if value.ndim > 1 and bias.ndim == 1 and bias.shape[0] == value.shape[-1]:
            add(value, bias, out)
        else:
            np.copyto(out, rest(value, bias))

    return Computed(compute, write)


@override("BiasAddGrad")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request) or is_half(request) or request.attrs.get("data_format") == b"NCHW":
        return None
    rest: Callable[..., Array] = fallback(request).function
    by_product = is_real(request)
    dtype = request.output_dtypes[0].as_numpy_dtype
    ones: dict[int, Array] = {}

    def total(grad: Array, out: Array | None) -> Array:
        size = grad.shape[-1]
        rows = prod(grad.shape[:-1])
        matrix = grad.reshape(rows, size)
        if not by_product or not grad.size:
            return np.add.reduce(matrix, 0, dtype, out)
        # The sum of rows as a product with ones: the BLAS reads each element once, in long runs.
        weights = ones.get(rows)
        if weights is None:
            weights = np.ones(rows, dtype)
            ones.clear()
            ones[rows] = weights
        return weights.dot(matrix, out)

    def compute(grad: Array) -> Array:
        return total(grad, None) if grad.ndim > 1 else rest(grad)

    def write(out: Array, grad: Array) -> None:
        if grad.ndim > 1 and out.flags.c_contiguous:
            total(grad, out)
        else:
            np.copyto(out, rest(grad))

    return Computed(compute, write)
