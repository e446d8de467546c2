from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.graph import Tensor
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.ops.joining import concat
from holdfast.ops.splitting import split
from holdfast.ops.stacking import stack, unstack
from holdfast.runtime import Session
from tests.unit.evaluation import run, vague

A = np.arange(6, dtype=np.float32).reshape(2, 3)


def _x(*shape: int | None) -> Tensor:
    return placeholder(dtypes.float32, shape)


def test_values() -> None:
    """Joined and taken apart, values are NumPy's."""
    np.testing.assert_array_equal(run(concat([A, A], 1)), np.concatenate([A, A], 1))
    np.testing.assert_array_equal(run(concat([vague(A), vague(A)], vague(-2))), np.concatenate([A, A], 0))
    np.testing.assert_array_equal(run(stack([A, A], axis=-1)), np.stack([A, A], -1))
    np.testing.assert_array_equal(run(unstack(constant(A), axis=1)), list(A.T))
    np.testing.assert_array_equal(run(split(vague(A), 3, axis=1)), np.split(A, 3, 1))
    first, second = run(split(constant(A), [1, -1], axis=1))
    np.testing.assert_array_equal(first, A[:, :1])
    np.testing.assert_array_equal(second, A[:, 1:])
    assert run(concat([["a"], ["b"]], 0)).tolist() == [b"a", b"b"]


def test_parts_may_be_changed_by_their_owner() -> None:
    """Each part that run returns is an array of its own."""
    with Session() as session:
        parts = split(constant(A), 2)
        session.run(parts)[0][...] = 9
        np.testing.assert_array_equal(session.run(parts)[0], A[:1])


@pytest.mark.parametrize(
    "parts,axis,expected",
    [
        ([(2, 3), (2, None)], 1, [2, None]),
        ([(2, 3), (2, 3)], -1, [2, 6]),
        ([(2, None), (None, 3)], 0, [None, 3]),
    ],
)
def test_static_shapes_of_concat(parts: list[tuple[int | None, ...]], axis: int, expected: list[int | None]) -> None:
    """The joined axis is the sum, the others what is known from any part."""
    assert concat([_x(*part) for part in parts], axis).shape.as_list() == expected


def test_concat_of_one() -> None:
    """A single part, in a list or not, is passed on under the name."""
    for values in ([_x(2)], _x(2)):
        tensor = concat(values, 0, name="one")
        assert tensor.op.type == "Identity"
    assert tensor.op.name == "one_1"


@pytest.mark.parametrize(
    "make,error,message",
    [
        (
            lambda: concat([_x(2, 3), _x(3, 3)], 1),
            ValueError,
            "Dimension 0 in both shapes must be equal, but are 2 and 3",
        ),
        (lambda: concat([_x(2, 3), _x(2)], 1), ValueError, "Shape must be rank 2 but is rank 1"),
        (lambda: concat([_x(2), _x(2)], 3), ValueError, "Shape must be at least rank 4 but is rank 1"),
        (lambda: concat([_x(), _x()], 0), ValueError, "Can't concatenate scalars"),
        (lambda: concat([_x(2), constant([1])], 0), TypeError, "that don't all match"),
        (lambda: stack([_x(2), _x(3)]), ValueError, "Dimension 0 in both shapes must be equal, but are 2 and 3"),
        (lambda: stack([_x(2), _x(2)], axis=3), ValueError, r"axis = 3 not in \[-2, 2\)"),
        (lambda: unstack(_x(None, 3)), ValueError, r"Cannot infer num from shape \(\?, 3\)"),
        (lambda: unstack(_x(2, 3), axis=4), ValueError, r"axis = 4 not in \[-2, 2\)"),
        (lambda: unstack(_x(2, 3), num=3), ValueError, "Dimension must be 3 but is 2"),
        (lambda: split(_x(4, 6), 4, 1), ValueError, "Dimension size must be evenly divisible by 4 but is 6"),
        (lambda: split(_x(4, 6), [2, 5], 1), ValueError, "Sum of output sizes must match the size of the original"),
        (lambda: split(_x(4, 6), [2, -1, -1], 1), ValueError, "size_splits can only have one -1"),
        (lambda: split(_x(4, 6), 2, 7), ValueError, r"given by scalar input 7 must be in range \[-2, 2\)"),
        (lambda: split(_x(4), placeholder(dtypes.int32, [None])), ValueError, "Cannot infer num from shape"),
    ],
)
def test_refused_while_building(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    """Parts that cannot fit are refused at once."""
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: concat([vague(A), vague(A.T)], 0), r"Dimensions of inputs should match: shape\[0\] = \[2,3\] vs"),
        (lambda: concat([vague(A), vague(A[0])], 0), "Ranks of all input tensors should match"),
        (lambda: concat([vague(A), vague(A)], vague(4)), r"dimensions in the range \[-2, 2\), but got 4"),
        (lambda: stack([vague(A), vague(A.T)]), r"Shapes of all inputs must match: values\[0\].shape = \[2,3\] !="),
        (lambda: unstack(vague(A), num=3), r"Input shape axis 0 must equal 3, got shape \[2,3\]"),
        (lambda: split(vague(A), 2, 1), r"but got split_dim 1 \(size = 3\) and num_split 2"),
        (lambda: split(vague(A), [2, 2], 1), "Determined shape must either match input shape .* Got: 4"),
        (lambda: split(vague(A), 2, vague(3)), r"-input rank\(-2\) <= split_dim < input rank \(2\), but got 3"),
    ],
)
def test_refused_in_the_run(make: Callable[[], Any], message: str) -> None:
    """Parts that do not fit in the run are InvalidArgumentError."""
    tensor = make()
    with pytest.raises(errors.InvalidArgumentError, match=message):
        run(tensor)


def test_names_of_split() -> None:
    """The sizes are a constant of their own, the axis one below the split."""
    parts = split(_x(4, 6), [2, 4], axis=1)
    assert [part.name for part in parts] == ["split:0", "split:1"]
    assert (parts[0].op.type, [t.name for t in parts[0].op.inputs[1:]]) == ("SplitV", ["Const:0", "split/split_dim:0"])
    assert [part.shape.as_list() for part in parts] == [[4, 2], [4, 4]]


def test_a_stack_of_numbers_is_a_constant() -> None:
    """What makes one constant needs no Pack."""
    assert stack([1, 2]).op.type == "Const"
    assert stack([_x(), 2.0]).op.type == "Pack"
    x = _x(2)
    assert stack(x) is x
