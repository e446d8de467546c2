from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.graph import Tensor, control_dependencies, get_default_graph
from holdfast.ops import checks, numeric_checks, rank_checks
from holdfast.ops.assertions import Assert
from holdfast.ops.constants import constant
from holdfast.ops.identities import identity, placeholder, placeholder_with_default
from holdfast.ops.printing import Print
from holdfast.runtime import Session
from tests.unit.evaluation import run


def _open(value: Any, name: str | None = None) -> Tensor:
    """Return a tensor whose static shape and value are not known."""
    return placeholder_with_default(constant(value), None, name=name)


@pytest.mark.parametrize(
    "data,summarize,shown",
    [
        (["msg"], None, "[msg]"),
        (["m", [1, 2, 3, 4, 5], [[1.5, 2], [3, 4]], ["a", "b"]], None, "[m] [1 2 3...] [[1.5 2][3]...] [a b]"),
        ([[1, 2, 3, 4, 5]], 10, "[1 2 3 4 5]"),
        ([[1, 2, 3, 4, 5]], -1, "[1 2 3 4 5]"),
        ([True, 1 + 2j, 1e-7], None, "[1] [(1,2)] [1e-07]"),
    ],
)
def test_a_failed_assertion_shows_its_data(data: list[Any], summarize: int | None, shown: str) -> None:
    """The message is the data, each tensor cut to the first elements."""
    assertion = Assert(_open(False), data, summarize=summarize)
    with pytest.raises(errors.InvalidArgumentError) as caught:
        run(assertion)
    assert str(caught.value).splitlines()[0] == f"assertion failed: {shown}"


def test_an_assertion_that_holds() -> None:
    """Nothing happens, and what waits for it goes on."""
    with control_dependencies([Assert(_open(True), [1.0])]):
        assert run(identity(constant(3))) == 3


def test_data_in_a_guard() -> None:
    """Data other than text and int32 is fetched only where the assertion fails, behind a cond."""
    x = placeholder(dtypes.float32, [2], name="x")
    guarded = Assert(placeholder(dtypes.bool, [], name="p"), [x])
    assert (guarded.name, guarded.type) == ("Assert/AssertGuard/Merge", "Merge")
    assert Assert(True, ["text"], name="plain").name == "plain/Assert"


PAIRS: dict[str, tuple[Callable[..., Any], Any, Any, str]] = {
    "assert_equal": (checks.assert_equal, [1, 2], [1, 3], "[Condition x == y did not hold element-wise:]"),
    "assert_none_equal": (checks.assert_none_equal, [2, 1], [1, 3], "[Condition x != y did not hold for every single"),
    "assert_less": (checks.assert_less, [0, 1], [1, 1], "[Condition x < y did not hold element-wise:x ("),
    "assert_less_equal": (checks.assert_less_equal, [0, 1], [0, 0], "[Condition x <= y did not hold element-wise:x ("),
    "assert_greater": (checks.assert_greater, [2, 1], [1, 1], "[Condition x > y did not hold element-wise:x ("),
    "assert_greater_equal": (
        checks.assert_greater_equal,
        [1, 1],
        [1, 2],
        "[Condition x >= y did not hold element-wise:x",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_assertions_on_pairs(name: str) -> None:
    """Each relation fails if one element does not hold, and passes if the first alone is compared."""
    function, x, y, told = PAIRS[name]
    run(function(_open(x[0]) if name != "assert_none_equal" else _open(5), y[0]))
    assertion = function(_open(x if name != "assert_none_equal" else [1, 1]), y, message="mm")
    assert assertion.name.startswith(f"{name}_1/Assert")
    with pytest.raises(errors.InvalidArgumentError) as caught:
        run(assertion)
    assert str(caught.value).startswith(f"assertion failed: [mm] {told}")


SIGNS: dict[str, tuple[Callable[..., Any], list[float], float, str]] = {
    "assert_positive": (checks.assert_positive, [1.0, 2.5], 0.0, "x > 0"),
    "assert_negative": (checks.assert_negative, [-1.0, -2.5], 0.0, "x < 0"),
    "assert_non_negative": (checks.assert_non_negative, [0.0, 2.5], -1.0, "x >= 0"),
    "assert_non_positive": (checks.assert_non_positive, [0.0, -2.5], 1.0, "x <= 0"),
}


@pytest.mark.parametrize("name", SIGNS)
def test_assertions_on_signs(name: str) -> None:
    """The sign of every element is checked."""
    function, good, bad, told = SIGNS[name]
    run(function(_open(good)))
    with pytest.raises(errors.InvalidArgumentError, match=f"Condition {told} did not hold element-wise"):
        run(function(_open([*good, bad])))


def test_assert_equal_of_known_values() -> None:
    """Values that are known while building are compared at once."""
    with pytest.raises(ValueError, match=r"mm\nCondition x == y did not hold element-wise:\nx"):
        checks.assert_equal(constant([1, 2]), [1, 3], message="mm")
    run(checks.assert_equal(constant([1, 2]), [1, 2]))


def test_own_data() -> None:
    """Given data replaces the message."""
    with pytest.raises(errors.InvalidArgumentError, match=r"assertion failed: \[mine\]"):
        run(checks.assert_equal(_open(1), 2, data=["mine"]))


@pytest.mark.parametrize(
    "function,good,bad,message",
    [
        (rank_checks.assert_rank, 1, 2, r"mm\.  Tensor x:0 must have rank 2\.  Received rank 1, shape \(2,\)"),
        (rank_checks.assert_rank_at_least, 0, 2, r"Tensor x:0 must have rank at least 2\.  Received rank 1"),
        (rank_checks.assert_rank_in, (1, 2), (2, 3), r"Tensor x:0 must have rank in \(2, 3\)\.  Received rank 1"),
    ],
)
def test_ranks_that_are_known(function: Callable[..., Any], good: Any, bad: Any, message: str) -> None:
    """A static rank decides while building."""
    x = placeholder(dtypes.float32, [2], name="x")
    assert function(x, good).type == "NoOp"
    with pytest.raises(ValueError, match=message):
        function(x, bad, message="mm")


@pytest.mark.parametrize(
    "function,good,bad",
    [
        (rank_checks.assert_rank, 1, 2),
        (rank_checks.assert_rank_at_least, 1, 2),
        (rank_checks.assert_rank_in, (1, 2), (2, 3)),
    ],
)
def test_ranks_of_the_run(function: Callable[..., Any], good: Any, bad: Any) -> None:
    """A rank that is known only in the run is checked there."""
    run(function(_open([1, 2]), good))
    with pytest.raises(errors.InvalidArgumentError, match="must have rank"):
        run(function(_open([1, 2]), bad))


def test_types() -> None:
    """Dtypes are always known: they are checked while building."""
    x = placeholder(dtypes.float32, [2], name="x")
    assert rank_checks.assert_type(x, dtypes.float32).name == "assert_type/statically_determined_correct_type"
    with pytest.raises(TypeError, match="x:0 must be of type <dtype: 'int32'>"):
        rank_checks.assert_type(x, dtypes.int32)
    with pytest.raises(TypeError, match='Expected "x" to be integer type'):
        rank_checks.assert_integer(x)
    assert rank_checks.assert_integer(constant(1)).type == "NoOp"
    with pytest.raises(ValueError, match=r"Expected scalar shape for x:0, saw shape: \(2,\)\."):
        rank_checks.assert_scalar(x)
    assert rank_checks.is_numeric_tensor(x)
    assert not rank_checks.is_numeric_tensor(constant("a"))


def test_proper_iterables() -> None:
    """A list of things is one; a number, a text or a tensor is none."""
    rank_checks.assert_proper_iterable([3])
    for value in (3, "abc", constant([1])):
        with pytest.raises(TypeError, match='Expected argument "values" to be'):
            rank_checks.assert_proper_iterable(value)


@pytest.mark.parametrize(
    "values,increasing,non_decreasing",
    [([1, 2, 3], True, True), ([1, 1, 2], False, True), ([2, 1], False, False), ([1], True, True), ([], True, True)],
)
def test_order(values: list[float], increasing: bool, non_decreasing: bool) -> None:
    """Neighbours are compared; fewer than two are in order."""
    x = _open(np.array(values, np.float32))
    assert run(checks.is_strictly_increasing(x)) == increasing
    assert run(checks.is_non_decreasing(x)) == non_decreasing


@pytest.mark.parametrize("values,found", [([np.nan], "NaN"), ([np.inf], "Inf"), ([-np.inf, np.nan], "Inf and NaN")])
def test_check_numerics(values: list[float], found: str) -> None:
    """NaN and infinity are named after the message."""
    with pytest.raises(errors.InvalidArgumentError, match=f"hi : Tensor had {found} values"):
        run(numeric_checks.check_numerics(_open(values), "hi"))
    with pytest.raises(errors.InvalidArgumentError, match=f"hi : Tensor had {found} values"):
        run(numeric_checks.verify_tensor_all_finite(_open(values), "hi"))
    assert run(numeric_checks.check_numerics([1.0], "hi")).tolist() == [1.0]


def test_add_check_numerics_ops() -> None:
    """Every floating-point tensor of the graph is checked."""
    x = _open(-1.0, name="x")
    y = identity(x, name="y")
    check = numeric_checks.add_check_numerics_ops()
    assert check.name == "group_deps"
    with Session() as session:
        session.run(check)
        with pytest.raises(errors.InvalidArgumentError, match="y:0 : Tensor had NaN values"):
            session.run(check, {y: np.nan})


def test_print(capsys: pytest.CaptureFixture[str]) -> None:
    """Values are written to standard error as they pass, at most first_n times."""
    tensor = Print(constant([1.0, 2.0]), [constant([1, 2, 3, 4]), "s"], "msg ", first_n=2, summarize=3)
    with Session() as session:
        for _ in range(3):
            assert session.run(tensor).tolist() == [1.0, 2.0]
    assert capsys.readouterr().err == "msg [1 2 3...][s]\n" * 2
    assert get_default_graph().get_operation_by_name("Print").attrs["summarize"] == 3
