"""assert_equal and its relatives: assertions on the values of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from holdfast.graph import conversion, default
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import comparison
from holdfast.ops.assertions import Assert
from holdfast.ops.cond import cond
from holdfast.ops.constants import constant
from holdfast.ops.reductions import reduce_all
from holdfast.ops.reshaping import reshape
from holdfast.ops.shape_queries import shape, size
from holdfast.ops.slicing import strided_slice
from holdfast.ops.static import constant_value

__all__ = [
    "assert_equal",
    "assert_greater",
    "assert_greater_equal",
    "assert_less",
    "assert_less_equal",
    "assert_negative",
    "assert_non_negative",
    "assert_non_positive",
    "assert_none_equal",
    "assert_positive",
    "is_non_decreasing",
    "is_strictly_increasing",
]

Data = Sequence[Any] | None
Relation = Callable[[Any, Any], Any]


def _pair(x: Any, y: Any, name: str | None, default_name: str, data: Data) -> Any:
    """Open the scope of an assertion on two values."""
    return default.name_scope(name, default_name, [x, y, *(data or ())])


def _assert_pair(
    relation: Relation, sign: str, x: Any, y: Any, data: Data, summarize: int | None, message: str | None
) -> Operation:
    """Return the assertion that a relation holds for all elements of two values."""
    x, y = conversion.convert_to_tensor(x, name="x"), conversion.convert_to_tensor(y, name="y")
    if data is None:
        told = f"Condition x {sign} y did not hold element-wise:x ({x.name}) = "
        data = [message or "", told, x, f"y ({y.name}) = ", y]
    return Assert(reduce_all(relation(x, y)), data, summarize=summarize)


def assert_equal(
    x: Any, y: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x == y`` for all elements, with broadcasting.

    Parameters
    ----------
    data
        What the error shows; by default the message, the condition and both values.
    summarize
        Number of elements of each tensor that are shown; by default 3.
    message
        First line of the error.

    Raises
    ------
    ValueError
        If both values are known statically and differ.
    """
    with _pair(x, y, name, "assert_equal", data):
        x, y = conversion.convert_to_tensor(x, name="x"), conversion.convert_to_tensor(y, name="y")
        if data is None:
            told = "Condition x == y did not hold element-wise:"
            data = [message or "", told, f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
        condition = reduce_all(comparison.equal(x, y))
        known_x, known_y = constant_value(x), constant_value(y)
        if known_x is not None and known_y is not None and not np.all(known_x == known_y):
            raise ValueError("\n".join(_told(item) for item in data))
        return Assert(condition, data, summarize=summarize)


def _told(item: Any) -> str:
    """Return a value for a message, where it is known statically."""
    if not isinstance(item, Tensor):
        return str(item)
    value = constant_value(item)
    return str(item) if value is None else str(value)


def assert_none_equal(
    x: Any, y: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x != y`` for all elements; see :func:`assert_equal`."""
    with _pair(x, y, name, "assert_none_equal", data):
        x, y = conversion.convert_to_tensor(x, name="x"), conversion.convert_to_tensor(y, name="y")
        if data is None:
            told = f"Condition x != y did not hold for every single element:x ({x.name}) = "
            data = [message or "", told, x, f"y ({y.name}) = ", y]
        return Assert(reduce_all(comparison.not_equal(x, y)), data, summarize=summarize)


def assert_less(
    x: Any, y: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x < y`` for all elements; see :func:`assert_equal`."""
    with _pair(x, y, name, "assert_less", data):
        return _assert_pair(comparison.less, "<", x, y, data, summarize, message)


def assert_less_equal(
    x: Any, y: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x <= y`` for all elements; see :func:`assert_equal`."""
    with _pair(x, y, name, "assert_less_equal", data):
        return _assert_pair(comparison.less_equal, "<=", x, y, data, summarize, message)


def assert_greater(
    x: Any, y: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x > y`` for all elements; see :func:`assert_equal`."""
    with _pair(x, y, name, "assert_greater", data):
        return _assert_pair(comparison.greater, ">", x, y, data, summarize, message)


def assert_greater_equal(
    x: Any, y: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x >= y`` for all elements; see :func:`assert_equal`."""
    with _pair(x, y, name, "assert_greater_equal", data):
        return _assert_pair(comparison.greater_equal, ">=", x, y, data, summarize, message)


def _zero_and(x: Any, sign: str, data: Data, message: str | None) -> tuple[Tensor, Tensor, Sequence[Any]]:
    """Return a value, a zero of its dtype, and what a failed comparison of them shows."""
    x = conversion.convert_to_tensor(x, name="x")
    if data is None:
        data = [message or "", f"Condition x {sign} 0 did not hold element-wise:", f"x ({x.name}) = ", x]
    return x, conversion.convert_to_tensor(0, x.dtype.base_dtype), data


def assert_positive(
    x: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x > 0`` for all elements; see :func:`assert_equal`."""
    with default.name_scope(name, "assert_positive", [x, *(data or ())]):
        x, zero, data = _zero_and(x, ">", data, message)
        return assert_less(zero, x, data=data, summarize=summarize)


def assert_negative(
    x: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x < 0`` for all elements; see :func:`assert_equal`."""
    with default.name_scope(name, "assert_negative", [x, *(data or ())]):
        x, zero, data = _zero_and(x, "<", data, message)
        return assert_less(x, zero, data=data, summarize=summarize)


def assert_non_negative(
    x: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x >= 0`` for all elements; see :func:`assert_equal`."""
    with default.name_scope(name, "assert_non_negative", [x, *(data or ())]):
        x, zero, data = _zero_and(x, ">=", data, message)
        return assert_less_equal(zero, x, data=data, summarize=summarize)


def assert_non_positive(
    x: Any, data: Data = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless ``x <= 0`` for all elements; see :func:`assert_equal`."""
    with default.name_scope(name, "assert_non_positive", [x, *(data or ())]):
        x, zero, data = _zero_and(x, "<=", data, message)
        return assert_less_equal(x, zero, data=data, summarize=summarize)


def is_non_decreasing(x: Any, name: str | None = None) -> Tensor:
    """Return whether each element of ``x``, flattened, is at least as large as the one before: a boolean scalar."""
    with default.name_scope(name, "is_non_decreasing", [x]):
        steps = _steps(x)
        return reduce_all(comparison.less_equal(conversion.convert_to_tensor(0, steps.dtype), steps))


def is_strictly_increasing(x: Any, name: str | None = None) -> Tensor:
    """Return whether each element of ``x``, flattened, is larger than the one before: a boolean scalar."""
    with default.name_scope(name, "is_strictly_increasing", [x]):
        steps = _steps(x)
        return reduce_all(comparison.less(conversion.convert_to_tensor(0, steps.dtype), steps))


def _steps(x: Any) -> Tensor:
    """Return the differences of neighbouring elements; of fewer than two, none."""
    x = reshape(conversion.convert_to_tensor(x, name="x"), [-1])
    is_short = comparison.less(size(x), 2)
    last = shape(x) - 1
    result: Tensor = cond(
        is_short,
        lambda: constant([], x.dtype.base_dtype),
        lambda: (
            strided_slice(x, [1], [1] + last)  # noqa: RUF005  (a sum of vectors)
            - strided_slice(x, [0], last)
        ),
    )
    return result
