from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.kernels.catalogue import load_kernels
from holdfast.kernels.registry import GENERIC
from holdfast.ops.broadcasting import broadcast_dims

DIMS = st.lists(st.sampled_from([0, 1, 2, 3]), max_size=4).map(tuple)


def _fits(x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(x, y)
    except ValueError:
        return None


@given(DIMS, DIMS)
def test_the_static_rule_is_numpys(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Known shapes broadcast exactly where NumPy's do, to the same shape."""
    expected = _fits(x, y)
    if expected is None:
        with pytest.raises(ValueError, match=r"^Dimensions must be equal, but are \d and \d$"):
            broadcast_dims(x, y)
    else:
        assert broadcast_dims(x, y) == expected


@given(DIMS, DIMS, st.data())
def test_unknown_sizes_promise_nothing_wrong(x: tuple[int, ...], y: tuple[int, ...], data: st.DataObject) -> None:
    """With some sizes unknown, what is said of the result holds for the sizes that they turn out to have."""
    expected = _fits(x, y)
    if expected is None:
        return
    hide = [tuple(None if data.draw(st.booleans()) else size for size in shape) for shape in (x, y)]
    said = broadcast_dims(*hide)
    assert len(said) == len(expected)
    assert all(size is None or size == found for size, found in zip(said, expected, strict=True))


@given(DIMS, DIMS)
def test_gradients_have_the_shapes_of_their_inputs(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Summing over the axes of BroadcastGradientArgs, then reshaping, undoes broadcasting."""
    shape = _fits(x, y)
    if shape is None:
        return
    load_kernels()
    kinds = (dtypes.int32, dtypes.int32)
    kernel: Any = GENERIC["BroadcastGradientArgs"](np, KernelRequest("BroadcastGradientArgs", "node", {}, kinds, kinds))
    axes = kernel(None, np.array(x, np.int32), np.array(y, np.int32))
    grad = np.ones(shape)
    for found, own in zip(axes, (x, y), strict=True):
        total = grad.sum(axis=tuple(found.tolist())).reshape(own)
        assert (total == grad.size / max(total.size, 1)).all()
