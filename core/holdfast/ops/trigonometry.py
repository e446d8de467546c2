"""Trigonometric and hyperbolic functions, and their inverses; angles are in radians."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.ops.broadcasting import broadcast_shape, summed_to_inputs
from holdfast.ops.complex_numbers import conj
from holdfast.ops.elementwise import define_unary, node
from holdfast.ops.number_types import FLOATING_OR_COMPLEX, ORDERED, SIGNED

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
]

define_unary(FLOATING_OR_COMPLEX, "Sin", "Cos", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh")
define_unary(SIGNED, "Tan", "Asin", "Acos", "Atan")
define_op("Atan2", "y: T, x: T -> z: T", attrs={"T": type_attr(*ORDERED[:2])}, shape=broadcast_shape)


@register_gradient("Sin")
def _sin_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * cos(conj(op.inputs[0]))


@register_gradient("Cos")
def _cos_gradient(op: Operation, grad: Tensor) -> Tensor:
    return -grad * sin(conj(op.inputs[0]))


@register_gradient("Tan")
def _tan_gradient(op: Operation, grad: Tensor) -> Tensor:
    secant = node("Reciprocal", cos(conj(op.inputs[0])))
    return grad * node("Square", secant)


@register_gradient("Asin")
def _asin_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * node("Rsqrt", 1 - node("Square", conj(op.inputs[0])))


@register_gradient("Acos")
def _acos_gradient(op: Operation, grad: Tensor) -> Tensor:
    return -grad * node("Rsqrt", 1 - node("Square", conj(op.inputs[0])))


@register_gradient("Atan")
def _atan_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * node("Reciprocal", 1 + node("Square", conj(op.inputs[0])))


@register_gradient("Atan2")
def _atan2_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    y, x = op.inputs
    scaled = grad / (node("Square", x) + node("Square", y))
    return summed_to_inputs(op, x * scaled, -y * scaled)


@register_gradient("Sinh")
def _sinh_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * cosh(conj(op.inputs[0]))


@register_gradient("Cosh")
def _cosh_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * sinh(conj(op.inputs[0]))


@register_gradient("Asinh")
def _asinh_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad / cosh(conj(op.outputs[0]))


@register_gradient("Acosh")
def _acosh_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad / sinh(conj(op.outputs[0]))


@register_gradient("Atanh")
def _atanh_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * node("Reciprocal", 1 - node("Square", conj(op.inputs[0])))


def sin(x: Any, name: str | None = None) -> Tensor:
    """Return the sine, elementwise."""
    return node("Sin", x, name=name)


def cos(x: Any, name: str | None = None) -> Tensor:
    """Return the cosine, elementwise."""
    return node("Cos", x, name=name)


def tan(x: Any, name: str | None = None) -> Tensor:
    """Return the tangent, elementwise."""
    return node("Tan", x, name=name)


def asin(x: Any, name: str | None = None) -> Tensor:
    """Return the angle between -pi/2 and pi/2 with this sine, elementwise; NaN outside of -1 to 1."""
    return node("Asin", x, name=name)


def acos(x: Any, name: str | None = None) -> Tensor:
    """Return the angle between 0 and pi with this cosine, elementwise; NaN outside of -1 to 1."""
    return node("Acos", x, name=name)


def atan(x: Any, name: str | None = None) -> Tensor:
    """Return the angle between -pi/2 and pi/2 with this tangent, elementwise."""
    return node("Atan", x, name=name)


def atan2(y: Any, x: Any, name: str | None = None) -> Tensor:
    """Return the angle of the point ``(x, y)``, between -pi and pi, elementwise with broadcasting; float32, float64."""
    return node("Atan2", y, x, name=name)


def sinh(x: Any, name: str | None = None) -> Tensor:
    """Return the hyperbolic sine, elementwise."""
    return node("Sinh", x, name=name)


def cosh(x: Any, name: str | None = None) -> Tensor:
    """Return the hyperbolic cosine, elementwise."""
    return node("Cosh", x, name=name)


def asinh(x: Any, name: str | None = None) -> Tensor:
    """Return the inverse of the hyperbolic sine, elementwise."""
    return node("Asinh", x, name=name)


def acosh(x: Any, name: str | None = None) -> Tensor:
    """Return the non-negative inverse of the hyperbolic cosine, elementwise; NaN below 1."""
    return node("Acosh", x, name=name)


def atanh(x: Any, name: str | None = None) -> Tensor:
    """Return the inverse of the hyperbolic tangent, elementwise; NaN outside of -1 to 1."""
    return node("Atanh", x, name=name)
