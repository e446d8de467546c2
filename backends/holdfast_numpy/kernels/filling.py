"""Arrays of one number, and of the sizes of others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.arguments import int_tuple
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.arguments import Steering
from holdfast_numpy.kernels.registry import fallback, is_plain, override


@override("Fill")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request):
        return None
    rest: Callable[..., Array] = fallback(request).function
    dtype = request.output_dtypes[0].as_numpy_dtype
    sizes = Steering(int_tuple)

    def compute(dims: Array, value: Array) -> Array:
        if dims.ndim != 1 or value.ndim or min(shape := sizes(dims), default=0) < 0:
            return rest(dims, value)
        out = np.empty(shape, dtype)
        out.fill(value)
        return out

    def write(out: Array, dims: Array, value: Array) -> None:
        np.copyto(out, rest(dims, value) if value.ndim else value)

    return Computed(compute, write)


@override("Shape")
def _(request: KernelRequest) -> Kernel:
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(x: Array) -> Array:
        return np.array(x.shape, dtype)

    def write(out: Array, x: Array) -> None:
        out[...] = x.shape

    return Computed(compute, write)
