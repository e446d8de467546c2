"""Dropout, and how sparse a tensor is."""

from __future__ import annotations

import numbers
from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.tensor import Tensor
from holdfast.ops.apply import apply_op
from holdfast.ops.casting import cast
from holdfast.ops.constants import constant
from holdfast.ops.random_ops import random_uniform
from holdfast.ops.reductions import reduce_mean
from holdfast.ops.shape_queries import shape
from holdfast.ops.static import constant_value

__all__ = ["dropout", "zero_fraction"]


def dropout(
    x: Any, keep_prob: Any, noise_shape: Any = None, seed: int | None = None, name: str | None = None
) -> Tensor:
    """Return ``x`` with elements set to 0 at random, and the others divided by ``keep_prob`` (Srivastava et al., 2014).

    Parameters
    ----------
    x
        Floating point.
    keep_prob
        The probability that an element is kept: a number, or a scalar tensor.
    noise_shape
        Shape of the random decisions, which broadcasts against ``x``; by default its own.
    seed
        Seed of the op, see ``set_random_seed``.

    Returns
    -------
    Tensor
        Same shape and dtype; ``x`` itself if ``keep_prob`` is known to be 1.

    Raises
    ------
    ValueError
        If ``keep_prob`` is not in (0, 1] or not a scalar, or ``x`` is not floating point.
    """
    with name_scope(name, "dropout", [x]):
        features = convert_to_tensor(x, name="x")
        if not features.dtype.is_floating:
            raise ValueError(
                "x has to be a floating point tensor since it's going to be scaled. Got a "
                f"{features.dtype.base_dtype} tensor instead."
            )
        if isinstance(keep_prob, numbers.Real) and not 0 < float(keep_prob) <= 1:
            raise ValueError(
                f"keep_prob must be a scalar tensor or a float in the range (0, 1], got {float(keep_prob):g}"
            )
        keep_prob = convert_to_tensor(keep_prob, dtype=features.dtype.base_dtype, name="keep_prob")
        keep_prob.shape.assert_is_compatible_with(shapes.scalar())
        if constant_value(keep_prob) == 1:
            return features
        noise_shape = shape(features) if noise_shape is None else noise_shape
        # A number from [keep_prob, 1 + keep_prob): its integral part is 1 with that probability.
        noise = keep_prob + random_uniform(noise_shape, seed=seed, dtype=features.dtype.base_dtype)
        mask = apply_op("Floor", noise).outputs[0]
        result = apply_op("RealDiv", features, keep_prob, name="div").outputs[0] * mask
        result.set_shape(features.shape)
        return result


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """Return the fraction of elements that are zero; float32."""
    with name_scope(name, "zero_fraction", [value]):
        value = convert_to_tensor(value, name="value")
        zero = constant(0, dtype=value.dtype.base_dtype, name="zero")
        return reduce_mean(cast(apply_op("Equal", value, zero).outputs[0], dtypes.float32))
