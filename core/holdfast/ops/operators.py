"""Python's operators of tensors and variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.tensor import OPERATORS, Tensor
from holdfast.ops.arithmetic import abs as absolute
from holdfast.ops.arithmetic import add, multiply, negative, subtract
from holdfast.ops.arithmetic import pow as power
from holdfast.ops.comparison import (
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
)
from holdfast.ops.division import floordiv, floormod, truediv
from holdfast.ops.matmul import matmul

Function = Callable[..., Tensor]


def _overload(name: str, function: Function) -> None:
    """Make ``function`` the operator of this name, from either side; the other operand takes the tensor's dtype."""
    reflected = f"__r{name}__"

    def operate(x: Any, y: Any) -> Any:
        x = conversion.convert_to_tensor(x)
        with name_scope(None, name, (x, y)) as scope:
            if type(y) is not Tensor or y._dtype is not x._dtype:
                try:
                    y = conversion.convert_to_tensor(y, dtype=x.dtype.base_dtype, name="y")
                except TypeError:
                    # Python then asks the other operand, and says which two types do not go together.
                    if any(reflected in vars(kind) for kind in type(y).__mro__):
                        return NotImplemented
                    raise
            return function(x, y, name=scope)

    def operate_reflected(y: Any, x: Any) -> Any:
        y = conversion.convert_to_tensor(y)
        with name_scope(None, name, [x, y]) as scope:
            x = conversion.convert_to_tensor(x, dtype=y.dtype.base_dtype, name="x")
            return function(x, y, name=scope)

    OPERATORS[f"__{name}__"] = operate
    OPERATORS[reflected] = operate_reflected


for _name, _function in (
    ("add", add),
    ("sub", subtract),
    ("mul", multiply),
    ("truediv", truediv),
    ("floordiv", floordiv),
    ("mod", floormod),
    ("pow", power),
    ("matmul", matmul),
    ("and", logical_and),
    ("or", logical_or),
    ("xor", logical_xor),
):
    _overload(_name, _function)

OPERATORS["__neg__"] = negative
OPERATORS["__abs__"] = absolute
OPERATORS["__invert__"] = logical_not
OPERATORS["__lt__"] = less
OPERATORS["__le__"] = less_equal
OPERATORS["__gt__"] = greater
OPERATORS["__ge__"] = greater_equal
