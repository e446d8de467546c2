"""Means and variances, and normalization by them."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast import dtypes
from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.tensor import Tensor
from holdfast.ops.apply import apply_op
from holdfast.ops.casting import cast
from holdfast.ops.constants import constant
from holdfast.ops.identities import stop_gradient
from holdfast.ops.reductions import reduce_prod
from holdfast.ops.reshaping import squeeze
from holdfast.ops.sequences import zeros_like
from holdfast.ops.shape_queries import shape

__all__ = [
    "batch_norm_with_global_normalization",
    "batch_normalization",
    "l2_normalize",
    "moments",
    "normalize_moments",
    "sufficient_statistics",
    "weighted_moments",
]


_HALF = (dtypes.float16, dtypes.bfloat16)


def _op(op_type: str, *inputs: Any, name: str | None = None, **attrs: Any) -> Tensor:
    """Return the output of an op."""
    return apply_op(op_type, *inputs, name=name, **attrs).outputs[0]


def l2_normalize(x: Any, dim: Any, epsilon: float = 1e-12, name: str | None = None) -> Tensor:
    """Return ``x`` divided by its Euclidean norm along the dimensions ``dim``.

    Parameters
    ----------
    dim
        One dimension or a list of them.
    epsilon
        Least square of the norm to divide by, so that zeros stay zeros.
    """
    with name_scope(name, "l2_normalize", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        total = _op("Sum", _op("Square", x), dim, keep_dims=True)
        inverse = _op("Rsqrt", _op("Maximum", total, epsilon))
        return _op("Mul", x, inverse, name=scope)


def moments(
    x: Any, axes: Any, shift: Any = None, name: str | None = None, keep_dims: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance of ``x`` along ``axes``, computed in two passes.

    Parameters
    ----------
    x
        float16 is computed in float32.
    axes
        List of dimensions to reduce.
    shift
        Without effect: two passes need none.
    keep_dims
        Keep reduced dimensions with size 1.

    Returns
    -------
    tuple of Tensor
        The mean and the variance (divided by n), in the dtype of ``x``.
    """
    with name_scope(name, "moments", [x, axes]):
        x = convert_to_tensor(x, name="x")
        half = x.dtype.base_dtype in _HALF
        y = cast(x, dtypes.float32) if half else x
        mean = _op("Mean", y, axes, keep_dims=True, name="mean")
        # The gradient through this mean is zero: deviations sum to it.
        squares = _op("SquaredDifference", y, stop_gradient(mean))
        variance = _op("Mean", squares, axes, keep_dims=True, name="variance")
        if not keep_dims:
            mean, variance = squeeze(mean, axes), squeeze(variance, axes)
        if half:
            return cast(mean, x.dtype.base_dtype), cast(variance, x.dtype.base_dtype)
        return mean, variance


def weighted_moments(
    x: Any, axes: Any, frequency_weights: Any, name: str | None = None, keep_dims: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance of ``x`` along ``axes``, each element counted with its weight.

    Parameters
    ----------
    frequency_weights
        Weights, which broadcast against ``x``.
    keep_dims
        Keep reduced dimensions with size 1.
    """
    with name_scope(name, "weighted_moments", [x, frequency_weights, axes]):
        x = convert_to_tensor(x, name="x")
        weights = convert_to_tensor(frequency_weights, name="frequency_weights")
        found = x.dtype.base_dtype
        if found in _HALF:
            x = cast(x, dtypes.float32)
        if weights.dtype.base_dtype != x.dtype.base_dtype:
            weights = cast(weights, x.dtype.base_dtype)
        total = _op("Sum", weights * x, axes, keep_dims=True, name="weighted_input_sum")
        broadcast = weights + zeros_like(x)
        weight = _op("Sum", broadcast, axes, keep_dims=True, name="sum_of_weights")
        inverse = _op("Reciprocal", weight, name="inv_weight_sum")
        mean = _op("Mul", total, inverse)
        squares = weights * _op("SquaredDifference", x, mean)
        variance = _op("Mul", _op("Sum", squares, axes, keep_dims=True, name="weighted_distsq"), inverse)
        if not keep_dims:
            mean, variance = squeeze(mean, axes), squeeze(variance, axes)
        if found in _HALF:
            return cast(mean, found), cast(variance, found)
        return mean, variance


def sufficient_statistics(
    x: Any, axes: list[int], shift: Any = None, keep_dims: bool = False, name: str | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return what :func:`normalize_moments` needs: the count, the sum, the sum of squares, and the shift.

    Parameters
    ----------
    shift
        A number near the mean, which is subtracted for the sake of precision; or None.
    """
    axes = sorted(set(axes))
    with name_scope(name, "sufficient_statistics", [x, shift]):
        x = convert_to_tensor(x, name="x")
        count = _count(x, axes)
        if shift is None:
            first, second = x, _op("Square", x)
        else:
            shift = convert_to_tensor(shift, name="shift")
            first, second = _op("Sub", x, shift), _op("SquaredDifference", x, shift)
        mean_ss = _op("Sum", first, axes, keep_dims=keep_dims, name="mean_ss")
        var_ss = _op("Sum", second, axes, keep_dims=keep_dims, name="var_ss")
        return count, mean_ss, var_ss, shift


def _count(x: Tensor, axes: list[int]) -> Tensor:
    """Return how many elements are reduced to one, in the dtype of ``x``."""
    dims = x.shape.as_tuple()
    sizes = [None] if dims is None else [dims[axis] for axis in axes]
    known = [size for size in sizes if size is not None]
    if len(known) == len(sizes):
        return constant(int(np.prod(known, dtype=np.int64)), dtype=x.dtype.base_dtype)
    reduced = _op("Gather", cast(shape(x), x.dtype.base_dtype), axes)
    return reduce_prod(reduced, name="count")


def normalize_moments(
    counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance that :func:`sufficient_statistics` describe.

    Parameters
    ----------
    counts, mean_ss, variance_ss, shift
        What ``sufficient_statistics`` returned; statistics of several parts may be added up, with one shift.
    """
    with name_scope(name, "normalize", [counts, mean_ss, variance_ss, shift]):
        divisor = _op("Reciprocal", counts, name="divisor")
        if shift is None:
            shifted = mean = _op("Mul", mean_ss, divisor, name="mean")
        else:
            shifted = _op("Mul", mean_ss, divisor, name="shifted_mean")
            mean = _op("Add", shifted, shift, name="mean")
        square = _op("Mul", variance_ss, divisor)
        return mean, _op("Sub", square, _op("Square", shifted), name="variance")


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: str | None = None
) -> Tensor:
    """Return ``scale * (x - mean) / sqrt(variance + variance_epsilon) + offset`` (Ioffe and Szegedy, 2015).

    Parameters
    ----------
    mean, variance, offset, scale
        Tensors that broadcast against ``x``; offset and scale may be None.
    variance_epsilon
        A small number against division by zero.
    """
    with name_scope(name, "batchnorm", [x, mean, variance, scale, offset]):
        inverse = _op("Rsqrt", variance + variance_epsilon)
        if scale is not None:
            inverse *= scale
        scaled = x * inverse
        result: Tensor = scaled + (offset - mean * inverse if offset is not None else -mean * inverse)
        return result


def batch_norm_with_global_normalization(
    t: Any,
    m: Any,
    v: Any,
    beta: Any,
    gamma: Any,
    variance_epsilon: Any,
    scale_after_normalization: bool,
    name: str | None = None,
) -> Tensor:
    """Return :func:`batch_normalization` with ``beta`` as offset and, if wanted, ``gamma`` as scale."""
    scale = gamma if scale_after_normalization else None
    return batch_normalization(t, m, v, beta, scale, variance_epsilon, name)
