"""Roots, exponentials, logarithms, and the sigmoid and tanh made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.op_def import register_gradient
from holdfast.ops.complex_numbers import conj
from holdfast.ops.elementwise import define_unary, define_unary_gradient, node
from holdfast.ops.number_types import FLOATING_OR_COMPLEX, SIGNED

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = [
    "exp",
    "expm1",
    "log",
    "log1p",
    "log_sigmoid",
    "reciprocal",
    "rsqrt",
    "sigmoid",
    "sqrt",
    "tanh",
]

define_unary(SIGNED, "Reciprocal", "Inv")
define_unary(FLOATING_OR_COMPLEX, "Sqrt", "Rsqrt", "Exp", "Expm1", "Log", "Log1p", "Sigmoid", "Tanh")
define_unary_gradient("SqrtGrad", "RsqrtGrad", "ReciprocalGrad", "InvGrad", "SigmoidGrad", "TanhGrad")


@register_gradient("Sqrt", "Rsqrt", "Reciprocal", "Inv", "Sigmoid", "Tanh")
def _from_output(op: Operation, grad: Tensor) -> Tensor:
    return node(f"{op.type}Grad", op.outputs[0], grad)


@register_gradient("SqrtGrad")
def _sqrt_second(op: Operation, grad: Tensor) -> list[Tensor]:
    over_root = grad / conj(op.inputs[0])
    return [-conj(over_root) * op.outputs[0], 0.5 * over_root]


@register_gradient("RsqrtGrad")
def _rsqrt_second(op: Operation, grad: Tensor) -> list[Tensor]:
    root, dy = conj(op.inputs[0]), conj(op.inputs[1])
    return [-1.5 * grad * dy * node("Square", root), node("RsqrtGrad", op.inputs[0], grad)]


@register_gradient("ReciprocalGrad", "InvGrad")
def _reciprocal_second(op: Operation, grad: Tensor) -> list[Tensor]:
    inverse, dy = conj(op.inputs[0]), conj(op.inputs[1])
    return [-2 * grad * dy * inverse, node(op.type, op.inputs[0], grad)]


@register_gradient("SigmoidGrad")
def _sigmoid_second(op: Operation, grad: Tensor) -> list[Tensor]:
    y, dy = conj(op.inputs[0]), conj(op.inputs[1])
    scaled = grad * dy
    return [scaled - 2 * scaled * y, node("SigmoidGrad", op.inputs[0], grad)]


@register_gradient("TanhGrad")
def _tanh_second(op: Operation, grad: Tensor) -> list[Tensor]:
    y, dy = conj(op.inputs[0]), conj(op.inputs[1])
    return [-2 * grad * dy * y, node("TanhGrad", op.inputs[0], grad)]


@register_gradient("Exp")
def _exp_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * conj(op.outputs[0])


@register_gradient("Expm1")
def _expm1_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * exp(conj(op.inputs[0]))


@register_gradient("Log")
def _log_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * reciprocal(conj(op.inputs[0]))


@register_gradient("Log1p")
def _log1p_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * reciprocal(1 + conj(op.inputs[0]))


def sqrt(x: Any, name: str | None = None) -> Tensor:
    """Return the square root, elementwise; NaN of negative real numbers."""
    return node("Sqrt", x, name=name)


def rsqrt(x: Any, name: str | None = None) -> Tensor:
    """Return ``1 / sqrt(x)``, elementwise."""
    return node("Rsqrt", x, name=name)


def reciprocal(x: Any, name: str | None = None) -> Tensor:
    """Return ``1 / x``, elementwise; floating point or complex."""
    return node("Reciprocal", x, name=name)


def exp(x: Any, name: str | None = None) -> Tensor:
    """Return ``e ** x``, elementwise."""
    return node("Exp", x, name=name)


def expm1(x: Any, name: str | None = None) -> Tensor:
    """Return ``e ** x - 1``, elementwise, without loss where ``x`` is small."""
    return node("Expm1", x, name=name)


def log(x: Any, name: str | None = None) -> Tensor:
    """Return the natural logarithm, elementwise."""
    return node("Log", x, name=name)


def log1p(x: Any, name: str | None = None) -> Tensor:
    """Return the natural logarithm of ``1 + x``, elementwise, without loss where ``x`` is small."""
    return node("Log1p", x, name=name)


def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """Return ``1 / (1 + exp(-x))``, elementwise, without overflow."""
    return node("Sigmoid", x, name=name)


def tanh(x: Any, name: str | None = None) -> Tensor:
    """Return the hyperbolic tangent, elementwise."""
    return node("Tanh", x, name=name)


def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """Return ``log(sigmoid(x))``, elementwise, without underflow."""
    with name_scope(name, "LogSigmoid", [x]) as scope:
        x = conversion.convert_to_tensor(x, name="x")
        return node("Neg", node("Softplus", node("Neg", x)), name=scope)
