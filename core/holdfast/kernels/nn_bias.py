"""Kernels that add a bias to each channel."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text


def _channel_axis(request: KernelRequest, ndim: int) -> int:
    """Return the axis of the channels."""
    return ndim - 3 if request.attrs.get("data_format") == b"NCHW" and ndim > 2 else ndim - 1


@generic("BiasAdd", "BiasAddV1")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(value: Array, bias: Array) -> Array:
        if value.ndim < 2:
            raise InvalidArgumentError(None, None, f"Input tensor must be at least 2D: {shape_text(value.shape)}")
        if bias.ndim != 1:
            raise InvalidArgumentError(None, None, f"Biases must be 1D: {shape_text(bias.shape)}")
        axis = _channel_axis(request, value.ndim)
        if bias.shape[0] != value.shape[axis]:
            which = "last" if axis == value.ndim - 1 else "channel"
            raise InvalidArgumentError(
                None,
                None,
                f"Must provide as many biases as the {which} dimension of the input tensor: "
                f"{shape_text(bias.shape)} vs. {shape_text(value.shape)}",
            )
        return value + xp.reshape(bias, (-1, *(1,) * (value.ndim - 1 - axis)))

    return Pure(compute)


@generic("BiasAddGrad")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(grad: Array) -> Array:
        if grad.ndim < 2:
            raise InvalidArgumentError(None, None, f"Input tensor must be at least 2D: {shape_text(grad.shape)}")
        channel = _channel_axis(request, grad.ndim)
        axes = tuple(axis for axis in range(grad.ndim) if axis != channel)
        return xp.sum(grad, axis=axes, dtype=grad.dtype)

    return Pure(widened(xp, request, compute))
