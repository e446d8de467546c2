"""Kernels of the activation functions and their gradients."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure, generic

# Klambauer et al., "Self-Normalizing Neural Networks", 2017: lambda, and lambda times alpha.
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_SCALE_ALPHA = 1.7580993408473768599402175208123


def _number(xp: Any, value: float, like: Array) -> Array:
    """Return a 0-d array of another array's dtype."""
    return xp.asarray(value, dtype=like.dtype)


def _only_floating(xp: Any, request: KernelRequest, function: Any) -> Pure | None:
    """Return the kernel for floating-point dtypes; integers, which the definition admits too, have none."""
    return Pure(widened(xp, request, function)) if request.input_dtypes[0].is_floating else None


@generic("Relu")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(lambda x: xp.maximum(x, _number(xp, 0, x)))


@generic("ReluGrad")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(lambda grad, x: xp.where(x > 0, grad, _number(xp, 0, grad)))


@generic("Relu6")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(lambda x: xp.minimum(xp.maximum(x, _number(xp, 0, x)), _number(xp, 6, x)))


@generic("Relu6Grad")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(lambda grad, x: xp.where((x > 0) & (x < 6), grad, _number(xp, 0, grad)))


@generic("Elu")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(widened(xp, request, lambda x: xp.where(x < 0, xp.expm1(x), x)))


@generic("EluGrad")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(widened(xp, request, lambda grad, y: xp.where(y < 0, grad * (y + 1), grad)))


@generic("Selu")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(x: Array) -> Array:
        return xp.where(x < 0, _SELU_SCALE_ALPHA * xp.expm1(x), _SELU_SCALE * x)

    return Pure(widened(xp, request, compute))


@generic("SeluGrad")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(grad: Array, y: Array) -> Array:
        return xp.where(y < 0, grad * (y + _SELU_SCALE_ALPHA), grad * _SELU_SCALE)

    return Pure(widened(xp, request, compute))


@generic("Softplus")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    # log(1 + exp(x)) without overflow for large x and without loss for small.
    return _only_floating(xp, request, lambda x: xp.maximum(x, _number(xp, 0, x)) + xp.log1p(xp.exp(-xp.abs(x))))


@generic("SoftplusGrad")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    return _only_floating(xp, request, lambda grad, x: grad / (xp.exp(-x) + 1))


@generic("Softsign")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    return _only_floating(xp, request, lambda x: x / (xp.abs(x) + 1))


@generic("SoftsignGrad")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    def compute(grad: Array, x: Array) -> Array:
        root = xp.abs(x) + 1
        return grad / (root * root)

    return _only_floating(xp, request, compute)


@generic("L2Loss")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(widened(xp, request, lambda t: xp.sum(t * t) / 2))
