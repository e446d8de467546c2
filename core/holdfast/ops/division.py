"""Division and remainders: true, floored and truncated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.op_def import not_differentiable, register_gradient
from holdfast.ops.broadcasting import summed_to_inputs
from holdfast.ops.casting import cast
from holdfast.ops.complex_numbers import conj
from holdfast.ops.elementwise import define_binary, node
from holdfast.ops.number_types import ARITHMETIC, DIVISIBLE

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = [
    "div",
    "divide",
    "floor_div",
    "floordiv",
    "floormod",
    "mod",
    "realdiv",
    "truediv",
    "truncatediv",
    "truncatemod",
]

define_binary(ARITHMETIC, "Div", "RealDiv", "FloorDiv", "TruncateDiv")
define_binary(DIVISIBLE, "FloorMod", "Mod", "TruncateMod")
not_differentiable("FloorDiv", "TruncateDiv")

_QUOTIENT_DTYPES = {
    dtypes.uint8: dtypes.float32,
    dtypes.int8: dtypes.float32,
    dtypes.uint16: dtypes.float32,
    dtypes.int16: dtypes.float32,
    dtypes.int32: dtypes.float64,
    dtypes.int64: dtypes.float64,
    dtypes.uint32: dtypes.float64,
    dtypes.uint64: dtypes.float64,
}


@register_gradient("Div", "RealDiv")
def _quotient_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    x, y = conj(op.inputs[0]), conj(op.inputs[1])
    over = op.type
    return summed_to_inputs(op, node(over, grad, y), grad * node(over, node(over, -x, y), y))


@register_gradient("FloorMod")
def _floor_mod_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    return summed_to_inputs(op, grad, -grad * node("FloorDiv", *op.inputs))


@register_gradient("Mod", "TruncateMod")
def _truncate_mod_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    return summed_to_inputs(op, grad, -grad * node("TruncateDiv", *op.inputs))


def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return the quotient ``x / y``, elementwise with broadcasting, as Python 3 does it.

    Integers are cast to floating point first: of 8 and 16 bits to float32, of 32 and 64 bits to float64.

    Raises
    ------
    TypeError
        If the dtypes differ, or are not numbers.
    """
    with name_scope(name, "truediv", [x, y]) as scope:
        x = conversion.convert_to_tensor(x, name="x")
        y = conversion.convert_to_tensor(y, name="y")
        dtype = x.dtype.base_dtype
        if dtype != y.dtype.base_dtype:
            raise TypeError(f"x and y must have the same dtype, got {dtype!r} != {y.dtype.base_dtype!r}")
        wide = _QUOTIENT_DTYPES.get(dtype)
        if wide is not None:
            x, y = cast(x, wide), cast(y, wide)
        elif not (dtype.is_floating or dtype.is_complex):
            raise TypeError(f"Invalid dtype {dtype!r} in __truediv__")
        return node("RealDiv", x, y, name=scope)


def divide(x: Any, y: Any, name: str | None = None) -> Any:
    """Return ``x / y`` by Python's operator: a Tensor if either is one or a name is given."""
    return x / y if name is None else truediv(x, y, name)


def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return the quotient, elementwise with broadcasting, as Python 2 does it: of integers, rounded down.

    Raises
    ------
    TypeError, ValueError
        If ``y`` cannot have the dtype of ``x``.
    InvalidArgumentError
        When it runs, if an integer is divided by zero.
    """
    with name_scope(name, "div", [x, y]) as scope:
        x = conversion.convert_to_tensor(x, name="x")
        dtype = x.dtype.base_dtype
        y = conversion.convert_to_tensor(y, name="y", dtype=dtype)
        return node("RealDiv" if dtype.is_floating or dtype.is_complex else "FloorDiv", x, y, name=scope)


def realdiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x / y`` of real or complex numbers, elementwise with broadcasting; integers have no kernel."""
    return node("RealDiv", x, y, name=name)


def floordiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x / y`` rounded down, elementwise with broadcasting.

    Raises
    ------
    InvalidArgumentError
        When it runs, if an integer is divided by zero.
    """
    with name_scope(name, "floordiv", [x, y]) as scope:
        return node("FloorDiv", x, y, name=scope)


def floor_div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """As :func:`floordiv`; the node is named ``FloorDiv``."""
    return node("FloorDiv", x, y, name=name)


def truncatediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x / y`` rounded towards zero, elementwise with broadcasting.

    Raises
    ------
    InvalidArgumentError
        When it runs, if an integer is divided by zero.
    """
    return node("TruncateDiv", x, y, name=name)


def floormod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return the remainder of :func:`floordiv`, which has the sign of ``y``, elementwise with broadcasting.

    Raises
    ------
    InvalidArgumentError
        When it runs, if an integer is divided by zero.
    """
    return node("FloorMod", x, y, name=name)


mod = floormod


def truncatemod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return the remainder of :func:`truncatediv`, which has the sign of ``x``, elementwise with broadcasting.

    Raises
    ------
    InvalidArgumentError
        When it runs, if an integer is divided by zero.
    """
    return node("TruncateMod", x, y, name=name)
