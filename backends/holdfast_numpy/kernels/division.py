"""Division of integers: a scalar divisor is compared with zero as a number, not as an array."""

from __future__ import annotations

import operator

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.registry import fallback, is_plain

_UFUNCS = {"FloorDiv": np.floor_divide, "FloorMod": np.remainder}
_OPERATORS = {"FloorDiv": operator.floordiv, "FloorMod": operator.mod}


def integer_division(request: KernelRequest) -> Kernel | None:
    """Return the kernel of a division that rounds down, or of its remainder; None for what are no integers."""
    if not is_plain(request) or not request.input_dtypes[0].is_integer:
        return None
    ufunc, of_scalars, rest = _UFUNCS[request.op_type], _OPERATORS[request.op_type], fallback(request)

    def compute(x: Array, y: Array) -> Array:
        if y.ndim or not y:
            # The generic kernel looks at each divisor, and tells which shapes do not fit.
            return rest(None, x, y)[0]
        return ufunc(x, y, order="C") if x.ndim else of_scalars(x, y)

    def write(out: Array, x: Array, y: Array) -> None:
        if y.ndim or not y:
            np.copyto(out, rest(None, x, y)[0])
        else:
            ufunc(x, y, out)

    return Computed(compute, write)
