from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from holdfast import protos
from holdfast.shapes import (
    Dimension,
    TensorShape,
    as_dimension,
    as_shape,
    matrix,
    scalar,
    unknown_shape,
    vector,
)

D, S = Dimension, TensorShape


@pytest.mark.parametrize(
    "value,size",
    [(3, 3), (None, None), ("3", 3), (2.0, 2), (np.int64(3), 3), (D(4), 4), (True, 1)],
)
def test_dimension_values(value: Any, size: int | None) -> None:
    """A dimension takes anything that is a whole number."""
    assert D(value).value == size
    assert as_dimension(value).value == size


@pytest.mark.parametrize(
    "value,error,message",
    [
        (-1, ValueError, "Dimension -1 must be >= 0"),
        (2.5, ValueError, "Ambiguous dimension: 2.5"),
        ("a", ValueError, "invalid literal for int() with base 10: 'a'"),
    ],
)
def test_bad_dimensions(value: Any, error: type[Exception], message: str) -> None:
    """What is not a size is refused."""
    with pytest.raises(error) as caught:
        D(value)

    assert str(caught.value) == message


def test_dimension_texts() -> None:
    """The two texts of a dimension."""
    assert (str(D(3)), str(D(None))) == ("3", "?")
    assert (repr(D(3)), repr(D(None))) == ("Dimension(3)", "Dimension(None)")


def test_dimension_comparison() -> None:
    """Sizes compare as numbers; an unknown one gives None."""
    unknown: list[Any] = [
        D(3) == D(None),
        D(None) == D(None),
        D(3) != None,  # noqa: E711  # the operator is what is tested
        D(3) < None,
        D(None) >= 4,
    ]

    assert unknown == [None] * 5
    assert D(3) == 3
    assert D(3) != 4
    assert D(3) != "a"
    assert (D(3) < 4, D(3) <= 3, D(3) > 2, D(3) >= 4) == (True, True, True, False)
    assert hash(D(3)) == hash(3)


def test_dimension_arithmetic() -> None:
    """Sizes calculate as numbers, in either order."""
    sums = [D(3) + 2, 2 + D(3), D(3) - 1, 5 - D(3), D(3) * 2, 2 * D(3), D(7) // 2, 7 // D(2), D(7) % 4, 7 % D(4)]

    assert [dim.value for dim in sums] == [5, 5, 2, 2, 6, 6, 3, 3, 3, 3]


def test_dimension_arithmetic_with_unknown_sizes() -> None:
    """Everything about an unknown size is unknown."""
    results = [D(3) + None, D(None) * 2, D(7) // None, 7 - D(None), D(None) % 3]

    assert [dim.value for dim in results] == [None] * 5


def test_dimension_arithmetic_errors() -> None:
    """A size is not negative, and not divided by zero."""
    with pytest.raises(ValueError, match=r"^Dimension -2 must be >= 0$"):
        D(3) - 5
    with pytest.raises(ZeroDivisionError):
        D(7) // 0


def test_dimension_as_number() -> None:
    """A known size can be used as a number, an unknown one cannot."""
    assert int(D(3)) == 3
    assert list(range(D(2))) == [0, 1]
    with pytest.raises(TypeError, match="not known statically"):
        int(D(None))


def test_dimension_merge() -> None:
    """Merging keeps what is known and refuses contradictions."""
    assert D(3).merge_with(None).value == 3
    assert D(None).merge_with(3).value == 3
    assert D(3).is_compatible_with(None)
    assert not D(3).is_compatible_with(4)
    with pytest.raises(ValueError, match=r"^Dimensions 2 and 3 are not compatible$"):
        D(2).merge_with(3)


@pytest.mark.parametrize(
    "dims,text,representation",
    [
        (None, "<unknown>", "TensorShape(None)"),
        ([], "()", "TensorShape([])"),
        ([2], "(2,)", "TensorShape([Dimension(2)])"),
        ([None], "(?,)", "TensorShape([Dimension(None)])"),
        ([None, 3], "(?, 3)", "TensorShape([Dimension(None), Dimension(3)])"),
        (3, "(3,)", "TensorShape([Dimension(3)])"),
        ((2, 3), "(2, 3)", "TensorShape([Dimension(2), Dimension(3)])"),
    ],
)
def test_shape_texts(dims: Any, text: str, representation: str) -> None:
    """The two texts of a shape."""
    assert str(S(dims)) == text
    assert repr(S(dims)) == representation


@pytest.mark.parametrize(
    "dims,sizes",
    [
        (S([2]), (2,)),
        (D(2), (2,)),
        ([D(2), None], (2, None)),
        (np.array([2, 3]), (2, 3)),
        (iter([2, 3]), (2, 3)),
        ([2.0, True], (2, 1)),
        (None, None),
    ],
)
def test_shapes_are_made_of_many_things(dims: Any, sizes: tuple[int | None, ...] | None) -> None:
    """Whatever lists sizes is a shape."""
    assert S(dims).as_tuple() == sizes


def test_shape_messages() -> None:
    """An unknown size is -1 in a TensorShapeProto, an unknown rank a flag."""
    proto = S([2, None]).as_proto()

    assert [dim.size for dim in proto.dim] == [2, -1]
    assert S(None).as_proto().unknown_rank
    assert S(proto).as_tuple() == (2, None)
    assert S(protos.TensorShapeProto()).as_tuple() == ()
    assert S(protos.TensorShapeProto(unknown_rank=True)).as_tuple() is None


@pytest.mark.parametrize(
    "dims,error,message",
    [
        ("a", TypeError, "A string has ambiguous TensorShape, please wrap in a list or convert to an int: a"),
        ([-1], ValueError, "Dimension -1 must be >= 0"),
        ([2.7], ValueError, "Ambiguous dimension: 2.7"),
    ],
)
def test_bad_shapes(dims: Any, error: type[Exception], message: str) -> None:
    """What is not a shape is refused."""
    with pytest.raises(error) as caught:
        S(dims)

    assert str(caught.value) == message


def test_equality() -> None:
    """Shapes are equal to what lists the same sizes; an unknown size is equal to nothing."""
    assert S([2]) == S([2])
    assert S([2, 3]) == [2, 3]
    assert S([2, 3]) == (2, 3)
    assert S(None) == S(None)
    assert S([2]) != S([3])
    assert not S([2]) == S(None)  # noqa: SIM201  # != is an error here
    assert not S([None]) == S([None])  # noqa: SIM201
    assert S([2]) != "a"
    with pytest.raises(ValueError, match=r"^The inequality of unknown TensorShapes is undefined\.$"):
        _ = S([2]) != S(None)


def test_hash() -> None:
    """A shape can be a key, and finds what its tuple finds."""
    assert {(2, 3): "x"}[S([2, 3])] == "x"  # type: ignore[index]  # equal to its tuple, hence the same key


def test_length_and_iteration() -> None:
    """A shape of known rank is a sequence of dimensions."""
    assert len(S([2, 3])) == 2
    assert [dim.value for dim in S([2, None])] == [2, None]
    assert (bool(S(None)), bool(S([]))) == (False, True)
    with pytest.raises(ValueError, match=r"^Cannot take the length of Shape with unknown rank\.$"):
        len(S(None))
    with pytest.raises(ValueError, match=r"^Cannot iterate over a shape with unknown rank\.$"):
        iter(S(None))


def test_slicing_a_known_shape() -> None:
    """Indices give dimensions, slices give shapes."""
    assert S([2, 3])[-1].value == 3
    assert S([2, 3])[0:1].as_tuple() == (2,)
    assert S([1, 2, 3])[::2].as_tuple() == (1, 3)
    with pytest.raises(IndexError):
        S([2, 3])[5]


def test_slicing_an_unknown_shape() -> None:
    """As much is known of a part as its bounds say."""
    assert S(None)[0].value is None
    assert S(None)[0:2].as_tuple() == (None, None)
    assert S(None)[3:1].as_tuple() == ()
    assert [S(None)[part].as_tuple() for part in (slice(1, None), slice(None, -1), slice(-2, None))] == [None] * 3
    with pytest.raises(ValueError, match=r"^Steps are not yet handled$"):
        S(None)[1:3:2]


def test_facts() -> None:
    """Rank, elements and definedness."""
    assert (S([2, 3]).ndims, S(None).ndims) == (2, None)
    assert [S(dims).num_elements() for dims in ([2, 3], [], [2, None], None)] == [6, 1, None, None]
    assert [S(dims).is_fully_defined() for dims in ([2], [None], None)] == [True, False, False]
    assert S([2, None]).as_list() == [2, None]
    assert S(None).dims is None
    with pytest.raises(ValueError, match=r"^as_list\(\) is not defined on an unknown TensorShape\.$"):
        S(None).as_list()


def test_merge() -> None:
    """Merging keeps what is known from both, and refuses contradictions."""
    assert S([2, None]).merge_with([None, 3]).as_tuple() == (2, 3)
    assert S(None).merge_with([2]).as_tuple() == (2,)
    assert S([2]).merge_with(None).as_tuple() == (2,)
    with pytest.raises(ValueError, match=r"^Shapes \(2,\) and \(3,\) are not compatible$"):
        S([2]).merge_with([3])
    with pytest.raises(ValueError, match=r"^Shapes \(2,\) and \(2, 3\) are not compatible$"):
        S([2]).merge_with([2, 3])


def test_concatenate() -> None:
    """Known dimensions follow each other; an unknown rank makes all unknown."""
    assert S([2]).concatenate([3]).as_tuple() == (2, 3)
    assert S([2]).concatenate(3).as_tuple() == (2, 3)
    assert S([2]).concatenate(None).as_tuple() is None
    assert S(None).concatenate([2]).as_tuple() is None


def test_ranks() -> None:
    """with_rank and its kin add or check the rank."""
    assert S(None).with_rank(2).as_tuple() == (None, None)
    assert S([2]).with_rank(1).as_tuple() == (2,)
    assert S(None).with_rank_at_least(2).as_tuple() is None
    assert S(None).with_rank_at_most(2).as_tuple() is None
    assert S([2]).with_rank_at_least(1).with_rank_at_most(1).as_tuple() == (2,)


def _failures() -> list[tuple[Any, str]]:
    return [
        (lambda: S([2]).with_rank(2), "Shape (2,) must have rank 2"),
        (lambda: S([2]).assert_has_rank(2), "Shape (2,) must have rank 2"),
        (lambda: S([2]).with_rank_at_least(2), "Shape (2,) must have rank at least 2"),
        (lambda: S([2]).with_rank_at_most(0), "Shape (2,) must have rank at most 0"),
        (lambda: S([2]).assert_same_rank([3, 4]), "Shapes (2,) and (3, 4) must have the same rank"),
        (lambda: S([2]).assert_is_compatible_with(S([3])), "Shapes (2,) and (3,) are incompatible"),
        (lambda: S([2, None]).assert_is_fully_defined(), "Shape (2, ?) is not fully defined"),
    ]


@pytest.mark.parametrize("call,message", _failures())
def test_assertions(call: Any, message: str) -> None:
    """A failed assertion says what is there and what was wanted."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


def test_most_specific_compatible_shape() -> None:
    """What two shapes have in common."""
    assert S([2, 3]).most_specific_compatible_shape([2, 4]).as_tuple() == (2, None)
    assert S([2]).most_specific_compatible_shape([2, 3]).as_tuple() is None
    assert S([2]).most_specific_compatible_shape(None).as_tuple() is None


def test_short_forms() -> None:
    """The functions that make shapes."""
    shapes = [scalar(), vector(3), matrix(3, None), unknown_shape(), unknown_shape(2), as_shape([1])]

    assert [shape.as_tuple() for shape in shapes] == [(), (3,), (3, None), None, (None, None), (1,)]


def test_shapes_work_as_numpy_shapes() -> None:
    """NumPy takes a known shape where it wants sizes."""
    assert np.zeros(S([2, 3])).shape == (2, 3)  # type: ignore[call-overload]  # a sequence of things with __index__
