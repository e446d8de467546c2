"""case: the function of the first predicate that holds builds what is computed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdfast import dtypes
from holdfast.graph import default as defaults
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import structures
from holdfast.ops.assertions import Assert
from holdfast.ops.casting import cast
from holdfast.ops.comparison import less, logical_and, logical_not
from holdfast.ops.cond import cond, unpacked
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.reductions import reduce_sum
from holdfast.ops.stacking import stack

__all__ = ["case"]

_log = logging.getLogger("holdfast")

Function = Callable[[], Any]


def case(
    pred_fn_pairs: Mapping[Tensor, Function] | Sequence[tuple[Tensor, Function]],
    default: Function,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """Return what the function of the first true predicate returns, or what ``default`` returns if none is true.

    Parameters
    ----------
    pred_fn_pairs
        Pairs of a boolean scalar and a function without arguments; of a dict the order is that of the names.
    default
        Function for the case that no predicate is true; all functions return the same structure and dtypes.
    exclusive
        Whether a run fails with :class:`holdfast.errors.InvalidArgumentError` if more than one predicate is true.
    strict
        As for ``tf.cond``.

    Raises
    ------
    TypeError
        If the pairs are not pairs, a predicate is not boolean or a function not callable.
    """
    pairs = _checked_pairs(pred_fn_pairs, exclusive=exclusive, name=name)
    if not callable(default):
        raise TypeError("default must be callable.")
    preds = [pred for pred, _ in pairs]
    with defaults.name_scope(name, "case", preds):
        if not preds:
            return default()
        checks = [_at_most_one(preds)] if exclusive else []
        functions = [*(function for _, function in pairs), default]
        exclusive_preds = _case_preds(preds)
        with defaults.control_dependencies(checks):
            result = _sequence(exclusive_preds, functions, strict=strict)
        return result if strict else unpacked(result)


def _checked_pairs(pairs: Any, *, exclusive: bool, name: str) -> list[tuple[Tensor, Function]]:
    """Return the pairs as a list; TypeError if they are not pairs of a predicate and a function."""
    if isinstance(pairs, Mapping):
        if not exclusive:
            _log.warning(
                "%s: Provided dictionary of predicate/fn pairs, but exclusive=False.  Order of conditional tests is by "
                "name.",
                name,
            )
        pairs = sorted(pairs.items(), key=lambda item: item[0].name)
    if not isinstance(pairs, (list, tuple)):
        raise TypeError("fns must be a list, tuple, or dict")
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError("Each entry in pred_fn_pairs must be a 2-tuple")
        pred, function = pair
        if pred.dtype.base_dtype is not dtypes.bool:
            raise TypeError(f"pred must be of type bool: {pred.name}")
        if not callable(function):
            raise TypeError(f"fn for pred {pred.name} must be callable.")
    return list(pairs)


def _at_most_one(preds: list[Tensor]) -> Operation:
    """Return the assertion that no two predicates are true."""
    values = stack(preds, name="preds_c")
    count = reduce_sum(cast(values, dtypes.int32), name="num_true_conds")
    holds = less(count, constant(2, name="two_true_conds"))
    names = ", ".join(pred.name for pred in preds)
    told = f"More than one condition evaluated as True but exclusive=True.  Conditions: ({names}), Values:"
    return Assert(holds, [told, values], summarize=len(preds))


def _case_preds(preds: list[Tensor]) -> list[Tensor]:
    """Return predicates of which exactly one is true: the first true one, or the last, that none was."""
    negated = []
    for i, pred in enumerate(preds):
        with defaults.name_scope(f"not_{i}"):
            negated.append(logical_not(pred))
    none_before = [constant(True, name="always_true")]
    for i, pred in enumerate(negated):
        with defaults.name_scope(f"and_not_{i}"):
            none_before.append(logical_and(none_before[-1], pred))
    result = []
    for i, pred in enumerate(preds):
        with defaults.name_scope(f"case_{i}"):
            result.append(logical_and(pred, none_before[i]))
    return [*result, none_before[-1]]


def _sequence(preds: list[Tensor], functions: list[Function], *, strict: bool) -> Any:
    """Return nested conds, the default innermost."""
    result: Any = None
    for i, (pred, function) in enumerate(reversed(list(zip(preds, functions, strict=True)))):
        other = _empty_like(function) if i == 0 else _giving(result)
        result = cond(pred, function, other, strict=strict, name=f"If_{i}")
    return result


def _giving(value: Any) -> Function:
    """Return a function that returns a value."""
    return lambda: value


def _empty_like(default: Function) -> Function:
    """Return a function that returns zeros of the structure that ``default`` returns: the result that is never used."""

    def empty() -> Any:
        return structures.map_structure(_empty, default())

    return empty


def _empty(value: Any) -> Any:
    """Return zeros in place of a tensor."""
    if isinstance(value, Operation):
        return no_op()
    if not isinstance(value, Tensor):
        return value
    dims = value.shape.as_tuple()
    dtype = value.dtype.base_dtype
    zero = "" if dtype is dtypes.string else dtype.as_numpy_dtype()
    return constant(zero, dtype, None if dims is None else [1 if d is None else d for d in dims])
