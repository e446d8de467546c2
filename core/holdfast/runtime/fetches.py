"""The structure of what is fetched: flattened before a run, filled with values after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from holdfast.graph import IndexedSlices, Operation, Tensor

if TYPE_CHECKING:
    from holdfast.graph import Graph

Pick: TypeAlias = "Callable[[list[Any]], Any]"
"""From the values of all unique tensors to the value of one fetch."""


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
        self._indices: dict[Tensor, int] = {}
        self._targets: dict[Operation, None] = {}
        self._pick = self._flatten(fetches)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The fetched tensors, each once."""
        return tuple(self._indices)

    @property
    def targets(self) -> tuple[Operation, ...]:
        """The fetched operations, each once."""
        return tuple(self._targets)

    def build(self, values: list[Any]) -> Any:
        """Return the structure with the tensors' values in place."""
        return self._pick(values)

    def _flatten(self, fetch: Any) -> Pick:
        """Take in one (sub)structure and return how to build its value."""
        if fetch is None:
            msg = f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}"
            raise TypeError(msg)
        if isinstance(fetch, (list, tuple)):
            return self._sequence(fetch)
        if isinstance(fetch, Mapping):
            return self._mapping(fetch)
        if isinstance(fetch, IndexedSlices):
            return self._indexed_slices(fetch)
        return self._element(fetch)

    def _sequence(self, fetch: Any) -> Pick:
        """Take in a list, tuple or named tuple."""
        picks = [self._flatten(item) for item in fetch]
        kind = type(fetch)
        if hasattr(kind, "_fields"):
            return lambda values: kind(*(pick(values) for pick in picks))
        if kind is list:
            return lambda values: [pick(values) for pick in picks]
        return lambda values: kind(pick(values) for pick in picks)

    def _mapping(self, fetch: Mapping[Any, Any]) -> Pick:
        """Take in a mapping."""
        picks = [(key, self._flatten(item)) for key, item in fetch.items()]
        kind: Any = type(fetch)
        return lambda values: kind((key, pick(values)) for key, pick in picks)

    def _indexed_slices(self, fetch: IndexedSlices) -> Pick:
        """Take in IndexedSlices: their value has the same fields with arrays."""
        parts = [fetch.values, fetch.indices] + ([] if fetch.dense_shape is None else [fetch.dense_shape])
        picks = [self._element(part) for part in parts]

        def build(values: list[Any]) -> IndexedSlicesValue:
            found = [pick(values) for pick in picks]
            return IndexedSlicesValue(found[0], found[1], found[2] if len(found) > 2 else None)

        return build

    def _element(self, fetch: Any) -> Pick:
        """Take in a tensor, operation, variable or name."""
        element = self._graph_element(fetch)
        if not self._graph.is_fetchable(element):
            msg = (
                f"{'Operation' if isinstance(element, Operation) else 'Tensor'} {element.name!r} has been marked as "
                "not fetchable."
            )
            raise ValueError(msg)
        if isinstance(element, Operation):
            self._targets[element] = None
            return lambda _values: None
        index = self._indices.setdefault(element, len(self._indices))
        return lambda values: values[index]

    def _graph_element(self, fetch: Any) -> Any:
        """Return the graph element that a fetch stands for, with TensorFlow's errors."""
        try:
            return self._graph.as_graph_element(fetch, allow_tensor=True, allow_operation=True)
        except TypeError as error:
            msg = f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}, must be a string or Tensor. ({error})"
            raise TypeError(msg) from error
        except (ValueError, KeyError) as error:
            reason = error.args[0] if error.args else error
            msg = f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({reason!s})"
            if isinstance(error, KeyError):
                msg = f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({reason!r})"
            raise ValueError(msg) from error
