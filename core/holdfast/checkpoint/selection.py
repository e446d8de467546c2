"""Which tensors are meant: names and patterns of names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from holdfast.checkpoint.names import printable
from holdfast.errors import NotFoundError

_SIGNS = frozenset("*?[")


def matches(name: str, pattern: str) -> bool:
    """Whether a name is meant by a pattern: itself, or as in a shell, where ``*`` stands for slashes too."""
    return name == pattern or fnmatchcase(name, pattern)


def select(names: Collection[str], patterns: Iterable[str] | None) -> list[str]:
    """Return the names that are meant by some patterns, all for None, sorted; NotFoundError for one without any."""
    if patterns is None:
        return sorted(names)
    found: set[str] = set()
    for pattern in patterns:
        meant = {name for name in names if matches(name, pattern)}
        if not meant:
            raise NotFoundError(None, None, _nothing(pattern, names))
        found |= meant
    return sorted(found)


def _nothing(pattern: str, names: Collection[str]) -> str:
    """Return what to say of a pattern that means nothing."""
    close = get_close_matches(pattern, names, n=1)
    advice = f" Did you mean {printable(close[0])}?" if close else ""
    if _SIGNS.isdisjoint(pattern):
        return (
            f"Key {printable(pattern)[1:-1]} not found in checkpoint.{advice}"
            if advice
            else (f"Key {printable(pattern)[1:-1]} not found in checkpoint")
        )
    return f"No tensor of the checkpoint matches {printable(pattern)}.{advice}"
