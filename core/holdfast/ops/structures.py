"""Nested structures of lists, tuples, named tuples and dicts: flattening, comparing, rebuilding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


def is_nested(value: Any) -> bool:
    """Whether a value is a structure, not a leaf."""
    return isinstance(value, (list, tuple, dict))


def _children(structure: Any) -> list[Any]:
    """Return the parts of a structure; of a dict, by sorted keys."""
    return [structure[key] for key in sorted(structure)] if isinstance(structure, dict) else list(structure)


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of a structure; a leaf alone is its own only one."""
    if not is_nested(structure):
        return [structure]
    return [leaf for child in _children(structure) for leaf in flatten(child)]


def _rebuilt(like: Any, children: Sequence[Any]) -> Any:
    """Return a structure of the type of ``like`` with other parts."""
    if isinstance(like, dict):
        values = dict(zip(sorted(like), children, strict=True))
        return type(like)((key, values[key]) for key in like)
    if hasattr(like, "_fields"):
        return type(like)(*children)
    return type(like)(children)


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return the structure with ``function`` applied to each leaf, in order."""
    if not is_nested(structure):
        return function(structure)
    return _rebuilt(structure, [map_structure(function, child) for child in _children(structure)])


def pack_like(structure: Any, leaves: Sequence[Any]) -> Any:
    """Return the structure with other leaves, as many as it has."""
    return _packed(structure, iter(leaves))


def _packed(structure: Any, leaves: Iterator[Any]) -> Any:
    if not is_nested(structure):
        return next(leaves)
    return _rebuilt(structure, [_packed(child, leaves) for child in _children(structure)])


def check_same_structure(first: Any, second: Any) -> None:
    """Raise unless two structures are alike.

    Raises
    ------
    ValueError
        If they have different numbers of leaves or different keys.
    TypeError
        If a part of one is of another type than that of the other.
    """
    counts = len(flatten(first)), len(flatten(second))
    if counts[0] != counts[1] or is_nested(first) != is_nested(second):
        raise ValueError(
            "The two structures don't have the same number of elements.\n\n"
            f"First structure ({counts[0]} elements): {first}\n\nSecond structure ({counts[1]} elements): {second}"
        )
    _check_types(first, second)


def _check_types(first: Any, second: Any) -> None:
    """Raise unless the parts of two structures are of the same types."""
    if is_nested(first) != is_nested(second):
        raise ValueError(
            "The two structures don't have the same nested structure.\n\n"
            f"First structure: {first}\n\nSecond structure: {second}"
        )
    if not is_nested(first):
        return
    if type(first) is not type(second):
        raise TypeError(
            f"The two structures don't have the same sequence type. First structure has type {type(first)}, while "
            f"second structure has type {type(second)}."
        )
    if isinstance(first, Mapping) and set(first) != set(second):
        raise ValueError(
            "The two dictionaries don't have the same set of keys. First structure has keys "
            f"{sorted(first)}, while second structure has keys {sorted(second)}."
        )
    for one, other in zip(_children(first), _children(second), strict=True):
        _check_types(one, other)
