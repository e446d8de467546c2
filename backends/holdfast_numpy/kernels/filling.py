"""Arrays of one number, into a given buffer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_plain, override


@override("ZerosLike", "OnesLike")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request):
        return None
    number = int(request.op_type == "OnesLike")
    rest: Callable[..., Array] = fallback(request).function

    def write(out: Array, x: Array) -> None:
        out.fill(number)

    return Computed(rest, write)


@override("Fill")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request):
        return None
    rest: Callable[..., Array] = fallback(request).function

    def write(out: Array, dims: Array, value: Array) -> None:
        np.copyto(out, rest(dims, value) if value.ndim else value)

    return Computed(rest, write)
