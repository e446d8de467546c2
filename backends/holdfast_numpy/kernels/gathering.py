"""Rows by their indices: ``take`` into a buffer, after one look at the range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.arguments import int_value
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_plain, override

_UNSIGNED = {4: np.dtype(np.uint32), 8: np.dtype(np.uint64)}


def in_range(indices: Array, size: int) -> bool:
    """Whether all indices are at least 0 and less than a size; False also where that is not told at one look."""
    if not indices.size:
        return True
    unsigned = _UNSIGNED.get(indices.dtype.itemsize)
    if unsigned is None or not indices.dtype.isnative:
        return False
    # A negative index is a large number without a sign.
    return bool(np.maximum.reduce(indices.view(unsigned), None) < size)


@override("Gather", "GatherV2")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request):
        return None
    rest: Callable[..., Array] = fallback(request).function

    def place(params: Array, indices: Array, axis: tuple[Array, ...]) -> int | None:
        """Return the axis, where all fits."""
        at, rank = int_value(axis[0]) if axis else 0, int(params.ndim)
        if not -rank <= at < rank or not in_range(indices, params.shape[at]):
            return None
        return at % rank

    # `take` need not look at the range again: "clip" is how it does not, and how it writes to `out` itself.
    def compute(params: Array, indices: Array, *axis: Array) -> Array:
        at = place(params, indices, axis)
        return rest(params, indices, *axis) if at is None or not params.size else params.take(indices, at, None, "clip")

    def write(out: Array, params: Array, indices: Array, *axis: Array) -> None:
        at = place(params, indices, axis)
        if at is None or not params.size:
            np.copyto(out, rest(params, indices, *axis))
        else:
            params.take(indices, at, out, "clip")

    return Computed(compute, write)
