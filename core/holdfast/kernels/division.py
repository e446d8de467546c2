"""Kernels of division and remainders: floating point by IEEE's rules, integers by floor or truncation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.elementwise import Binary, binary, is_smooth, one_function
from holdfast.kernels.registry import generic


def _of_integers(xp: Any, function: Callable[[Array, Array], Array]) -> Binary:
    """Return the kernel of a division of integers, which refuses to divide by zero."""

    def compute(x: Array, y: Array) -> Array:
        if not xp.all(y):
            raise InvalidArgumentError(None, None, "Integer division by zero")
        return function(x, y)

    return Binary(compute)


def _truncated_quotient(xp: Any) -> Callable[[Array, Array], Array]:
    """Return the division of integers towards zero."""

    def compute(x: Array, y: Array) -> Array:
        quotient = xp.floor_divide(x, y)
        inexact = quotient * y != x
        # Rounding down is one too low where the exact quotient is negative.
        return quotient + xp.astype(xp.asarray(inexact & ((x < 0) != (y < 0))), x.dtype)

    return compute


@generic("RealDiv")
def _(xp: Any, request: KernelRequest) -> Binary | None:
    return Binary(one_function(xp, request, xp.divide)) if is_smooth(request) else None


@generic("Div")
def _(xp: Any, request: KernelRequest) -> Binary:
    if is_smooth(request):
        return Binary(one_function(xp, request, xp.divide))
    return _of_integers(xp, _truncated_quotient(xp))


@generic("FloorDiv")
def _(xp: Any, request: KernelRequest) -> Binary | None:
    dtype = request.input_dtypes[0]
    if dtype.is_integer:
        return _of_integers(xp, xp.floor_divide)
    # Not floor_divide, which gives 9 for 1.0 and 0.1, and NaN for a quotient that is infinite.
    return binary(xp, request, lambda x, y: xp.floor(x / y)) if dtype.is_floating else None


@generic("TruncateDiv")
def _(xp: Any, request: KernelRequest) -> Binary | None:
    dtype = request.input_dtypes[0]
    if dtype.is_integer:
        return _of_integers(xp, _truncated_quotient(xp))
    return binary(xp, request, lambda x, y: xp.trunc(x / y)) if dtype.is_floating else None


@generic("FloorMod")
def _(xp: Any, request: KernelRequest) -> Binary:
    if request.input_dtypes[0].is_integer:
        return _of_integers(xp, xp.remainder)
    return Binary(one_function(xp, request, xp.remainder))


@generic("Mod", "TruncateMod")
def _(xp: Any, request: KernelRequest) -> Binary:
    if request.input_dtypes[0].is_integer:
        quotient = _truncated_quotient(xp)
        return _of_integers(xp, lambda x, y: x - quotient(x, y) * y)
    # The remainder of the magnitudes is exact; it has the sign of the dividend.
    return binary(xp, request, lambda x, y: xp.copysign(xp.remainder(xp.abs(x), xp.abs(y)), x))
