"""Activation functions and their gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.blocks import SMALL_BLOCK_BYTES, repeated, scratch
from holdfast_numpy.kernels.choosing import keep
from holdfast_numpy.kernels.formulas import Formula, Number, formula_kernel
from holdfast_numpy.kernels.registry import is_real, override

_BOOL = np.dtype(np.bool_)


def _relu(number: Number) -> Callable[..., None]:
    def steps(out: Array, x: Array) -> None:
        np.maximum(x, repeated(0, out), out=out)

    return steps


def _relu_grad(number: Number) -> Callable[..., None]:
    zero = number(0)

    def steps(out: Array, grad: Array, x: Array) -> None:
        mask = scratch(out, dtype=_BOOL)
        np.greater(x, zero, mask)
        keep(out, mask, grad)

    return steps


def _relu6_grad(number: Number) -> Callable[..., None]:
    zero, six = number(0), number(6)

    def steps(out: Array, grad: Array, x: Array) -> None:
        mask, below = scratch(out, dtype=_BOOL), scratch(out, 1, _BOOL)
        np.greater(x, zero, mask)
        np.less(x, six, below)
        np.logical_and(mask, below, mask)
        keep(out, mask, grad)

    return steps


def _relu6(number: Number) -> Callable[..., None]:
    def steps(out: Array, x: Array) -> None:
        np.maximum(x, repeated(0, out), out=out)
        np.minimum(out, repeated(6, out), out=out)

    return steps


def _elu(number: Number) -> Callable[..., None]:
    def steps(out: Array, x: Array) -> None:
        # One of the two is zero, so that their sum is exact.
        positive, zero = scratch(out), repeated(0, out)
        np.maximum(x, zero, out=positive)
        np.minimum(x, zero, out=out)
        np.expm1(out, out)
        np.add(out, positive, out)

    return steps


def _elu_grad(number: Number) -> Callable[..., None]:
    zero, one = number(0), number(1)

    def steps(out: Array, grad: Array, y: Array) -> None:
        # fmin: the gradient passes where y is NaN.
        np.fmin(y, zero, out)
        np.add(out, one, out)
        np.multiply(grad, out, out)

    return steps


def _softplus(number: Number) -> Callable[..., None]:
    def steps(out: Array, x: Array) -> None:
        positive = scratch(out)
        np.maximum(x, repeated(0, out), out=positive)
        np.absolute(x, out)
        np.negative(out, out)
        np.exp(out, out)
        np.log1p(out, out)
        np.add(positive, out, out)

    return steps


def _softplus_grad(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, grad: Array, x: Array) -> None:
        np.negative(x, out)
        np.exp(out, out)
        np.add(out, one, out)
        np.divide(grad, out, out)

    return steps


def _softsign(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, x: Array) -> None:
        np.absolute(x, out)
        np.add(out, one, out)
        np.divide(x, out, out)

    return steps


def _softsign_grad(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, grad: Array, x: Array) -> None:
        np.absolute(x, out)
        np.add(out, one, out)
        np.multiply(out, out, out)
        np.divide(grad, out, out)

    return steps


_FORMULAS: dict[str, Formula] = {
    "EluGrad": _elu_grad,
    "SoftplusGrad": _softplus_grad,
    "Softsign": _softsign,
    "SoftsignGrad": _softsign_grad,
}
_BY_BLOCKS: dict[str, Formula] = {
    "Elu": _elu,
    "Relu": _relu,
    "Relu6": _relu6,
    "Relu6Grad": _relu6_grad,
    "ReluGrad": _relu_grad,
    "Softplus": _softplus,
}
"""Those with scratch memory."""


def _kernel(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return None
    if request.op_type in _BY_BLOCKS:
        return formula_kernel(request, _BY_BLOCKS[request.op_type], SMALL_BLOCK_BYTES)
    return formula_kernel(request, _FORMULAS[request.op_type])


override(*_FORMULAS, *_BY_BLOCKS)(_kernel)
