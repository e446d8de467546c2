"""The nodes of a new variable: initial value, the variable itself, its initializer and its read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.graph import (
    GraphKeys,
    colocate_with,
    control_dependencies,
    convert_to_tensor,
    device,
    get_default_graph,
    name_scope,
)
from holdfast.ops.identities import identity
from holdfast.ops.state_ops import assign, variable_op_v2
from holdfast.shapes import unknown_shape
from holdfast.variables.dependent_initialization import guarded

if TYPE_CHECKING:
    from holdfast.graph import Operation, Tensor


@dataclass(frozen=True, slots=True)
class VariableNodes:
    """What a variable consists of in its graph."""

    variable: Tensor
    """The reference."""
    initializer: Operation
    """The assignment of the initial value."""
    snapshot: Tensor
    """The read that all uses of the variable share."""
    initial_value: Tensor | None
    """The initial value as it was given; None where a graph came without."""


def make_nodes(
    initial_value: Any, *, validate_shape: bool, caching_device: Any, name: str | None, dtype: Any
) -> VariableNodes:
    """Add a variable to the default graph.

    Raises
    ------
    ValueError
        If there is no initial value, or its shape is not known where it must be.
    """
    if initial_value is None:
        raise ValueError("initial_value must be specified.")
    # An initializer may run at any time: it must not wait for what happens to surround the declaration.
    values = [] if callable(initial_value) else [initial_value]
    with control_dependencies(None), name_scope(name, "Variable", values) as scope:
        value, variable = _value_and_variable(initial_value, scope, dtype, validate_shape=validate_shape)
        initial = guarded(value, variable.name)
        initializer = assign(variable, initial, validate_shape=validate_shape).op
        if caching_device is not None:
            with device(caching_device):
                snapshot = identity(variable, name="read")
        else:
            with colocate_with(variable.op):
                snapshot = identity(variable, name="read")
    return VariableNodes(variable, initializer, snapshot, value)


def _value_and_variable(initial_value: Any, scope: str, dtype: Any, *, validate_shape: bool) -> tuple[Tensor, Tensor]:
    """Return the initial value and the new variable."""
    if not callable(initial_value):
        value = convert_to_tensor(initial_value, name="initial_value", dtype=dtype)
        return value, _variable_for(value, scope, validate_shape=validate_shape)
    # The value shall be made where the variable will be, which does not exist yet: its name stands for it.
    group = {"_class": [b"loc:@" + scope.removesuffix("/").encode()]}
    with get_default_graph()._attr_scope(group):
        with name_scope("Initializer"), device(None):
            value = convert_to_tensor(initial_value(), name="initial_value", dtype=dtype)
        return value, _variable_for(value, scope, validate_shape=validate_shape)


def _variable_for(value: Tensor, scope: str, *, validate_shape: bool) -> Tensor:
    """Return a new variable with the shape and dtype of its initial value."""
    shape = value.shape if validate_shape else unknown_shape()
    if validate_shape and not shape.is_fully_defined():
        raise ValueError(f"initial_value must have a shape specified: {value}")
    return variable_op_v2(shape, value.dtype.base_dtype, name=scope)


def collections_for(collections: Any, *, trainable: bool) -> list[Any]:
    """Return the collections that a new variable goes into.

    Raises
    ------
    ValueError
        If they are not in a list, tuple or set.
    """
    if collections is None:
        collections = [GraphKeys.GLOBAL_VARIABLES]
    if not isinstance(collections, (list, tuple, set)):
        raise ValueError(
            f"collections argument to Variable constructor must be a list, tuple, or set. Got {collections} of type "
            f"{type(collections)}"
        )
    result = list(collections)
    if trainable and GraphKeys.TRAINABLE_VARIABLES not in result:
        result.append(GraphKeys.TRAINABLE_VARIABLES)
    return result
