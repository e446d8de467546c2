"""Kernels that rank the elements of rows."""

from __future__ import annotations

import math
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_value
from holdfast.kernels.registry import Pure, PureMany, generic
from holdfast.kernels.shape_text import shape_text


@generic("TopKV2")
def _(xp: Any, request: KernelRequest) -> PureMany:
    def compute(values: Array, k: Array) -> tuple[Array, Array]:
        if k.ndim != 0:
            raise InvalidArgumentError(None, None, f"k must be scalar, got shape {shape_text(k.shape)}")
        count = int_value(k)
        if count < 0:
            raise InvalidArgumentError(None, None, f"Need k >= 0, got {count}")
        if values.ndim < 1:
            raise InvalidArgumentError(None, None, f"input must be >= 1-D, got shape {shape_text(values.shape)}")
        if values.shape[-1] < count:
            raise InvalidArgumentError(
                None, None, f"input must have at least k columns, got {values.shape[-1]} and k = {count}"
            )
        return _top(xp, values, count)

    return PureMany(compute)


def _top(xp: Any, values: Array, count: int) -> tuple[Array, Array]:
    """Return the largest elements of each row and where they are; of equal ones the first comes first."""
    size, rows = values.shape[-1], math.prod(values.shape[:-1])
    # An ascending, stable sort of the reversed rows, read backwards, is a descending, stable one of the rows.
    order = xp.flip(xp.argsort(xp.flip(values, axis=-1), axis=-1, stable=True), axis=-1)[..., :count]
    indices = size - 1 - order
    starts = xp.reshape(xp.arange(rows, dtype=indices.dtype) * size, (*values.shape[:-1], 1))
    chosen = xp.take(xp.reshape(values, (rows * size,)), xp.reshape(starts + indices, (rows * count,)), axis=0)
    return xp.reshape(chosen, (*values.shape[:-1], count)), xp.astype(indices, xp.int32)


@generic("InTopK", "InTopKV2")
def _(xp: Any, request: KernelRequest) -> Pure:
    def compute(predictions: Array, targets: Array, *k: Array) -> Array:
        count = int_value(k[0]) if k else request.attrs["k"]
        if predictions.ndim != 2:
            raise InvalidArgumentError(None, None, f"predictions must be 2-dimensional, got {predictions.ndim}")
        if targets.shape != predictions.shape[:1]:
            raise InvalidArgumentError(
                None,
                None,
                f"First dimension of predictions {predictions.shape[0]} must match length of targets "
                f"{shape_text(targets.shape)}",
            )
        return _in_top(xp, predictions, targets, count)

    return Pure(compute)


def _in_top(xp: Any, predictions: Array, targets: Array, count: int) -> Array:
    """Return, for each row, whether fewer than ``count`` predictions are greater than the target's."""
    classes = predictions.shape[1]
    if bool(xp.any((targets < 0) | (targets >= classes))):
        raise InvalidArgumentError(None, None, f"targets are out of range: expected 0 or more and less than {classes}")
    chosen = xp.arange(classes, dtype=targets.dtype) == targets[:, None]
    zero = xp.asarray(0, dtype=predictions.dtype)
    target = xp.sum(xp.where(chosen, predictions, zero), axis=-1, keepdims=True)
    greater = xp.sum(xp.astype(predictions > target, xp.int32), axis=-1)
    return (greater < count) & xp.all(xp.isfinite(predictions), axis=-1)
