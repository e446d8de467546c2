"""Comparisons and logic: elementwise, of dtype bool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph.op_def import define_op, floating, not_differentiable, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.broadcasting import broadcast_shape
from holdfast.ops.elementwise import define_binary, node
from holdfast.ops.number_types import EQUATABLE, NUMBERS, ORDERED

if TYPE_CHECKING:
    from holdfast.graph.tensor import Tensor

__all__ = [
    "equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
]

define_binary(ORDERED, "Less", "LessEqual", "Greater", "GreaterEqual", output="bool")
define_binary(EQUATABLE, "Equal", "NotEqual", output="bool")
define_op(
    "ApproximateEqual",
    "x: T, y: T -> z: bool",
    attrs={"T": type_attr(*NUMBERS), "tolerance": floating(1e-5)},
    shape=shape_rules.all_inputs_merged,
)
for _op_type in ("LogicalAnd", "LogicalOr"):
    define_op(_op_type, "x: bool, y: bool -> z: bool", shape=broadcast_shape)
define_op("LogicalNot", "x: bool -> y: bool", shape=shape_rules.first_input)
not_differentiable("Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual", "ApproximateEqual")
not_differentiable("LogicalAnd", "LogicalOr", "LogicalNot")


def less(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x < y``, elementwise with broadcasting; real numbers."""
    return node("Less", x, y, name=name)


def less_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x <= y``, elementwise with broadcasting; real numbers."""
    return node("LessEqual", x, y, name=name)


def greater(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x > y``, elementwise with broadcasting; real numbers."""
    return node("Greater", x, y, name=name)


def greater_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x >= y``, elementwise with broadcasting; real numbers."""
    return node("GreaterEqual", x, y, name=name)


def equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return where ``x`` and ``y`` are equal, elementwise with broadcasting; numbers, bools or strings."""
    return node("Equal", x, y, name=name)


def not_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return where ``x`` and ``y`` differ, elementwise with broadcasting; numbers, bools or strings."""
    return node("NotEqual", x, y, name=name)


def logical_and(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return where both bools are true, elementwise with broadcasting."""
    return node("LogicalAnd", x, y, name=name)


def logical_or(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return where either bool is true, elementwise with broadcasting."""
    return node("LogicalOr", x, y, name=name)


def logical_not(x: Any, name: str | None = None) -> Tensor:
    """Return where the bool is false, elementwise."""
    return node("LogicalNot", x, name=name)


def logical_xor(x: Any, y: Any, name: str = "LogicalXor") -> Tensor:
    """Return where exactly one of two bools is true, elementwise with broadcasting; made of and, or and not."""
    either = logical_or(x, y)
    return logical_and(either, logical_not(logical_and(x, y)), name=name)
