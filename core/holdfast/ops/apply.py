"""apply_op: from Python arguments to a node, by the op's definition. Every public op function ends here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import default
from holdfast.graph.names import check_scope_name
from holdfast.graph.op_def import OpDef, op_def
from holdfast.graph.tensor import Tensor
from holdfast.ops.input_conversion import InputConversion

if TYPE_CHECKING:
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation


def apply_op(op_type: str, *values: Any, name: str | None = None, **attrs: Any) -> Operation:
    """Add an operation to the graph of its inputs and return it.

    Parameters
    ----------
    op_type
        A defined op type.
    values
        One value an input of the signature: anything that converts to a tensor; a sequence of such for a list input.
    name
        Name within the current scope; by default the op type. With a final slash, a full name that is taken already.
    attrs
        Attributes that the inputs do not give. None stands for the default.

    Raises
    ------
    TypeError, ValueError
        TensorFlow's errors where an input or attribute does not fit the definition.
    RuntimeError
        If the op type is not defined, or the graph is finalized.
    """
    definition = op_def(op_type)
    if definition is None:
        raise RuntimeError(f"Unrecognized Op name {op_type}")
    if len(values) != len(definition.inputs):
        expected = ", ".join(arg.name for arg in definition.inputs)
        raise TypeError(f"Op {op_type} takes {len(definition.inputs)} inputs ({expected}); got {len(values)}.")
    current = default.get_default_graph()
    graph = _graph_of(values, current)
    if graph is current:
        return _apply(graph, definition, values, name, attrs)
    with graph.as_default():
        return _apply(graph, definition, values, name, attrs)


def _apply(
    graph: Graph, definition: OpDef, values: Sequence[Any], name: str | None, attrs: dict[str, Any]
) -> Operation:
    """Add an operation to the default graph."""
    call = InputConversion(definition, attrs)
    if name is None:
        name = definition.type
    elif not name:
        raise ValueError("'' is not a valid node name")
    names = graph._names
    outer = names.scope
    # The op's own scope: constants among the inputs, and what the branch of a cond adds, are named below the op.
    names.scope = full = name[:-1] if name[-1] == "/" else names.unique(name)
    try:
        call.convert(values)
        complete = call.complete_attrs()
        types = output_types(definition, complete)
        return graph.create_op(definition, call.tensors, types, complete, full, colocate_with=call.refs)
    except ValueError:
        check_scope_name(name, within=outer)
        raise
    finally:
        names.scope = outer


def _graph_of(values: Sequence[Any], current: Graph) -> Graph:
    """Return the graph of the inputs, lists included, checked to be one."""
    flat: list[Any] = []
    for value in values:
        if type(value) is Tensor and value._op.graph is current:
            continue
        if isinstance(value, list | tuple):
            flat.extend(value)
        else:
            flat.append(value)
    if not flat:
        return current
    # All values again: an error names the first element that counts.
    if len(flat) < len(values):
        flat = [item for value in values for item in (value if isinstance(value, list | tuple) else [value])]
    return default.graph_from_inputs(flat)


def output_types(definition: OpDef, attrs: dict[str, Any]) -> list[dtypes.DType]:
    """Return the dtypes of an op's outputs, ``_ref`` ones where they carry variables."""
    result: list[dtypes.DType] = []
    for arg in definition.outputs:
        kind = attrs[arg.type_attr] if arg.type_attr else arg.dtype
        if arg.type_list_attr:
            kinds = attrs[arg.type_list_attr]
        else:
            kinds = [kind] * attrs[arg.number_attr] if arg.number_attr else (kind,)
        result += [k._as_ref for k in kinds] if arg.is_ref else kinds
    return result
