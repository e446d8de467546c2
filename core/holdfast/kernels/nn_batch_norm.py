"""Kernels of batch normalization as one op, and of its gradient."""

from __future__ import annotations

import math
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.half_precision import widened_many
from holdfast.kernels.registry import PureMany, generic
from holdfast.kernels.shape_text import shape_text


class _Channels:
    """Sums over, and broadcasting along, all axes but that of the channels."""

    def __init__(self, xp: Any, request: KernelRequest) -> None:
        first = request.attrs["data_format"] == b"NCHW"
        self._xp = xp
        self._axis = 1 if first else 3
        self.others = (0, 2, 3) if first else (0, 1, 2)

    def check(self, x: Array) -> None:
        """Raise unless the argument is a batch of images."""
        if x.ndim != 4:
            raise InvalidArgumentError(None, None, f"input must be 4-dimensional{shape_text(x.shape)}")

    def spread(self, vector: Array) -> Array:
        """Return a vector with one element a channel in a shape that broadcasts against images."""
        return self._xp.reshape(vector, tuple(-1 if axis == self._axis else 1 for axis in range(4)))

    def total(self, images: Array) -> Array:
        """Return the sum of each channel."""
        return self._xp.sum(images, axis=self.others)

    def count(self, images: Array) -> int:
        """Return how many elements a channel has."""
        return math.prod(images.shape[axis] for axis in self.others)


@generic("FusedBatchNorm", "FusedBatchNormV2")
def _(xp: Any, request: KernelRequest) -> PureMany:
    channels, epsilon, training = _Channels(xp, request), request.attrs["epsilon"], request.attrs["is_training"]

    def compute(x: Array, scale: Array, offset: Array, mean: Array, variance: Array) -> tuple[Array, ...]:
        channels.check(x)
        count = channels.count(x)
        if training:
            mean = channels.total(x) / count
            deviations = x - channels.spread(mean)
            variance = channels.total(deviations * deviations) / count
        else:
            deviations = x - channels.spread(mean)
        factor = scale / xp.sqrt(variance + epsilon)
        y = deviations * channels.spread(factor) + channels.spread(offset)
        # What is to be averaged over batches is the estimate without bias; the gradient needs the plain one.
        told = variance * (count / max(1, count - 1)) if training else variance + 0
        return y, mean + 0, told, mean + 0, variance + 0

    return PureMany(widened_many(xp, request, compute))


@generic("FusedBatchNormGrad", "FusedBatchNormGradV2")
def _(xp: Any, request: KernelRequest) -> PureMany:
    channels, epsilon, training = _Channels(xp, request), request.attrs["epsilon"], request.attrs["is_training"]

    def compute(grad: Array, x: Array, scale: Array, mean: Array, variance: Array) -> tuple[Array, ...]:
        channels.check(x)
        inverse = 1 / xp.sqrt(variance + epsilon)
        normalized = (x - channels.spread(mean)) * channels.spread(inverse)
        to_offset, to_scale = channels.total(grad), channels.total(grad * normalized)
        if not training:
            return grad * channels.spread(scale * inverse), to_scale, to_offset, mean * 0, variance * 0
        count = channels.count(x)
        rest = grad - channels.spread(to_offset / count) - normalized * channels.spread(to_scale / count)
        nothing = xp.zeros((0,), dtype=scale.dtype)
        return rest * channels.spread(scale * inverse), to_scale, to_offset, nothing, nothing + 0

    return PureMany(widened_many(xp, request, compute))
