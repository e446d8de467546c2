"""Losses that are compositions: for classes that do not exclude each other, for counts, and the squared norm."""

from __future__ import annotations

import math
from typing import Any

from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.ops.nn_activations import relu
from holdfast.ops.nn_cross_entropy import check_named
from holdfast.ops.sequences import ones_like, zeros_like

__all__ = ["l2_loss", "log_poisson_loss", "sigmoid_cross_entropy_with_logits", "weighted_cross_entropy_with_logits"]

define_op(
    "L2Loss",
    "t: T -> output: T",
    attrs={"T": type_attr(*number_types.FLOATING)},
    shape=shape_rules.scalar_output,
)


@register_gradient("L2Loss")
def _l2_loss_gradient(op: Operation, grad: Tensor) -> Tensor:
    return op.inputs[0] * grad


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """Return half the sum of the squares of all elements; floating point."""
    return apply_op("L2Loss", t, name=name).outputs[0]


def _unary(op_type: str, value: Tensor) -> Tensor:
    """Return an elementwise function."""
    return apply_op(op_type, value).outputs[0]


def _check_same_shape(logits: Tensor, targets: Tensor, what: str) -> None:
    """Raise ValueError if two shapes cannot be the same."""
    try:
        targets.shape.merge_with(logits.shape)
    except ValueError as error:
        raise ValueError(f"logits and {what} must have the same shape ({logits.shape} vs {targets.shape})") from error


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """Return the cross entropy of ``sigmoid(logits)`` against probabilities, elementwise and without overflow.

    It is ``max(x, 0) - x * z + log(1 + exp(-abs(x)))`` for logits ``x`` and labels ``z``.

    Parameters
    ----------
    labels
        Probabilities; same shape and dtype as ``logits``.
    logits
        Unscaled log odds; floating point.

    Raises
    ------
    ValueError
        If an argument is not given by name, or the shapes cannot fit.
    """
    check_named("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, name="labels")
        _check_same_shape(logits, labels, "labels")
        zeros = zeros_like(logits, dtype=logits.dtype)
        positive = logits >= zeros
        # Select, not maximum: at 0 the gradient is sigmoid(0) - z then.
        largest = apply_op("Select", positive, logits, zeros).outputs[0]
        negative = apply_op("Select", positive, -logits, logits).outputs[0]
        rest = largest - logits * labels
        return apply_op("Add", rest, _unary("Log1p", _unary("Exp", negative)), name=scope).outputs[0]


def weighted_cross_entropy_with_logits(targets: Any, logits: Any, pos_weight: Any, name: str | None = None) -> Tensor:
    """Return the sigmoid cross entropy with the loss of positive targets times ``pos_weight``.

    Raises
    ------
    ValueError
        If the shapes of targets and logits cannot be the same.
    """
    with name_scope(name, "logistic_loss", [logits, targets]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        targets = convert_to_tensor(targets, name="targets")
        _check_same_shape(logits, targets, "targets")
        weight = 1 + (pos_weight - 1) * targets
        straight = (1 - targets) * logits
        bent = _unary("Log1p", _unary("Exp", -_unary("Abs", logits))) + relu(-logits)
        return apply_op("Add", straight, weight * bent, name=scope).outputs[0]


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Tensor:
    """Return the log likelihood loss of counts under Poisson distributions, given the logarithms of their rates.

    Parameters
    ----------
    compute_full_loss
        Add Stirling's approximation of ``log(targets!)``, which training does not need.

    Raises
    ------
    ValueError
        If the shapes cannot be the same.
    """
    with name_scope(name, "log_poisson_loss", [log_input, targets]):
        log_input = convert_to_tensor(log_input, name="log_input")
        targets = convert_to_tensor(targets, name="targets")
        try:
            targets.shape.merge_with(log_input.shape)
        except ValueError as error:
            raise ValueError(
                f"log_input and targets must have the same shape ({log_input.shape} vs {targets.shape})"
            ) from error
        result: Tensor = _unary("Exp", log_input) - log_input * targets
        return result + _log_factorial(targets) if compute_full_loss else result


def _log_factorial(targets: Tensor) -> Tensor:
    """Return Stirling's approximation of ``log(targets!)``, 0 from 0 to 1."""
    half = constant(0.5, dtype=targets.dtype)
    two_pi = constant(2 * math.pi, dtype=targets.dtype)
    stirling = targets * _unary("Log", targets) - targets + half * _unary("Log", two_pi * targets)
    zeros, ones = zeros_like(targets, dtype=targets.dtype), ones_like(targets, dtype=targets.dtype)
    small = apply_op("LogicalAnd", targets >= zeros, targets <= ones).outputs[0]
    return apply_op("Select", small, zeros, stirling).outputs[0]
