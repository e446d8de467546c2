"""Update steps of optimisers: one pass over variable, slots and gradient, block by block, in the memory they have.

The steps are those of the generic kernels, in the same order, so that the values are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from holdfast.contracts import Array, KernelRequest, RunContext, UpdateKernel
from holdfast_numpy.kernels.blocks import BLOCK_BYTES, in_blocks, scratch
from holdfast_numpy.kernels.registry import fallback, is_real, override

Steps: TypeAlias = Callable[..., Callable[..., None]]
"""From the hyper-parameters to ``(*out, *current, gradient) -> None``."""


@dataclass(frozen=True, slots=True)
class _BlockedStep:
    """An update kernel of a variable and its slots by a gradient of their shape."""

    rest: UpdateKernel
    """The generic kernel."""
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


def _kernel(request: KernelRequest, gradient_at: int, steps: Steps) -> UpdateKernel | None:
    """Return the kernel for float32 and float64; elsewhere the generic one does."""
    return _BlockedStep(fallback(request), gradient_at, steps) if is_real(request) else None


@override("ApplyGradientDescent")
def _(request: KernelRequest) -> UpdateKernel | None:
    def with_rate(alpha: Array) -> Callable[..., None]:
        def steps(out: Array, var: Array, delta: Array) -> None:
            change = scratch(out)
            np.multiply(delta, alpha, change)
            np.subtract(var, change, out)

        return steps

    return _kernel(request, 1, with_rate)


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
