"""Sums of several arrays of one shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.blocks import LARGE_BYTES, in_blocks
from holdfast_numpy.kernels.registry import fallback, is_half, is_plain, override


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
