"""Names of nodes: scopes and uniqueness."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_VALID_OP_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\-/]*")
_VALID_SCOPE_NAME = re.compile(r"[A-Za-z0-9_.\-/]*")


class Names:
    """The names in use in one graph, and the current name scope."""

    __slots__ = ("_used", "scope")

    def __init__(self) -> None:
        self._used: dict[str, int] = {}
        self.scope = ""
        """Current scope without its final slash; empty at the root."""

    def unique(self, name: str, *, mark_as_used: bool = True) -> str:
        """Return ``name`` within the current scope, with ``_1``, ``_2``... appended where it is taken."""
        if self.scope:
            name = f"{self.scope}/{name}"
        used = self._used
        count = used.get(name, 0)
        if mark_as_used:
            used[name] = count + 1
        if count == 0:
            return name
        base = name
        while name in used:
            name = f"{base}_{count}"
            count += 1
        if mark_as_used:
            used[base] = count
            used[name] = 1
        return name

    def claim(self, name: str) -> str:
        """Return the full name of a new scope, or of an operation with a scope of its own.

        It is unique within the current scope; with a final slash it is that very name.
        """
        if not _is_valid(name, not self.scope):
            raise ValueError(f"'{name}' is not a valid scope name")
        return name[:-1] if name[-1] == "/" else self.unique(name)

    def claim_node(self, name: str) -> str:
        """As :meth:`claim`, for an operation without a scope of its own."""
        full = (name if name[-1:] == "/" else self.unique(name)).removesuffix("/")
        if not _is_valid(name, not self.scope):
            check_op_name(full)
        return full

    def mark_as_used(self, name: str) -> None:
        """Take a full name."""
        self._used.setdefault(name, 1)

    def release(self, name: str) -> None:
        """Give a full name back, unless others were derived from it."""
        if self._used.get(name) == 1:
            del self._used[name]

    def enter(self, name: str | None) -> str:
        """Make ``name`` the current scope, return the full scope without its final slash.

        A final slash re-enters that very scope; None or an empty name is the root.
        """
        self.scope = scope = self.claim(name) if name else ""
        return scope


class NameScope:
    """One ``with graph.name_scope(...)`` block."""

    __slots__ = ("_name", "_names", "_outer")

    def __init__(self, names: Names, name: str | None) -> None:
        self._names = names
        self._name = name
        self._outer = ""

    def __enter__(self) -> str:
        self._outer = self._names.scope
        scope = self._names.enter(self._name)
        return f"{scope}/" if scope else ""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._names.scope = self._outer


@lru_cache(maxsize=8192)
def _is_valid(name: str, at_root: bool) -> bool:
    """Whether a name may stand for a scope; at the root it must also begin as a node's name does."""
    return (_VALID_OP_NAME if at_root else _VALID_SCOPE_NAME).fullmatch(name) is not None


def check_op_name(name: str) -> None:
    """Raise ValueError unless the full name may stand for a node."""
    if _VALID_OP_NAME.fullmatch(name) is None:
        raise ValueError(f"'{name}' is not a valid node name")
