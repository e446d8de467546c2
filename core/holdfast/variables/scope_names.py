"""Names of variable scopes in use in a graph."""

from __future__ import annotations

from holdfast.graph import Graph

_ROOM = "variable_scope_names"


def unique_variable_scope(graph: Graph, prefix: str) -> str:
    """Return and take ``prefix``, with ``_1``, ``_2``... appended where a scope or an operation has that name."""
    taken: set[str] = graph.rooms.setdefault(_ROOM, set())
    name, count = prefix, 0
    while name in taken or name in graph._ops:
        count += 1
        name = f"{prefix}_{count}"
    taken.add(name)
    graph._names.mark_as_used(name)
    return name
