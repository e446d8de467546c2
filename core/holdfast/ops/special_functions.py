"""The error function, the gamma function and its relatives; on the host, as no array library's standard has them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.ops.broadcasting import broadcast_shape, summed_to_inputs
from holdfast.ops.constants import constant
from holdfast.ops.elementwise import define_unary, node
from holdfast.ops.number_types import FLOATING, HALF, ORDERED

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = ["digamma", "erf", "erfc", "lgamma", "polygamma", "zeta"]

_REAL = {"T": type_attr(*ORDERED[:2], *HALF)}
_ERF_SLOPE = 2 / math.sqrt(math.pi)

define_unary(FLOATING, "Erf", "Erfc", "Lgamma", "Digamma")
define_op("Polygamma", "a: T, x: T -> z: T", attrs=_REAL, shape=broadcast_shape)
define_op("Zeta", "x: T, q: T -> z: T", attrs=_REAL, shape=broadcast_shape)


@register_gradient("Erf")
def _erf_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * _ERF_SLOPE * node("Exp", -node("Square", op.inputs[0]))


@register_gradient("Erfc")
def _erfc_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * -_ERF_SLOPE * node("Exp", -node("Square", op.inputs[0]))


@register_gradient("Lgamma")
def _lgamma_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * digamma(op.inputs[0])


@register_gradient("Digamma")
def _digamma_gradient(op: Operation, grad: Tensor) -> Tensor:
    return grad * polygamma(constant(1.0, grad.dtype.base_dtype), op.inputs[0])


@register_gradient("Polygamma")
def _polygamma_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    order, x = op.inputs
    # The order counts derivatives: there is none with respect to it.
    return [None, summed_to_inputs(op, grad, grad * polygamma(order + 1, x))[1]]


@register_gradient("Zeta")
def _zeta_gradient(op: Operation, grad: Tensor) -> list[Tensor | None]:
    x, q = op.inputs
    return [None, summed_to_inputs(op, grad, grad * -x * zeta(x + 1, q))[1]]


def erf(x: Any, name: str | None = None) -> Tensor:
    """Return the error function ``2 / sqrt(pi) * integral of exp(-t ** 2) from 0 to x``, elementwise."""
    return node("Erf", x, name=name)


def erfc(x: Any, name: str | None = None) -> Tensor:
    """Return ``1 - erf(x)``, elementwise, without loss where ``x`` is large."""
    return node("Erfc", x, name=name)


def lgamma(x: Any, name: str | None = None) -> Tensor:
    """Return the logarithm of the absolute value of the gamma function, elementwise; infinite at its poles."""
    return node("Lgamma", x, name=name)


def digamma(x: Any, name: str | None = None) -> Tensor:
    """Return the derivative of :func:`lgamma`, elementwise; infinite at the poles."""
    return node("Digamma", x, name=name)


def polygamma(a: Any, x: Any, name: str | None = None) -> Tensor:
    """Return the ``a``-th derivative of :func:`digamma` at ``x``, elementwise with broadcasting; ``a`` whole."""
    return node("Polygamma", a, x, name=name)


def zeta(x: Any, q: Any, name: str | None = None) -> Tensor:
    """Return Hurwitz's zeta function, the sum of ``(q + n) ** -x`` over n from 0, elementwise with broadcasting."""
    return node("Zeta", x, q, name=name)
