"""Sums of several arrays of one shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.blocks import in_blocks
from holdfast_numpy.kernels.registry import fallback, is_half, is_plain, override


@override("AddN", "AccumulateNV2")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request) or is_half(request) or len(request.input_dtypes) < 2:
        return None
    rest: Callable[..., Array] = fallback(request).function

    def steps(out: Array, first: Array, second: Array, *others: Array) -> None:
        np.add(first, second, out)
        for other in others:
            np.add(out, other, out)

    def compute(*inputs: Array) -> Array:
        shape = inputs[0].shape
        if not shape or any(x.shape != shape for x in inputs):
            return rest(*inputs)
        out = np.empty(shape, inputs[0].dtype)
        in_blocks(steps, out, *inputs)
        return out

    def write(out: Array, *inputs: Array) -> None:
        if out.shape and all(x.shape == out.shape for x in inputs):
            in_blocks(steps, out, *inputs)
        else:
            np.copyto(out, rest(*inputs))

    return Computed(compute, write)
