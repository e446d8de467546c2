"""Kernels that draw random numbers. They run on the host: the array API has no random numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, KernelRequest, RunContext
from holdfast.dtypes import DType
from holdfast.errors import InvalidArgumentError
from holdfast.kernels import random_streams
from holdfast.kernels.arguments import int_value
from holdfast.kernels.registry import host
from holdfast.kernels.shape_text import shape_text

_REASON = "the array API has no random numbers, and a stream must be the same on every device"

Draw = Callable[..., NDArray[Any]]
"""``(generator, *inputs) -> output``."""


@dataclass(slots=True)
class Drawing:
    """A kernel from a function of the generator of each execution and the inputs."""

    op_name: str
    """The node's name: its stream."""
    seed: int
    seed2: int
    draw: Draw
    """The function."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Draw."""
        return (self.draw(random_streams.generator(context, self.op_name, self.seed, self.seed2), *inputs),)


def _drawing(request: KernelRequest, draw: Draw) -> Drawing:
    """Return the kernel of an op that draws."""
    return Drawing(request.op_name, request.attrs["seed"], request.attrs["seed2"], draw)


@cache
def _of_shape(function: Callable[..., NDArray[Any]], dtype: DType) -> Draw:
    """Return a function whose only input is a shape."""
    native = dtype.as_numpy_dtype
    return lambda draw, shape: function(draw, random_streams.shape_argument(shape), native)


@host("RandomUniform", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    return _drawing(request, _of_shape(random_streams.uniform, request.output_dtypes[0]))


@host("RandomStandardNormal", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    return _drawing(request, _of_shape(random_streams.normal, request.output_dtypes[0]))


@host("TruncatedNormal", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    return _drawing(request, _of_shape(random_streams.truncated_normal, request.output_dtypes[0]))


@host("RandomUniformInt", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(
        draw: np.random.Generator, shape: NDArray[Any], minval: NDArray[Any], maxval: NDArray[Any]
    ) -> NDArray[Any]:
        for name, bound in (("minval", minval), ("maxval", maxval)):
            if bound.ndim != 0:
                raise InvalidArgumentError(None, None, f"{name} must be 0-D, got shape {shape_text(bound.shape)}")
        low, high = int_value(minval), int_value(maxval)
        dims = random_streams.shape_argument(shape)
        if low >= high and 0 not in dims:
            raise InvalidArgumentError(None, None, f"Need minval < maxval, got {low} >= {high}")
        return draw.integers(low, max(high, low + 1), size=dims, dtype=dtype)

    return _drawing(request, compute)


@host("RandomShuffle", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    def compute(draw: np.random.Generator, value: NDArray[Any]) -> NDArray[Any]:
        array = np.asarray(value)
        if array.ndim == 0:
            return array.copy()
        return np.take(array, draw.permutation(array.shape[0]), axis=0)

    return _drawing(request, compute)


@host("Multinomial", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    def compute(draw: np.random.Generator, logits: NDArray[Any], num_samples: NDArray[Any]) -> NDArray[Any]:
        if logits.ndim != 2:
            raise InvalidArgumentError(None, None, f"logits should be a matrix, got shape {shape_text(logits.shape)}")
        if num_samples.ndim != 0:
            raise InvalidArgumentError(
                None, None, f"num_samples should be a scalar, got shape {shape_text(num_samples.shape)}"
            )
        count = int_value(num_samples)
        if count < 0:
            raise InvalidArgumentError(None, None, f"num_samples should be nonnegative, got {count}")
        if logits.shape[1] == 0 and logits.shape[0] > 0:
            raise InvalidArgumentError(None, None, f"num_classes should be positive, got {logits.shape[1]}")
        return _choose(draw, logits.astype(np.float64), count)

    return _drawing(request, compute)


def _choose(draw: np.random.Generator, logits: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return ``count`` classes a row, drawn with the probabilities that the logits give; one not finite has none."""
    result = np.empty((logits.shape[0], count), np.int64)
    points = draw.random(size=result.shape)
    for row, (values, some) in enumerate(zip(logits, points, strict=True)):
        possible = np.isfinite(values)
        if not possible.any():
            raise InvalidArgumentError(
                None, None, f"logits[{row}] has no finite element, so that no class has a probability."
            )
        weights = np.where(possible, np.exp(values - values[possible].max()), 0.0)
        edges = np.cumsum(weights)
        # Rounding could put a point upon the last edge, behind all classes that have a probability.
        last = np.searchsorted(edges, edges[-1], side="left")
        result[row] = np.minimum(np.searchsorted(edges, some * edges[-1], side="right"), last)
    return result


@host("RandomGamma", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    dtype = request.output_dtypes[0].as_numpy_dtype
    inner = np.float32 if dtype == np.float16 else dtype

    def compute(draw: np.random.Generator, shape: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
        if np.any(alpha < 0):
            raise InvalidArgumentError(None, None, f"alpha must not be negative, got {np.min(alpha)}")
        dims = (*random_streams.shape_argument(shape), *alpha.shape)
        return np.asarray(draw.standard_gamma(alpha.astype(inner), size=dims, dtype=inner)).astype(dtype, copy=False)

    return _drawing(request, compute)


@host("RandomPoisson", reason=_REASON)
def _(request: KernelRequest) -> Drawing:
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(draw: np.random.Generator, shape: NDArray[Any], rate: NDArray[Any]) -> NDArray[Any]:
        dims = (*random_streams.shape_argument(shape), *rate.shape)
        try:
            return np.asarray(draw.poisson(rate.astype(np.float64), size=dims)).astype(dtype)
        except ValueError as error:
            raise InvalidArgumentError(None, None, f"rate is out of range: {error}") from error

    return _drawing(request, compute)
