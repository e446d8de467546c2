"""GraphDefs as they are read: nodes checked one by one, and put into an order in which they can be made."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from holdfast.graph.op_def import OpDef, op_def

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from holdfast import protos

_TENSOR_NAME = re.compile(r"([^:^]*)(?::([0-9]{1,9}))?")
_LOOP_OPS = frozenset(("Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond"))


@dataclass(frozen=True, slots=True)
class ImportNode:
    """One node of a GraphDef."""

    proto: protos.NodeDef
    """The message."""
    definition: OpDef
    """Definition of its op type."""
    inputs: tuple[tuple[str, int], ...]
    """Name of the node and index of the output of each input."""
    control_inputs: tuple[str, ...]
    """Names of the nodes it runs after."""

    @property
    def name(self) -> str:
        """Its name in the GraphDef."""
        return str(self.proto.name)


def invalid(name: str, what: object) -> NoReturn:
    """Raise the error of a node that makes no sense."""
    raise ValueError(f"graph_def is invalid at node {name!r}: {str(what).rstrip('.')}.")


def parse_tensor_name(name: str) -> tuple[str, int]:
    """Return node and output of a tensor's name, whose index may be left out; ValueError if it is none."""
    match = _TENSOR_NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"Cannot convert {name!r} to a tensor name.")
    return match[1], int(match[2] or 0)


def read_nodes(graph_def: protos.GraphDef) -> dict[str, ImportNode]:
    """Return the nodes by name, in the order of the message.

    Raises
    ------
    ValueError
        If an op type is not defined, a name occurs twice, or inputs are malformed.
    """
    definitions = _definitions(graph_def)
    nodes: dict[str, ImportNode] = {}
    for proto in graph_def.node:
        if proto.name in nodes:
            raise ValueError(f"Duplicate name {proto.name!r} in GraphDef.")
        nodes[proto.name] = _read_node(proto, definitions[proto.op])
    for node in nodes.values():
        _check_sources(node, nodes)
    return nodes


def _definitions(graph_def: protos.GraphDef) -> dict[str, OpDef]:
    """Return the definitions of all op types; one error tells of all that there are none of."""
    found = {op_type: op_def(op_type) for op_type in {node.op for node in graph_def.node}}
    unknown = Counter(node.op for node in graph_def.node if found[node.op] is None)
    if unknown:
        first = next(node for node in graph_def.node if found[node.op] is None)
        message = f"No op named {first.op} in defined operations. Node {first.name!r} is of that type"
        if first.op in _LOOP_OPS:
            message += ", which is a part of a while loop; graphs with loops cannot be imported"
        elif any(function.signature.name == first.op for function in graph_def.library.function):
            message += ", a function of the graph's library; graphs with functions cannot be imported"
        if len(unknown) > 1:
            others = ", ".join(f"{op} ({count} nodes)" for op, count in sorted(unknown.items()))
            message += f". All op types that are not defined: {others}"
        raise ValueError(message + ".")
    return {op_type: definition for op_type, definition in found.items() if definition is not None}


def _read_node(proto: protos.NodeDef, definition: OpDef) -> ImportNode:
    """Return a node with its inputs parsed."""
    names = list(proto.input)
    controls = [name[1:] for name in names if name.startswith("^")]
    data = names[: len(names) - len(controls)]
    if any(name.startswith("^") for name in data):
        invalid(proto.name, f"Its control inputs do not come last: {', '.join(names)}")
    try:
        inputs = tuple(parse_tensor_name(name) for name in data)
    except ValueError as error:
        invalid(proto.name, error)
    return ImportNode(proto, definition, inputs, tuple(dict.fromkeys(controls)))


def _check_sources(node: ImportNode, nodes: dict[str, ImportNode]) -> None:
    """Check that all nodes that a node refers to exist."""
    for source, index in node.inputs:
        if source not in nodes:
            invalid(node.name, f"Input tensor '{source}:{index}' not found in graph_def")
    for source in node.control_inputs:
        if source not in nodes:
            invalid(node.name, f"Control input '^{source}' not found in graph_def")


def creation_order(
    nodes: dict[str, ImportNode], mapped: frozenset[tuple[str, int]], mapped_controls: frozenset[str]
) -> list[ImportNode]:
    """Return the nodes so that each comes after its inputs; else in the order of the message.

    Parameters
    ----------
    mapped, mapped_controls
        Tensors and control inputs that come from elsewhere.

    Raises
    ------
    ValueError
        If there is a cycle.
    """
    position = {name: i for i, name in enumerate(nodes)}
    ordered = list(nodes.values())
    followers: list[list[int]] = [[] for _ in ordered]
    waiting = [0] * len(ordered)
    for i, node in enumerate(ordered):
        sources = {position[source] for source, index in node.inputs if (source, index) not in mapped}
        sources.update(position[source] for source in node.control_inputs if source not in mapped_controls)
        waiting[i] = len(sources)
        for source in sources:
            followers[source].append(i)
    ready = [i for i, count in enumerate(waiting) if not count]  # sorted, and so a heap
    result: list[ImportNode] = []
    while ready:
        i = heapq.heappop(ready)
        result.append(ordered[i])
        for follower in followers[i]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, follower)
    if len(result) < len(ordered):
        _raise_cycle([node for i, node in enumerate(ordered) if waiting[i]])
    return result


def _raise_cycle(nodes: Sequence[ImportNode]) -> NoReturn:
    """Raise the error of nodes that wait for each other."""
    names: Iterable[str] = (repr(node.name) for node in nodes[:5])
    more = f" and {len(nodes) - 5} others" if len(nodes) > 5 else ""
    raise ValueError(
        f"graph_def has a cycle: {', '.join(names)}{more} cannot be computed before one another. Graphs with loops "
        "cannot be imported."
    )
