"""Graphs and operations as ``GraphDef`` and ``NodeDef`` messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from holdfast import protos
from holdfast.graph.attr_messages import attr_message, public_attr

if TYPE_CHECKING:
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = ["MAX_GRAPH_DEF_BYTES", "graph_def", "node_def", "public_attr", "text", "version_def"]

MAX_GRAPH_DEF_BYTES = 2**31
"""Where protocol buffers end."""


def node_def(op: Operation) -> protos.NodeDef:
    """Return a new message with all that is known of an operation."""
    node = protos.NodeDef(name=op.name, op=op.type, device=op.device)
    node.input.extend([_input_name(tensor) for tensor in op._inputs])
    node.input.extend([f"^{control.name}" for control in op._control_inputs])
    defined = op.op_def.attrs
    for name, value in op.attrs.items():
        definition = defined.get(name)
        node.attr[name].CopyFrom(attr_message(value, None if definition is None else definition.kind))
    return node


def _input_name(tensor: Tensor) -> str:
    """Return a tensor's name as nodes write it: a first output has no index."""
    return f"{tensor.op.name}:{tensor.value_index}" if tensor.value_index else tensor.op.name


def version_def(graph: Graph) -> protos.VersionDef:
    """Return the versions of a graph: which software wrote it, and which can read it."""
    producer, min_consumer, bad_consumers = graph._versions
    return protos.VersionDef(producer=producer, min_consumer=min_consumer, bad_consumers=bad_consumers)


def graph_def(graph: Graph, from_version: int | None = None, *, add_shapes: bool = False) -> protos.GraphDef:
    """Return a new message of a graph's operations, in the order of their creation.

    Parameters
    ----------
    from_version
        Leave out operations made up to this version of the graph.
    add_shapes
        Add the static shapes of outputs as attribute ``_output_shapes``.

    Raises
    ------
    ValueError
        If it becomes larger than a message may be, 2 GiB.
    """
    message = protos.GraphDef(versions=version_def(graph))
    size = 0
    for op in graph._ops.values():
        if from_version is not None and op._id <= from_version:
            continue
        node = node_def(op)
        if add_shapes and op.outputs:
            node.attr["_output_shapes"].CopyFrom(attr_message([tensor.shape for tensor in op.outputs]))
        size += node.ByteSize()
        if size >= MAX_GRAPH_DEF_BYTES:
            raise ValueError("GraphDef cannot be larger than 2GB: keep large values in variables, not in constants.")
        message.node.append(node)
    return message


def text(message: protos.NodeDef | protos.GraphDef) -> str:
    """Return a message in protocol buffers' text form, maps sorted by key."""
    from google.protobuf import text_format

    return text_format.MessageToString(message)


def _as_own(value: Any, kind: type[Any], what: str) -> Any:
    """Return a message, of this library's classes or another's, as ours; TypeError if it is of another kind."""
    if isinstance(value, kind):
        return value
    descriptor = getattr(type(value), "DESCRIPTOR", None)
    if getattr(descriptor, "full_name", None) != kind.DESCRIPTOR.full_name:
        raise TypeError(f"{what} must be a {kind.DESCRIPTOR.name} proto, not {type(value).__name__}.")
    message = kind()
    message.ParseFromString(value.SerializeToString())
    return message


def as_graph_def(value: Any) -> protos.GraphDef:
    """Return a GraphDef, of this library's classes or another's, as ours; TypeError if it is none."""
    return cast("protos.GraphDef", _as_own(value, protos.GraphDef, "graph_def"))


def as_op_list(value: Any) -> protos.OpList:
    """Return an OpList, of this library's classes or another's, as ours; TypeError if it is none."""
    return cast("protos.OpList", _as_own(value, protos.OpList, "producer_op_list"))
