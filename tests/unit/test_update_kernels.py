"""Update kernels: right in place and into a fresh buffer, with NumPy and with the bare array API."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.contracts import KernelRequest, UpdateKernel
from holdfast.kernels import registry
from holdfast.kernels.catalogue import load_kernels

load_kernels()

_NAMESPACES = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "array_api_strict"])
_IN_PLACE = pytest.mark.parametrize("in_place", [True, False], ids=["in place", "fresh buffer"])


def _kernel(xp: Any, op_type: str, dtype: dtypes.DType, inputs: int, **attrs: Any) -> UpdateKernel:
    """Return the kernel of an op whose inputs all have one dtype."""
    request = KernelRequest(op_type, "op", attrs, (dtype,) * inputs, (dtype,))
    factory = registry.GENERIC.get(op_type)
    kernel = factory(xp, request) if factory is not None else registry.HOST[op_type](request)
    assert isinstance(kernel, UpdateKernel)
    return kernel


def _update(kernel: UpdateKernel, xp: Any, variables: list[Any], *inputs: Any, in_place: bool) -> list[Any]:
    """Run a kernel and return the new values; held values must stay as they are."""
    current = tuple(xp.asarray(v.copy()) for v in variables)
    kept = [np.array(v) for v in variables]
    out = current if in_place else tuple(xp.full(c.shape, 99, dtype=c.dtype) for c in current)
    context: Any = None
    returned = kernel.update(context, current, out, *(xp.asarray(value) for value in inputs))
    if not in_place:
        for before, now in zip(kept, current, strict=True):
            np.testing.assert_array_equal(np.asarray(now), before)
    return [*map(np.asarray, out), *map(np.asarray, returned)]


@_NAMESPACES
@_IN_PLACE
def test_add_and_subtract(xp: Any, in_place: bool) -> None:
    """Both give NumPy's sums, scalars included."""
    start, value = np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])
    add, sub = (_kernel(xp, name, dtypes.float64, 2) for name in ("AssignAdd", "AssignSub"))
    assert _update(add, xp, [start], value, in_place=in_place)[0].tolist() == [[11.0, 22.0]]
    assert _update(sub, xp, [start], value, in_place=in_place)[0].tolist() == [[-9.0, -18.0]]
    assert _update(add, xp, [np.array(1.0)], np.array(2.0), in_place=in_place)[0] == 3.0


@_NAMESPACES
@_IN_PLACE
def test_count_up_to(xp: Any, in_place: bool) -> None:
    """The old value is returned, the new one written; at the limit neither."""
    kernel = _kernel(xp, "CountUpTo", dtypes.int64, 1, limit=4)
    assert _update(kernel, xp, [np.array(3)], in_place=in_place) == [4, 3]
    with pytest.raises(errors.OutOfRangeError, match="Reached limit of 4"):
        _update(kernel, xp, [np.array(4)], in_place=in_place)


@_IN_PLACE
def test_scatter_touches_only_its_rows(in_place: bool) -> None:
    """Equal indices add up; all other rows are what they were."""
    kernel = _kernel(np, "ScatterAdd", dtypes.float32, 3)
    start = np.arange(8, dtype=np.float32).reshape(4, 2)
    rows = np.array([2, 0, 2]), np.array([[1, 1], [2, 2], [3, 3]], np.float32)
    result = _update(kernel, np, [start], *rows, in_place=in_place)[0]
    assert result.tolist() == [[2.0, 3.0], [2.0, 3.0], [8.0, 9.0], [6.0, 7.0]]


def test_no_rows_are_no_change() -> None:
    """Empty indices are legal."""
    for op_type in ("ScatterUpdate", "ScatterAdd", "ScatterDiv"):
        kernel = _kernel(np, op_type, dtypes.int32, 3)
        none = np.zeros(0, np.int32), np.zeros((0, 2), np.int32)
        assert _update(kernel, np, [np.ones((3, 2), np.int32)], *none, in_place=True)[0].tolist() == [[1, 1]] * 3


@_NAMESPACES
@_IN_PLACE
def test_gradient_descent(xp: Any, in_place: bool) -> None:
    """The step is alpha times delta."""
    kernel = _kernel(xp, "ApplyGradientDescent", dtypes.float64, 3)
    result = _update(kernel, xp, [np.array([1.0, 2.0])], np.array(0.5), np.array([2.0, 4.0]), in_place=in_place)
    assert result[0].tolist() == [0.0, 0.0]


@_NAMESPACES
@_IN_PLACE
@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(xp: Any, in_place: bool, nesterov: bool) -> None:
    """The slot moves first, the variable by it (and, with Nesterov, by the gradient too)."""
    kernel = _kernel(xp, "ApplyMomentum", dtypes.float64, 5, use_nesterov=nesterov)
    variables = [np.array([1.0]), np.array([4.0])]
    result = _update(kernel, xp, variables, np.array(0.1), np.array([2.0]), np.array(0.5), in_place=in_place)
    np.testing.assert_allclose(result[1], [4.0], rtol=1e-15)
    np.testing.assert_allclose(result[0], [1.0 - 0.2 - 0.2] if nesterov else [1.0 - 0.4], rtol=1e-15)


@_NAMESPACES
@_IN_PLACE
@pytest.mark.parametrize("nesterov", [False, True])
def test_adam(xp: Any, in_place: bool, nesterov: bool) -> None:
    """Averages and step follow the formula."""
    kernel = _kernel(xp, "ApplyAdam", dtypes.float64, 10, use_nesterov=nesterov)
    var, m, v, grad = np.array([1.0, 2.0]), np.array([0.5, 0.0]), np.array([0.25, 0.0]), np.array([0.1, -3.0])
    scalars = [np.array(s) for s in (0.81, 0.99, 0.01, 0.9, 0.995, 1e-8)]
    result = _update(kernel, xp, [var, m, v], *scalars, grad, in_place=in_place)
    new_m, new_v = 0.9 * m + 0.1 * grad, 0.995 * v + 0.005 * grad**2
    step = 0.9 * new_m + 0.1 * grad if nesterov else new_m
    rate = 0.01 * np.sqrt(1 - 0.99) / (1 - 0.81)
    np.testing.assert_allclose(result[1], new_m, rtol=1e-14)
    np.testing.assert_allclose(result[2], new_v, rtol=1e-14)
    np.testing.assert_allclose(result[0], var - rate * step / (np.sqrt(new_v) + 1e-8), rtol=1e-14)


@_IN_PLACE
def test_sparse_momentum(in_place: bool) -> None:
    """Equal indices are steps one after the other; rows that are not named keep value and momentum."""
    kernel = _kernel(np, "SparseApplyMomentum", dtypes.float64, 6, use_nesterov=False)
    variables = [np.zeros((3, 2)), np.ones((3, 2))]
    inputs = np.array(0.1), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 1]), np.array(0.1)
    var, accum = _update(kernel, np, variables, *inputs, in_place=in_place)
    np.testing.assert_allclose(accum, [[1.0, 1.0], [3.11, 4.21], [1.0, 1.0]], rtol=1e-14)
    np.testing.assert_allclose(var, [[0.0, 0.0], [-0.421, -0.631], [0.0, 0.0]], rtol=1e-14)


_ONE, _TWO = np.array(1.0), np.array([1.0, 2.0])


@pytest.mark.parametrize(
    "op_type, variables, inputs, message",
    [
        ("ApplyGradientDescent", 1, [_ONE, np.ones(3)], r"var and delta do not have the same shape\[2\] \[3\]"),
        ("ApplyGradientDescent", 1, [np.ones(3), _TWO], r"alpha is not a scalar: \[3\]"),
        ("ApplyMomentum", 2, [_ONE, np.ones(3), _ONE], r"var and grad do not have the same shape\[2\] \[3\]"),
        ("ApplyMomentum", 2, [_ONE, _TWO, np.ones(3)], r"momentum is not a scalar: \[3\]"),
        ("ApplyAdam", 3, [*[_ONE] * 6, np.ones(3)], r"var and grad do not have the same shape\[2\] \[3\]"),
        ("ApplyAdam", 3, [_ONE, _ONE, np.ones(3), _ONE, _ONE, _ONE, _TWO], r"lr is not a scalar: \[3\]"),
    ],
)
def test_steps_check_before_they_write(op_type: str, variables: int, inputs: list[Any], message: str) -> None:
    """What does not fit is refused, and the variables are left alone."""
    kernel = _kernel(np, op_type, dtypes.float64, variables + len(inputs), use_nesterov=False)
    current = tuple(np.ones(2) for _ in range(variables))
    context: Any = None
    with pytest.raises(errors.InvalidArgumentError, match=message):
        kernel.update(context, current, current, *inputs)
    assert all(values.tolist() == [1.0, 1.0] for values in current)


@pytest.mark.parametrize(
    "grad, indices, message",
    [
        (np.ones((1, 2)), [7], r"indices\[0\] = 7 is not in \[0, 3\)"),
        (np.ones((1, 2)), [0, 1], "grad must be the same size as indices in the first dimension"),
        (np.ones((1, 3)), [0], "var and grad must match in dimension 1"),
        (np.ones((1, 2)), [[0]], "indices must be one-dimensional"),
    ],
)
def test_sparse_steps_check_before_they_write(grad: Any, indices: Any, message: str) -> None:
    """Rows, gradient and slot must fit."""
    kernel = _kernel(np, "SparseApplyMomentum", dtypes.float64, 6, use_nesterov=False)
    current = np.zeros((3, 2)), np.zeros((3, 2))
    context: Any = None
    with pytest.raises(errors.InvalidArgumentError, match=message):
        kernel.update(context, current, current, _ONE, grad, np.array(indices), _ONE)
    assert not current[0].any()
    assert not current[1].any()
