"""Arguments that steer a kernel, such as axes and shapes: read once for each value that they take."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from holdfast.contracts import Array

Result = TypeVar("Result")

_KEPT = 64
"""How many values one op keeps; the arguments of most ops are constants."""


class Steering(Generic[Result]):
    """A function of a small array and of what else it depends on, that remembers its results.

    It goes by the argument's bytes, not by its identity: a feed may be changed between two runs.
    """

    def __init__(self, function: Callable[..., Result]) -> None:
        self._function = function
        self._results: dict[Hashable, Result] = {}

    def __call__(self, argument: Array, *others: Hashable) -> Result:
        """Return ``function(argument, *others)``."""
        if not argument.dtype.isnative:
            return self._function(argument, *others)
        key = (argument.tobytes(), argument.shape, others)
        found = self._results.get(key)
        if found is None:
            found = self._function(argument, *others)
            if len(self._results) >= _KEPT:
                self._results.clear()
            self._results[key] = found
        return found
