from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.graph import Graph
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder_with_default
from holdfast.ops.strided import SliceSpec, resolve, static_shape
from holdfast.runtime import Session

SHAPE = (4, 3, 5)
X = np.arange(60).reshape(SHAPE)

_ends = st.none() | st.integers(-7, 7)
_steps = st.none() | st.integers(-3, 3).filter(bool)
_slices = st.builds(slice, _ends, _ends, _steps)


@st.composite
def keys(draw: st.DrawFn) -> tuple[Any, ...]:
    """Draw an index that fits an array of SHAPE: integers, slices, new axes and at most one ellipsis."""
    axes = draw(st.lists(st.sampled_from(range(3)), max_size=3, unique=True).map(sorted))
    count = len(axes)
    items: list[Any] = [
        draw(st.integers(-SHAPE[i], SHAPE[i] - 1) | _slices) if i < count else None for i in range(count)
    ]
    if draw(st.booleans()):
        # After an ellipsis the axes are those at the end.
        at = draw(st.integers(0, count))
        for i in range(at, count):
            axis = 3 - count + i
            items[i] = draw(st.integers(-SHAPE[axis], SHAPE[axis] - 1) | _slices)
        items.insert(at, Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    return tuple(items)


@given(keys())
def test_indexing_is_numpys(key: tuple[Any, ...]) -> None:
    """Any index gives NumPy's values, with and without a static shape, and the static shape is right."""
    expected = X[key]
    with Graph().as_default():
        known = constant(X)[key]
        unknown = placeholder_with_default(constant(X), None)[key]
        assert tuple(known.shape.as_list()) == expected.shape
        with Session() as session:
            for found in session.run([known, unknown]):
                np.testing.assert_array_equal(found, expected)
                assert found.shape == expected.shape


@st.composite
def specs(draw: st.DrawFn) -> SliceSpec:
    """Draw vectors and masks as an op may have them."""
    count = draw(st.integers(0, 4))
    numbers = st.lists(st.integers(-6, 6), min_size=count, max_size=count)
    strides = st.lists(st.integers(-2, 2).filter(bool), min_size=count, max_size=count)
    masks = st.integers(0, 2**count - 1 if count else 0)
    ellipsis = draw(st.sampled_from([0, *(1 << i for i in range(count))]))
    return SliceSpec(
        draw(numbers), draw(numbers), draw(strides), draw(masks), draw(masks), ellipsis, draw(masks), draw(masks)
    )


@given(specs(), st.sampled_from([SHAPE, (4,), (0, 2), ()]), st.data())
def test_what_is_known_statically_is_right(spec: SliceSpec, shape: tuple[int, ...], data: st.DataObject) -> None:
    """With sizes and numbers hidden, the static shape says nothing wrong, and fails only where the slice does."""
    hide = st.lists(st.booleans(), min_size=8, max_size=8)

    def hidden(values: Any) -> tuple[int | None, ...]:
        return tuple(None if away else value for value, away in zip(values, data.draw(hide), strict=False))

    part = SliceSpec(
        hidden(spec.begin),
        hidden(spec.end),
        spec.strides,
        spec.begin_mask,
        spec.end_mask,
        spec.ellipsis_mask,
        spec.new_axis_mask,
        spec.shrink_axis_mask,
    )
    try:
        index, dims = resolve(spec, shape)
    except ValueError:
        return
    known = static_shape(part, hidden(shape))
    assert len(known) == len(dims)
    assert all(guess in {None, size} for guess, size in zip(known, dims, strict=True))
    assert np.zeros(shape)[index].size == np.prod(dims, dtype=int)
