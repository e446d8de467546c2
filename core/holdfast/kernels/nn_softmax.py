"""Kernels of softmax and of the losses that are fused with it: all by way of the logarithm of a sum of exponentials."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.half_precision import widened, widened_many
from holdfast.kernels.registry import Pure, PureMany, generic
from holdfast.kernels.shape_text import shape_text

_SHOWN_LABELS = 100


def _shifted(xp: Any, logits: Array) -> Array:
    """Return logits less the largest of each row, so that no exponential overflows."""
    if 0 in logits.shape:
        return logits
    return logits - xp.max(logits, axis=-1, keepdims=True)


def _softmax(xp: Any, logits: Array) -> Array:
    """Return the softmax of each row."""
    powers = xp.exp(_shifted(xp, logits))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def _log_softmax(xp: Any, logits: Array) -> Array:
    """Return the logarithm of the softmax of each row."""
    shifted = _shifted(xp, logits)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


@generic("Softmax")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(widened(xp, request, lambda logits: _softmax(xp, logits)))


@generic("LogSoftmax")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(widened(xp, request, lambda logits: _log_softmax(xp, logits)))


@generic("SoftmaxCrossEntropyWithLogits")
def _(xp: Any, request: KernelRequest) -> PureMany:
    def compute(logits: Array, labels: Array) -> tuple[Array, Array]:
        if logits.shape != labels.shape:
            raise InvalidArgumentError(
                None,
                None,
                f"logits and labels must be same size: logits_size={shape_text(logits.shape)} "
                f"labels_size={shape_text(labels.shape)}",
            )
        logs = _log_softmax(xp, logits)
        return -xp.sum(labels * logs, axis=-1), xp.exp(logs) - labels

    return PureMany(widened_many(xp, request, compute))


@generic("SparseSoftmaxCrossEntropyWithLogits")
def _(xp: Any, request: KernelRequest) -> PureMany:
    def compute(logits: Array, labels: Array) -> tuple[Array, Array]:
        _check_labels(xp, logits, labels)
        classes = xp.arange(logits.shape[-1], dtype=labels.dtype)
        chosen = classes == labels[:, None]
        logs = _log_softmax(xp, logits)
        zero = xp.asarray(0, dtype=logs.dtype)
        loss = -xp.sum(xp.where(chosen, logs, zero), axis=-1)
        return loss, xp.exp(logs) - xp.astype(chosen, logs.dtype)

    return PureMany(widened_many(xp, request, compute))


def _check_labels(xp: Any, logits: Array, labels: Array) -> None:
    """Raise unless there is one label a row, each of them a class."""
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise InvalidArgumentError(
            None,
            None,
            f"logits and labels must have the same first dimension, got logits shape {shape_text(logits.shape)} and "
            f"labels shape {shape_text(labels.shape)}",
        )
    count = logits.shape[-1]
    outside = (labels < 0) | (labels >= count)
    if not bool(xp.any(outside)):
        return
    values = [int(labels[i]) for i in range(min(labels.shape[0], _SHOWN_LABELS))]
    where = int(xp.argmax(xp.astype(outside, xp.int32)))
    raise InvalidArgumentError(
        None,
        None,
        f"Received a label value of {int(labels[where])} which is outside the valid range of [0, {count}).  "
        f"Label values: {' '.join(map(str, values))}",
    )
