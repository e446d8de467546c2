"""Softmax, and the losses that are fused with it: one exponential an element, in the memory of the output."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast_numpy.kernels.abilities import Computed, ComputedMany
from holdfast_numpy.kernels.blocks import scratch, scratch_of
from holdfast_numpy.kernels.gathering import in_range
from holdfast_numpy.kernels.registry import fallback, is_real, override

_RUN = 1 << 12
"""Rows of up to so many elements are added up as a product with ones, which rounds as often as it adds, but fast."""


def _exponentials(logits: Array, shifted: Array, powers: Array) -> Array:
    """Write logits less the largest of their row, and the exponentials of that; return the sums of these as a column.

    The two targets may be one.
    """
    column = scratch_of((*logits.shape[:-1], 1), logits.dtype, 1)
    np.maximum.reduce(logits, -1, None, column, keepdims=True)
    np.subtract(logits, column, shifted)
    np.exp(shifted, powers)
    size = logits.shape[-1]
    if powers.ndim == 2 and size <= _RUN and powers.flags.c_contiguous:
        powers.dot(_ones(size, column.dtype), column)
    else:
        np.add.reduce(powers, -1, None, column, keepdims=True)
    return column


@lru_cache(maxsize=64)
def _ones(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a column of ones."""
    return np.ones((size, 1), dtype)


def _softmax(out: Array, logits: Array) -> None:
    np.divide(out, _exponentials(logits, out, out), out)


def _log_softmax(out: Array, logits: Array) -> None:
    sums = _exponentials(logits, out, scratch(logits))
    np.log(sums, sums)
    np.subtract(out, sums, out)


def _activation(request: KernelRequest) -> Kernel | None:
    """Return the kernel of softmax or its logarithm."""
    if not is_real(request):
        return None
    rest: Callable[..., Array] = fallback(request).function
    dtype = request.output_dtypes[0].as_numpy_dtype
    steps = _softmax if request.op_type == "Softmax" else _log_softmax

    def compute(logits: Array) -> Array:
        if not logits.ndim or not logits.size:
            return rest(logits)
        out = np.empty(logits.shape, dtype)
        steps(out, logits)
        return out

    def write(out: Array, logits: Array) -> None:
        if not logits.ndim or not logits.size:
            np.copyto(out, rest(logits))
        else:
            steps(out, logits)

    return Computed(compute, write)


override("Softmax", "LogSoftmax")(_activation)


def _loss_kernel(request: KernelRequest, fits: Callable[..., bool], steps: Callable[..., None]) -> ComputedMany:
    """Return the kernel of a loss and its gradient from steps ``(loss, gradient, logits, labels)``."""
    rest: Callable[..., tuple[Array, ...]] = fallback(request).function
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(logits: Array, labels: Array) -> tuple[Array, ...]:
        if not fits(logits, labels):
            return rest(logits, labels)
        loss, gradient = np.empty(logits.shape[:-1], dtype), np.empty(logits.shape, dtype)
        steps(loss, gradient, logits, labels)
        return loss, gradient

    def write(outputs: tuple[Array, ...], logits: Array, labels: Array) -> None:
        if fits(logits, labels):
            steps(*outputs, logits, labels)
            return
        for out, value in zip(outputs, rest(logits, labels), strict=True):
            np.copyto(out, value)

    return ComputedMany(compute, write)


@override("SoftmaxCrossEntropyWithLogits")
def _(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return None

    def fits(logits: Array, labels: Array) -> bool:
        return bool(logits.size and logits.ndim == 2 and logits.shape == labels.shape)

    def steps(loss: Array, gradient: Array, logits: Array, labels: Array) -> None:
        shifted = scratch(logits)
        sums = _exponentials(logits, shifted, gradient)
        np.divide(gradient, sums, gradient)
        np.subtract(gradient, labels, gradient)
        np.log(sums, sums)
        np.subtract(sums, shifted, shifted)
        np.vecdot(shifted, labels, loss)

    return _loss_kernel(request, fits, steps)


@override("SparseSoftmaxCrossEntropyWithLogits")
def _(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return None
    one = np.ones((), request.output_dtypes[0].as_numpy_dtype)
    starts: dict[tuple[int, ...], NDArray[Any]] = {}

    def fits(logits: Array, labels: Array) -> bool:
        if logits.ndim != 2 or labels.shape != logits.shape[:1] or not logits.size:
            return False
        return in_range(labels, logits.shape[1])

    def chosen(shape: tuple[int, ...], labels: Array) -> Array:
        first = starts.get(shape)
        if first is None:
            first = np.arange(0, shape[0] * shape[1], shape[1])
            starts.clear()
            starts[shape] = first
        return first + labels

    def steps(loss: Array, gradient: Array, logits: Array, labels: Array) -> None:
        shifted, at = scratch(logits), chosen(logits.shape, labels)
        sums = _exponentials(logits, shifted, gradient)
        np.divide(gradient, sums, gradient)
        if gradient.flags.c_contiguous:
            np.subtract.at(gradient.reshape(-1), at, one)
        else:
            gradient[np.arange(len(labels)), labels] -= 1
        logs = sums[:, 0]
        np.log(logs, logs)
        np.subtract(logs, shifted.reshape(-1).take(at), loss)

    return _loss_kernel(request, fits, steps)
