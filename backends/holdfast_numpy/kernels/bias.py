"""The bias of each channel, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest, Operand, Scratch, Source
from holdfast_numpy.kernels.abilities import Computed, call_with
from holdfast_numpy.kernels.broadcasting import pays_off, with_row
from holdfast_numpy.kernels.registry import fallback, is_half, is_plain, is_real, override
from holdfast_numpy.kernels.sums import sum_of_rows, sum_source


@override("BiasAdd", "BiasAddV1")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request) or request.attrs.get("data_format") == b"NCHW":
        return None
    rest: Callable[..., Array] = fallback(request).function

    def compute(value: Array, bias: Array) -> Array:
        fits = value.ndim > 1 and bias.ndim == 1 and bias.shape[0] == value.shape[-1]
        return with_row(np.add, value, bias, None) if fits else rest(value, bias)

    def write(out: Array, value: Array, bias: Array) -> None:
        if value.ndim > 1 and bias.ndim == 1 and bias.shape[0] == value.shape[-1] and out.flags.c_contiguous:
            with_row(np.add, value, bias, out)
        else:
            np.copyto(out, rest(value, bias))

    def source(
        inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        value, bias = (operand.shape for operand in operands)
        if not outputs or len(value) < 2 or bias != value[-1:] or pays_off(value, bias):
            return None
        return call_with(np.add, (*inputs, "out=_k_out"), _k_out=outputs[0])

    return Computed(compute, write, source, in_place=(0,))


@override("BiasAddGrad")
def _(request: KernelRequest) -> Kernel | None:
    if not is_plain(request) or is_half(request) or request.attrs.get("data_format") == b"NCHW":
        return None
    rest: Callable[..., Array] = fallback(request).function
    by_product = is_real(request)
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(grad: Array) -> Array:
        if grad.ndim < 2:
            return rest(grad)
        if by_product and grad.size:
            return sum_of_rows(grad, grad.ndim - 1, None)
        return np.add.reduce(grad.reshape(prod(grad.shape[:-1]), grad.shape[-1]), 0, dtype)

    def write(out: Array, grad: Array) -> None:
        if by_product and grad.ndim > 1 and grad.size and out.flags.c_contiguous:
            sum_of_rows(grad, grad.ndim - 1, out)
        else:
            np.copyto(out, compute(grad))

    def source(
        inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        shape = operands[0].shape
        if not outputs or not by_product or len(shape) < 2 or 0 in shape:
            return None
        return sum_source(inputs[0], shape, len(shape) - 1, outputs[0])

    return Computed(compute, write, source)
