"""Elements of one array or another, without the branches of ``where``.

Bits are mixed as integers: ``(x ^ y) * mask ^ y`` is x where the mask is 1 and y where it is 0. For a mask without
pattern that takes a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.blocks import SMALL_BLOCK_BYTES, in_blocks, scratch
from holdfast_numpy.kernels.registry import fallback, is_plain, override

_BITS = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}
_FEW = 1 << 11
"""Up to as many elements ``where`` is done before the first step has begun."""


def _mix(out: Array, mask: Array, x: Array, y: Array) -> None:
    """Write x where the mask holds, else y; all but the mask are integers."""
    factor = scratch(out)
    np.copyto(factor, mask)
    np.bitwise_xor(x, y, out)
    np.multiply(out, factor, out)
    np.bitwise_xor(out, y, out)


@override("Select")
def _(request: KernelRequest) -> Kernel | None:
    dtype = np.dtype(request.output_dtypes[0].as_numpy_dtype)
    bits = _BITS.get(dtype.itemsize)
    if not is_plain(request) or bits is None:
        return None
    rest: Callable[..., Array] = fallback(request).function

    def fits(mask: Array, x: Array, y: Array) -> bool:
        return bool(x.size > _FEW and mask.shape == x.shape == y.shape and x.dtype == y.dtype == dtype)

    def mix(out: Array, mask: Array, x: Array, y: Array) -> None:
        values = (array.view(bits) for array in (x, y))
        target = out.view(bits)
        in_blocks(_mix, target, mask, *values, least=SMALL_BLOCK_BYTES, block=SMALL_BLOCK_BYTES)

    def compute(mask: Array, x: Array, y: Array) -> Array:
        if not fits(mask, x, y):
            return rest(mask, x, y)
        out = np.empty(x.shape, dtype)
        mix(out, mask, x, y)
        return out

    def write(out: Array, mask: Array, x: Array, y: Array) -> None:
        if fits(mask, x, y):
            mix(out, mask, x, y)
        else:
            np.copyto(out, rest(mask, x, y))

    return Computed(compute, write)
