"""Numbers of one dtype as those of another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_plain, override


@override("Cast")
def _(request: KernelRequest) -> Kernel | None:
    source, target = request.input_dtypes[0], request.output_dtypes[0]
    if not is_plain(request) or (source.is_complex and not target.is_complex):
        return None
    dtype = target.as_numpy_dtype
    rest: Callable[..., Array] = fallback(request).function

    def compute(x: Array) -> Array:
        # In C's order whatever the input's is. A scalar gives a scalar.
        return x.astype(dtype, "C") if type(x) is np.ndarray else rest(x)

    def write(out: Array, x: Array) -> None:
        np.copyto(out, x, "unsafe")

    return Computed(compute, write)
