"""Kernels of numpy-cpu that reduce, multiply, join, choose and reshape, against the generic ones."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes, errors
from holdfast.contracts import AliasingKernel, IntoKernel, KernelRequest
from holdfast.kernels.catalogue import load_kernels
from holdfast_numpy.kernels.catalogue import overrides
from holdfast_numpy.kernels.registry import fallback

load_kernels()

_CONTEXT: Any = None
_EXACT = 0.0


def _draw(*shape: int, dtype: Any = np.float32) -> NDArray[Any]:
    return np.asarray(np.random.default_rng(1).normal(0, 3, shape).astype(dtype))


def _i32(*values: int) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def _kernel(op_type: str, attrs: dict[str, Any], *inputs: Any, output: Any = None) -> tuple[Any, Any]:
    """Return the override and the generic kernel for inputs; the output has the first one's dtype if not told."""
    kinds = tuple(dtypes.as_dtype(x.dtype) for x in inputs)
    request = KernelRequest(op_type, "op", attrs, kinds, (kinds[0] if output is None else output,))
    return overrides()[op_type](np, request), fallback(request)


def _check(op_type: str, attrs: dict[str, Any], *inputs: Any, rtol: float = _EXACT, output: Any = None) -> None:
    """Compare the override with the generic kernel, by call, into a buffer and as an expression."""
    kernel, generic = _kernel(op_type, attrs, *inputs, output=output)
    names = tuple(f"x{i}" for i in range(len(inputs)))
    source, objects = kernel.expression(names)
    with np.errstate(all="ignore"):
        (expected,) = generic(_CONTEXT, *inputs)
        found = [kernel(_CONTEXT, *inputs)[0]]
        if isinstance(kernel, IntoKernel):
            found.append(np.full(np.shape(expected), 77, np.asarray(expected).dtype))
            kernel.into(_CONTEXT, (found[-1],), *inputs)
        found.append(kernel.plain(*inputs))
        found.append(eval(source, {**objects, **dict(zip(names, inputs, strict=True))}))  # noqa: S307
    for value in found:
        np.testing.assert_array_equal(value, found[0])
        np.testing.assert_allclose(np.asarray(value), np.asarray(expected), rtol=rtol, atol=rtol, strict=True)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", [(), (0,), (-1,), (0, 2), (2, 1, 0), (1, 1)])
@pytest.mark.parametrize("op_type", ["Sum", "Prod", "Mean", "Max", "Min"])
def test_reductions(op_type: str, axes: tuple[int, ...], keep: bool) -> None:
    """All axes, some, repeated ones and none: the generic kernel's bits, but where rows are added up by the BLAS."""
    for dtype in (np.float32, np.float64, np.int32, np.float16):
        x = _draw(4, 3, 5, dtype=dtype)
        rtol = 1e-6 if op_type == "Sum" and axes == (0,) and x.dtype.kind == "f" else _EXACT
        if overrides()[op_type](np, _reduction_request(op_type, x, keep)) is not None:
            _check(op_type, {"keep_dims": keep}, x, _i32(*axes), rtol=rtol)
            _check(op_type, {"keep_dims": keep}, x.transpose(2, 0, 1), _i32(*axes), rtol=rtol)
            _check(op_type, {"keep_dims": keep}, x[:0], _i32(*axes))


def _reduction_request(op_type: str, x: NDArray[Any], keep: bool) -> KernelRequest:
    kind = dtypes.as_dtype(x.dtype)
    return KernelRequest(op_type, "op", {"keep_dims": keep}, (kind, dtypes.int32), (kind,))


def test_reductions_of_scalars_and_booleans() -> None:
    """There is nothing to reduce in a scalar; booleans are combined."""
    _check("Sum", {"keep_dims": False}, np.float32(3), _i32())
    _check("Max", {"keep_dims": True}, np.array(3.0), np.array([], np.int64))
    for op_type, axes in itertools.product(("All", "Any"), ((0,), (0, 1), ())):
        _check(op_type, {"keep_dims": False}, _draw(4, 3) > 0, _i32(*axes))


def test_reduction_axes_are_read_by_value() -> None:
    """One array of axes with other contents at the next call is another reduction; a bad axis is refused."""
    kernel, _ = _kernel("Sum", {"keep_dims": False}, _draw(2, 3), _i32(0))
    x, axes = np.ones((2, 3), np.float32), _i32(0)
    assert kernel(_CONTEXT, x, axes)[0].tolist() == [2, 2, 2]
    axes[0] = 1
    assert kernel(_CONTEXT, x, axes)[0].tolist() == [3, 3]
    with pytest.raises(errors.InvalidArgumentError, match="Invalid reduction dimension"):
        kernel(_CONTEXT, x, _i32(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("turned", list(itertools.product((False, True), repeat=2)))
def test_matmul(turned: tuple[bool, bool], dtype: Any) -> None:
    """Every combination of transposes, views and sizes down to nothing."""
    attrs = {"transpose_a": turned[0], "transpose_b": turned[1]}
    for n, k, m in ((3, 4, 2), (1, 5, 1), (7, 1, 6), (0, 3, 2), (3, 0, 2)):
        a, b = _draw(n, k, dtype=dtype), _draw(k, m, dtype=dtype)
        a, b = a.T.copy() if turned[0] else a, b.T.copy() if turned[1] else b
        _check("MatMul", attrs, a, b, rtol=1e-5)
        _check("MatMul", attrs, np.asfortranarray(a), np.repeat(b, 2, 0)[::2], rtol=1e-5)


def test_matmul_refuses_what_does_not_fit() -> None:
    """The errors are the generic kernel's."""
    kernel, _ = _kernel("MatMul", {"transpose_a": False, "transpose_b": False}, _draw(2, 3), _draw(3, 2))
    buffer = np.empty((2, 2), np.float32)
    for a, b, message in (
        (_draw(2, 3), _draw(2, 3), "Matrix size-incompatible: In\\[0\\]: \\[2,3\\]"),
        (_draw(3), _draw(3, 2), "In\\[0\\] is not a matrix"),
    ):
        with pytest.raises(errors.InvalidArgumentError, match=message):
            kernel(_CONTEXT, a, b)
        with pytest.raises(errors.InvalidArgumentError, match=message):
            kernel.into(_CONTEXT, (buffer,), a, b)


@pytest.mark.parametrize("adjoints", list(itertools.product((False, True), repeat=2)))
def test_batch_matmul(adjoints: tuple[bool, bool]) -> None:
    """Batches of products, with adjoints."""
    x, y = _draw(2, 3, 4, 5), _draw(2, 3, 5, 6)
    x, y = x.mT.copy() if adjoints[0] else x, y.mT.copy() if adjoints[1] else y
    _check("BatchMatMul", {"adj_x": adjoints[0], "adj_y": adjoints[1]}, x, y, rtol=1e-5)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_gather(index: Any) -> None:
    """Indices of any shape, along any axis, out of a view too."""
    params = _draw(5, 4, 3)
    for indices in (np.array([4, 0, 4], index), np.array([[1], [2]], index), index(3), np.array([], index)):
        _check("Gather", {}, params, indices)
        for axis in (0, 1, -1):
            _check("GatherV2", {}, params, indices % 3, np.array(axis, np.int32))
        _check("Gather", {}, params[::-1, ::2], indices)
    kernel, _ = _kernel("Gather", {}, params, _i32(0))
    for bad in (5, -1):
        with pytest.raises(errors.InvalidArgumentError, match=rf"indices\[1\] = {bad} is not in \[0, 5\)"):
            kernel(_CONTEXT, params, _i32(0, bad))


def test_segment_sum() -> None:
    """Rows add up by their keys, repeated ones in their order."""
    data, keys = _draw(600, 5), np.random.default_rng(2).integers(0, 40, 600).astype(np.int32)
    for rows, segments in ((data, keys), (data[:40], np.arange(40)[::-1]), (data[:3], keys[:3]), (data[:0], keys[:0])):
        _check("UnsortedSegmentSum", {}, rows, segments.astype(np.int32), np.array(40, np.int32))
    kernel, _ = _kernel("UnsortedSegmentSum", {}, data, keys, np.int32(40))
    with pytest.raises(errors.InvalidArgumentError, match=r"is out of range \[0, 10\)"):
        kernel(_CONTEXT, data, keys, np.array(10, np.int32))


def test_joining() -> None:
    """Arrays are joined along an axis, old or new; what does not fit is the generic kernel's error."""
    x, y = _draw(2, 3), _draw(2, 5)
    _check("ConcatV2", {}, x, y, x.T.copy().T, np.array(-1, np.int32))
    for axis in (0, 1, -1):
        _check("Pack", {"axis": axis}, x, x.T.reshape(2, 3), x[::-1])
    kernel, _ = _kernel("ConcatV2", {}, x, y, np.int32(0))
    with pytest.raises(errors.InvalidArgumentError, match="should match"):
        kernel.into(_CONTEXT, (np.empty((4, 3), np.float32),), x, y, np.array(0, np.int32))


def test_views_stay_views() -> None:
    """Reshape and Transpose share memory where NumPy can, and say so."""
    x = _draw(2, 3, 4)
    for shape in ((-1,), (6, 4), (2, -1, 2), (24,), (1, 2, 3, 4)):
        _check("Reshape", {}, x, _i32(*shape))
    for perm in ((0, 1, 2), (2, 0, 1), (-1, 0, 1)):
        _check("Transpose", {}, x, _i32(*perm))
    for dim in (0, 2, -1, -4):
        _check("ExpandDims", {}, x.transpose(2, 0, 1), np.array(dim, np.int32))
    _check("Reshape", {}, x[:0], _i32(0, 7))
    _check("ExpandDims", {}, np.float32(3), _i32(0))
    _check("Reshape", {}, np.float32(3), _i32())
    _check("Transpose", {}, np.float32(3), _i32())
    for op_type, argument in (("Reshape", _i32(6, 4)), ("Transpose", _i32(1, 0, 2)), ("ExpandDims", _i32(1))):
        kernel, _ = _kernel(op_type, {}, x, argument)
        assert np.shares_memory(kernel(_CONTEXT, x, argument)[0], x)
        assert isinstance(kernel, AliasingKernel)
        assert kernel.aliases == {0: (0,)}


@pytest.mark.parametrize(
    "op_type, argument, message",
    [
        ("Reshape", (5, 5), "Input to reshape is a tensor with 24 values, but the requested shape has 25"),
        ("Reshape", (-1, -1), "Only one input size may be -1, not both 0 and 1"),
        ("Reshape", (-2, 12), "Size 0 must be non-negative, not -2"),
        ("Reshape", (-1, 5), "the requested shape requires a multiple of 5"),
        ("Transpose", (0, 1), "transpose expects a vector of size 3"),
        ("Transpose", (0, 0, 1), "2 is missing from"),
        ("ExpandDims", (4,), "Tried to expand dim index 4 for tensor with 3 dimensions"),
        ("ExpandDims", (0, 1), "'dim' must be a tensor with a single value, got 2"),
    ],
)
def test_views_refuse_what_does_not_fit(op_type: str, argument: tuple[int, ...], message: str) -> None:
    """The errors are the generic kernels'."""
    kernel, _ = _kernel(op_type, {}, _draw(2, 3, 4), _i32(*argument))
    with pytest.raises(errors.InvalidArgumentError, match=message):
        kernel(_CONTEXT, _draw(2, 3, 4), _i32(*argument))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.complex64])
@pytest.mark.parametrize("shape", [(), (3, 4), (60, 50), (400, 300)])
def test_select(shape: tuple[int, ...], dtype: Any) -> None:
    """Elements of one or the other, to the bit, whole rows and other orders too."""
    x, y = _draw(*shape, dtype=dtype), _draw(*shape, dtype=dtype) * 2
    mask = np.asarray(_draw(*shape) > 0)
    if x.size > 2:
        x.reshape(-1)[:3] = [np.inf, np.nan, -0.0] if np.dtype(dtype).kind == "f" else [0, 1, 2]
    if overrides()["Select"](np, _select_request(x)) is not None:
        _check("Select", {}, mask, x, y, output=dtypes.as_dtype(dtype))
        _check("Select", {}, mask.T, x.T, y.T, output=dtypes.as_dtype(dtype))
        if shape:
            _check("Select", {}, mask[:, 0], x, y, output=dtypes.as_dtype(dtype))


def _select_request(x: NDArray[Any]) -> KernelRequest:
    kind = dtypes.as_dtype(x.dtype)
    return KernelRequest("Select", "op", {}, (dtypes.bool, kind, kind), (kind,))


def test_fill_and_shape() -> None:
    """Arrays of one number and of sizes; a negative size is refused."""
    for value in (np.float32(3), np.array(2), np.bool_(1)):
        for dims in (_i32(), _i32(2, 3), _i32(0, 4)):
            _check("Fill", {}, dims, value, output=dtypes.as_dtype(value.dtype))
    for x in (_draw(2, 3), _draw(0), np.float32(1)):
        _check("Shape", {}, x, output=dtypes.int64)
    kernel, _ = _kernel("Fill", {}, _i32(1), np.float32(1), output=dtypes.float32)
    with pytest.raises(errors.InvalidArgumentError, match="Dimension -1 must be >= 0"):
        kernel(_CONTEXT, _i32(-1), np.float32(1))


@pytest.mark.parametrize("op_type", ["FloorDiv", "FloorMod"])
def test_integer_division(op_type: str) -> None:
    """By numbers and by arrays; zero is refused, and shapes that do not fit."""
    x = np.array([[7, -7, 0], [8, -1, 3]], np.int32)
    for y in (np.array(3, np.int32), np.int32(-2), _i32(1, -2, 3), x + np.int32(20)):
        _check(op_type, {}, x, y)
        _check(op_type, {}, np.int32(-7), y)
    kernel, _ = _kernel(op_type, {}, x, x)
    for bad, message in ((np.int32(0), "Integer division by zero"), (_i32(1, 0, 2), "Integer division by zero")):
        with pytest.raises(errors.InvalidArgumentError, match=message):
            kernel(_CONTEXT, x, bad)
    with pytest.raises(errors.InvalidArgumentError, match="Incompatible shapes"):
        kernel(_CONTEXT, x, _i32(1, 2))
