"""Rounding, and tests for what is no ordinary number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph import conversion
from holdfast.graph.op_def import define_op, not_differentiable, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.elementwise import define_unary, node
from holdfast.ops.number_types import FLOATING, ORDERED, SIGNED

if TYPE_CHECKING:
    from holdfast.graph.tensor import Tensor

__all__ = ["ceil", "floor", "is_finite", "is_inf", "is_nan", "rint", "round"]

define_unary(SIGNED, "Round")
define_unary(ORDERED[:2], "Rint")
define_unary(FLOATING, "Floor", "Ceil")
for _op_type in ("IsNan", "IsInf", "IsFinite"):
    define_op(_op_type, "x: T -> y: bool", attrs={"T": type_attr(*FLOATING)}, shape=shape_rules.first_input)
# Their slope is zero wherever they have one.
not_differentiable("Round", "Rint", "Floor", "Ceil", "IsNan", "IsInf", "IsFinite")


def round(x: Any, name: str | None = None) -> Tensor:
    """Return the nearest whole number, halves to the even one, elementwise; integers are returned as they are."""
    x = conversion.convert_to_tensor(x, name="x")
    return x if x.dtype.is_integer else node("Round", x, name=name)


def rint(x: Any, name: str | None = None) -> Tensor:
    """Return the nearest whole number, halves to the even one, elementwise; float32 or float64."""
    return node("Rint", x, name=name)


def floor(x: Any, name: str | None = None) -> Tensor:
    """Return the largest whole number that is not larger, elementwise; floating point."""
    return node("Floor", x, name=name)


def ceil(x: Any, name: str | None = None) -> Tensor:
    """Return the smallest whole number that is not smaller, elementwise; floating point."""
    return node("Ceil", x, name=name)


def is_nan(x: Any, name: str | None = None) -> Tensor:
    """Return where ``x`` is NaN, elementwise; bool."""
    return node("IsNan", x, name=name)


def is_inf(x: Any, name: str | None = None) -> Tensor:
    """Return where ``x`` is infinite, elementwise; bool."""
    return node("IsInf", x, name=name)


def is_finite(x: Any, name: str | None = None) -> Tensor:
    """Return where ``x`` is neither infinite nor NaN, elementwise; bool."""
    return node("IsFinite", x, name=name)
