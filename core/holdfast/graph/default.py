"""The stack of default graphs, and the functions that act on the default graph."""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdfast.graph.tensor import Tensor

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from holdfast.graph.control import ControlDependencies
    from holdfast.graph.graph import Graph


class _Local(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.graphs: list[Graph] = []
        """Its stack of default graphs."""


_local = _Local()
_global_graph: Graph | None = None


def get_default_graph() -> Graph:
    """Return the innermost default graph of this thread, or the process's global one."""
    global _global_graph  # noqa: PLW0603  # one global default graph a process, as in TensorFlow
    graphs = _local.graphs
    if graphs:
        return graphs[-1]
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
    if _local.graphs:
        raise AssertionError(
            "Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared graph, exit the nesting "
            "and create a new graph."
        )
    _global_graph = None


@contextmanager
def graph_as_default(graph: Graph, *, enforce_nesting: bool = True) -> Iterator[Graph]:
    """Make ``graph`` the default one of this thread within the block; without nesting, blocks may end in any order."""
    stack = _local.graphs
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


class name_scope:  # noqa: N801  # TensorFlow's name
    """A block in a name scope of the graph of ``values``, or of the default graph; gives its name with a final slash.

    Raises
    ------
    ValueError
        When the block is entered: if the name is malformed, or values are given and neither name.
    """

    __slots__ = ("_as_default", "_default_name", "_name", "_names", "_outer", "_values")

    def __init__(self, name: str | None, default_name: str | None = None, values: Sequence[Any] | None = None) -> None:
        self._name = name
        self._default_name = default_name
        self._values = values
        self._as_default: AbstractContextManager[Graph] | None = None
        self._outer = ""

    def __enter__(self) -> str:
        name = self._default_name if self._name is None else self._name
        if name is None and self._values is not None:
            raise ValueError(f"At least one of name ({name}) and default_name ({name}) must be provided.")
        graph = graph_from_inputs(self._values or ())
        self._names = names = graph._names
        self._outer = names.scope
        scope = names.enter(name)
        if graph is not get_default_graph():
            self._as_default = graph.as_default()
            self._as_default.__enter__()
        return f"{scope}/" if scope else ""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._names.scope = self._outer
        if self._as_default is not None:
            self._as_default.__exit__(kind, error, traceback)


def graph_from_inputs(inputs: Sequence[Any], graph: Graph | None = None) -> Graph:
    """Return the graph that all graph elements among ``inputs`` belong to, or the default graph.

    Raises
    ------
    ValueError
        If they belong to different graphs.
    """
    first: Any = None
    found: Graph | None = None
    for item in inputs:
        item_graph = item._op.graph if type(item) is Tensor else getattr(item, "graph", None)
        if found is None:
            first, found = item, item_graph
        elif item_graph is not found and item_graph is not None:
            raise ValueError(f"{_element(item)} must be from the same graph as {_element(first)}.")
    if graph is None:
        return get_default_graph() if found is None else found
    if found is not None and found is not graph:
        raise ValueError(f"{_element(first)} is not from the passed-in graph.")
    return graph


def _element(item: Any) -> Any:
    """Return the graph element that a value stands for."""
    return item._as_graph_element() if hasattr(item, "_as_graph_element") else item


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
