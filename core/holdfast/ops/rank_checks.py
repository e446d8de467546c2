"""assert_rank and its relatives: assertions on ranks and dtypes, decided while the graph is built where they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from holdfast import dtypes
from holdfast.graph import conversion, default
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import comparison
from holdfast.ops.assertions import Assert
from holdfast.ops.grouping import no_op, with_dependencies
from holdfast.ops.shape_queries import rank as rank_of
from holdfast.ops.shape_queries import shape
from holdfast.ops.static import constant_value

__all__ = [
    "assert_integer",
    "assert_proper_iterable",
    "assert_rank",
    "assert_rank_at_least",
    "assert_rank_in",
    "assert_scalar",
    "assert_type",
    "is_numeric_tensor",
]

Data = Sequence[Any] | None


def assert_rank(
    x: Any,
    rank: Any,
    data: Data = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x`` has the given rank.

    Parameters
    ----------
    rank
        int32 scalar.
    data, summarize, message
        As for ``tf.assert_equal``.

    Raises
    ------
    ValueError
        If the rank is known statically and another one.
    """
    with default.name_scope(name, "assert_rank", [x, rank, *(data or ())]):
        holds = (lambda found, wanted: found == wanted), comparison.equal
        return _assert_rank(x, rank, "", holds, data, summarize, message)


def assert_rank_at_least(
    x: Any,
    rank: Any,
    data: Data = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x`` has the given rank or more; see :func:`assert_rank`."""
    with default.name_scope(name, "assert_rank_at_least", [x, rank, *(data or ())]):
        holds = (lambda found, wanted: found >= wanted), comparison.greater_equal
        return _assert_rank(x, rank, " at least", holds, data, summarize, message)


def _assert_rank(
    x: Any,
    rank: Any,
    how: str,
    holds: tuple[Callable[[int, int], bool], Callable[[Any, Any], Tensor]],
    data: Data,
    summarize: int | None,
    message: str | None,
) -> Operation:
    """Return the assertion of a relation, given for numbers and for tensors, between two ranks."""
    x = conversion.convert_to_tensor(x, name="x")
    rank = conversion.convert_to_tensor(rank, name="rank")
    if data is None:
        data = [message or "", f"Tensor {x.name} must have rank{how}", rank, "Received shape: ", shape(x)]
    assert_type(rank, dtypes.int32)
    wanted, found = constant_value(rank), x.shape.ndims
    if wanted is not None and wanted.ndim != 0:
        raise ValueError("Rank must be a scalar.")
    if wanted is not None and found is not None:
        if not holds[0](found, int(wanted)):
            raise ValueError(
                f"{message or ''}.  Tensor {x.name} must have rank{how} {int(wanted)}.  Received rank {found}, shape "
                f"{x.shape}"
            )
        return no_op(name="static_checks_determined_all_ok")
    condition = holds[1](rank_of(x), rank)
    if wanted is None:
        scalar = assert_rank(rank, 0, data=["Rank must be a scalar. Received rank: ", rank])
        condition = with_dependencies([scalar], condition)
    return Assert(condition, data, summarize=summarize)


def assert_rank_in(
    x: Any,
    ranks: Sequence[Any],
    data: Data = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x`` has one of the given ranks; see :func:`assert_rank`."""
    with default.name_scope(name, "assert_rank_in", [x, *ranks, *(data or ())]):
        x = conversion.convert_to_tensor(x, name="x")
        tensors = [conversion.convert_to_tensor(rank, name="rank") for rank in ranks]
        if data is None:
            data = [message or "", f"Tensor {x.name} must have rank in", *tensors, "Received shape: ", shape(x)]
        for tensor in tensors:
            assert_type(tensor, dtypes.int32)
        values = [constant_value(tensor) for tensor in tensors]
        known = [int(value) for value in values if value is not None and value.ndim == 0]
        if len([value for value in values if value is not None]) != len(known):
            raise ValueError("Rank must be a scalar.")
        found = x.shape.ndims
        if len(known) == len(tensors) and found is not None:
            if found not in known:
                raise ValueError(
                    f"{message or ''}.  Tensor {x.name} must have rank in {tuple(known)}.  Received rank {found}, "
                    f"shape {x.shape}"
                )
            return no_op(name="static_checks_determined_all_ok")
        return Assert(_is_one_of(x, tensors, values), data, summarize=summarize)


def _is_one_of(x: Tensor, ranks: Sequence[Tensor], values: Sequence[Any]) -> Tensor:
    """Return whether the rank of a tensor is among others."""
    from holdfast.ops.comparison import logical_or

    found = rank_of(x)
    condition = comparison.equal(ranks[0], found)
    for rank in ranks[1:]:
        condition = logical_or(condition, comparison.equal(rank, found))
    for rank, value in zip(ranks, values, strict=True):
        if value is None:
            scalar = assert_rank(rank, 0, data=["Rank must be a scalar. Received rank: ", rank])
            condition = with_dependencies([scalar], condition)
    return condition


def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> Operation:
    """Return a no-op if ``tensor`` has the dtype ``tf_type``.

    Raises
    ------
    TypeError
        If it has another one.
    """
    wanted = dtypes.as_dtype(tf_type)
    with default.name_scope(name, "assert_type", [tensor]):
        tensor = conversion.convert_to_tensor(tensor, name="tensor")
        if tensor.dtype is not wanted:
            raise TypeError(f"{message or ''}  {tensor.name} must be of type {wanted}; it is of type {tensor.dtype}")
        return no_op("statically_determined_correct_type")


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> Operation:
    """Return a no-op if ``x`` is of an integer dtype.

    Raises
    ------
    TypeError
        If it is of another one.
    """
    with default.name_scope(name, "assert_integer", [x]):
        x = conversion.convert_to_tensor(x, name="x")
        if not x.dtype.is_integer:
            told = f'Expected "x" to be integer type.  Found: {x.name} of dtype {x.dtype}'
            raise TypeError(f"{message or ''}  {told}")
        return no_op("statically_determined_was_integer")


def assert_scalar(tensor: Any, name: str | None = None) -> Tensor:
    """Return ``tensor`` if its static shape is that of a scalar.

    Raises
    ------
    ValueError
        If it is not, or not known.
    """
    with default.name_scope(name, "assert_scalar", [tensor]) as scope:
        tensor = conversion.convert_to_tensor(tensor, name=scope)
        if tensor.shape.ndims != 0:
            raise ValueError(f"Expected scalar shape for {tensor.name}, saw shape: {tensor.shape}.")
        result: Tensor = tensor
        return result


def assert_proper_iterable(values: Any) -> None:
    """Return if ``values`` is an iterable of things, not itself one tensor, array or text.

    Raises
    ------
    TypeError
        If it is not.
    """
    if isinstance(values, (str, bytes)) or hasattr(values, "dtype"):
        raise TypeError(f'Expected argument "values" to be a "proper" iterable.  Found: {type(values)}')
    if not hasattr(values, "__iter__"):
        raise TypeError(f'Expected argument "values" to be iterable.  Found: {type(values)}')


def is_numeric_tensor(tensor: Any) -> bool:
    """Whether ``tensor`` is a Tensor of numbers."""
    return isinstance(tensor, Tensor) and (
        tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_complex or tensor.dtype.is_quantized
    )
