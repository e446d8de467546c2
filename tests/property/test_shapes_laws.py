from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.shapes import TensorShape, unknown_shape

_SIZES = st.none() | st.integers(0, 3)
_SHAPES = st.builds(TensorShape, st.none() | st.lists(_SIZES, max_size=3))
_KNOWN = st.builds(TensorShape, st.lists(st.integers(0, 50), max_size=5))


def _merge(a: TensorShape, b: TensorShape) -> TensorShape | None:
    """Return the merged shape, or None where there is none."""
    try:
        return a.merge_with(b)
    except ValueError:
        return None


@given(_SHAPES, _SHAPES)
def test_shapes_merge_exactly_when_compatible(a: TensorShape, b: TensorShape) -> None:
    """merge_with fails where is_compatible_with says no, and only there."""
    assert (_merge(a, b) is not None) == a.is_compatible_with(b)


@given(_SHAPES, _SHAPES)
def test_merging_and_compatibility_are_symmetric(a: TensorShape, b: TensorShape) -> None:
    """The order of two shapes does not matter."""
    ab, ba = _merge(a, b), _merge(b, a)

    assert a.is_compatible_with(b) == b.is_compatible_with(a)
    assert (None if ab is None else str(ab)) == (None if ba is None else str(ba))


@given(_SHAPES, _SHAPES, _SHAPES)
def test_merging_is_associative(a: TensorShape, b: TensorShape, c: TensorShape) -> None:
    """What is known from three shapes does not depend on which two are merged first."""
    ab, bc = _merge(a, b), _merge(b, c)
    left = None if ab is None else _merge(ab, c)
    right = None if bc is None else _merge(a, bc)

    assert (None if left is None else str(left)) == (None if right is None else str(right))


@given(_SHAPES)
def test_merging_is_idempotent_and_the_unknown_shape_is_neutral(a: TensorShape) -> None:
    """Nothing new is learnt from the same shape, or from an unknown one."""
    assert a.merge_with(a).as_tuple() == a.as_tuple()
    assert a.merge_with(None).as_tuple() == a.as_tuple()
    assert unknown_shape().merge_with(a).as_tuple() == a.as_tuple()


@given(_SHAPES, _SHAPES)
def test_the_most_specific_compatible_shape_covers_both(a: TensorShape, b: TensorShape) -> None:
    """It is compatible with both, and merging it with one gives that one."""
    both = a.most_specific_compatible_shape(b)

    assert both.merge_with(a).as_tuple() == a.as_tuple()
    assert both.merge_with(b).as_tuple() == b.as_tuple()


@given(_SHAPES)
def test_messages_round_trip(a: TensorShape) -> None:
    """A shape survives its protocol buffer."""
    assert TensorShape(a.as_proto()).as_tuple() == a.as_tuple()


@given(_KNOWN, _KNOWN)
def test_known_shapes_behave_as_tuples(a: TensorShape, b: TensorShape) -> None:
    """Equality, hash, length and concatenation are those of the tuples of sizes."""
    ta, tb = a.as_tuple(), b.as_tuple()
    assert ta is not None
    assert tb is not None

    assert (a == b) == (ta == tb)
    assert (a != b) == (ta != tb)
    assert hash(a) == hash(ta)
    assert a.concatenate(b) == ta + tb
    assert [dim.value for dim in a] == a.as_list() == list(ta)
