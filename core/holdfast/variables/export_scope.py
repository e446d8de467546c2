"""Names that go out of a graph without their scope and come into another one with it."""

from __future__ import annotations

import re

# A name may stand for a node, a control input or a colocation group.
_MARK = re.compile(r"^(\^|loc:@)?")


def strip_name_scope(name: str, export_scope: str | None) -> str:
    """Return a name without the scope that it begins with; other names unchanged."""
    if not export_scope:
        return name
    scope = f"{export_scope.rstrip('/')}/"
    mark, rest = _split(name)
    return mark + rest.removeprefix(scope).lstrip("/") if rest.startswith(scope) else name


def prepend_name_scope(name: str, import_scope: str | None) -> str:
    """Return a name within a scope."""
    if not import_scope:
        return name
    mark, rest = _split(name)
    return f"{mark}{import_scope.rstrip('/')}/{rest}"


def _split(name: str) -> tuple[str, str]:
    """Return the mark before a name, and the name."""
    match = _MARK.match(name)
    mark = match.group() if match is not None else ""
    return mark, name[len(mark) :]
