"""Activation functions and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from holdfast import dtypes
from holdfast.contracts import Array, Kernel, KernelRequest, Scratch
from holdfast_numpy.kernels.blocks import SMALL_BLOCK_BYTES, repeated, scratch
from holdfast_numpy.kernels.choosing import bits_of, keep
from holdfast_numpy.kernels.formulas import Formula, Number, Ready, formula_kernel
from holdfast_numpy.kernels.registry import is_real, override

_BOOL = np.dtype(np.bool_)


def _relu(number: Number) -> Callable[..., None]:
    def steps(out: Array, x: Array) -> None:
        np.maximum(x, repeated(0, out), out=out)

    return steps


def _relu_into(out: Array, scratch: Scratch) -> Callable[..., object]:
    return partial(np.maximum, repeated(0, out), out=out)


def _relu_grad_into(out: Array, scratch: Scratch) -> Callable[..., object]:
    bits, mask = bits_of(out), scratch(out.shape, dtypes.bool)
    target, zero = out.view(bits), np.zeros((), out.dtype)

    def steps(grad: Array, x: Array) -> None:
        np.greater(x, zero, mask)
        np.copyto(target, mask)
        np.multiply(grad.view(bits), target, target)

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


_FORMULAS: dict[str, tuple[Formula, tuple[int, ...]]] = {
    "EluGrad": (_elu_grad, (1,)),
    "SoftplusGrad": (_softplus_grad, (1,)),
    "Softsign": (_softsign, ()),
    "SoftsignGrad": (_softsign_grad, (1,)),
}
"""Each formula with the inputs in whose memory it may be computed."""
_BY_BLOCKS: dict[str, tuple[Formula, tuple[int, ...]]] = {
    "Elu": (_elu, (0,)),
    "Relu": (_relu, (0,)),
    "Relu6": (_relu6, (0,)),
    "Relu6Grad": (_relu6_grad, (1,)),
    "ReluGrad": (_relu_grad, (1,)),
    "Softplus": (_softplus, (0,)),
}
"""Those with scratch memory."""
_READY: dict[str, Ready] = {"Relu": _relu_into, "ReluGrad": _relu_grad_into}


def _kernel(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return None
    if request.op_type in _BY_BLOCKS:
        formula, in_place = _BY_BLOCKS[request.op_type]
        return formula_kernel(request, formula, SMALL_BLOCK_BYTES, in_place, _READY.get(request.op_type))
    formula, in_place = _FORMULAS[request.op_type]
    return formula_kernel(request, formula, in_place=in_place)


override(*_FORMULAS, *_BY_BLOCKS)(_kernel)
