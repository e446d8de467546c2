"""The short way into a run that was made before: fetches already flattened, feeds known, the plan at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import call
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from holdfast import dtypes
from holdfast.graph import Operation, Tensor
from holdfast.runtime.feeds import feed_key, feed_value, sorted_tensors
from holdfast.runtime.fetches import Fetches
from holdfast.variables import Variable

if TYPE_CHECKING:
    from holdfast.graph import Graph
    from holdfast.runtime.prepared import PreparedPlan
    from holdfast.runtime.session_devices import SessionDevices

Taker: TypeAlias = "Callable[[Any], Any]"
"""From a fed value to an array of the right dtype and shape, or a NumPy scalar; with the errors of ``feed_value``."""

_NAMES = frozenset({Tensor, Operation, Variable, str})
"""Types of fetches and keys that mean the same as long as they are equal."""
_MOST = 1024
"""So many routes a session keeps."""
_MOST_SHAPES = 16
"""So many shapes of values a route knows to fit a tensor."""
_SAFE_FLOAT = 1e38
"""Python's floats up to here are finite in float32."""


class Route:
    """One structure of fetches with the tensors that are fed, and their plan once it is known."""

    __slots__ = ("fed", "made_for", "order", "plan", "structure", "takers", "unfetchable")

    def __init__(self, graph: Graph, structure: Fetches, given: Sequence[Tensor], devices: SessionDevices) -> None:
        self.structure = structure
        """The fetches."""
        self.takers = [taker(graph, tensor, devices) for tensor in given]
        """What takes the fed values, in the order in which they are given."""
        self.fed = tuple(sorted_tensors(set(given)))
        """The fed tensors, in the order of the plan's key."""
        last = {tensor: i for i, tensor in enumerate(given)}
        order = [last[tensor] for tensor in self.fed]
        self.order = None if order == list(range(len(given))) else order
        """Where the values of the fed tensors are among those that are given; None: in their places."""
        self.unfetchable = len(graph._unfetchable)
        """How many ops were forbidden to fetch when the fetches were checked."""
        self.plan: PreparedPlan | None = None
        """The plan."""
        self.made_for = -1
        """The state of the graph that the plan was made for."""

    def feeds(self, values: Iterable[Any]) -> list[Any]:
        """Return the given values, as many as there are fed tensors, as the plan takes them."""
        taken = list(map(call, self.takers, values))
        return taken if self.order is None else [taken[i] for i in self.order]


class Routes:
    """The routes of one session, by what ``run`` was called with."""

    __slots__ = ("_devices", "_graph", "_known")

    def __init__(self, graph: Graph, devices: SessionDevices) -> None:
        self._graph = graph
        self._devices = devices
        self._known: dict[Any, Route] = {}

    def find(self, fetches: Any, feed_dict: Any) -> Route | None:
        """Return the route of a run that went well before, or None."""
        key = _key(fetches, feed_dict)
        route = None if key is None else self._known.get(key)
        if route is not None and route.unfetchable != len(self._graph._unfetchable):
            return None
        return route

    def keep(self, fetches: Any, feed_dict: Any, structure: Fetches) -> None:
        """Note a run that has gone well, if it can be told from others at a glance."""
        key = _key(fetches, feed_dict)
        if key is None:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        given = [feed_key(self._graph, key) for key in feed_dict or ()]
        self._known[key] = Route(self._graph, structure, given, self._devices)

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()


def _key(fetches: Any, feed_dict: Any) -> Any:
    """Return what tells fetches and fed tensors from others, or None where that takes more than a look."""
    kind = type(fetches)
    if kind is list or kind is tuple:
        for fetch in fetches:
            if type(fetch) not in _NAMES:
                return None
        key: Any = (kind, *fetches)
    elif kind in _NAMES:
        key = fetches
    else:
        return None
    if not feed_dict:
        return key
    if type(feed_dict) is not dict:
        return None
    for fed in feed_dict:
        if type(fed) not in _NAMES:
            return None
    return key, tuple(feed_dict)


def taker(graph: Graph, tensor: Tensor, devices: SessionDevices) -> Taker:
    """Return what takes the values of a fed tensor: at once where dtype and shape are right, else by ``feed_value``."""
    dtype, shape = tensor.dtype.base_dtype, tensor.shape

    def checked(value: Any) -> Any:
        return feed_value(graph, tensor, value, devices)

    if dtype is dtypes.string:
        return checked
    target, dims, unfeedable = np.dtype(dtype.as_numpy_dtype), shape.as_tuple(), graph._unfeedable
    scalar = target.type if dims is None or dims == () else None
    from_float = scalar if dtype in (dtypes.float32, dtypes.float64) else None
    fitting = _Fitting(dims)

    def take(value: Any) -> Any:
        kind = type(value)
        if tensor._shape is not shape or tensor in unfeedable:
            return checked(value)
        if kind is np.ndarray:
            if value.dtype is target and (value.shape in fitting or fitting.admits(value.shape)):
                return value
        elif kind is scalar:
            return value
        elif kind is float and from_float is not None and -_SAFE_FLOAT < value < _SAFE_FLOAT:
            return from_float(value)
        return checked(value)

    return take


class _Fitting(set[tuple[int, ...]]):
    """Shapes that are known to be some of those that a partially known one stands for."""

    def __init__(self, dims: tuple[int | None, ...] | None) -> None:
        super().__init__()
        self._dims = dims

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Whether another one is such a shape."""
        dims = self._dims
        if dims is None:
            return True
        fits = len(shape) == len(dims) and all(d is None or d == s for s, d in zip(shape, dims, strict=True))
        if fits and len(self) < _MOST_SHAPES:
            self.add(shape)
        return fits
