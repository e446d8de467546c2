"""Initialising variables, and telling which are not."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import colocate_with, device, get_default_graph, name_scope
from holdfast.ops import state_ops
from holdfast.ops.comparison import logical_not
from holdfast.ops.constants import constant
from holdfast.ops.grouping import group, no_op
from holdfast.ops.masking import boolean_mask
from holdfast.ops.shape_queries import rank_internal
from holdfast.ops.stacking import stack
from holdfast.variables.collections import global_variables, local_variables

if TYPE_CHECKING:
    from holdfast.graph import Operation, Tensor

_VARIABLE_TYPES = frozenset(["Variable", "VariableV2"])


def variables_initializer(var_list: Sequence[Any], name: str = "init") -> Operation:
    """Return an op that initialises the given variables; for none, one that does nothing."""
    if var_list:
        return group(*[v.initializer for v in var_list], name=name)
    return no_op(name=name)


def global_variables_initializer() -> Operation:
    """Return an op that initialises all global variables there are now; later ones are not covered."""
    return variables_initializer(global_variables())


def local_variables_initializer() -> Operation:
    """Return an op that initialises all local variables there are now."""
    return variables_initializer(local_variables())


def initialize_variables(var_list: Sequence[Any], name: str = "init") -> Operation:
    """Return :func:`variables_initializer`; deprecated name."""
    _deprecated("initialize_variables", "variables_initializer")
    return variables_initializer(var_list, name=name)


def initialize_all_variables() -> Operation:
    """Return :func:`global_variables_initializer`; deprecated name."""
    _deprecated("initialize_all_variables", "global_variables_initializer")
    return global_variables_initializer()


def initialize_local_variables() -> Operation:
    """Return :func:`local_variables_initializer`; deprecated name."""
    _deprecated("initialize_local_variables", "local_variables_initializer")
    return local_variables_initializer()


def _deprecated(old: str, new: str) -> None:
    """Warn the caller of a deprecated function."""
    warnings.warn(f"{old} is deprecated; use {new}.", DeprecationWarning, stacklevel=3)


def is_variable_initialized(variable: Any) -> Tensor:
    """Return a scalar boolean tensor: whether a variable has a value in the session."""
    return state_ops.is_variable_initialized(variable)


def _given_or_all(var_list: Sequence[Any] | None) -> list[Any]:
    """Return the given variables; by default all global and local ones, else those that the graph has as nodes."""
    if var_list is not None:
        return list(var_list)
    found = global_variables() + local_variables()
    return found or [op.outputs[0] for op in get_default_graph().get_operations() if op.type in _VARIABLE_TYPES]


def report_uninitialized_variables(
    var_list: Sequence[Any] | None = None, name: str = "report_uninitialized_variables"
) -> Tensor:
    """Return a vector of strings: the names (``op.name``) of the variables that have no value in the session.

    Parameters
    ----------
    var_list
        Variables to look at; by default all global and local ones.
    """
    with name_scope(name), device("/cpu:0"):
        variables = _given_or_all(var_list)
        if not variables:
            return constant([], dtype=dtypes.string)
        missing = logical_not(stack([state_ops.is_variable_initialized(v) for v in variables]))
        names = constant([v.op.name for v in variables])
        return boolean_mask(names, missing)


def assert_variables_initialized(var_list: Sequence[Any] | None = None) -> Tensor | None:
    """Return a tensor whose evaluation raises FailedPreconditionError if one of the variables is uninitialised.

    Parameters
    ----------
    var_list
        Variables to look at; by default all global and local ones. Where there are none the result is None.
    """
    ranks = []
    for variable in _given_or_all(var_list):
        with colocate_with(variable.op):
            ranks.append(rank_internal(variable, optimize=False))
    if len(ranks) > 1:
        return stack(ranks)
    return ranks[0] if ranks else None
