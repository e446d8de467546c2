"""Update kernels of numpy-cpu against the generic ones: in place and into a fresh buffer, to the bit."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from holdfast import dtypes, errors
from holdfast.contracts import KernelRequest
from holdfast.kernels.catalogue import load_kernels
from holdfast_numpy.kernels.catalogue import overrides
from holdfast_numpy.kernels.registry import fallback
from holdfast_numpy.kernels.rows import change_rows, find_turns, put_rows

load_kernels()

_CONTEXT: Any = None
_SHAPES = ((), (0, 3), (5, 7), ((1 << 17) + 5,))
_FLOATS = (np.float16, np.float32, np.float64)
_each_dtype = pytest.mark.parametrize("dtype", _FLOATS)


def _draw(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> NDArray[Any]:
    return np.asarray(np.abs(np.random.default_rng(seed).normal(0, 1, shape)).astype(dtype))


def _kernels(op_type: str, attrs: dict[str, Any], *inputs: Any) -> tuple[Any, Any]:
    """Return the kernel that a device would use and the generic one."""
    kinds = tuple(dtypes.as_dtype(x.dtype) for x in inputs)
    request = KernelRequest(op_type, "op", attrs, kinds, kinds[:1])
    return overrides()[op_type](np, request) or fallback(request), fallback(request)


def _check(op_type: str, attrs: dict[str, Any], variables: list[NDArray[Any]], *inputs: Any) -> None:
    """Compare in place and into fresh buffers; what is held and what is given must stay as it is."""
    kernel, generic = _kernels(op_type, attrs, *variables, *inputs)
    expected = tuple(x.copy() for x in variables)
    before = [np.array(x) for x in inputs]
    generic.update(_CONTEXT, expected, expected, *inputs)
    current = tuple(x.copy() for x in variables)
    assert kernel.update(_CONTEXT, current, current, *inputs) == ()
    held, fresh = tuple(x.copy() for x in variables), tuple(np.full_like(x, 77) for x in variables)
    kernel.update(_CONTEXT, held, fresh, *inputs)
    for *found, want, kept, variable in zip(current, fresh, expected, held, variables, strict=True):
        np.testing.assert_array_equal(found[0], want, strict=True)
        np.testing.assert_array_equal(found[1], want, strict=True)
        np.testing.assert_array_equal(kept, variable)
    for x, value in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, value)


@_each_dtype
@pytest.mark.parametrize("shape", _SHAPES)
def test_gradient_descent(shape: tuple[int, ...], dtype: Any) -> None:
    """Scalars, nothing, small variables and several blocks; gradients in any order."""
    var, delta = _draw(shape, dtype), _draw(shape, dtype, 1)
    _check("ApplyGradientDescent", {}, [var], dtype(0.1), delta)
    _check("ApplyGradientDescent", {}, [var], np.array(0.1, dtype), np.array(delta, order="F"))


@_each_dtype
@pytest.mark.parametrize("shape, nesterov", list(itertools.product(_SHAPES, (False, True))))
def test_momentum(shape: tuple[int, ...], nesterov: bool, dtype: Any) -> None:
    """With and without Nesterov's step ahead."""
    variables = [_draw(shape, dtype, i) for i in range(2)]
    _check("ApplyMomentum", {"use_nesterov": nesterov}, variables, dtype(0.1), _draw(shape, dtype, 3), dtype(0.9))


@_each_dtype
@pytest.mark.parametrize("shape, nesterov", list(itertools.product(_SHAPES, (False, True))))
def test_adam(shape: tuple[int, ...], nesterov: bool, dtype: Any) -> None:
    """With and without Nesterov's step ahead."""
    variables = [_draw(shape, dtype, i) for i in range(3)]
    rates = [dtype(value) for value in (0.9, 0.99, 0.01, 0.9, 0.99, 1e-3)]
    _check("ApplyAdam", {"use_nesterov": nesterov}, variables, *rates, _draw(shape, dtype, 3))


def test_steps_refuse_what_does_not_fit() -> None:
    """The errors are the generic kernel's, and nothing is written."""
    var, lr = np.ones((2, 3), np.float32), np.float32(0.5)
    for inputs in ((lr, np.ones((3, 2), np.float32)), (np.ones(2, np.float32), np.ones((2, 3), np.float32))):
        kernel, _ = _kernels("ApplyGradientDescent", {}, var, *inputs)
        with pytest.raises(errors.InvalidArgumentError):
            kernel.update(_CONTEXT, (var,), (var,), *inputs)
    assert (var == 1).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float16, np.float32, np.complex64])
@pytest.mark.parametrize("op_type", ["AssignAdd", "AssignSub"])
def test_assign_add_and_sub(op_type: str, dtype: Any) -> None:
    """Whole variables; nothing is broadcast."""
    for shape in ((), (0,), (3, 4)):
        _check(op_type, {}, [_draw(shape, dtype)], _draw(shape, dtype, 1))
    kernel, _ = _kernels(op_type, {}, np.ones(3, dtype), np.ones(1, dtype))
    with pytest.raises(errors.InvalidArgumentError, match="must be the same size"):
        kernel.update(_CONTEXT, (np.ones(3, dtype),), (np.ones(3, dtype),), np.ones(1, dtype))


@pytest.mark.parametrize("op_type", ["ScatterUpdate", "ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv"])
@pytest.mark.parametrize("rows, repeats", [(6, False), (6, True), (400, False), (400, True)])
def test_scatter(op_type: str, rows: int, repeats: bool) -> None:
    """Few rows and many, once or repeatedly, as a vector or a matrix of indices."""
    draws = np.random.default_rng(5)
    indices = draws.integers(0, rows // 3, rows) if repeats else draws.permutation(rows)
    for row, dtype in itertools.product(((), (5,), (2, 3)), (np.float32, np.float16, np.int32)):
        table, updates = _draw((rows, *row), dtype) + dtype(1), _draw((rows, *row), dtype, 1) + dtype(1)
        _check(op_type, {}, [table], indices.astype(np.int32), updates)
        _check(op_type, {}, [table], indices.reshape(2, -1), updates.reshape(2, -1, *row))
    _check(op_type, {}, [table], np.array([], np.int32), updates[:0])
    _check(op_type, {}, [table], np.array(2, np.int64), updates[0])


def test_scatter_refuses_rows_that_are_not_there() -> None:
    """The index is named, and nothing is written."""
    table, updates = np.zeros((3, 2), np.float32), np.ones((2, 2), np.float32)
    kernel, _ = _kernels("ScatterAdd", {}, table, np.array([0, 3]), updates)
    for bad in (3, -1):
        with pytest.raises(errors.InvalidArgumentError, match=rf"indices\[1\] = {bad} is not in \[0, 3\)"):
            kernel.update(_CONTEXT, (table,), (table,), np.array([0, bad]), updates)
    assert not table.any()


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("repeats", [False, True])
def test_sparse_momentum(repeats: bool, nesterov: bool) -> None:
    """Rows that a gradient names once or repeatedly."""
    indices = np.array([4, 1, 4] if repeats else [4, 1, 0], np.int32)
    for dtype, row in itertools.product(_FLOATS, ((), (3,), (2, 2))):
        variables = [_draw((6, *row), dtype, i) for i in range(2)]
        inputs = dtype(0.1), _draw((3, *row), dtype, 7), indices, dtype(0.9)
        _check("SparseApplyMomentum", {"use_nesterov": nesterov}, variables, *inputs)


@settings(max_examples=40)
@given(
    indices=st.lists(st.integers(0, 30), max_size=400),
    width=st.integers(1, 9),
    ufunc=st.sampled_from([np.add, np.subtract, np.multiply]),
)
def test_repeated_rows_change_one_after_the_other(indices: list[int], width: int, ufunc: np.ufunc) -> None:
    """The bits are those of ``ufunc.at``, however often a row comes."""
    table, at = _draw((31, width), np.float32), np.array(indices, np.int64)
    updates, expected = _draw((len(at), width), np.float32, 1), table.copy()
    ufunc.at(expected, at, updates)
    change_rows(table, at, updates, ufunc)
    np.testing.assert_array_equal(table, expected)


def test_other_byte_orders_are_read_as_numbers() -> None:
    """Feeds keep the byte order that they have."""
    table, swapped = np.ones((2, 3), np.float32), np.full((1, 3), 7, np.dtype(np.float32).newbyteorder())
    _check("ScatterUpdate", {}, [table], np.array([1]), swapped)
    _check("ScatterAdd", {}, [table], np.array([1], np.dtype(np.int32).newbyteorder()), swapped)
    kernel, _ = _kernels("ScatterAdd", {}, table, np.array([0], np.int32), swapped)
    with pytest.raises(errors.InvalidArgumentError, match="= 16777216 is not in"):
        # Its bytes read the other way round are a 1.
        kernel.update(_CONTEXT, (table,), (table,), np.array([1 << 24], np.dtype(np.int32).newbyteorder()), swapped)


def test_turns_name_each_row_once() -> None:
    """The most frequent row is in every turn; distinct indices need none."""
    assert find_turns(np.array([3, 1, 2])) is None
    assert find_turns(np.array([], np.int32)) is None
    turns = find_turns(np.array([7, 9, 7, 7, 9, 1]))
    assert turns is not None
    assert turns.indices.tolist() == [7, 9, 1]
    assert turns.sizes == [3, 2, 1]
    assert turns.order.tolist() == [0, 1, 5, 2, 4, 3]
    huge = find_turns(np.array([1 << 40, 5, 1 << 40]))
    assert huge is not None
    assert huge.order.tolist() == [0, 1, 2]


def test_rows_are_put_into_any_array() -> None:
    """Rows without elements, of one number, and in arrays that are not contiguous."""
    for table in (np.zeros((4, 0)), np.zeros((4, 6))[:, ::2], np.zeros((4, 3)), np.zeros(4)):
        rows = np.ones((2, *table.shape[1:]))
        put_rows(table, np.array([3, 1]), rows)
        assert table.sum() == rows.size
