from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from holdfast import dtypes
from holdfast.graph import Graph
from holdfast.ops.array_values import as_array
from holdfast.ops.constants import constant
from holdfast.ops.joining import concat
from holdfast.ops.reshaping import reshape, transpose
from holdfast.ops.splitting import split
from holdfast.ops.stacking import stack, unstack
from holdfast.runtime import Session

_values = arrays.arrays(np.int64, arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))


def _run(build: Any) -> Any:
    with Graph().as_default():
        tensor = build()
        with Session() as session:
            return session.run(tensor)


@given(_values, st.data())
def test_split_undoes_concat(value: Any, data: st.DataObject) -> None:
    """Parts of any sizes, joined, are the whole."""
    axis = data.draw(st.integers(-value.ndim, value.ndim - 1))
    size = value.shape[axis]
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=3)))
    sizes = np.diff([0, *cuts, size]).tolist()
    np.testing.assert_array_equal(_run(lambda: concat(split(constant(value), sizes, axis), axis)), value)
    for ours, theirs in zip(
        _run(lambda: split(constant(value), sizes, axis)), np.split(value, cuts, axis), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@given(_values, st.data())
def test_unstack_undoes_stack(value: Any, data: st.DataObject) -> None:
    """Slices along any axis, stacked there again, are the whole."""
    axis = data.draw(st.integers(-value.ndim, value.ndim - 1))
    np.testing.assert_array_equal(_run(lambda: stack(unstack(constant(value), axis=axis), axis)), value)


@given(_values, st.data())
def test_reshape_and_transpose_are_numpys(value: Any, data: st.DataObject) -> None:
    """Any order of the axes, flattened with one size left open, gives NumPy's values."""
    order = data.draw(st.permutations(range(value.ndim)))
    expected = value.transpose(order).reshape(value.shape[order[0]], -1)
    np.testing.assert_array_equal(
        _run(lambda: reshape(transpose(constant(value), order), [value.shape[order[0]], -1])), expected
    )


_numbers = st.integers(-(2**40), 2**40) | st.booleans() | st.floats(width=32, allow_nan=False)


@given(st.lists(_numbers, min_size=1, max_size=5))
def test_dtypes_of_lists(values: list[Any]) -> None:
    """A list is bool, int32, int64 or float32: the first that holds all of its elements."""
    found = dtypes.as_dtype(as_array(values).dtype)
    if any(isinstance(value, float) for value in values):
        assert found is dtypes.float32
    elif all(isinstance(value, bool) for value in values):
        assert found is dtypes.bool
    else:
        assert found is (dtypes.int32 if all(-(2**31) <= value < 2**31 for value in values) else dtypes.int64)
    np.testing.assert_array_equal(as_array(values), np.array(values, found.as_numpy_dtype))
