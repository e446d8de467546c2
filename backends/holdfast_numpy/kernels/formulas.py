"""Elementwise ops that take several steps, each formula written for scalars and, block by block, into a buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, Kernel, KernelRequest, Operand, Scratch, Source
from holdfast.kernels.elementwise import check_broadcast
from holdfast_numpy.kernels.abilities import Computed, call_with
from holdfast_numpy.kernels.blocks import LARGE_BYTES, SMALL_BLOCK_BYTES, in_blocks
from holdfast_numpy.kernels.division import integer_division
from holdfast_numpy.kernels.registry import fallback, is_real, override

Number: TypeAlias = Callable[[float], NDArray[Any]]
"""A constant as an array without dimensions: NumPy takes it faster than a Python number."""
Formula: TypeAlias = Callable[[Number], Callable[..., None]]
"""From constants to ``(out, *inputs) -> None``."""
Ready: TypeAlias = Callable[[Array, Scratch], Callable[..., object]]
"""From an output and memory to ``(*inputs) -> None``."""


def formula_kernel(
    request: KernelRequest,
    formula: Formula,
    least: int = LARGE_BYTES,
    in_place: tuple[int, ...] = (),
    ready: Ready | None = None,
) -> Computed:
    """Return the kernel of a formula whose inputs have the output's dtype; they broadcast.

    Parameters
    ----------
    least
        As of :func:`in_blocks`: one block, for formulas with scratch memory.
    in_place
        Inputs that are not read any more once the first step has written to the output.
    ready
        The formula for one output, with all at hand that it needs beside the inputs.
    """
    dtype = request.output_dtypes[0].as_numpy_dtype
    steps = formula(lambda value: np.array(value, dtype))
    plain = fallback(request).function

    def write(out: Array, *inputs: Array) -> None:
        try:
            if out.nbytes <= least:
                steps(out, *inputs)
            else:
                in_blocks(steps, out, *inputs, least=least, block=SMALL_BLOCK_BYTES)
        except ValueError:
            check_broadcast(inputs[0].shape, inputs[-1].shape)
            raise

    def compute(*inputs: Array) -> Array:
        shape = inputs[0].shape
        if len(inputs) > 1 and inputs[1].shape != shape:
            shape = _broadcast(shape, inputs[1].shape)
        if not shape:
            return plain(*inputs)
        out = np.empty(shape, dtype)
        write(out, *inputs)
        return out

    def source(
        inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], scratch: Scratch
    ) -> Source | None:
        if not outputs or outputs[0].nbytes > least:
            return None
        if ready is not None:
            return call_with(ready(outputs[0], scratch), inputs)
        return call_with(steps, ("_k_out", *inputs), _k_out=outputs[0])

    return Computed(compute, write, source, in_place)


def _broadcast(x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that two broadcast to, or raise TensorFlow's error."""
    check_broadcast(x, y)
    return np.broadcast_shapes(x, y)


def _reciprocal(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, x: Array) -> None:
        np.divide(one, x, out)

    return steps


def _rsqrt(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, x: Array) -> None:
        np.sqrt(x, out)
        np.divide(one, out, out)

    return steps


def _sigmoid(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, x: Array) -> None:
        np.negative(x, out)
        np.exp(out, out)
        np.add(one, out, out)
        np.divide(one, out, out)

    return steps


def _sigmoid_grad(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, y: Array, dy: Array) -> None:
        np.subtract(one, y, out)
        np.multiply(y, out, out)
        np.multiply(dy, out, out)

    return steps


def _tanh_grad(number: Number) -> Callable[..., None]:
    one = number(1)

    def steps(out: Array, y: Array, dy: Array) -> None:
        np.multiply(y, y, out)
        np.subtract(one, out, out)
        np.multiply(dy, out, out)

    return steps


def _sqrt_grad(number: Number) -> Callable[..., None]:
    half = number(0.5)

    def steps(out: Array, y: Array, dy: Array) -> None:
        np.multiply(dy, half, out)
        np.divide(out, y, out)

    return steps


def _squared_difference(number: Number) -> Callable[..., None]:
    def steps(out: Array, x: Array, y: Array) -> None:
        np.subtract(x, y, out)
        np.multiply(out, out, out)

    return steps


def _floor_div(number: Number) -> Callable[..., None]:
    def steps(out: Array, x: Array, y: Array) -> None:
        np.divide(x, y, out)
        np.floor(out, out)

    return steps


_FORMULAS: dict[str, tuple[Formula, tuple[int, ...]]] = {
    "FloorDiv": (_floor_div, (0, 1)),
    "Inv": (_reciprocal, (0,)),
    "Reciprocal": (_reciprocal, (0,)),
    "Rsqrt": (_rsqrt, (0,)),
    "Sigmoid": (_sigmoid, (0,)),
    "SigmoidGrad": (_sigmoid_grad, ()),
    "SqrtGrad": (_sqrt_grad, (1,)),
    "SquaredDifference": (_squared_difference, (0, 1)),
    "TanhGrad": (_tanh_grad, (0,)),
}
"""Each formula with the inputs in whose memory it may be computed."""


def _kernel(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return integer_division(request) if request.op_type == "FloorDiv" else None
    formula, in_place = _FORMULAS[request.op_type]
    return formula_kernel(request, formula, in_place=in_place)


override(*_FORMULAS)(_kernel)
