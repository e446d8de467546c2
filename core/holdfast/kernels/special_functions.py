"""Kernels of the error function, the gamma function and its relatives, on the host in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import KernelRequest
from holdfast.kernels.elementwise import Binary
from holdfast.kernels.registry import Pure, host

Floats = NDArray[np.float64]

_REASON = "The array API has no special functions."
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
"""The Bernoulli numbers of even index, from 2."""
_ASYMPTOTIC = 10.0
"""From here on, the asymptotic series are exact to float64."""


def _each(function: Callable[[float], float]) -> Callable[[Floats], Floats]:
    """Return a function of arrays from one of Python's floats."""

    def compute(x: Floats) -> Floats:
        values = np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size)
        return values.reshape(x.shape)

    return compute


def _lgamma(x: Floats) -> Floats:
    """Return log(abs(gamma)); infinite at the poles and where it overflows."""
    infinite = ((x <= 0) & (x == np.floor(x))) | (np.abs(x) > 2e305)
    result = _each(math.lgamma)(np.where(infinite, 1.0, x))
    return np.where(infinite, np.inf, result)


def digamma(x: Floats) -> Floats:
    """Return the derivative of lgamma: reflection, recurrence, asymptotic series (Abramowitz and Stegun, 6.3)."""
    pole = (x <= 0) & (x == np.floor(x))
    reflected = x < 0.5
    y = np.where(pole, 1.0, np.where(reflected, 1 - x, x))
    result = np.zeros_like(y)
    for _ in range(int(_ASYMPTOTIC)):
        small = y < _ASYMPTOTIC
        result -= np.where(small, 1 / y, 0.0)
        y = np.where(small, y + 1, y)
    square = 1 / (y * y)
    power = square.copy()
    tail = np.zeros_like(y)
    for k, number in enumerate(_BERNOULLI, start=1):
        tail += number / (2 * k) * power
        power *= square
    result += np.log(y) - 0.5 / y - tail
    # The tangent of the fraction alone: whole turns would cost digits.
    cotangent = np.pi / np.tan(np.pi * np.where(reflected & ~pole, x - np.floor(x), 0.25))
    return np.where(pole, np.inf, np.where(reflected, result - cotangent, result))


def zeta(x: Floats, q: Floats) -> Floats:
    """Return Hurwitz's zeta function by the formula of Euler and Maclaurin; NaN where it is not defined."""
    x, q = np.broadcast_arrays(x, q)
    pole = (q <= 0) & (q == np.floor(q))
    # A negative base has a real power only for whole exponents.
    undefined = (x < 1) | ((q < 0) & (x != np.floor(x))) | np.isnan(x) | np.isnan(q)
    s, base = np.where(undefined | (x == 1), 2.0, x), np.where(pole | undefined, 1.0, q)
    result = np.zeros(base.shape)
    # From a base of 10 on, the tail converges; bases below zero are summed one by one up to there.
    low = float(np.min(base, initial=_ASYMPTOTIC))
    for _ in range(math.ceil(_ASYMPTOTIC - max(low, -1e6))):
        small = base < _ASYMPTOTIC
        result += np.where(small, base**-s, 0.0)
        base = np.where(small, base + 1, base)
    result += base ** (1 - s) / (s - 1) + 0.5 * base**-s
    factor = s * base ** (-s - 1)
    for k, number in enumerate(_BERNOULLI, start=1):
        result += number / math.factorial(2 * k) * factor
        factor = factor * (s + 2 * k - 1) * (s + 2 * k) / (base * base)
    result = np.where(pole | (x == 1), np.inf, result)
    return np.where(undefined, np.nan, result)


def polygamma(order: Floats, x: Floats) -> Floats:
    """Return derivatives of digamma: ``(-1) ** (n + 1) * n! * zeta(n + 1, x)``; NaN for orders that are not whole."""
    order, x = np.broadcast_arrays(order, x)
    valid = (order >= 0) & (order == np.floor(order))
    n = np.where(valid, order, 1.0)
    sign = np.where(n % 2 == 0, -1.0, 1.0)
    result = sign * np.exp(_lgamma(n + 1)) * zeta(n + 1, x)
    return np.where(valid, np.where(n == 0, digamma(x), result), np.nan)


_UNARY = {"Erf": _each(math.erf), "Erfc": _each(math.erfc), "Lgamma": _lgamma, "Digamma": digamma}
_BINARY = {"Zeta": zeta, "Polygamma": polygamma}


def _unary(request: KernelRequest) -> Pure:
    function, dtype = _UNARY[request.op_type], request.output_dtypes[0].as_numpy_dtype

    def compute(x: NDArray[Any]) -> NDArray[Any]:
        return function(np.asarray(x, np.float64)).astype(dtype)

    return Pure(compute)


def _binary(request: KernelRequest) -> Binary:
    function, dtype = _BINARY[request.op_type], request.output_dtypes[0].as_numpy_dtype

    def compute(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        return function(np.asarray(x, np.float64), np.asarray(y, np.float64)).astype(dtype)

    return Binary(compute)


host(*_UNARY, reason=_REASON)(_unary)
host(*_BINARY, reason=_REASON)(_binary)
