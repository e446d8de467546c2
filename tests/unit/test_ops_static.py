from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes
from holdfast.graph import Tensor, get_default_graph
from holdfast.ops import joining, sequences, shape_queries, stacking
from holdfast.ops.casting import cast
from holdfast.ops.comparison import equal, not_equal
from holdfast.ops.constants import constant
from holdfast.ops.identities import identity, placeholder
from holdfast.ops.static import constant_value, constant_value_as_shape, smart_constant_value


def _x() -> Tensor:
    return placeholder(dtypes.float32, [2, 3])


def _partial() -> Tensor:
    return placeholder(dtypes.float32, [2, None, 3])


KNOWN: dict[str, tuple[Callable[[], Tensor], Any]] = {
    "Const": (lambda: constant([3, 4]), [3, 4]),
    "Shape": (lambda: shape_queries.shape_internal(_x(), optimize=False), [2, 3]),
    "ShapeN": (lambda: shape_queries.shape_n([_x(), _x()])[1], [2, 3]),
    "Size": (lambda: shape_queries.size_internal(_x(), optimize=False), 6),
    "Rank": (lambda: shape_queries.rank_internal(_partial(), optimize=False), 3),
    "Range": (lambda: sequences.range(1, 7, 2), [1, 3, 5]),
    "Cast": (lambda: cast(constant([1, 2]), dtypes.float64), [1.0, 2.0]),
    "ConcatV2": (lambda: joining.concat([constant([1]), constant([2])], 0), [1, 2]),
    "Pack": (lambda: stacking.stack([constant([1, 2]), constant([3, 4])], axis=1), [[1, 3], [2, 4]]),
    "Fill": (lambda: sequences.fill([2, 2], 5), [[5, 5], [5, 5]]),
    "Equal": (lambda: equal(constant([1, 2]), [1, 3]), [True, False]),
    "NotEqual": (lambda: not_equal(constant([1, 2]), [1, 3]), [False, True]),
    "StridedSlice": (lambda: shape_queries.shape_internal(_x(), optimize=False)[1], 3),
}


@pytest.mark.parametrize("op_type", KNOWN)
def test_values_that_are_known_while_building(op_type: str) -> None:
    """The value of these ops is known if that of their inputs is, in the tensor's dtype."""
    make, expected = KNOWN[op_type]
    tensor = make()
    assert tensor.op.type == op_type
    value = constant_value(tensor)
    assert value is not None
    assert value.tolist() == expected
    assert value.dtype == tensor.dtype.as_numpy_dtype
    assert constant_value(tensor) is value or op_type == "Const"


def test_values_that_are_not_known() -> None:
    """What depends on a feed, or on an op that is not followed, has no static value."""
    for tensor in (_x(), shape_queries.shape(_partial()), identity(constant(1)), constant(1) + 1):
        assert constant_value(tensor) is None


def test_a_told_value_may_not_be_fed() -> None:
    """The graph was built on the value, so a feed must not change it."""
    tensor = constant(1)
    assert get_default_graph().is_feedable(tensor)
    constant_value(tensor)
    assert not get_default_graph().is_feedable(tensor)


def test_partial_values_of_a_stack() -> None:
    """With partial, the known parts of a stack are told and the others are None."""
    tensor = stacking.stack([placeholder(dtypes.int32, []), 3])
    assert constant_value(tensor) is None
    value = constant_value(tensor, partial=True)
    assert value is not None
    assert value.tolist() == [None, 3]


def test_only_tensors_have_static_values() -> None:
    """Anything but a Tensor is refused."""
    with pytest.raises(TypeError, match="tensor is not a Tensor"):
        constant_value(np.array([1]))  # type: ignore[arg-type]  # what is tested


SHAPES: dict[str, tuple[Callable[[], Tensor], list[int | None] | None]] = {
    "constant": (lambda: constant([-1, 3]), [None, 3]),
    "empty": (lambda: constant([], dtypes.int32), []),
    "shape": (lambda: shape_queries.shape(_partial()), [2, None, 3]),
    "stack": (lambda: stacking.stack([placeholder(dtypes.int32, []), 3]), [None, 3]),
    "concat": (lambda: joining.concat([shape_queries.shape(_partial()), [7]], 0), [2, None, 3, 7]),
    "slice": (lambda: shape_queries.shape(_partial())[1:], [None, 3]),
    "end": (lambda: shape_queries.shape(_partial())[-2:], [None, 3]),
    "reversed": (lambda: shape_queries.shape(_partial())[::-1], [3, None, 2]),
    "vector": (lambda: placeholder(dtypes.int32, [2]), [None, None]),
    "unknown": (lambda: placeholder(dtypes.int32), None),
}


@pytest.mark.parametrize("name", SHAPES)
def test_vectors_as_shapes(name: str) -> None:
    """A vector of integers tells a shape as far as its elements are known."""
    make, expected = SHAPES[name]
    shape = constant_value_as_shape(make())
    assert shape.as_tuple() == (None if expected is None else tuple(expected))


def test_a_scalar_is_no_shape() -> None:
    """Only vectors describe shapes."""
    with pytest.raises(ValueError, match=r"Shape \(\) must have rank 1"):
        constant_value_as_shape(constant(3))


def test_smart_constant_value() -> None:
    """Predicates of Python and of known tensors are told, others are not."""
    assert smart_constant_value(True) is True
    assert smart_constant_value(0) is False
    assert smart_constant_value(constant(True)) is True
    assert smart_constant_value(placeholder(dtypes.bool, [])) is None
    with pytest.raises(TypeError, match="`pred` must be a Tensor, or a Python bool, or 1 or 0"):
        smart_constant_value("yes")


def test_long_chains_are_not_followed_for_ever() -> None:
    """A value behind very many ops counts as unknown, and building stays linear."""
    tensor = constant([1])
    for _ in range(2000):
        tensor = cast(tensor, dtypes.int64 if tensor.dtype == dtypes.int32 else dtypes.int32)
    assert constant_value(tensor) is None
    assert constant_value_as_shape(tensor).as_tuple() == (None,)


def test_vectors_that_meet_again_and_again() -> None:
    """Slices and concatenations of one vector do not multiply the work."""
    vector = shape_queries.shape(_partial())
    for _ in range(30):
        vector = joining.concat([vector[:1], vector[1:]], 0)
    assert constant_value_as_shape(vector).as_tuple() == (2, None, 3)
