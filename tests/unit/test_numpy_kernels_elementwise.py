"""Elementwise kernels of numpy-cpu against the generic ones: by call, into a buffer and as an expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes, errors
from holdfast.contracts import ExpressionKernel, IntoKernel, KernelRequest, PlainKernel
from holdfast.kernels.catalogue import load_kernels
from holdfast_numpy.kernels.catalogue import overrides
from holdfast_numpy.kernels.registry import fallback

load_kernels()

_BLOCK = 1 << 16  # float32 elements of a block
_CONTEXT: Any = None
_UNARY = (
    *("Abs", "Ceil", "Cos", "Exp", "Expm1", "Floor", "IsFinite", "IsInf", "IsNan", "Log", "Log1p", "Neg", "Rint"),
    *("Round", "Sign", "Sin", "Sqrt", "Square", "Tanh"),
)
_UNARY_FORMULAS = ("Elu", "Inv", "Reciprocal", "Relu", "Relu6", "Rsqrt", "Sigmoid", "Softplus", "Softsign")
_COMPARISONS = ("Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "NotEqual")
_BINARY = (
    *("Add", "Atan2", "Div", "FloorDiv", "FloorMod", "Maximum", "Minimum", "Mul", "Pow", "RealDiv"),
    *("SquaredDifference", "Sub", *_COMPARISONS),
)
_GRADIENTS = (
    *("EluGrad", "Relu6Grad", "ReluGrad", "SigmoidGrad", "SoftplusGrad"),
    *("SoftsignGrad", "SqrtGrad", "TanhGrad"),
)
_BOOLEAN = frozenset({*_COMPARISONS, "IsFinite", "IsInf", "IsNan"})


def _values(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> NDArray[Any]:
    """Return numbers of both signs, with zeros, infinities and NaN where the dtype has them."""
    drawn = np.random.default_rng(seed).normal(0, 2, shape)
    values = np.asarray(drawn.astype(dtype))
    if values.size > 8 and np.dtype(dtype).kind == "f":
        values.reshape(-1)[:5] = [0, np.inf, -np.inf, np.nan, 1]
    return values


def _arrays(dtype: Any) -> Iterator[NDArray[Any]]:
    """Yield arrays without dimensions, without elements, in several orders, and of more than a block."""
    yield _values((), dtype)
    yield _values((0, 3), dtype)
    yield _values((5, 7), dtype)
    yield _values((7, 5), dtype).T
    yield _values((6, 8), dtype)[::2, ::3]
    yield _values((6, 4), dtype).astype(np.dtype(dtype).newbyteorder())
    yield _values((_BLOCK * 2 + 3,), dtype)


def _request(op_type: str, dtype: Any, inputs: int) -> KernelRequest:
    kind = dtypes.as_dtype(dtype)
    output = dtypes.bool if op_type in _BOOLEAN or op_type.startswith("Logical") else kind
    return KernelRequest(op_type, "op", {"T": kind}, (kind,) * inputs, (output,))


def _check(request: KernelRequest, *inputs: NDArray[Any]) -> None:
    """Compare all that the override can do with the generic kernel, to the bit."""
    kernel: Any = overrides()[request.op_type](np, request)
    before = [x.copy() for x in inputs]
    assert all(isinstance(kernel, ability) for ability in (IntoKernel, PlainKernel, ExpressionKernel))
    with np.errstate(all="ignore"):
        (expected,) = fallback(request)(_CONTEXT, *inputs)
        (called,) = kernel(_CONTEXT, *inputs)
        buffer = np.full(np.shape(expected), 77, np.asarray(expected).dtype)
        kernel.into(_CONTEXT, (buffer,), *inputs)
        names = tuple(f"x{i}" for i in range(len(inputs)))
        source, objects = kernel.expression(names)
        assert all(name.startswith("_k_") for name in objects)
        plain = kernel.plain(*inputs)
        evaluated = eval(source, {**objects, **dict(zip(names, (x[()] for x in inputs), strict=True))})  # noqa: S307
    for found in (called, buffer, plain, evaluated):
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected), strict=True)
    assert np.asarray(called).flags.c_contiguous
    for x, kept in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("op_type", _UNARY)
def test_ufuncs_of_one_input(op_type: str, dtype: Any) -> None:
    """They agree with the generic kernels on every kind of array."""
    for x in _arrays(dtype):
        _check(_request(op_type, dtype, 1), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op_type", _UNARY_FORMULAS)
def test_formulas_of_one_input(op_type: str, dtype: Any) -> None:
    """They take the same steps as the generic kernels, by blocks or at once."""
    for x in _arrays(dtype):
        _check(_request(op_type, dtype, 1), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op_type", [*_BINARY, *_GRADIENTS])
def test_two_inputs(op_type: str, dtype: Any) -> None:
    """They agree with the generic kernels on arrays of one shape."""
    for x in _arrays(dtype):
        _check(_request(op_type, dtype, 2), x, np.asarray(x[..., ::-1] if x.ndim else x * 2))


@pytest.mark.parametrize("op_type", _BINARY)
def test_broadcasting(op_type: str) -> None:
    """Shapes that differ are broadcast, and those that do not fit are TensorFlow's error."""
    request = _request(op_type, np.float32, 2)
    x, row, column = _values((4, 6), np.float32), _values((6,), np.float32, 1), _values((4, 1), np.float32, 2)
    _check(request, x, row)
    _check(request, column, row)
    _check(request, x, _values((), np.float32))
    kernel: Any = overrides()[op_type](np, request)
    with pytest.raises(errors.InvalidArgumentError, match=r"Incompatible shapes: \[4,6\] vs. \[5\]"):
        kernel(_CONTEXT, x, row[:5])
    with pytest.raises(errors.InvalidArgumentError, match=r"Incompatible shapes: \[4,6\] vs. \[5\]"):
        kernel.into(_CONTEXT, (np.empty((4, 6), np.float32),), x, row[:5])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.complex64])
def test_other_numbers(dtype: Any) -> None:
    """Integers wrap around and complex numbers multiply as in the generic kernels."""
    x = np.arange(-4, 131).astype(dtype)
    for op_type in ("Add", "Sub", "Mul", "Equal"):
        _check(_request(op_type, dtype, 2), x, x[::-1])
        _check(_request(op_type, dtype, 2), x[-1:].reshape(()), x[-1:].reshape(()))
    for op_type in ("Neg", "Square"):
        _check(_request(op_type, dtype, 1), x)


def test_booleans() -> None:
    """Logic gives booleans, of scalars too."""
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    for op_type in ("LogicalAnd", "LogicalOr"):
        _check(_request(op_type, np.bool_, 2), x, y)
        _check(_request(op_type, np.bool_, 2), np.array(True), np.array(False))
    _check(_request("LogicalNot", np.bool_, 1), x)
    _check(_request("LogicalNot", np.bool_, 1), np.array(True))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
@pytest.mark.parametrize("count", [2, 4])
def test_sum_of_several(count: int, dtype: Any) -> None:
    """AddN adds from the left; different shapes are the generic kernel's error."""
    request = KernelRequest("AddN", "op", {}, (dtypes.as_dtype(dtype),) * count, (dtypes.as_dtype(dtype),))
    for x in _arrays(dtype):
        _check(request, *[x] * count)
    kernel: Any = overrides()["AddN"](np, request)
    with pytest.raises(errors.InvalidArgumentError, match="must have the same size and shape"):
        kernel(_CONTEXT, *[np.ones(3, dtype)] * (count - 1), np.ones(4, dtype))


@pytest.mark.parametrize("source", [np.bool_, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("target", [np.bool_, np.uint8, np.float16, np.float64, np.complex64])
def test_cast(source: Any, target: Any) -> None:
    """Casts give the generic kernel's numbers."""
    request = KernelRequest("Cast", "op", {}, (dtypes.as_dtype(source),), (dtypes.as_dtype(target),))
    for x in (np.array([[0, 1, 7], [2, 3, 100]]).astype(source), np.array(3).astype(source)):
        _check(request, x)
        _check(request, x.T)


def test_strings_and_halves_are_left_to_the_generic_kernels() -> None:
    """What is not NumPy's own dtype, or needs widening, has no override."""
    for op_type, dtype in (("Add", dtypes.string), ("Add", dtypes.bfloat16), ("Sigmoid", dtypes.float16)):
        request = KernelRequest(op_type, "op", {}, (dtype, dtype), (dtype,))
        assert overrides()[op_type](np, request) is None
