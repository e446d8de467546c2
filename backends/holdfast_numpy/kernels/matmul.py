"""Products of matrices: transposes are passed to the BLAS, which reads the factors where they lie."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.elementwise import is_smooth
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_half, override


@override("MatMul")
def _(request: KernelRequest) -> Kernel | None:
    if is_half(request) or not is_smooth(request):
        return None
    rest: Callable[..., Array] = fallback(request).function
    transpose_a, transpose_b = request.attrs["transpose_a"], request.attrs["transpose_b"]

    # `dot` is the same product as `matmul`, called in a third of the time; it takes columns times rows, as the gradient
    # of a weight for one example is, to the BLAS too.
    def compute(a: Array, b: Array) -> Array:
        if a.ndim != 2 or b.ndim != 2:
            return rest(a, b)
        try:
            return (a.T if transpose_a else a).dot(b.T if transpose_b else b)
        except ValueError:
            return rest(a, b)

    def write(out: Array, a: Array, b: Array) -> None:
        if a.ndim != 2 or b.ndim != 2 or not out.flags.c_contiguous:
            np.copyto(out, rest(a, b))
            return
        try:
            (a.T if transpose_a else a).dot(b.T if transpose_b else b, out)
        except ValueError:
            np.copyto(out, rest(a, b))

    return Computed(compute, write)


@override("BatchMatMul")
def _(request: KernelRequest) -> Kernel | None:
    if is_half(request) or request.input_dtypes[0].is_complex:
        return None
    rest: Callable[..., Array] = fallback(request).function
    adj_x, adj_y = request.attrs["adj_x"], request.attrs["adj_y"]

    def write(out: Array, x: Array, y: Array) -> None:
        if x.ndim < 2 or x.ndim != y.ndim or x.shape[:-2] != y.shape[:-2]:
            np.copyto(out, rest(x, y))
            return
        try:
            np.matmul(x.mT if adj_x else x, y.mT if adj_y else y, out)
        except ValueError:
            np.copyto(out, rest(x, y))

    return Computed(rest, write)
