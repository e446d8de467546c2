"""apply_op: from Python arguments to a node, by the op's definition. Every public op function ends here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import default
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
    graph = default.get_default_graph()
    for value in values:
        if type(value) is not Tensor or value._op.graph is not graph:
            own = _graph_of(values)
            if own is not graph:
                with own.as_default():
                    return apply_op(op_type, *values, name=name, **attrs)
            break
    if name is None:
        name = op_type
    elif not name:
        raise ValueError("'' is not a valid node name")
    names = graph._names
    outer = names.scope
    # The op's own scope: constants among the inputs, and what the branch of a cond adds, are named below the op.
    names.scope = full = names.claim(name)
    try:
        call = InputConversion(definition, values, attrs)
        types = output_types(definition, call.attrs)
        site = graph._sites.innermost()
        return graph.create_op(definition, call.tensors, types, call.attrs, full, call.refs, (), site)
    finally:
        names.scope = outer


def _graph_of(values: Sequence[Any]) -> Graph:
    """Return the graph of the inputs, lists included, checked to be one; by default the default graph."""
    flat: list[Any] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            flat += value
        else:
            flat.append(value)
    return default.graph_from_inputs(flat)


def output_types(definition: OpDef, attrs: dict[str, Any]) -> list[dtypes.DType]:
    """Return the dtypes of an op's outputs, ``_ref`` ones where they carry variables."""
    result: list[dtypes.DType] = []
    for arg in definition.outputs:
        kind: Any = attrs[arg.type_attr] if arg.type_attr else arg.dtype
        if arg.is_list:
            kinds = attrs[arg.type_list_attr] if arg.type_list_attr else [kind] * attrs[arg.number_attr]
            result += [k._as_ref for k in kinds] if arg.is_ref else kinds
        else:
            result.append(kind._ref if arg.is_ref else kind)
    return result
