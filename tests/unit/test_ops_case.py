from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast import dtypes, errors
from holdfast.graph import Tensor, get_default_graph
from holdfast.ops.case import case
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.runtime import Session


def _pred(name: str) -> Tensor:
    return placeholder(dtypes.bool, [], name=name)


def test_the_first_true_predicate_counts() -> None:
    """The functions are tried in order, then the default."""
    p, q = _pred("p"), _pred("q")
    result = case([(p, lambda: constant(1)), (q, lambda: constant(2))], default=lambda: constant(3))
    with Session() as session:
        for first, second, expected in ((True, True, 1), (True, False, 1), (False, True, 2), (False, False, 3)):
            assert session.run(result, {p: first, q: second}) == expected
    assert result.name == "case/If_2/Merge:0"


def test_exclusive() -> None:
    """With exclusive, two true predicates are an error that names them."""
    p, q = _pred("p"), _pred("q")
    pairs: dict[Tensor, Callable[[], Any]] = {p: lambda: 1.0, q: lambda: 2.0}
    result = case(pairs, default=lambda: 3.0, exclusive=True)
    with Session() as session:
        assert session.run(result, {p: False, q: True}) == 2.0
        with pytest.raises(
            errors.InvalidArgumentError, match=r"More than one condition .*: \(p:0, q:0\), Values:\] \[1 1\]"
        ):
            session.run(result, {p: True, q: True})


def test_no_pairs() -> None:
    """Without predicates the default is all there is."""
    assert case([], default=lambda: 7) == 7


@pytest.mark.parametrize(
    "pairs,default,message",
    [
        (3, lambda: 1, "fns must be a list, tuple, or dict"),
        ([3], lambda: 1, "Each entry in pred_fn_pairs must be a 2-tuple"),
        ([], 3, "default must be callable"),
    ],
)
def test_refused(pairs: Any, default: Any, message: str) -> None:
    """What is no pair of a predicate and a function is refused."""
    with pytest.raises(TypeError, match=message):
        case(pairs, default)


def test_refused_pairs() -> None:
    """Predicates are boolean and functions callable."""
    with pytest.raises(TypeError, match="fn for pred p:0 must be callable"):
        case([(_pred("p"), 1.0)], default=lambda: 1.0)  # type: ignore[list-item]  # what is tested
    with pytest.raises(TypeError, match="pred must be of type bool: Const:0"):
        case([(constant(1), lambda: 1.0)], default=lambda: 1.0)
    assert get_default_graph()._control_flow_context is None
