from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.ops import arithmetic, comparison, division, sums
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from tests.unit.evaluation import run

BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "Add": (arithmetic.add, np.add),
    "Sub": (arithmetic.subtract, np.subtract),
    "Mul": (arithmetic.multiply, np.multiply),
    "Maximum": (arithmetic.maximum, np.maximum),
    "Minimum": (arithmetic.minimum, np.minimum),
    "SquaredDifference": (arithmetic.squared_difference, lambda x, y: (x - y) ** 2),
    "Less": (comparison.less, np.less),
    "LessEqual": (comparison.less_equal, np.less_equal),
    "Greater": (comparison.greater, np.greater),
    "GreaterEqual": (comparison.greater_equal, np.greater_equal),
    "Equal": (comparison.equal, np.equal),
    "NotEqual": (comparison.not_equal, np.not_equal),
}


@pytest.mark.parametrize("op_type", BINARY)
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float16, np.float32, np.float64])
def test_values_broadcast_as_in_numpy(op_type: str, dtype: Any) -> None:
    """Values, dtypes and broadcasting agree with NumPy's."""
    function, reference = BINARY[op_type]
    x, y = np.array([[1, -2, 3], [4, 5, -6]], dtype), np.array([1, 2, -3], dtype)
    for left, right in ((x, y), (y, x), (x, dtype(2)), (dtype(3), dtype(3))):
        result, expected = run(function(constant(left), constant(right))), reference(left, right)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("op_type", BINARY)
def test_names(op_type: str) -> None:
    """The node is named after its op type, a Python number after the input it stands for."""
    function = BINARY[op_type][0]
    x = placeholder(dtypes.float32, [2])
    result = function(x, 2)
    assert (result.op.name, result.op.type) == (op_type, op_type)
    assert result.op.inputs[1].name == f"{op_type}/y:0"
    assert result.op.inputs[1].dtype == dtypes.float32
    assert function(x, x, name="mine").op.name == "mine"


def test_bfloat16_is_kept() -> None:
    """A sum of bfloat16 is bfloat16, rounded once."""
    x = np.array([1.0, 3.0], dtypes.bfloat16.as_numpy_dtype)
    result = run(arithmetic.add(constant(x), constant(x)))
    assert result.dtype == x.dtype
    assert result.astype(np.float32).tolist() == [2.0, 6.0]


def test_integers_wrap_around() -> None:
    """Integers keep their dtype and overflow silently."""
    x = constant(np.array([200], np.uint8))
    assert run(arithmetic.add(x, x)).tolist() == [144]
    assert run(arithmetic.subtract(constant(np.array([1], np.uint8)), constant(np.array([2], np.uint8)))) == [255]
    assert run(arithmetic.abs(constant([-(2**31)]))).tolist() == [-(2**31)]


def test_strings_are_joined_and_compared() -> None:
    """Add and equality work on strings, with broadcasting."""
    names = constant(["a", "b"])
    assert run(arithmetic.add(names, "x")).tolist() == [b"ax", b"bx"]
    assert run(comparison.equal(names, "a")).tolist() == [True, False]
    assert run(comparison.not_equal("a", "b")) == np.True_


def test_powers() -> None:
    """Floating-point and integer powers; a negative exponent of an integer is an error."""
    assert run(arithmetic.pow(constant([2, 10]), constant([10, 3]))).tolist() == [1024, 1000]
    assert run(arithmetic.pow([4.0], [0.5])).tolist() == [2.0]
    with pytest.raises(errors.InvalidArgumentError, match=r"^Integers to negative integer powers are not allowed"):
        run(arithmetic.pow(constant([2, 3]), constant([1, -1])))


def test_shapes_that_do_not_fit() -> None:
    """They are refused when the graph is built, or else when it runs, in TensorFlow's words."""
    x, y = placeholder(dtypes.float32, [2, 3]), placeholder(dtypes.float32, [3, 4])
    with pytest.raises(
        ValueError, match=r"^Dimensions must be equal, but are 2 and 3 for 'Add' \(op: 'Add'\) with input shapes: "
    ):
        arithmetic.add(x, y)
    u, v = placeholder(dtypes.float32), placeholder(dtypes.float32)
    feeds = {u: np.ones(2, np.float32), v: np.ones(3, np.float32)}
    for function, _ in BINARY.values():
        with pytest.raises(errors.InvalidArgumentError, match=r"^Incompatible shapes: \[2\] vs\. \[3\]"):
            run(function(u, v), feeds)


def test_dtypes_that_do_not_fit() -> None:
    """The second input must have the dtype of the first."""
    x = placeholder(dtypes.float32, [2])
    with pytest.raises(TypeError, match=r"^Input 'y' of 'Add' Op has type float64 that does not match type float32"):
        arithmetic.add(x, placeholder(dtypes.float64, [2]))
    with pytest.raises(
        TypeError, match=r"^Expected int32 passed to parameter 'y' of op 'Sub', got 2.5 of type 'float'"
    ):
        arithmetic.subtract(placeholder(dtypes.int32, [2]), 2.5)


@pytest.mark.parametrize(
    "function,expected",
    [
        (division.truncatediv, [-3, -3, 3]),
        (division.floordiv, [-4, -4, 3]),
        (division.floor_div, [-4, -4, 3]),
        (division.div, [-4, -4, 3]),
        (division.floormod, [1, -1, -1]),
        (division.mod, [1, -1, -1]),
        (division.truncatemod, [-1, 1, -1]),
    ],
)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_integer_division(function: Callable[..., Any], expected: list[int], dtype: Any) -> None:
    """Quotients are floored or truncated, remainders go with them, and zero is refused."""
    x, y = np.array([-7, 7, -7], dtype), np.array([2, -2, -2], dtype)
    result = run(function(constant(x), constant(y)))
    assert result.dtype == dtype
    assert result.tolist() == expected
    with pytest.raises(errors.InvalidArgumentError, match=r"^Integer division by zero"):
        run(function(constant(x), constant(y - y)))


@pytest.mark.parametrize(
    "function,expected",
    [
        (division.truncatediv, [-3.0, 3.0, np.inf]),
        (division.floordiv, [-4.0, 3.0, np.inf]),
        (division.div, [-3.75, 3.75, np.inf]),
        (division.realdiv, [-3.75, 3.75, np.inf]),
        (division.floormod, [0.5, 1.5, np.nan]),
        (division.truncatemod, [-1.5, 1.5, np.nan]),
    ],
)
def test_floating_point_division(function: Callable[..., Any], expected: list[float]) -> None:
    """Zero gives infinity or NaN; remainders have the sign of the divisor, or of the dividend."""
    x, y = constant([-7.5, 7.5, 1.0]), constant([2.0, 2.0, 0.0])
    np.testing.assert_array_equal(run(function(x, y)), np.array(expected, np.float32))


def test_floordiv_rounds_the_quotient() -> None:
    """As in TensorFlow, 1 / 0.1 is 10 in float32, though 10 times float32's 0.1 is more than 1."""
    assert run(division.floordiv(constant([1.0]), constant([0.1]))).tolist() == [10.0]


def test_true_division_of_integers() -> None:
    """Integers are cast first: small ones to float32, others to float64; the nodes are TensorFlow's."""
    for dtype, wide in ((dtypes.int32, dtypes.float64), (dtypes.int64, dtypes.float64), (dtypes.uint8, dtypes.float32)):
        x = placeholder(dtype, [2])
        result = division.truediv(x, x, name="q")
        assert result.dtype == wide
        assert [t.op.type for t in result.op.inputs] == ["Cast", "Cast"]
        assert result.op.type == "RealDiv"
    assert run(division.divide(constant([7]), constant([2]))).tolist() == [3.5]
    assert division.divide(2, 4) == 0.5
    with pytest.raises(TypeError, match=r"^x and y must have the same dtype, got tf\.float32 != tf\.int32$"):
        division.truediv(1.0, 2)
    with pytest.raises(TypeError, match=r"^Invalid dtype tf\.bool in __truediv__$"):
        division.truediv(True, False)


def test_add_n() -> None:
    """Several tensors are added by one op; one tensor is returned as it is."""
    x, y = constant([1.0, 2.0]), constant([3.0, 4.0])
    total = sums.add_n([x, y, x])
    assert (total.op.name, total.op.type) == ("AddN", "AddN")
    assert run(total).tolist() == [5.0, 8.0]
    assert sums.add_n([x]) is x
    assert sums.add_n([x], name="same").op.type == "Identity"
    assert run(sums.accumulate_n([x, y])).tolist() == [4.0, 6.0]


def test_add_n_refuses_what_is_not_alike() -> None:
    """No tensors, other dtypes and other shapes are errors."""
    x = placeholder(dtypes.float32, [2, 3])
    with pytest.raises(
        ValueError, match=r"^inputs must be a list of at least one Tensor with the same dtype and shape$"
    ):
        sums.add_n([])
    with pytest.raises(TypeError, match=r"\[float32, float64\] that don't all match\.$"):
        sums.add_n([x, placeholder(dtypes.float64, [2, 3])])
    with pytest.raises(ValueError, match=r"^Dimension 0 in both shapes must be equal, but are 2 and 3"):
        sums.add_n([x, placeholder(dtypes.float32, [3, 3])])
    with pytest.raises(ValueError, match=r"^Shapes \(2, 3\) and \(3, 3\) are not compatible$"):
        sums.accumulate_n([x, placeholder(dtypes.float32, [3, 3])])
    with pytest.raises(TypeError, match=r"^tensor_dtype is <dtype: 'int32'>, but input is of type <dtype: 'float32'>$"):
        sums.accumulate_n([x, x], tensor_dtype=dtypes.int32)
    u, v = placeholder(dtypes.float32), placeholder(dtypes.float32)
    with pytest.raises(
        errors.InvalidArgumentError,
        match=r"^Inputs to operation total of type AddN must have the same size and shape\.  Input 0: \[2\] != ",
    ):
        run(sums.add_n([u, v], name="total"), {u: np.ones(2, np.float32), v: np.ones(3, np.float32)})


def test_scalar_mul() -> None:
    """A scalar times a tensor; anything but a scalar is refused."""
    x = constant([1.0, 2.0])
    assert run(sums.scalar_mul(3, x)).tolist() == [3.0, 6.0]
    with pytest.raises(ValueError, match=r"^Only scalar multiply works, got shape \(2,\)$"):
        sums.scalar_mul(x, x)


def test_logic() -> None:
    """Truth tables."""
    a, b = constant([True, True, False, False]), constant([True, False, True, False])
    assert run(comparison.logical_and(a, b)).tolist() == [True, False, False, False]
    assert run(comparison.logical_or(a, b)).tolist() == [True, True, True, False]
    assert run(comparison.logical_xor(a, b)).tolist() == [False, True, True, False]
    assert run(comparison.logical_not(a)).tolist() == [False, False, True, True]
    with pytest.raises(TypeError, match=r"^Input 'y' of 'LogicalAnd' Op has type int32 that does not match expected"):
        comparison.logical_and(a, placeholder(dtypes.int32, [4]))
