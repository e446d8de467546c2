"""Sums of several arrays of one shape, and of the rows of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest, Source
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.blocks import LARGE_BYTES, in_blocks
from holdfast_numpy.kernels.registry import fallback, is_half, is_plain, override

_ones: dict[tuple[int, np.dtype[Any]], Array] = {}
_MOST_ONES = 64


def ones_for(rows: int, dtype: np.dtype[Any]) -> Array:
    """Return so many ones."""
    found = _ones.get((rows, dtype))
    if found is None:
        if len(_ones) >= _MOST_ONES:
            _ones.clear()
        found = _ones[rows, dtype] = np.ones(rows, dtype)
    return found


def sum_of_rows(values: Array, axes: int, out: Array | None) -> Array:
    """Return the sum of float32 or float64 along the first axes, so many, as a product with ones.

    The BLAS reads each element once, in long runs.
    """
    rows, rest = prod(values.shape[:axes]), values.shape[axes:]
    if values.ndim == 2:
        return ones_for(rows, values.dtype).dot(values, out)
    target = None if out is None else out.reshape(-1)
    return ones_for(rows, values.dtype).dot(values.reshape(rows, -1), target).reshape(rest)


def sum_source(name: str, shape: tuple[int, ...], axes: int, out: Array) -> Source:
    """Return the source of :func:`sum_of_rows` for values of a shape."""
    objects = {"_k_ones": ones_for(prod(shape[:axes]), out.dtype), "_k_out": out.reshape(-1)}
    if len(shape) == 2:
        return f"_k_ones.dot({name}, _k_out)", objects
    return f"_k_ones.dot({name}.reshape(_k_shape), _k_out)", {**objects, "_k_shape": (prod(shape[:axes]), -1)}


@override("AddN", "AccumulateNV2")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request) or is_half(request) or len(request.input_dtypes) < 2:
        return None
    rest: Callable[..., Array] = fallback(request).function
    dtype = request.output_dtypes[0].as_numpy_dtype

    def steps(out: Array, first: Array, second: Array, *others: Array) -> None:
        np.add(first, second, out)
        for other in others:
            np.add(out, other, out)

    def write(out: Array, *inputs: Array) -> None:
        shape = out.shape
        for x in inputs:
            if x.shape != shape:
                np.copyto(out, rest(*inputs))
                return
        if out.nbytes <= LARGE_BYTES:
            steps(out, *inputs)
        else:
            in_blocks(steps, out, *inputs)

    def compute(*inputs: Array) -> Array:
        if not inputs[0].shape:
            return rest(*inputs)
        out = np.empty(inputs[0].shape, dtype)
        write(out, *inputs)
        return out

    return Computed(compute, write)
