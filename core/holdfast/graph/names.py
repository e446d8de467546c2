"""Names of nodes: scopes and uniqueness."""

from __future__ import annotations

import re

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
        if not name:
            self.scope = ""
        else:
            check_scope_name(name, within=self.scope)
            self.scope = name[:-1] if name[-1] == "/" else self.unique(name)
        return self.scope


def check_scope_name(name: str, within: str) -> None:
    """Raise ValueError unless the name may stand for a scope; at the root it must also begin as a node's name does."""
    if (_VALID_SCOPE_NAME if within else _VALID_OP_NAME).fullmatch(name) is None:
        raise ValueError(f"'{name}' is not a valid scope name")


def check_op_name(name: str) -> None:
    """Raise ValueError unless the name may stand for a node."""
    if _VALID_OP_NAME.fullmatch(name) is None:
        raise ValueError(f"'{name}' is not a valid node name")
