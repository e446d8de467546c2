from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes, errors
from holdfast.contracts import KernelRequest
from holdfast.graph import Graph
from holdfast.kernels.array_backend import ArrayDevice
from holdfast.ops import (
    arithmetic,
    complex_numbers,
    exponentials,
    rounding,
    special_functions,
    trigonometry,
)
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from tests.unit.evaluation import run

Array = NDArray[Any]


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


SMOOTH: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "Neg": (arithmetic.negative, np.negative),
    "Abs": (arithmetic.abs, np.abs),
    "Sign": (arithmetic.sign, np.sign),
    "Square": (arithmetic.square, np.square),
    "Sqrt": (exponentials.sqrt, np.sqrt),
    "Rsqrt": (exponentials.rsqrt, lambda x: 1 / np.sqrt(x)),
    "Reciprocal": (exponentials.reciprocal, np.reciprocal),
    "Exp": (exponentials.exp, np.exp),
    "Expm1": (exponentials.expm1, np.expm1),
    "Log": (exponentials.log, np.log),
    "Log1p": (exponentials.log1p, np.log1p),
    "Sin": (trigonometry.sin, np.sin),
    "Cos": (trigonometry.cos, np.cos),
    "Tan": (trigonometry.tan, np.tan),
    "Asin": (trigonometry.asin, np.arcsin),
    "Acos": (trigonometry.acos, np.arccos),
    "Atan": (trigonometry.atan, np.arctan),
    "Sinh": (trigonometry.sinh, np.sinh),
    "Cosh": (trigonometry.cosh, np.cosh),
    "Asinh": (trigonometry.asinh, np.arcsinh),
    "Acosh": (trigonometry.acosh, np.arccosh),
    "Atanh": (trigonometry.atanh, np.arctanh),
    "Sigmoid": (exponentials.sigmoid, _sigmoid),
    "Tanh": (exponentials.tanh, np.tanh),
}
REAL = {
    "Erf": (special_functions.erf, math.erf),
    "Erfc": (special_functions.erfc, math.erfc),
    "Lgamma": (special_functions.lgamma, math.lgamma),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {name: pair[0] for name, pair in (SMOOTH | REAL).items()} | {
    "Digamma": special_functions.digamma,
    "Rint": rounding.rint,
    "Floor": rounding.floor,
    "Ceil": rounding.ceil,
    "IsNan": rounding.is_nan,
    "IsInf": rounding.is_inf,
    "IsFinite": rounding.is_finite,
}
VALUES = [0.125, 0.5, 0.75, 0.9]


@pytest.mark.parametrize("op_type", FUNCTIONS)
def test_nodes_are_named_after_the_op(op_type: str) -> None:
    """A function adds one node of its op type, under that name or the one that is given."""
    with Graph().as_default():
        x = placeholder(dtypes.float32, [2, None])
        first, named = FUNCTIONS[op_type](x), FUNCTIONS[op_type](x, name="mine")
        assert (first.op.name, first.op.type) == (op_type, op_type)
        assert named.op.name == "mine"
        assert first.shape.as_list() == [2, None]


@pytest.mark.parametrize("op_type", FUNCTIONS)
def test_a_number_becomes_a_constant_below_the_node(op_type: str) -> None:
    """A Python float is a constant named after the op's input."""
    assert [t.name for t in FUNCTIONS[op_type](2.0).op.inputs] == [f"{op_type}/x:0"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("op_type", SMOOTH)
def test_values_are_those_of_numpy(op_type: str, dtype: Any) -> None:
    """Real and complex values agree with NumPy's, in the same dtype."""
    function, reference = SMOOTH[op_type]
    x = np.array(VALUES, dtype) + (dtype(0.25j) if np.dtype(dtype).kind == "c" else dtype(0))
    if op_type == "Acosh":
        x = x + dtype(1)
    expected = reference(x)
    result = run(function(constant(x)))
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-5 if expected.dtype.itemsize <= 8 else 1e-12)


@pytest.mark.parametrize("op_type", SMOOTH)
@pytest.mark.parametrize("dtype", [dtypes.float16, dtypes.bfloat16])
def test_half_precision_is_kept(op_type: str, dtype: dtypes.DType) -> None:
    """A result in 16 bits is what float32 gives, rounded once."""
    function, reference = SMOOTH[op_type]
    x = np.array(VALUES, dtype.as_numpy_dtype) + dtype.as_numpy_dtype(op_type == "Acosh")
    result = run(function(constant(x)))
    assert result.dtype == dtype.as_numpy_dtype
    expected = reference(x.astype(np.float32)).astype(dtype.as_numpy_dtype)
    np.testing.assert_array_equal(result.astype(np.float32), expected.astype(np.float32))


@pytest.mark.parametrize("op_type", REAL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_functions(op_type: str, dtype: Any) -> None:
    """They agree with Python's own."""
    function, reference = REAL[op_type]
    x = np.array([[0.5, 2.5], [-1.5, 7.0]], dtype)
    result = run(function(constant(x)))
    assert result.dtype == dtype
    np.testing.assert_allclose(result, np.vectorize(reference)(x.astype(np.float64)), rtol=1e-6)


def test_gamma_functions_at_their_poles() -> None:
    """At 0 and the negative whole numbers they are infinite, as in TensorFlow."""
    x = constant(np.array([0.0, -1.0, -2.0]))
    np.testing.assert_array_equal(run(special_functions.lgamma(x)), [np.inf] * 3)
    np.testing.assert_array_equal(run(special_functions.digamma(x)), [np.inf] * 3)


def test_digamma_and_polygamma() -> None:
    """Known values: gamma's constant, pi squared over 6, Apery's number."""
    euler, apery = 0.57721566490153286, 1.2020569031595942
    values = run(special_functions.digamma(constant(np.array([1.0, 0.5, 10.0, -0.5, 1e10]))))
    expected = [-euler, -euler - 2 * math.log(2), 2.2517525890667211, 0.03648997397857652, 23.025850929890456]
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    orders, x = constant(np.array([1.0, 2.0, 0.0])), constant(np.array([1.0, 1.0, 1.0]))
    expected = [math.pi**2 / 6, -2 * apery, -euler]
    np.testing.assert_allclose(run(special_functions.polygamma(orders, x)), expected, rtol=1e-13)


def test_zeta() -> None:
    """Hurwitz's zeta function: Riemann's at 1, a tail of it further on, infinite at its poles."""
    q = constant(np.array([1.0, 3.0, 1.0, 0.0]))
    x = constant(np.array([2.0, 2.0, 1.0, 2.0]))
    expected = [math.pi**2 / 6, math.pi**2 / 6 - 1.25, np.inf, np.inf]
    np.testing.assert_allclose(run(special_functions.zeta(x, q)), expected, rtol=1e-13)


def test_rounding() -> None:
    """Halves go to the even neighbour; floor and ceil go one way."""
    x = constant(np.array([-2.5, -0.5, 0.5, 1.5, 2.5], np.float32))
    np.testing.assert_array_equal(run(rounding.round(x)), [-2, 0, 0, 2, 2])
    np.testing.assert_array_equal(run(rounding.rint(x)), [-2, 0, 0, 2, 2])
    np.testing.assert_array_equal(run(rounding.floor(x)), [-3, -1, 0, 1, 2])
    np.testing.assert_array_equal(run(rounding.ceil(x)), [-2, 0, 1, 2, 3])


def test_round_leaves_integers() -> None:
    """Integers are whole already: no node is added."""
    x = placeholder(dtypes.int32, [2])
    assert rounding.round(x) is x


def test_what_is_no_ordinary_number() -> None:
    """NaN, infinite and finite numbers are told apart."""
    x = constant(np.array([1.0, np.nan, np.inf, -np.inf]))
    np.testing.assert_array_equal(run(rounding.is_nan(x)), [False, True, False, False])
    np.testing.assert_array_equal(run(rounding.is_inf(x)), [False, False, True, True])
    np.testing.assert_array_equal(run(rounding.is_finite(x)), [True, False, False, False])


def test_sigmoid_does_not_overflow() -> None:
    """Far out it is exactly 0 and 1."""
    np.testing.assert_array_equal(run(exponentials.sigmoid([-1000.0, 1000.0, 0.0])), [0, 1, 0.5])


def test_complex_numbers_and_their_parts() -> None:
    """A complex number is made of parts, which may be infinite, and taken apart again."""
    real, imag = np.array([1.0, np.inf, 3.0], np.float32), np.array([np.inf, 2.0, -4.0], np.float32)
    z = complex_numbers.complex(real, imag)
    assert (z.dtype, z.op.name) == (dtypes.complex64, "Complex")
    np.testing.assert_array_equal(run(complex_numbers.real(z)), real)
    np.testing.assert_array_equal(run(complex_numbers.imag(z)), imag)
    np.testing.assert_array_equal(run(complex_numbers.conj(z)).imag, -imag)
    three_four = constant(np.array([3 + 4j]))
    np.testing.assert_allclose(run(arithmetic.abs(three_four)), [5.0])
    np.testing.assert_allclose(run(arithmetic.sign(three_four)), [0.6 + 0.8j])
    np.testing.assert_allclose(run(complex_numbers.angle(three_four)), [math.atan2(4, 3)])


def test_real_and_conj_of_real_numbers() -> None:
    """What is real already is returned as it is."""
    x = placeholder(dtypes.float32, [2])
    assert complex_numbers.real(x) is x
    assert complex_numbers.conj(x) is x


def test_wrong_dtypes_are_refused() -> None:
    """An op names the dtypes it admits; parts of complex numbers must agree."""
    with pytest.raises(TypeError, match=r"^Value passed to parameter 'x' has DataType bool not in list of allowed"):
        arithmetic.negative(True)
    with pytest.raises(TypeError, match=r"^real and imag have incorrect types: float32 int32$"):
        complex_numbers.complex(1.0, 2)
    with pytest.raises(TypeError, match=r"^Expected numeric or variant tensor, got dtype tf\.bool$"):
        complex_numbers.conj(constant(value=True))


def test_integers_have_no_kernel_where_only_the_definition_admits_them() -> None:
    """The tangent of an integer can be built, not run."""
    with pytest.raises(errors.InvalidArgumentError, match="Tan"):
        run(trigonometry.tan(constant(1)))


@pytest.mark.parametrize("op_type", SMOOTH)
def test_kernels_need_the_standard_only(op_type: str) -> None:
    """They run on a namespace that has nothing but the array API, without dimensions too."""
    function, reference = SMOOTH[op_type]
    node = function(placeholder(dtypes.float64, None)).op
    device = ArrayDevice(array_api_strict)
    kernel: Any = device.kernel(
        KernelRequest(node.type, node.name, node.attrs, (dtypes.float64,), (node.outputs[0].dtype,))
    )
    for x in (np.array(VALUES) + (op_type == "Acosh"), np.array(1.0)):
        with np.errstate(all="ignore"):
            (output,) = kernel(None, array_api_strict.asarray(x))
            np.testing.assert_allclose(np.asarray(output), reference(x), rtol=1e-12)
