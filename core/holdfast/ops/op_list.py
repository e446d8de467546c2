"""The op definitions that a graph needs, as MetaGraphs carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph.op_def import op_def

if TYPE_CHECKING:
    from holdfast import protos

__all__ = ["stripped_op_list_for_graph"]


def stripped_op_list_for_graph(graph_def: Any) -> protos.OpList:
    """Return the definitions of the op types that a graph uses, sorted by name.

    With a graph that is read by other software, they tell the default of each attribute.

    Parameters
    ----------
    graph_def
        A ``GraphDef`` message.

    Returns
    -------
    An ``OpList`` message.

    Raises
    ------
    TypeError
        If ``graph_def`` is no GraphDef.
    ValueError
        If an op type is neither defined here nor a function of the graph.
    """
    from holdfast import protos  # messages are loaded at first use
    from holdfast.graph.graph_def import as_graph_def
    from holdfast.graph.op_def_messages import op_def_message

    graph_def = as_graph_def(graph_def)
    functions = {function.signature.name for function in graph_def.library.function}
    nodes = [*graph_def.node, *(node for function in graph_def.library.function for node in function.node_def)]
    op_list = protos.OpList()
    for op_type in sorted({node.op for node in nodes} - functions):
        definition = op_def(op_type)
        if definition is None:
            raise ValueError(f"Op {op_type} is used by the graph, but is not registered")
        op_list.op.append(op_def_message(definition))
    return op_list
