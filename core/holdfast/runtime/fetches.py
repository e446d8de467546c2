"""The structure of what is fetched: flattened before a run, filled with values after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from holdfast.graph import IndexedSlices, Operation, Tensor

if TYPE_CHECKING:
    from holdfast.graph import Graph

Pick: TypeAlias = "Callable[[Sequence[Any]], Any]"
"""From the values of all fetched tensors to the value of one (sub)structure."""


class IndexedSlicesValue(NamedTuple):
    """The value of fetched IndexedSlices."""

    values: Any
    """The rows."""
    indices: Any
    """Where they belong."""
    dense_shape: Any
    """Shape of the full tensor, or None."""


class Fetches:
    """One fetch structure, flattened.

    Raises
    ------
    TypeError, ValueError
        TensorFlow's errors for what cannot be fetched.
    """

    def __init__(self, graph: Graph, fetches: Any) -> None:
        self._graph = graph
        tensors: list[Tensor] = []
        targets: dict[Operation, None] = {}
        self.build = self._flatten(fetches, tensors, targets)
        """From the tensors' values to the structure with these in place."""
        self.tensors = tuple(tensors)
        """The fetched tensors. One that is fetched twice is here twice: each value is an array of its own."""
        self.targets = tuple(targets)
        """The fetched operations, each once."""

    def _flatten(self, fetch: Any, tensors: list[Tensor], targets: dict[Operation, None]) -> Pick:
        """Take in one (sub)structure and return how to build its value."""
        if fetch is None:
            raise TypeError(f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}")
        if isinstance(fetch, (list, tuple)):
            return _sequence(type(fetch), [self._flatten(item, tensors, targets) for item in fetch])
        if isinstance(fetch, Mapping):
            return _mapping(type(fetch), [(k, self._flatten(v, tensors, targets)) for k, v in fetch.items()])
        if isinstance(fetch, IndexedSlices):
            parts = (fetch.values, fetch.indices, fetch.dense_shape)
            picks = [_no_value if part is None else self._element(part, tensors, targets) for part in parts]
            return _sequence(IndexedSlicesValue, picks)
        return self._element(fetch, tensors, targets)

    def _element(self, fetch: Any, tensors: list[Tensor], targets: dict[Operation, None]) -> Pick:
        """Take in a tensor, operation, variable or name."""
        element = self._graph_element(fetch)
        if not self._graph.is_fetchable(element):
            op = element if isinstance(element, Operation) else element.op
            raise ValueError(f"Operation {op.name!r} has been marked as not fetchable.")
        if isinstance(element, Operation):
            targets[element] = None
            return _no_value
        tensors.append(element)
        return itemgetter(len(tensors) - 1)

    def _graph_element(self, fetch: Any) -> Any:
        """Return the graph element that a fetch stands for, with TensorFlow's errors."""
        try:
            return self._graph.as_graph_element(fetch, allow_tensor=True, allow_operation=True)
        except TypeError as error:
            raise TypeError(
                f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}, must be a string or Tensor. ({error})"
            ) from error
        except (ValueError, KeyError) as error:
            # As TensorFlow's, the text of a KeyError stands in quotes.
            raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({error})") from error


def _no_value(values: Sequence[Any]) -> None:
    """Return the value of an operation."""


def _sequence(kind: Any, picks: Sequence[Pick]) -> Pick:
    """Return how to build a list, tuple or named tuple."""
    if kind is list:
        return lambda values: [pick(values) for pick in picks]
    if hasattr(kind, "_fields"):
        return lambda values: kind(*(pick(values) for pick in picks))
    return lambda values: kind(pick(values) for pick in picks)


def _mapping(kind: Any, picks: Sequence[tuple[Any, Pick]]) -> Pick:
    """Return how to build a dict of the same class; of mappings that are none, a plain one."""

    def build(values: Sequence[Any]) -> Any:
        result = kind() if issubclass(kind, dict) else {}
        for key, pick in picks:
            result[key] = pick(values)
        return result

    return build
