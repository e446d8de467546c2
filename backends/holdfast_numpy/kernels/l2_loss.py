"""Half the sum of squares, in one pass and without the squares."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_real, override

_RUN = 1 << 12
"""Squares are added up in runs of so many: the BLAS rounds at every step, the sum of the runs is pairwise."""


@override("L2Loss")
def _(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return None
    rest: Callable[..., Array] = fallback(request).function
    two = np.array(2, request.output_dtypes[0].as_numpy_dtype)

    def compute(t: Array) -> Array:
        if not t.ndim or not t.flags.c_contiguous:
            return rest(t)
        flat = t.reshape(-1)
        whole = flat.size // _RUN * _RUN
        last = flat[whole:]
        total = last.dot(last)
        if whole:
            runs = flat[:whole].reshape(-1, _RUN)
            total += np.add.reduce(np.vecdot(runs, runs))
        return np.divide(total, two)

    def write(out: Array, t: Array) -> None:
        out[...] = compute(t)

    return Computed(compute, write)
