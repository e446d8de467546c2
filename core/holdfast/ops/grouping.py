"""Ops for what runs together or first: no_op, group, tuple, with_dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.graph import conversion, default
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.op_def import define_op
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.identities import identity

__all__ = ["group", "no_op", "tuple", "with_dependencies"]

define_op("NoOp", "", shape=shape_rules.no_outputs)


def no_op(name: str | None = None) -> Operation:
    """Return an operation that does nothing: a place for control dependencies."""
    return apply_op("NoOp", name=name)


def _group_on_device(device: str, deps: Sequence[Any], name: str | None = None) -> Operation:
    """Return an operation on a device that runs after ``deps``."""
    graph = default.get_default_graph()
    if not device:
        with graph.control_dependencies(deps):
            return no_op(name)
    with graph.device(device), graph.control_dependencies(deps):
        return no_op(name)


def group(*inputs: Any, **kwargs: Any) -> Operation:
    """Return an operation that ends after all ``inputs``; as a fetch its value is None.

    Parameters
    ----------
    *inputs
        Tensors, operations, variables or indexed slices.
    name
        Name of the operation.

    Raises
    ------
    TypeError
        If an input is none of these.
    ValueError
        If there are other keyword arguments.
    """
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError("Unknown keyword arguments: " + ", ".join(kwargs))
    for item in inputs:
        if not hasattr(item, "device"):
            raise TypeError(f"Expected a tensor, operation or variable to group, got {item!r}.")
    with default.name_scope(name, "group_deps", inputs) as scope:
        by_device: dict[str, list[Any]] = {}
        for item in inputs:
            by_device.setdefault(item.device, []).append(item)
        if len(by_device) <= 1:
            (device, deps), *_ = by_device.items() or [("", [])]
            return _group_on_device(device, deps, scope)
        # One operation a device first: each device then waits for the others once, not for every input.
        deps = [_group_on_device(device, by_device[device]) for device in sorted(by_device)]
        with default.control_dependencies(deps):
            return no_op(scope)


def with_dependencies(dependencies: Sequence[Any], output_tensor: Any, name: str | None = None) -> Any:
    """Return ``output_tensor``, to be had only after ``dependencies`` have run.

    Raises
    ------
    TypeError
        If ``output_tensor`` is neither a tensor nor indexed slices.
    """
    with (
        default.name_scope(name, "control_dependency", [*dependencies, output_tensor]) as scope,
        default.colocate_with(output_tensor),
        default.control_dependencies(dependencies),
    ):
        output = conversion.convert_to_tensor_or_indexed_slices(output_tensor)
        if isinstance(output, IndexedSlices):
            return IndexedSlices(identity(output.values, scope), output.indices, output.dense_shape)
        return identity(output, scope)


def tuple(tensors: Sequence[Any], name: str | None = None, control_inputs: Sequence[Any] | None = None) -> list[Any]:
    """Return tensors with the values of ``tensors``, to be had only after all of them are computed.

    Parameters
    ----------
    tensors
        Tensors or indexed slices; None stays None.
    control_inputs
        Further operations or tensors to wait for.

    Raises
    ------
    ValueError
        If there is no tensor.
    TypeError
        If a control input is neither an operation nor a tensor.
    """
    with default.name_scope(name, "tuple", tensors):
        gating: list[Any] = [t.op for t in tensors if t is not None]
        for control in control_inputs or ():
            if isinstance(control, Tensor):
                gating.append(control.op)
            elif isinstance(control, Operation):
                gating.append(control)
            else:
                raise TypeError(f"Control input must be Operation or Tensor: {control}")
        if not gating:
            raise ValueError(f"Must have at least one Tensor: {tensors}")
        # Sorted by creation, each once: equal graphs whatever the order of the arguments.
        gating = sorted(dict.fromkeys(gating), key=lambda op: op._id)
        gate = group(*gating)
        return [None if t is None else with_dependencies([gate], t) for t in tensors]
