"""Kernels of pooling and its gradients: a reduction over the places within a window, each an array of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from holdfast import dtypes
from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError, UnimplementedError
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text
from holdfast.kernels.windows import Windows


def _geometry(request: KernelRequest, *, across_depth: bool) -> Callable[[tuple[int, ...]], Windows] | None:
    """Return the function from an input's shape to the windows over it; None for a layout that no kernel takes."""
    ksize, strides, padding = request.attrs["ksize"], request.attrs["strides"], request.attrs["padding"]
    layout = request.attrs["data_format"].decode()
    if layout not in {"NHWC", "NCHW"}:
        return None
    batch, depth = layout.index("N"), layout.index("C")

    def windows(shape: tuple[int, ...]) -> Windows:
        if ksize[batch] != 1 or strides[batch] != 1:
            raise UnimplementedError(None, None, "Pooling is not yet supported on the batch dimension.")
        if not across_depth and (ksize[depth] != 1 or strides[depth] != 1):
            raise UnimplementedError(None, None, "Non-spatial pooling is not yet supported by avg_pool.")
        if len(shape) != 4:
            raise InvalidArgumentError(None, None, f"Pooling takes a 4-dimensional input, got {shape_text(shape)}")
        return Windows.of(shape, ksize, strides, padding)

    return windows


def _check_gradient(windows: Windows, grad: Array) -> None:
    """Raise unless a gradient has the shape of the pooled array."""
    if grad.shape != windows.counts:
        raise InvalidArgumentError(
            None, None, f"Expected grad shape to be {shape_text(windows.counts)}, but got {shape_text(grad.shape)}"
        )


def _least(xp: Any, dtype: dtypes.DType) -> Any:
    """Return what no element is less than."""
    return -math.inf if dtype.is_floating else int(xp.iinfo(getattr(xp, dtype.name)).min)


@generic("MaxPool")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    geometry = _geometry(request, across_depth=True)
    if geometry is None:
        return None
    least = _least(xp, request.input_dtypes[0])

    def compute(value: Array) -> Array:
        windows = geometry(value.shape)
        padded = windows.pad(xp, value, least)
        result = xp.full(windows.counts, least, dtype=value.dtype)
        for part in windows.parts():
            result = xp.maximum(result, padded[part])
        return result

    return Pure(compute)


@generic("MaxPoolGrad")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    geometry = _geometry(request, across_depth=True)
    if geometry is None:
        return None
    least = _least(xp, request.input_dtypes[0])

    def compute(value: Array, pooled: Array, grad: Array) -> Array:
        windows = geometry(value.shape)
        _check_gradient(windows, grad)
        padded = windows.pad(xp, value, least)
        result = windows.blank(xp, grad.dtype)
        zero = xp.asarray(0, dtype=grad.dtype)
        # Of equal elements the first in the window has the gradient: `left` marks the windows that still have theirs.
        left = xp.full(windows.counts, True, dtype=xp.bool)
        for part in windows.parts():
            here = left & (padded[part] == pooled)
            result[part] += xp.where(here, grad, zero)
            left &= ~here
        return windows.unpad(result)

    return Pure(widened(xp, request, compute))


@generic("MaxPoolGradGrad")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    geometry = _geometry(request, across_depth=True)
    if geometry is None:
        return None
    least = _least(xp, request.input_dtypes[0])

    def compute(value: Array, pooled: Array, grad: Array) -> Array:
        windows = geometry(value.shape)
        padded, gradients = windows.pad(xp, value, least), windows.pad(xp, grad)
        result = xp.zeros(windows.counts, dtype=grad.dtype)
        left = xp.full(windows.counts, True, dtype=xp.bool)
        for part in windows.parts():
            here = left & (padded[part] == pooled)
            result = xp.where(here, gradients[part], result)
            left &= ~here
        return result

    return Pure(compute)


def _occupancy(xp: Any, windows: Windows, dtype: Any) -> Array:
    """Return how many elements each window has, in a shape that broadcasts against the pooled array."""
    if not windows.padded:
        return xp.asarray(math.prod(span.window for span in windows.spans), dtype=dtype)
    result = xp.ones((1,) * len(windows.spans), dtype=dtype)
    for axis, span in enumerate(windows.spans):
        shape = (1,) * axis + (span.count,) + (1,) * (len(windows.spans) - axis - 1)
        result = result * xp.reshape(xp.asarray(span.occupancy(), dtype=dtype), shape)
    return result


@generic("AvgPool")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    geometry = _geometry(request, across_depth=False)
    if geometry is None:
        return None

    def compute(value: Array) -> Array:
        windows = geometry(value.shape)
        padded = windows.pad(xp, value)
        result = xp.zeros(windows.counts, dtype=value.dtype)
        for part in windows.parts():
            result += padded[part]
        return result / _occupancy(xp, windows, value.dtype)

    return Pure(widened(xp, request, compute))


@generic("AvgPoolGrad")
def _(xp: Any, request: KernelRequest) -> Pure | None:
    geometry = _geometry(request, across_depth=False)
    if geometry is None:
        return None

    def compute(orig_input_shape: Array, grad: Array) -> Array:
        windows = geometry(int_tuple(orig_input_shape))
        _check_gradient(windows, grad)
        share = grad / _occupancy(xp, windows, grad.dtype)
        result = windows.blank(xp, grad.dtype)
        for part in windows.parts():
            result[part] += share
        return windows.unpad(result)

    return Pure(widened(xp, request, compute))
