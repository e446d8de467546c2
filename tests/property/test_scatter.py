"""Scatter updates against a loop over the indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest, UpdateKernel
from holdfast.kernels import registry
from holdfast.kernels.catalogue import load_kernels

load_kernels()

_ROWS = 5
_STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "ScatterUpdate": lambda old, new: new,
    "ScatterAdd": np.add,
    "ScatterSub": np.subtract,
    "ScatterMul": np.multiply,
    "ScatterDiv": lambda old, new: np.trunc(old / new),
}


@st.composite
def _updates(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw indices with repetitions, and a row of small integers, none zero, for each."""
    indices = draw(st.lists(st.integers(0, _ROWS - 1), max_size=12))
    values = st.integers(-4, 4).filter(bool)
    rows = draw(st.lists(st.tuples(values, values), min_size=len(indices), max_size=len(indices)))
    return np.array(indices, np.int64), np.array(rows, np.int64).reshape(len(indices), 2)


@pytest.mark.parametrize("op_type", sorted(_STEPS))
@given(updates=_updates(), in_place=st.booleans())
def test_a_scatter_is_a_loop_over_its_rows(
    op_type: str, updates: tuple[NDArray[Any], NDArray[Any]], in_place: bool
) -> None:
    """In place or not, with repeated indices or without: each index counts once, in order."""
    indices, rows = updates
    dtype = dtypes.int64
    kernel = registry.HOST[op_type](KernelRequest(op_type, "op", {}, (dtype, dtype, dtype), (dtype,)))
    assert isinstance(kernel, UpdateKernel)
    start = np.arange(-5, 5).reshape(_ROWS, 2) * 7
    expected = start.copy()
    for index, row in zip(indices, rows, strict=True):
        expected[index] = _STEPS[op_type](expected[index], row)
    current = start.copy()
    out = current if in_place else np.full_like(start, 99)
    context: Any = None
    kernel.update(context, (current,), (out,), indices, rows)
    np.testing.assert_array_equal(out, expected)
    if not in_place:
        np.testing.assert_array_equal(current, start)
