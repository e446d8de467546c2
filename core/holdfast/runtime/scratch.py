"""Scratch memory of one compiled plan: what a step needs while it runs, the next one gets as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.contracts import Array


class ScratchMemory:
    """Memory by shape and dtype.

    Parameters
    ----------
    empty
        ``(shape, dtype) -> array``: makes it.
    """

    def __init__(self, empty: Callable[[tuple[int, ...], Any], Array]) -> None:
        self._empty = empty
        self._arrays: dict[tuple[tuple[int, ...], Any], list[Array]] = {}
        self._given: dict[tuple[tuple[int, ...], Any], int] = {}

    def begin(self) -> None:
        """Give a step what others had."""
        self._given.clear()

    def __call__(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array that the present step does not have yet."""
        kind = shape, dtype
        number = self._given.get(kind, 0)
        self._given[kind] = number + 1
        arrays = self._arrays.setdefault(kind, [])
        if number == len(arrays):
            arrays.append(self._empty(shape, dtype))
        return arrays[number]
