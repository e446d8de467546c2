from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from holdfast.checkpoint.casting import Cast, CastTable
from holdfast.dtypes import as_dtype, bfloat16, float16, float32, int64
from holdfast.errors import InvalidArgumentError

INT64 = np.iinfo(np.int64)


def cast(values: Any, target: str) -> tuple[list[Any], Any]:
    """Cast values, allowing overflow, and return them with the report."""
    array = np.asarray(values)
    out = np.empty(array.shape, as_dtype(target).as_numpy_dtype)
    what = Cast("x", as_dtype(array.dtype), as_dtype(target), allow_overflow=True)
    what.apply(array, 0, out)
    return out.tolist(), what.report()


@pytest.mark.parametrize(
    "values, target, expected, inexact, overflowed",
    [
        ([0.5, -1.5, 2.0], "int32", [0, -1, 2], 2, 0),
        ([np.nan, np.inf, -np.inf, 3e9, -3e9], "int32", [0, 2**31 - 1, -(2**31), 2**31 - 1, -(2**31)], 5, 5),
        ([-1.0, -0.5, 255.5, 256.0], "uint8", [0, 0, 255, 255], 4, 2),
        ([9.3e18, -9.3e18, 2.0**62], "int64", [INT64.max, INT64.min, 2**62], 2, 2),
        ([INT64.max, INT64.min, 2**53 + 1, 5], "float64", [2.0**63, -(2.0**63), 2.0**53, 5.0], 2, 0),
        (np.array([2**64 - 1, 1], np.uint64), "int64", [INT64.max, 1], 1, 1),
        (np.array([-1, 300, 7]), "uint8", [0, 255, 7], 2, 2),
        (np.array([True, False]), "float32", [1.0, 0.0], 0, 0),
        (np.array([0.0, 0.5, -1.0, 1.0]), "bool", [False, True, True, True], 2, 0),
        (np.array([7, 0]), "bool", [True, False], 1, 0),
        (np.array([1.0, 2.0], np.float32), "complex64", [1 + 0j, 2 + 0j], 0, 0),
        (np.array([65504.0, 65520.0, -1e6]), "float16", [65504.0, np.inf, -np.inf], 2, 2),
        (np.array([70000]), "float16", [np.inf], 1, 1),
    ],
)
def test_values(values: Any, target: str, expected: list[Any], inexact: int, overflowed: int) -> None:
    """Integers are cut towards zero and to their range; what has another value now is counted, exactly."""
    found, report = cast(values, target)
    assert found == expected
    assert (report.inexact, report.overflowed, report.elements) == (inexact, overflowed, len(expected))


def test_what_floats_keep() -> None:
    """NaN and infinity stay as they are; what a dtype without infinity makes of it does not fit."""
    found, report = cast([np.nan, np.inf, 1.0], "bfloat16")
    assert (np.isnan(found[0]), found[1:], report.inexact, report.overflowed) == (True, [np.inf, 1.0], 0, 0)
    found, report = cast(np.array([np.inf, 1e9, 448.0]), "float8_e4m3fn")
    assert (found[2], report.overflowed, report.inexact) == (448.0, 2, 2)


def test_underflow_and_error() -> None:
    """What became zero is counted; the largest error is that of values that fit."""
    _, report = cast([1e-30, 1.0 + 2**-12, 1e30], "float16")
    assert (report.underflowed, report.overflowed, report.max_error) == (1, 1, 2**-12)


def test_values_that_do_not_fit_are_an_error() -> None:
    """Unless it is allowed, the first that does not fit is named."""
    what = Cast("a/b", float32, float16, allow_overflow=False)
    with pytest.raises(InvalidArgumentError, match=r"Tensor 'a/b' holds 100000\.0, which does not fit into float16"):
        what.apply(np.array([1, 1e5, 1e6], np.float32), 0, np.empty(3, np.float16))


def test_what_is_read_again_counts_once() -> None:
    """Formats may read a tensor twice."""
    what = Cast("x", as_dtype("float64"), int64, allow_overflow=False)
    values, out = np.array([0.5, 1.5, 2.0, 2.5]), np.empty(4, np.int64)
    for start, stop in ((0, 2), (0, 2), (2, 4), (0, 4)):
        what.apply(values[start:stop], start, out[start:stop])
    assert (what.report().elements, what.report().inexact) == (4, 3)


def test_rules() -> None:
    """The first rule that means a tensor counts; the name of a dtype is no pattern."""
    table = CastTable([("a/*", "float16"), ("float32", ml_dtypes.bfloat16), ("*", float32)])
    assert table.target("a/b", float32) == float16
    assert table.target("float32", float32) == bfloat16
    assert table.target("b", as_dtype("float64")) == float32
    table.check_used()
    late = CastTable({"*": "float16", "a/*": "float32"})
    late.target("a/b", float32)
    with pytest.raises(InvalidArgumentError, match=r"'a/\*' means no tensor, or only such as an earlier rule means"):
        late.check_used()


def test_casts_without_a_meaning() -> None:
    """Strings and quantized integers are no numbers, and a complex number is no real one."""
    for before, after in (("string", "float32"), ("complex64", "float32"), ("qint8", "float32"), ("int8", "qint8")):
        with pytest.raises(InvalidArgumentError, match="cannot be cast to"):
            CastTable({"x": after}).target("x", as_dtype(before))
    assert CastTable({"x": "complex64"}).target("x", as_dtype("complex128")) == as_dtype("complex64")
