from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes
from holdfast.graph import Graph
from holdfast.graph.tensor import OPERATORS
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.runtime import Session

ARITHMETIC: list[tuple[Callable[[Any, Any], Any], str, str]] = [
    (operator.add, "add", "Add"),
    (operator.sub, "sub", "Sub"),
    (operator.mul, "mul", "Mul"),
    (operator.truediv, "truediv", "RealDiv"),
    (operator.floordiv, "floordiv", "FloorDiv"),
    (operator.mod, "mod", "FloorMod"),
    (operator.pow, "pow", "Pow"),
]
COMPARISON: list[tuple[Callable[[Any, Any], Any], str]] = [
    (operator.lt, "Less"),
    (operator.le, "LessEqual"),
    (operator.gt, "Greater"),
    (operator.ge, "GreaterEqual"),
]
LOGIC: list[tuple[Callable[[Any, Any], Any], str, str]] = [
    (operator.and_, "and", "LogicalAnd"),
    (operator.or_, "or", "LogicalOr"),
    (operator.xor, "xor", "LogicalAnd"),
]


@pytest.mark.parametrize("function,name,op_type", ARITHMETIC)
def test_arithmetic_from_either_side(function: Callable[[Any, Any], Any], name: str, op_type: str) -> None:
    """The node has the operator's name; the number on the other side has the tensor's dtype and the input's name."""
    with Graph().as_default():
        x = placeholder(dtypes.float32, [2])
        left, right = function(x, 2), function(2, x)
        assert (left.op.name, left.op.type, left.op.inputs[1].name) == (name, op_type, f"{name}/y:0")
        assert (right.op.name, right.op.inputs[0].name) == (f"{name}_1", f"{name}_1/x:0")
        assert right.op.inputs[0].dtype == dtypes.float32
        assert function(np.ones(2, np.float64), x).dtype == dtypes.float32
        assert function([1.0, 2.0], x).op.type == op_type


@pytest.mark.parametrize("function,name,op_type", ARITHMETIC)
def test_values(function: Callable[[Any, Any], Any], name: str, op_type: str) -> None:
    """Values agree with NumPy's."""
    x, y = np.array([3.0, -7.5]), np.array([2.0, 2.0])
    with Session() as session:
        np.testing.assert_allclose(session.run(function(constant(x), constant(y))), function(x, y))
        np.testing.assert_allclose(session.run(function(2.0, constant(y))), function(2.0, y))


@pytest.mark.parametrize("function,op_type", COMPARISON)
def test_comparison(function: Callable[[Any, Any], Any], op_type: str) -> None:
    """The node has the op's name, as no scope is opened."""
    result = function(constant([1.0, 2.0, 3.0]), 2.0)
    assert (result.op.name, result.op.inputs[1].name) == (op_type, f"{op_type}/y:0")
    with Session() as session:
        np.testing.assert_array_equal(session.run(result), function(np.array([1.0, 2.0, 3.0]), 2.0))


@pytest.mark.parametrize("function,name,op_type", LOGIC)
def test_logic(function: Callable[[Any, Any], Any], name: str, op_type: str) -> None:
    """Bools are combined from either side; other dtypes are refused."""
    with Graph().as_default():
        x = placeholder(dtypes.bool, [2])
        assert (function(x, True).op.name, function(True, x).op.type) == (name, op_type)
        with pytest.raises(TypeError, match="that does not match expected type of bool"):
            function(placeholder(dtypes.int32, [2]), 1)


def test_unary() -> None:
    """Minus, abs and not."""
    x, b = placeholder(dtypes.float32, [2]), placeholder(dtypes.bool, [2])
    assert [(-x).op.name, abs(x).op.name, (~b).op.name] == ["Neg", "Abs", "LogicalNot"]


def test_matmul_operator() -> None:
    """``@`` multiplies matrices."""
    a = constant([[1.0, 2.0]])
    product = a @ constant([[3.0], [4.0]])
    assert (product.op.name, product.op.type) == ("matmul", "MatMul")
    with Session() as session:
        assert session.run(product).tolist() == [[11.0]]
        assert session.run([[2.0]] @ a).tolist() == [[2.0, 4.0]]


def test_integers_divide_to_float64() -> None:
    """True division of int32 gives float64."""
    with Session() as session:
        result = session.run(constant([7, -7]) / 2)
    assert result.dtype == np.float64
    assert result.tolist() == [3.5, -3.5]


def test_types_that_do_not_go_together() -> None:
    """A number that the dtype cannot hold makes Python name the two types; a tensor of another dtype is named."""
    i, x = placeholder(dtypes.int32, [2]), placeholder(dtypes.float32, [2])
    with pytest.raises(TypeError, match=r"^unsupported operand type\(s\) for \+: 'Tensor' and 'float'$"):
        i + 2.5
    with pytest.raises(TypeError, match=r"^Expected float32, got 'a' of type 'str' instead"):
        x + "a"
    with pytest.raises(ValueError, match=r"^Tensor conversion requested dtype float32 for Tensor with dtype int32"):
        x + i
    with pytest.raises(ValueError, match=r"^None values not supported\.$"):
        x + None


def test_equality_is_identity() -> None:
    """Tensors are compared as objects, so that they can be keys."""
    x = placeholder(dtypes.float32, [2])
    assert x == x  # noqa: PLR0124  (the comparison itself)
    assert x != placeholder(dtypes.float32, [2])


def test_all_operators_are_there() -> None:
    """Every operator of a tensor but indexing is one of this table."""
    names = {f"__{name}__" for _, name, _ in ARITHMETIC + LOGIC} | {f"__r{name}__" for _, name, _ in ARITHMETIC + LOGIC}
    names |= {"__matmul__", "__rmatmul__", "__neg__", "__abs__", "__invert__", "__lt__", "__le__", "__gt__", "__ge__"}
    assert names <= set(OPERATORS)
