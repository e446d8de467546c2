"""Update steps of optimisers. Hyper-parameters are scalars of the variable's dtype; all is computed in that dtype."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, KernelRequest, RunContext, UpdateKernel
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.registry import generic, host
from holdfast.kernels.shape_text import shape_text
from holdfast.kernels.state import begin, check_indices, rounds


@dataclass(frozen=True, slots=True)
class _Updates:
    """An update kernel of several variables from a function ``(variables, *inputs) -> None`` that works in place."""

    check: Callable[..., None]
    """``(current, *inputs)``: raises if they do not fit."""
    apply: Callable[..., None]
    """``(variables, *inputs)``: updates them in place."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Check, then write the new values."""
        self.check(current, *inputs)
        for target, values in zip(out, current, strict=True):
            begin(target, values)
        self.apply(out, *inputs)
        return ()


def _fail(text: str) -> None:
    """Raise InvalidArgumentError."""
    raise InvalidArgumentError(None, None, text)


def _checker(gradient: str, scalars: tuple[str, ...], *, gradient_at: int) -> Callable[..., None]:
    """Return the check of a dense step: scalars by name, one gradient and the slots of the variable's shape."""

    def check(current: tuple[Array, ...], *inputs: Array) -> None:
        rest = list(inputs)
        grad = rest.pop(gradient_at)
        for name, value in zip(scalars, rest, strict=True):
            if value.shape != ():
                _fail(f"{name} is not a scalar: {shape_text(value.shape)}")
        shape = current[0].shape
        for slot in current[1:]:
            if slot.shape != shape:
                _fail(f"var and its slot do not have the same shape{shape_text(shape)} {shape_text(slot.shape)}")
        if grad.shape != shape:
            _fail(f"var and {gradient} do not have the same shape{shape_text(shape)} {shape_text(grad.shape)}")

    return check


@generic("ApplyGradientDescent")
def _(xp: Any, request: KernelRequest) -> UpdateKernel | None:
    if not request.input_dtypes[0].is_floating:
        return None

    def apply(variables: tuple[Array, ...], alpha: Array, delta: Array) -> None:
        (var,) = variables
        var -= alpha * delta

    return _Updates(_checker("delta", ("alpha",), gradient_at=1), apply)


@generic("ApplyMomentum")
def _(xp: Any, request: KernelRequest) -> UpdateKernel | None:
    if not request.input_dtypes[0].is_floating:
        return None
    nesterov: bool = request.attrs["use_nesterov"]

    def apply(variables: tuple[Array, ...], lr: Array, grad: Array, momentum: Array) -> None:
        var, accum = variables
        accum *= momentum
        accum += grad
        if nesterov:
            var -= lr * grad
            var -= (lr * momentum) * accum
        else:
            var -= lr * accum

    return _Updates(_checker("grad", ("lr", "momentum"), gradient_at=1), apply)


@generic("ApplyAdam")
def _(xp: Any, request: KernelRequest) -> UpdateKernel | None:
    if not request.input_dtypes[0].is_floating:
        return None
    nesterov: bool = request.attrs["use_nesterov"]

    def apply(
        variables: tuple[Array, ...],
        beta1_power: Array,
        beta2_power: Array,
        lr: Array,
        beta1: Array,
        beta2: Array,
        epsilon: Array,
        grad: Array,
    ) -> None:
        var, m, v = variables
        rate = lr * xp.sqrt(1 - beta2_power) / (1 - beta1_power)
        m += (grad - m) * (1 - beta1)
        v += (grad * grad - v) * (1 - beta2)
        step = m * beta1 + grad * (1 - beta1) if nesterov else m
        root = xp.sqrt(v)
        root += epsilon
        var -= rate * step / root

    scalars = ("beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon")
    return _Updates(_checker("grad", scalars, gradient_at=6), apply)


def _check_sparse(
    current: tuple[NDArray[Any], ...],
    lr: NDArray[Any],
    grad: NDArray[Any],
    indices: NDArray[Any],
    momentum: NDArray[Any],
) -> None:
    """Raise unless rows, gradient and slot fit."""
    var, accum = current
    for name, value in (("lr", lr), ("momentum", momentum)):
        if value.shape != ():
            _fail(f"{name} is not a scalar: {shape_text(value.shape)}")
    if var.shape != accum.shape:
        _fail(f"var and accum do not have the same shape{shape_text(var.shape)} {shape_text(accum.shape)}")
    if not var.ndim:
        _fail("var must be at least 1 dimensional")
    if indices.ndim != 1:
        _fail(f"indices must be one-dimensional, got {shape_text(indices.shape)}")
    if not grad.ndim or grad.shape[0] != indices.shape[0]:
        _fail("grad must be the same size as indices in the first dimension.")
    if grad.shape[1:] != var.shape[1:]:
        pairs = enumerate(zip(grad.shape[1:], var.shape[1:], strict=False), 1)
        axis = next((i for i, (a, b) in pairs if a != b), min(grad.ndim, var.ndim))
        _fail(f"var and grad must match in dimension {axis}")
    check_indices(indices, var.shape[0])


@host("SparseApplyMomentum", reason="the array API standard has no scatter with repeated indices")
def _(request: KernelRequest) -> UpdateKernel | None:
    if not request.input_dtypes[0].is_floating:
        return None
    nesterov: bool = request.attrs["use_nesterov"]

    def apply(
        variables: tuple[NDArray[Any], ...],
        lr: NDArray[Any],
        grad: NDArray[Any],
        indices: NDArray[Any],
        momentum: NDArray[Any],
    ) -> None:
        var, accum = variables
        for chosen in rounds(indices):
            rows, slope = indices[chosen], np.asarray(grad)[chosen]
            accum[rows] = speed = accum[rows] * momentum + slope
            if nesterov:
                var[rows] -= lr * slope + lr * momentum * speed
            else:
                var[rows] -= lr * speed

    return _Updates(_check_sparse, apply)
