"""Softmax, and the losses that are fused with it: one exponential an element, in the memory of the output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, Kernel, KernelRequest, Operand, Scratch, Source
from holdfast.dtypes import DType
from holdfast_numpy.kernels.abilities import Computed, ComputedMany, call_with
from holdfast_numpy.kernels.blocks import scratch, scratch_of
from holdfast_numpy.kernels.gathering import in_range
from holdfast_numpy.kernels.registry import fallback, is_real, override

Shape: TypeAlias = tuple[int, ...]

_RUN = 1 << 12
"""Rows of up to so many elements are added up as a product with ones, which rounds as often as it adds, but fast."""


def _exponentials(logits: Array, shifted: Array, powers: Array, column: Array) -> None:
    """Write logits less the largest of their row, the exponentials of that, and the sums of these.

    The first two targets may be one.
    """
    np.maximum.reduce(logits, -1, None, column, keepdims=True)
    np.subtract(logits, column, shifted)
    np.exp(shifted, powers)
    size = logits.shape[-1]
    if powers.ndim == 2 and size <= _RUN and powers.flags.c_contiguous:
        powers.dot(_ones(size, column.dtype), column)
    else:
        np.add.reduce(powers, -1, None, column, keepdims=True)


def _column(logits: Array) -> Array:
    """Return memory for a number a row."""
    return scratch_of((*logits.shape[:-1], 1), logits.dtype, 1)


@lru_cache(maxsize=64)
def _ones(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a column of ones."""
    return np.ones((size, 1), dtype)


def _softmax(out: Array, logits: Array) -> None:
    sums = _column(logits)
    _exponentials(logits, out, out, sums)
    np.divide(out, sums, out)


def _log_softmax(out: Array, logits: Array) -> None:
    sums = _column(logits)
    _exponentials(logits, out, scratch(logits), sums)
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


@dataclass(frozen=True, slots=True)
class _Loss:
    """A loss of logits and labels with its gradient, as a function, into buffers, and as source."""

    fits: Callable[[Shape, Shape], bool]
    """Whether logits and labels of these shapes are the usual ones."""
    ready: Callable[..., Callable[[Array, Array], None]]
    """From memory for loss and gradient, and more of the gradient's shape and a column, to what writes the first two.

    It raises IndexError where labels are out of range.
    """
    dtype: DType
    """Of loss and gradient."""
    rest: Callable[..., tuple[Array, ...]]
    """The generic kernel."""

    def compute(self, logits: Array, labels: Array) -> tuple[Array, ...]:
        """Return loss and gradient."""
        dtype = self.dtype.as_numpy_dtype
        outputs = np.empty(logits.shape[:-1], dtype), np.empty(logits.shape, dtype)
        return outputs if self._is_written(outputs, logits, labels) else self.rest(logits, labels)

    def write(self, outputs: tuple[Array, ...], logits: Array, labels: Array) -> None:
        """Write loss and gradient."""
        if not outputs[1].flags.c_contiguous or not self._is_written(outputs, logits, labels):
            for out, value in zip(outputs, self.rest(logits, labels), strict=True):
                np.copyto(out, value)

    def _is_written(self, outputs: tuple[Array, ...], logits: Array, labels: Array) -> bool:
        """Write loss and gradient of what is usual; return whether it is."""
        if not self.fits(logits.shape, labels.shape):
            return False
        try:
            self.ready(*outputs, scratch(logits), _column(logits))(logits, labels)
        except IndexError:
            return False
        return True

    def source(
        self, inputs: tuple[str, ...], operands: tuple[Operand, ...], outputs: tuple[Array, ...], memory: Scratch
    ) -> Source | None:
        """Return the call of what writes them."""
        shape, labels = (operand.shape for operand in operands)
        if not outputs or not self.fits(shape, labels):
            return None
        more = memory(shape, self.dtype), memory((*shape[:-1], 1), self.dtype)
        return call_with(self.ready(*outputs, *more), inputs)


def _loss_kernel(
    request: KernelRequest,
    fits: Callable[[Shape, Shape], bool],
    ready: Callable[..., Callable[[Array, Array], None]],
) -> ComputedMany:
    """Return the kernel of a loss and its gradient; see :class:`_Loss`."""
    loss = _Loss(fits, ready, request.output_dtypes[0], fallback(request).function)
    return ComputedMany(loss.compute, loss.write, loss.source)


@override("SoftmaxCrossEntropyWithLogits")
def _(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return None

    def fits(logits: Shape, labels: Shape) -> bool:
        return len(logits) == 2 and logits == labels and 0 not in logits

    def ready(loss: Array, gradient: Array, shifted: Array, sums: Array) -> Callable[[Array, Array], None]:
        def steps(logits: Array, labels: Array) -> None:
            _exponentials(logits, shifted, gradient, sums)
            np.divide(gradient, sums, gradient)
            np.subtract(gradient, labels, gradient)
            np.log(sums, sums)
            np.subtract(sums, shifted, shifted)
            np.vecdot(shifted, labels, loss)

        return steps

    return _loss_kernel(request, fits, ready)


@override("SparseSoftmaxCrossEntropyWithLogits")
def _(request: KernelRequest) -> Kernel | None:
    if not is_real(request):
        return None
    one = np.ones((), request.output_dtypes[0].as_numpy_dtype)

    def fits(logits: Shape, labels: Shape) -> bool:
        return len(logits) == 2 and labels == logits[:1] and 0 not in logits

    def ready(loss: Array, gradient: Array, shifted: Array, sums: Array) -> Callable[[Array, Array], None]:
        rows, classes = gradient.shape
        starts, all_shifted, all_slopes, logs = (
            _starts(rows, classes),
            shifted.reshape(-1),
            gradient.reshape(-1),
            sums[:, 0],
        )

        def steps(logits: Array, labels: Array) -> None:
            if not in_range(labels, classes):
                raise IndexError
            chosen = starts + labels
            _exponentials(logits, shifted, gradient, sums)
            np.divide(gradient, sums, gradient)
            all_slopes[chosen] -= one
            np.log(logs, logs)
            np.subtract(logs, all_shifted[chosen], loss)

        return steps

    return _loss_kernel(request, fits, ready)


@lru_cache(maxsize=64)
def _starts(rows: int, classes: int) -> NDArray[np.intp]:
    """Return where each row of a matrix begins."""
    return np.arange(0, rows * classes, classes)
