"""The stack of default graphs, and the functions that act on the default graph."""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from holdfast.graph.control import ControlDependencies
    from holdfast.graph.graph import Graph

_local = threading.local()
_global_graph: Graph | None = None


def _stack() -> list[Graph]:
    """Return this thread's stack of default graphs."""
    try:
        stack: list[Graph] = _local.stack
    except AttributeError:
        stack = _local.stack = []
    return stack


def get_default_graph() -> Graph:
    """Return the innermost default graph of this thread, or the process's global one."""
    global _global_graph  # noqa: PLW0603  # one global default graph a process, as in TensorFlow
    stack = _stack()
    if stack:
        return stack[-1]
    if _global_graph is None:
        from holdfast.graph.graph import Graph  # Graph needs this module

        _global_graph = Graph()
    return _global_graph


def reset_default_graph() -> None:
    """Replace the global default graph by a new one.

    Raises
    ------
    AssertionError
        Within ``with graph.as_default()``.
    """
    global _global_graph  # noqa: PLW0603  # see get_default_graph
    if _stack():
        raise AssertionError(
            "Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared graph, exit the nesting "
            "and create a new graph."
        )
    _global_graph = None


@contextmanager
def graph_as_default(graph: Graph, *, enforce_nesting: bool = True) -> Iterator[Graph]:
    """Make ``graph`` the default one of this thread within the block; without nesting, blocks may end in any order."""
    stack = _stack()
    stack.append(graph)
    try:
        yield graph
    finally:
        position = max(i for i, entry in enumerate(stack) if entry is graph)
        is_nested = position == len(stack) - 1
        del stack[position]
        if enforce_nesting and not is_nested:
            raise AssertionError(
                f"Nesting violated for default stack of {type(graph)} objects: another graph was made the default "
                "within this block and is so still. Leave `as_default()` blocks in the reverse order of entering."
            )


@contextmanager
def name_scope(name: str | None, default_name: str | None = None, values: Sequence[Any] | None = None) -> Iterator[str]:
    """Enter a name scope of the graph of ``values``, or of the default graph; gives its name with a final slash.

    Raises
    ------
    ValueError
        If the name is malformed, or values are given and neither name.
    """
    name = default_name if name is None else name
    if name is None and values is not None:
        raise ValueError(f"At least one of name ({name}) and default_name ({default_name}) must be provided.")
    graph = graph_from_inputs(values or ())
    if graph is get_default_graph():
        with graph.name_scope(name) as scope:
            yield scope
    else:
        with graph.as_default(), graph.name_scope(name) as scope:
            yield scope


def graph_from_inputs(inputs: Sequence[Any], graph: Graph | None = None) -> Graph:
    """Return the graph that all graph elements among ``inputs`` belong to, or the default graph.

    Raises
    ------
    ValueError
        If they belong to different graphs.
    """
    first: Any = None
    for item in inputs:
        item_graph = getattr(item, "graph", None)
        if item_graph is None:
            continue
        element = item._as_graph_element() if hasattr(item, "_as_graph_element") else item
        if first is None:
            first = element
        elif item_graph is not first.graph:
            raise ValueError(f"{element} must be from the same graph as {first}.")
    if graph is not None:
        if first is not None and first.graph is not graph:
            raise ValueError(f"{first} is not from the passed-in graph.")
        return graph
    found: Graph = get_default_graph() if first is None else first.graph
    return found


def op_scope(values: Sequence[Any], name: str | None, default_name: str | None = None) -> AbstractContextManager[str]:
    """:func:`name_scope` in the old order of its arguments, which TensorFlow deprecated."""
    return name_scope(name, default_name, values)


def device(device_name_or_function: Any) -> AbstractContextManager[None]:
    """``Graph.device`` of the default graph."""
    return get_default_graph().device(device_name_or_function)


def colocate_with(op: Any, ignore_existing: bool = False) -> AbstractContextManager[None]:
    """``Graph.colocate_with`` of the default graph."""
    return get_default_graph().colocate_with(op, ignore_existing)


def control_dependencies(control_inputs: Sequence[Any] | None) -> ControlDependencies:
    """``Graph.control_dependencies`` of the default graph."""
    return get_default_graph().control_dependencies(control_inputs)


def container(container_name: str) -> AbstractContextManager[str]:
    """``Graph.container`` of the default graph."""
    return get_default_graph().container(container_name)


def add_to_collection(name: Any, value: Any) -> None:
    """``Graph.add_to_collection`` of the default graph."""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names: Any, value: Any) -> None:
    """``Graph.add_to_collections`` of the default graph."""
    get_default_graph().add_to_collections(names, value)


def get_collection(key: Any, scope: str | None = None) -> list[Any]:
    """``Graph.get_collection`` of the default graph."""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: Any) -> list[Any]:
    """``Graph.get_collection_ref`` of the default graph."""
    return get_default_graph().get_collection_ref(key)


def set_random_seed(seed: int | None) -> None:
    """Set the graph-level seed of the default graph: random ops made from now on draw reproducible streams.

    Raises
    ------
    TypeError
        If the seed is neither an integer nor None.
    """
    if seed is not None and not hasattr(seed, "__index__"):
        raise TypeError(f"Expected an integer or None as seed, got {seed!r} of type '{type(seed).__name__}'.")
    get_default_graph().seed = None if seed is None else operator.index(seed)


DEFAULT_GRAPH_SEED = 87654321
"""Stands for the graph-level seed where only an op has one; TensorFlow's number."""

_MAXINT32 = 2**31 - 1


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """Return the seeds ``(seed, seed2)`` for a new op, both None where it shall differ from session to session.

    With a graph-level seed only, the second is the number of ops made so far: two ops draw different streams.
    """
    graph = get_default_graph()
    if graph.seed is not None:
        seeds = graph.seed, graph.version if op_seed is None else op_seed
    elif op_seed is not None:
        seeds = DEFAULT_GRAPH_SEED, op_seed
    else:
        return None, None
    first, second = seeds[0] % _MAXINT32, seeds[1] % _MAXINT32
    return (0, _MAXINT32) if (first, second) == (0, 0) else (first, second)
