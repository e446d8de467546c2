"""Arrays put together, into a given buffer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.arguments import int_value
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_plain, override


@override("Concat", "ConcatV2")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request):
        return None
    rest: Callable[..., Array] = fallback(request).function
    axis_is_last = request.op_type == "ConcatV2"

    def write(out: Array, *inputs: Array) -> None:
        *values, axis = inputs if axis_is_last else (*inputs[1:], inputs[0])
        try:
            np.concatenate(values, int_value(axis), out)
        except ValueError:
            np.copyto(out, rest(*inputs))

    return Computed(rest, write)


@override("Pack")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request):
        return None
    rest: Callable[..., Array] = fallback(request).function
    axis: int = request.attrs["axis"]

    def write(out: Array, *values: Array) -> None:
        try:
            np.stack(values, axis, out)
        except ValueError:
            np.copyto(out, rest(*values))

    return Computed(rest, write)
