"""Elementwise arithmetic without division."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.broadcasting import summed_to_inputs
from holdfast.ops.complex_numbers import conj
from holdfast.ops.elementwise import define_binary, define_unary, node
from holdfast.ops.number_types import ADDABLE, ARITHMETIC, COMPLEX, SIGNED, SIGNED_REAL
from holdfast.ops.sequences import zeros_like

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = [
    "abs",
    "add",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "pow",
    "sign",
    "square",
    "squared_difference",
    "subtract",
]

define_binary(ADDABLE, "Add")
define_binary(ARITHMETIC, "Sub", "Mul")
define_binary(SIGNED, "Pow", "SquaredDifference")
define_binary(SIGNED_REAL, "Maximum", "Minimum")
define_unary(SIGNED, "Neg", "Sign", "Square")
define_unary(SIGNED_REAL, "Abs")
define_op(
    "ComplexAbs",
    "x: T -> y: Tout",
    attrs={
        "T": type_attr(*COMPLEX, default=COMPLEX[0]),
        "Tout": type_attr(*(d.real_dtype for d in COMPLEX), default=COMPLEX[0].real_dtype),
    },
    shape=shape_rules.first_input,
)


@register_gradient("Add")
def _add_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    return summed_to_inputs(op, grad, grad)


@register_gradient("Sub")
def _sub_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    return summed_to_inputs(op, grad, -grad)


@register_gradient("Mul")
def _mul_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    x, y = op.inputs
    return summed_to_inputs(op, grad * conj(y), conj(x) * grad)


@register_gradient("Pow")
def _pow_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    x, y, z = conj(op.inputs[0]), conj(op.inputs[1]), conj(op.outputs[0])
    # Where the base is not positive, the power is no differentiable function of the exponent.
    domain = node("NotEqual", x, 0) if x.dtype.is_complex else x > 0
    # The logarithm is taken of harmless values there, so that no NaN spreads from them.
    safe = node("Select", domain, x, node("OnesLike", x))
    log_x = node("Select", domain, node("Log", safe), zeros_like(x))
    return summed_to_inputs(op, grad * y * node("Pow", x, y - 1), grad * z * log_x)


@register_gradient("SquaredDifference")
def _squared_difference_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    x, y = op.inputs
    grad_x = grad * 2 * (x - y)
    return summed_to_inputs(op, grad_x, -grad_x)


@register_gradient("Maximum", "Minimum")
def _extreme_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    x, y = op.inputs
    x_chosen = x >= y if op.type == "Maximum" else x <= y
    nothing = zeros_like(grad)
    return summed_to_inputs(op, node("Select", x_chosen, grad, nothing), node("Select", x_chosen, nothing, grad))


@register_gradient("Neg")
def _neg_gradient(op: Operation, grad: Tensor) -> Tensor:
    return -grad


@register_gradient("Abs")
def _abs_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * node("Sign", op.inputs[0])


@register_gradient("ComplexAbs")
def _complex_abs_gradient(op: Operation, grad: Tensor) -> Tensor:
    x = op.inputs[0]
    return node("Complex", grad, zeros_like(grad), Tout=x.dtype.base_dtype) * node("Sign", x)


@register_gradient("Sign")
def _sign_gradient(op: Operation, grad: Tensor) -> Tensor:
    return zeros_like(op.inputs[0])


@register_gradient("Square")
def _square_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * (2 * conj(op.inputs[0]))


def add(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x + y``, elementwise with broadcasting; numbers, or strings, which are joined."""
    return node("Add", x, y, name=name)


def subtract(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x - y``, elementwise with broadcasting."""
    return node("Sub", x, y, name=name)


def multiply(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x * y``, elementwise with broadcasting."""
    return node("Mul", x, y, name=name)


def pow(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x ** y``, elementwise with broadcasting.

    Raises
    ------
    InvalidArgumentError
        When it runs, if integers have a negative exponent.
    """
    return node("Pow", x, y, name=name)


def maximum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return the larger of ``x`` and ``y``, elementwise with broadcasting; NaN where either is."""
    return node("Maximum", x, y, name=name)


def minimum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return the smaller of ``x`` and ``y``, elementwise with broadcasting; NaN where either is."""
    return node("Minimum", x, y, name=name)


def squared_difference(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``(x - y) ** 2``, elementwise with broadcasting."""
    return node("SquaredDifference", x, y, name=name)


def negative(x: Any, name: str | None = None) -> Tensor:
    """Return ``-x``, elementwise."""
    return node("Neg", x, name=name)


def abs(x: Any, name: str | None = None) -> Tensor:
    """Return the absolute value, elementwise; of complex numbers the magnitude, which is real."""
    with name_scope(name, "Abs", [x]) as scope:
        x = conversion.convert_to_tensor(x, name="x")
        if x.dtype.is_complex:
            return node("ComplexAbs", x, Tout=x.dtype.real_dtype, name=scope)
        return node("Abs", x, name=scope)


def sign(x: Any, name: str | None = None) -> Tensor:
    """Return -1, 0 or 1 by the sign of ``x``, elementwise; of complex numbers ``x / abs(x)``, and 0 of 0."""
    return node("Sign", x, name=name)


def square(x: Any, name: str | None = None) -> Tensor:
    """Return ``x * x``, elementwise."""
    return node("Square", x, name=name)
