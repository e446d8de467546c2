"""Slots: variables that an optimiser keeps beside each variable it trains, on the same device and named after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast import shapes
from holdfast.graph import colocate_with, name_scope
from holdfast.ops.sequences import zeros
from holdfast.ops.shape_queries import shape as shape_op
from holdfast.variables import Variable
from holdfast.variables.scope_names import unique_variable_scope


def create_slot(primary: Any, val: Any, name: str, colocate_with_primary: bool = True) -> Variable:
    """Return a new variable ``<primary>/<name>``, not trainable, with a tensor as its initial value.

    Parameters
    ----------
    primary
        Variable or tensor that it is for.
    val
        Initial value; where its static shape is not fully known the slot takes values of any shape.
    colocate_with_primary
        Keep it on the primary's device.
    """
    return _make(primary, val, name, colocate=colocate_with_primary, validate_shape=val.shape.is_fully_defined())


def create_slot_with_initializer(
    primary: Any,
    initializer: Callable[..., Any],
    shape: Any,
    dtype: Any,
    name: str,
    colocate_with_primary: bool = True,
) -> Variable:
    """Return a new variable ``<primary>/<name>``, not trainable, initialised by ``initializer(shape, dtype=dtype)``."""
    static = shapes.as_shape(shape)
    defined = static.is_fully_defined()

    def initial_value() -> Any:
        return initializer(static.as_list() if defined else static, dtype=dtype)

    return _make(primary, initial_value, name, colocate=colocate_with_primary, validate_shape=defined)


def create_zeros_slot(primary: Any, name: str, dtype: Any = None, colocate_with_primary: bool = True) -> Variable:
    """Return a new variable ``<primary>/<name>`` of zeros in the primary's shape, not trainable.

    Parameters
    ----------
    dtype
        By default the primary's.
    """
    dtype = primary.dtype.base_dtype if dtype is None else dtype
    if primary.shape.is_fully_defined():
        return create_slot_with_initializer(primary, zeros, primary.shape, dtype, name, colocate_with_primary)
    source = primary.initialized_value() if isinstance(primary, Variable) else primary
    return create_slot(primary, zeros(shape_op(source), dtype=dtype), name, colocate_with_primary)


def _make(primary: Any, initial_value: Any, name: str, *, colocate: bool, validate_shape: bool) -> Variable:
    """Make a slot under a name of its own, whatever the scopes around are called."""
    graph = primary.graph
    prefix = f"{primary.op.name}/{name}"
    with graph.as_default(), name_scope(prefix), name_scope(None):
        full_name = unique_variable_scope(graph, prefix)
        if not colocate:
            slot = _variable(initial_value, full_name, validate_shape=validate_shape)
        else:
            with colocate_with(primary):
                slot = _variable(initial_value, full_name, validate_shape=validate_shape)
    _slice_like(slot, primary)
    return slot


def _variable(initial_value: Any, full_name: str, *, validate_shape: bool) -> Variable:
    """Return a variable of exactly this name."""
    return Variable(initial_value, trainable=False, validate_shape=validate_shape, name=f"{full_name}/")


def _slice_like(slot: Variable, primary: Any) -> None:
    """Make the slot of a part of a larger variable the same part of a larger slot."""
    info = primary._get_save_slice_info() if isinstance(primary, Variable) else None
    if info is not None:
        slot_name = slot.op.name.removeprefix(f"{primary.op.name}/")
        full_name = f"{info.full_name}/{slot_name}"
        slot._set_save_slice_info(Variable.SaveSliceInfo(full_name, info.full_shape, info.var_offset, info.var_shape))
