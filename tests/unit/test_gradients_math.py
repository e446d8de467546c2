from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes
from holdfast.graph import Graph
from holdfast.graph.op_def import gradient_function, op_types
from holdfast.ops import (
    arithmetic,
    casting,
    clipping,
    complex_numbers,
    cumulative,
    division,
    exponentials,
    matmul,
    norms,
    reductions,
    special_functions,
    sums,
    tensordot,
    trigonometry,
)
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.runtime import Session
from holdfast.testing.gradients import compute_gradient_error
from holdfast.train.gradients import gradients

TOLERANCE = 1e-6
Function = Callable[..., Any]

UNARY: dict[str, tuple[Function, float, float]] = {
    name: (function, low, high)
    for low, high, functions in (
        (
            -0.9,
            0.9,
            [
                arithmetic.negative,
                arithmetic.square,
                exponentials.exp,
                exponentials.expm1,
                exponentials.log1p,
                exponentials.sigmoid,
                exponentials.tanh,
                exponentials.log_sigmoid,
                trigonometry.sin,
                trigonometry.cos,
                trigonometry.tan,
                trigonometry.asin,
                trigonometry.acos,
                trigonometry.atan,
                trigonometry.sinh,
                trigonometry.cosh,
                trigonometry.asinh,
                trigonometry.atanh,
                special_functions.erf,
                special_functions.erfc,
            ],
        ),
        (
            0.6,
            2.5,
            [
                arithmetic.abs,
                exponentials.sqrt,
                exponentials.rsqrt,
                exponentials.reciprocal,
                exponentials.log,
                special_functions.lgamma,
                special_functions.digamma,
            ],
        ),
        (1.5, 3.0, [trigonometry.acosh]),
    )
    for function in functions
    for name in [function.__name__]
}
COMPLEX = [
    *("negative", "square", "exp", "expm1", "log1p", "sigmoid", "tanh", "sin", "cos", "tan", "sinh", "cosh"),
    *("sqrt", "rsqrt", "reciprocal", "log", "asin", "acos", "atan"),
]
BINARY = {
    "add": arithmetic.add,
    "subtract": arithmetic.subtract,
    "multiply": arithmetic.multiply,
    "divide": division.divide,
    "div": division.div,
    "pow": arithmetic.pow,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
    "squared_difference": arithmetic.squared_difference,
    "atan2": trigonometry.atan2,
    "floormod": division.floormod,
    "truncatemod": division.truncatemod,
}
FAMILY = [
    *("Add", "Sub", "Mul", "Pow", "Maximum", "Minimum", "SquaredDifference", "Neg", "Abs", "ComplexAbs", "Sign"),
    *("Square", "Div", "RealDiv", "FloorDiv", "TruncateDiv", "FloorMod", "Mod", "TruncateMod", "Cast", "Complex"),
    *("Real", "Imag", "Angle", "Conj", "Sqrt", "Rsqrt", "Reciprocal", "Inv", "Exp", "Expm1", "Log", "Log1p"),
    *("Sigmoid", "Tanh", "SqrtGrad", "RsqrtGrad", "ReciprocalGrad", "InvGrad", "SigmoidGrad", "TanhGrad", "Sin"),
    *("Cos", "Tan", "Asin", "Acos", "Atan", "Atan2", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Erf", "Erfc"),
    *("Lgamma", "Digamma", "Polygamma", "Zeta", "Round", "Rint", "Floor", "Ceil", "IsNan", "IsInf", "IsFinite"),
    *("Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual", "ApproximateEqual", "LogicalAnd"),
    *("LogicalOr", "LogicalNot", "AddN", "AccumulateNV2", "Sum", "Mean", "Prod", "Min", "Max", "All", "Any"),
    *("ArgMax", "ArgMin", "Cumsum", "Cumprod", "MatMul", "BatchMatMul", "SparseMatMul", "BroadcastGradientArgs"),
]
SHAPES = [((2, 3), (2, 3)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)), ((1, 3), (3,))]
REDUCTIONS = {
    "sum": reductions.reduce_sum,
    "mean": reductions.reduce_mean,
    "prod": reductions.reduce_prod,
    "max": reductions.reduce_max,
    "min": reductions.reduce_min,
    "logsumexp": reductions.reduce_logsumexp,
}


def _values(shape: tuple[int, ...], low: float, high: float, seed: int = 0, dtype: Any = np.float64) -> Any:
    random = np.random.default_rng(seed)
    values = random.uniform(low, high, shape)
    return (values + 1j * random.uniform(low, high, shape)).astype(dtype) if dtype == np.complex128 else values


def _error(function: Function, *values: Any, known: bool = True) -> float:
    """Return how far the gradients of a function are from finite differences."""
    with Graph().as_default(), Session() as session:
        kind = dtypes.as_dtype(values[0].dtype)
        xs = [placeholder(kind, np.shape(v) if known else None) for v in values]
        y = function(*xs)
        shape = session.run(y, dict(zip(xs, values, strict=True))).shape
        sizes = [np.shape(v) for v in values]
        return compute_gradient_error(xs, sizes, y, shape, list(values), delta=1e-6, session=session)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    """First and second derivatives of functions of one real number."""
    function, low, high = UNARY[name]
    x = _values((2, 3), low, high)
    assert _error(function, x) < TOLERANCE
    if name not in {"negative", "abs"}:
        assert _error(lambda v: gradients(function(v), v)[0], x) < TOLERANCE


@pytest.mark.parametrize("name", COMPLEX)
def test_complex(name: str) -> None:
    """Derivatives of functions of one complex number, by its parts."""
    function = UNARY[name][0]
    assert _error(function, _values((2, 2), 0.3, 0.9, dtype=np.complex128)) < TOLERANCE


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("known", [True, False])
def test_binary(name: str, shapes: Any, known: bool) -> None:
    """Derivatives of functions of two numbers, summed where they were broadcast; with shapes known and unknown."""
    x, y = _values(shapes[0], 1.0, 2.0, 1), _values(shapes[1], 0.3, 2.5, 2)
    assert _error(BINARY[name], x, y, known=known) < TOLERANCE


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "pow"])
def test_binary_complex(name: str) -> None:
    """The same of complex numbers."""
    x, y = (_values((2,), 0.5, 1.5, seed, np.complex128) for seed in (1, 2))
    assert _error(BINARY[name], x, y) < TOLERANCE


def test_power_of_zero() -> None:
    """Where the base is 0, no NaN spreads from the logarithm."""
    with Session() as session:
        x, y = constant([0.0, 2.0]), constant([2.0, 3.0])
        by_x, by_y = session.run(gradients(arithmetic.pow(x, y), [x, y]))
    np.testing.assert_allclose(by_x, [0.0, 12.0])
    np.testing.assert_allclose(by_y, [0.0, 8 * np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("keep_dims", [False, True])
@pytest.mark.parametrize("known", [True, False])
def test_reductions(name: str, axis: Any, keep_dims: bool, known: bool) -> None:
    """Derivatives of reductions, with shapes known and unknown."""
    x = _values((2, 3, 2), 0.5, 2.0)
    assert _error(lambda v: REDUCTIONS[name](v, axis, keep_dims), x, known=known) < TOLERANCE


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max"])
@pytest.mark.parametrize("shape", [[None, 3, 2], [2, None, 2]])
@pytest.mark.parametrize("axis", [1, (0, 1), (1, 2)])
def test_reductions_of_batches(name: str, shape: list[int | None], axis: Any) -> None:
    """Derivatives of reductions where one size is unknown."""
    with Session() as session:
        x = placeholder(dtypes.float64, shape)
        values = _values((2, 3, 2), 0.5, 2.0)
        y = REDUCTIONS[name](x, axis)
        size = session.run(y, {x: values}).shape
        assert compute_gradient_error(x, (2, 3, 2), y, size, values, delta=1e-6, session=session) < TOLERANCE


def test_product_with_zeros() -> None:
    """The derivative of a product by a factor that is zero is the product of the others."""
    with Session() as session:
        x = constant([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]])
        result = session.run(gradients(reductions.reduce_prod(x, 1), x)[0])
    assert result.tolist() == [[6.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_equal_extremes_share() -> None:
    """The gradient of a maximum is shared by all elements that are largest."""
    with Session() as session:
        x = constant([1.0, 3.0, 3.0])
        assert session.run(gradients(reductions.reduce_max(x), x)[0]).tolist() == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_matmul(left: bool, right: bool, batch: tuple[int, ...], dtype: Any) -> None:
    """Derivatives of products of matrices and of batches, transposed or adjoint."""
    a = _values((*batch, *((3, 2) if left else (2, 3))), -1, 1, 1, dtype)
    b = _values((*batch, *((4, 3) if right else (3, 4))), -1, 1, 2, dtype)
    assert _error(lambda x, y: matmul.matmul(x, y, transpose_a=left, transpose_b=right), a, b) < TOLERANCE
    assert _error(lambda x, y: matmul.matmul(x, y, adjoint_a=left, adjoint_b=right), a, b) < TOLERANCE


@pytest.mark.parametrize("known", [True, False])
def test_compositions(known: bool) -> None:
    """Derivatives pass through what is made of several ops."""
    x, y = _values((2, 3), 0.5, 1.5, 1), _values((3, 2), 0.5, 1.5, 2)
    assert _error(lambda a, b: tensordot.tensordot(a, b, 1), x, y, known=known) < TOLERANCE
    assert _error(lambda a: norms.norm(a, axis=1), x) < TOLERANCE
    assert _error(lambda a: norms.norm(a, 3), x) < TOLERANCE
    assert _error(lambda a: clipping.clip_by_value(a, 0.8, 1.2), x, known=known) < TOLERANCE
    assert _error(lambda a: clipping.clip_by_norm(a, 1.0), x) < TOLERANCE
    assert _error(lambda a, b: sums.add_n([a, a, matmul.matmul(b, b, transpose_b=True)[:2]]), x, y) < TOLERANCE
    assert _error(lambda a: casting.cast(casting.cast(a, dtypes.complex128), dtypes.float64), x) < TOLERANCE


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("function", [cumulative.cumsum, cumulative.cumprod])
def test_cumulative(function: Function, exclusive: bool, reverse: bool) -> None:
    """Derivatives of running sums and products."""
    assert _error(lambda v: function(v, 1, exclusive, reverse), _values((2, 4), 0.5, 1.5)) < TOLERANCE


def test_complex_numbers() -> None:
    """Derivatives by the parts of complex numbers."""
    x, z = _values((3,), 0.5, 1.5), _values((3,), 0.5, 1.5, 1, np.complex128)
    assert _error(complex_numbers.complex, x, x[:1]) < TOLERANCE
    for function in (complex_numbers.real, complex_numbers.imag, complex_numbers.conj, complex_numbers.angle):
        assert _error(function, z) < TOLERANCE
    assert _error(arithmetic.abs, z) < TOLERANCE


def test_polygamma_and_zeta() -> None:
    """Derivatives by the argument; there is none by the order."""
    x = _values((3,), 0.5, 2.5)
    assert _error(lambda v: special_functions.polygamma(constant(2.0, dtypes.float64), v), x) < TOLERANCE * 100
    assert _error(lambda v: special_functions.zeta(constant(3.0, dtypes.float64), v), x) < TOLERANCE * 100


def test_nothing_flows_through_integers_and_bools() -> None:
    """Rounding, comparison and casts to integers end the flow."""
    with Graph().as_default():
        x = placeholder(dtypes.float32, [2])
        for y in (casting.to_float(casting.to_int32(x)), casting.to_float(x > 0), casting.to_float(x // 2)):
            assert gradients(y, x) == [None]


def test_every_op_says_whether_it_has_a_gradient() -> None:
    """Each op type of this family has a gradient or declares that it has none; for indices there is an error."""
    assert set(FAMILY) <= set(op_types())
    for op_type in set(FAMILY) - {"ArgMax", "ArgMin"}:
        gradient_function(op_type)
    for op_type in ("ArgMax", "ArgMin"):
        with pytest.raises(LookupError, match=f"gradient registry has no entry for: {op_type}"):
            gradient_function(op_type)
