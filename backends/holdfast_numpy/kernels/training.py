"""Update steps of optimisers: one pass over variable, slots and gradient, block by block, in the memory they have.

The steps are those of the generic kernels, in the same order, so that the values are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np

from holdfast.contracts import Array, KernelRequest, Operand, RunContext, Scratch, Source, UpdateKernel
from holdfast.dtypes import DType
from holdfast_numpy.kernels.blocks import BLOCK_BYTES, block_size, in_blocks, scratch
from holdfast_numpy.kernels.registry import fallback, is_real, override

Steps: TypeAlias = Callable[..., Callable[..., None]]
"""From the hyper-parameters to ``(*out, *current, gradient) -> None``."""


@dataclass(frozen=True, slots=True)
class _BlockedStep:
    """An update kernel of a variable and its slots by a gradient of their shape."""

    rest: UpdateKernel
    """The generic kernel."""
    dtype: DType
    """Of the variable, its slots and the gradient."""
    gradient_at: int
    """Which of the inputs is the gradient; the others are scalars."""
    steps: Steps
    """What to do."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the new values."""
        at, shape = self.gradient_at, current[0].shape
        scalars = inputs[:at] + inputs[at + 1 :]
        for x in (*current, inputs[at]):
            if x.shape != shape:
                return self.rest.update(context, current, out, *inputs)
        for x in scalars:
            if x.shape:
                return self.rest.update(context, current, out, *inputs)
        steps = self.steps(*scalars)
        if current[0].nbytes <= BLOCK_BYTES:
            steps(*out, *current, inputs[at])
        else:
            in_blocks(steps, *out, *current, inputs[at])
        return ()

    def shaped_update(
        self,
        current: tuple[str, ...],
        out: tuple[str, ...],
        inputs: tuple[str, ...],
        operands: tuple[Operand, ...],
        memory: Scratch,
    ) -> Source | None:
        """Return the steps without a look at the shapes, for variables of one block."""
        at, shape = self.gradient_at, operands[0].shape
        variables, scalars = operands[: len(current)], list(operands[len(current) :])
        gradient = scalars.pop(at)
        fits = all(x.shape == shape for x in (*variables, gradient)) and not any(x.shape for x in scalars)
        if not fits or prod(shape) > block_size(np.dtype(self.dtype.as_numpy_dtype)):
            return None
        return self.source((*out, *current, inputs[at]), inputs[:at] + inputs[at + 1 :], (gradient, *scalars), memory)

    def source(
        self, arrays: tuple[str, ...], scalars: tuple[str, ...], operands: tuple[Operand, ...], memory: Scratch
    ) -> Source:
        """Return the steps for arrays that fit, ``(*out, *current, gradient)``; operands: gradient, then scalars."""
        return f"_k_steps({', '.join(scalars)})({', '.join(arrays)})", {"_k_steps": self.steps}


def _kernel(
    request: KernelRequest, gradient_at: int, steps: Steps, kind: type[_BlockedStep] = _BlockedStep
) -> UpdateKernel | None:
    """Return the kernel for float32 and float64; elsewhere the generic one does."""
    if not is_real(request):
        return None
    return kind(fallback(request), request.input_dtypes[0], gradient_at, steps)


class _Descent(_BlockedStep):
    """An update kernel of a variable by its gradient alone."""

    def source(
        self, arrays: tuple[str, ...], scalars: tuple[str, ...], operands: tuple[Operand, ...], memory: Scratch
    ) -> Source:
        """Return the two steps, in the gradient's own memory where nobody needs it any more."""
        (out, var, delta), (alpha,) = arrays, scalars
        gradient, rate = operands
        objects: dict[str, Any] = {"_k_multiply": np.multiply, "_k_subtract": np.subtract}
        if rate.value is not None:
            # NumPy takes an array without dimensions faster than its scalar.
            alpha, objects["_k_alpha"] = "_k_alpha", np.asarray(rate.value)
        change = delta
        if not gradient.free:
            change, objects["_k_change"] = "_k_change", memory(gradient.shape, self.dtype)
        return f"(_k_multiply({delta}, {alpha}, {change}), _k_subtract({var}, {change}, {out}))", objects


@override("ApplyGradientDescent")
def _(request: KernelRequest) -> UpdateKernel | None:
    def with_rate(alpha: Array) -> Callable[..., None]:
        def steps(out: Array, var: Array, delta: Array) -> None:
            change = scratch(out)
            np.multiply(delta, alpha, change)
            np.subtract(var, change, out)

        return steps

    return _kernel(request, 1, with_rate, _Descent)


@override("ApplyMomentum")
def _(request: KernelRequest) -> UpdateKernel | None:
    nesterov: bool = request.attrs["use_nesterov"]

    def with_rates(lr: Array, momentum: Array) -> Callable[..., None]:
        ahead = lr * momentum

        def steps(out: Array, new_accum: Array, var: Array, accum: Array, grad: Array) -> None:
            change = scratch(out)
            np.multiply(accum, momentum, new_accum)
            np.add(new_accum, grad, new_accum)
            if nesterov:
                np.multiply(grad, lr, change)
                np.subtract(var, change, out)
                np.multiply(new_accum, ahead, change)
                np.subtract(out, change, out)
            else:
                np.multiply(new_accum, lr, change)
                np.subtract(var, change, out)

        return steps

    return _kernel(request, 1, with_rates)


@override("ApplyAdam")
def _(request: KernelRequest) -> UpdateKernel | None:
    nesterov: bool = request.attrs["use_nesterov"]

    def with_rates(
        beta1_power: Any, beta2_power: Any, lr: Any, beta1: Any, beta2: Any, epsilon: Any
    ) -> Callable[..., None]:
        rate = lr * np.sqrt(1 - beta2_power) / (1 - beta1_power)
        rest1, rest2 = 1 - beta1, 1 - beta2

        def steps(out: Array, new_m: Array, new_v: Array, var: Array, m: Array, v: Array, grad: Array) -> None:
            work, step = scratch(out), scratch(out, 1)
            np.subtract(grad, m, work)
            np.multiply(work, rest1, work)
            np.add(m, work, new_m)
            np.multiply(grad, grad, work)
            np.subtract(work, v, work)
            np.multiply(work, rest2, work)
            np.add(v, work, new_v)
            if nesterov:
                np.multiply(new_m, beta1, step)
                np.multiply(grad, rest1, work)
                np.add(step, work, step)
                np.multiply(step, rate, step)
            else:
                np.multiply(new_m, rate, step)
            np.sqrt(new_v, work)
            np.add(work, epsilon, work)
            np.divide(step, work, step)
            np.subtract(var, step, out)

        return steps

    return _kernel(request, 6, with_rates)
