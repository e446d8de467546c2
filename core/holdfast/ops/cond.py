"""cond: one of two functions builds what is computed, by a predicate of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.graph import default
from holdfast.graph.collections import GraphKeys
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.tensor import Tensor
from holdfast.ops import structures
from holdfast.ops.cond_context import CondContext
from holdfast.ops.control_flow import merge, switch
from holdfast.ops.identities import identity

__all__ = ["cond"]


def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> Any:
    """Return what ``true_fn`` returns if ``pred`` is true in the run, else what ``false_fn`` returns.

    Only ops that are made within a function are conditional; what a function merely uses runs in any case.

    Parameters
    ----------
    pred
        Boolean scalar tensor.
    true_fn, false_fn
        Functions without arguments that build tensors (or operations), in the same structure and of the same dtypes.
        Older names: ``fn1`` and ``fn2``.
    strict
        Whether lists and tuples of one element stay such; by default the element alone is returned.

    Raises
    ------
    TypeError
        If ``pred`` is a Python bool, a function is missing or not callable, or the results are of different types.
    ValueError
        If the results differ in number or dtype, or there is none.
    """
    true_fn = _one_name(true_fn, fn1, "true_fn", "fn1")
    false_fn = _one_name(false_fn, fn2, "false_fn", "fn2")
    with default.name_scope(name, "cond", [pred]):
        if isinstance(pred, bool):
            raise TypeError("pred must not be a Python bool")
        off, on = switch(pred, pred)
        pivots = identity(on, name="switch_t"), identity(off, name="switch_f")
        pred = identity(pred, name="pred_id")
        for tensor in (on, off, *pivots, pred):
            tensor.graph.prevent_fetching(tensor.op)
        on_context, on_result, on_leaves = _branch(pred, pivots[0], 1, true_fn, "true_fn")
        off_context, off_result, off_leaves = _branch(pred, pivots[1], 0, false_fn, "false_fn")
        if not strict:
            on_result, off_result = unpacked(on_result), unpacked(off_result)
        _check_results(on_result, off_result, on_leaves, off_leaves)
        merges = [merge(pair)[0] for pair in zip(off_leaves, on_leaves, strict=True)]
        for context in (on_context, off_context):
            pred.graph.add_to_collection(GraphKeys.COND_CONTEXT, context)
        result = structures.pack_like(on_result, merges)
        return result if strict else unpacked(result)


def _one_name(function: Any, older: Any, name: str, older_name: str) -> Callable[[], Any]:
    """Return a function given under its present or its older name."""
    if older is not None:
        if function is not None:
            raise TypeError(f"cond(): {name} and {older_name} may not be set simultaneously.")
        function = older
    elif function is None:
        raise TypeError(f"cond(): {name} argument required")
    if not callable(function):
        raise TypeError(f"{name} must be callable.")
    result: Callable[[], Any] = function
    return result


def _branch(
    pred: Tensor, pivot: Tensor, branch: int, function: Callable[[], Any], name: str
) -> tuple[CondContext, Any, list[Any]]:
    """Build one branch; return its context, its result and the leaves of it."""
    context = CondContext(pred, pivot, branch)
    with context:
        result, leaves = context.build(function)
        if result is None:
            raise ValueError(f"{name} must have a return value.")
        context.exit_result(leaves)
    return context, result, leaves


def unpacked(result: Any) -> Any:
    """Return the element of a list or tuple of one; anything else unchanged."""
    if isinstance(result, (list, tuple)) and len(result) == 1 and not hasattr(result, "_fields"):
        return result[0]
    return result


def _check_results(on: Any, off: Any, on_leaves: list[Any], off_leaves: list[Any]) -> None:
    """Raise unless both branches return the same structure of the same dtypes."""
    try:
        structures.check_same_structure(on, off)
    except TypeError as error:
        raise TypeError(f"Incompatible return types of true_fn and false_fn: {error}") from error
    except ValueError as error:
        raise ValueError(f"Incompatible return values of true_fn and false_fn: {error}") from error
    if not on_leaves:
        raise ValueError("true_fn and false_fn must return at least one result.")
    for one, other in zip(on_leaves, off_leaves, strict=True):
        if isinstance(one, IndexedSlices) != isinstance(other, IndexedSlices):
            raise TypeError(f"Incompatible return types of true_fn and false_fn: {one} and {other}.")
        if one.dtype.base_dtype is not other.dtype.base_dtype:
            raise ValueError(
                f"Outputs of true_fn and false_fn must have the same type: {one.dtype.name}, {other.dtype.name}"
            )
