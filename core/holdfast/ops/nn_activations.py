"""Activation functions, with their gradients."""

from __future__ import annotations

from typing import Any

from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.sequences import zeros_like

__all__ = ["crelu", "elu", "leaky_relu", "relu", "relu6", "selu", "softplus", "softsign"]

_REAL = type_attr(*number_types.ORDERED)
_FLOATING = type_attr(*number_types.FLOATING)
_SELU_SCALE_ALPHA = 1.7580993408473768599402175208123

for _name, _attr, _kept in (
    ("Relu", _REAL, "features"),
    ("Relu6", _REAL, "features"),
    ("Softplus", _REAL, "features"),
    ("Softsign", _REAL, "features"),
    ("Elu", _FLOATING, "outputs"),
    ("Selu", _FLOATING, "outputs"),
):
    define_op(_name, "features: T -> activations: T", attrs={"T": _attr}, shape=shape_rules.first_input)
    define_op(
        f"{_name}Grad",
        f"gradients: T, {_kept}: T -> backprops: T",
        attrs={"T": _attr},
        shape=shape_rules.all_inputs_merged,
    )


@register_gradient("Relu", "Elu", "Selu")
def _from_output(op: Operation, grad: Tensor) -> Tensor:
    return apply_op(f"{op.type}Grad", grad, op.outputs[0]).outputs[0]


@register_gradient("Relu6", "Softplus", "Softsign")
def _from_input(op: Operation, grad: Tensor) -> Tensor:
    return apply_op(f"{op.type}Grad", grad, op.inputs[0]).outputs[0]


@register_gradient("ReluGrad", "Relu6Grad")
def _piecewise_linear_second(op: Operation, grad: Tensor) -> list[Tensor]:
    features = op.inputs[1]
    return [apply_op(op.type, grad, features).outputs[0], zeros_like(features)]


@register_gradient("EluGrad", "SeluGrad")
def _exponential_second(op: Operation, grad: Tensor) -> list[Tensor]:
    gradients, outputs = op.inputs
    bent = apply_op("Select", outputs < 0, grad * gradients, zeros_like(outputs)).outputs[0]
    return [apply_op(op.type, grad, outputs).outputs[0], bent]


@register_gradient("SoftplusGrad")
def _softplus_second(op: Operation, grad: Tensor) -> list[Tensor]:
    gradients, features = op.inputs
    first = apply_op("SoftplusGrad", grad, features).outputs[0]
    rest = apply_op("Exp", -features).outputs[0] + 2 + apply_op("Exp", features).outputs[0]
    return [first, grad * gradients / rest]


@register_gradient("SoftsignGrad")
def _softsign_second(op: Operation, grad: Tensor) -> list[Tensor]:
    gradients, features = op.inputs
    root = abs(features) + 1
    sign = apply_op("Sign", features).outputs[0]
    return [apply_op("SoftsignGrad", grad, features).outputs[0], -2 * sign * grad * gradients / (root * root * root)]


def relu(features: Any, name: str | None = None) -> Tensor:
    """Return ``max(features, 0)``, elementwise; features real."""
    return apply_op("Relu", features, name=name).outputs[0]


def relu6(features: Any, name: str | None = None) -> Tensor:
    """Return ``min(max(features, 0), 6)``, elementwise; features real."""
    return apply_op("Relu6", features, name=name).outputs[0]


def elu(features: Any, name: str | None = None) -> Tensor:
    """Return ``exp(features) - 1`` where that is negative, else ``features`` (Clevert et al., 2015); floating point."""
    return apply_op("Elu", features, name=name).outputs[0]


def selu(features: Any, name: str | None = None) -> Tensor:
    """Return the scaled ``elu`` that keeps mean 0 and variance 1 (Klambauer et al., 2017); floating point."""
    return apply_op("Selu", features, name=name).outputs[0]


def softplus(features: Any, name: str | None = None) -> Tensor:
    """Return ``log(1 + exp(features))``, elementwise, without overflow; floating point."""
    return apply_op("Softplus", features, name=name).outputs[0]


def softsign(features: Any, name: str | None = None) -> Tensor:
    """Return ``features / (1 + abs(features))``, elementwise; floating point."""
    return apply_op("Softsign", features, name=name).outputs[0]


def leaky_relu(features: Any, alpha: Any = 0.2, name: str | None = None) -> Tensor:
    """Return ``max(alpha * features, features)``: ``features``, or a small part of it where negative."""
    with name_scope(name, "LeakyRelu", [features, alpha]):
        features = convert_to_tensor(features, name="features")
        alpha = convert_to_tensor(alpha, dtype=features.dtype.base_dtype, name="alpha")
        return apply_op("Maximum", alpha * features, features).outputs[0]


def crelu(features: Any, name: str | None = None) -> Tensor:
    """Return ``relu`` of ``features`` and of ``-features``, side by side along the last axis (Shang et al., 2016)."""
    with name_scope(name, "CRelu", [features]) as scope:
        features = convert_to_tensor(features, name="features")
        return relu(apply_op("ConcatV2", [features, -features], -1, name=scope).outputs[0])
