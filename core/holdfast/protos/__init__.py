"""Protocol-buffer messages with TensorFlow's names and field numbers, built when they are first asked for.

``holdfast.protos.GraphDef`` and its kin are ordinary message classes of the protobuf package, which is imported with
the first of them. They live in a pool of their own, so that the real TensorFlow can be imported in the same process.
"""

from __future__ import annotations

from typing import Any

from holdfast.protos.tables import ENUMS, MESSAGES

__all__ = sorted(name for name in (*ENUMS, *MESSAGES) if "." not in name)  # noqa: PLE0605  # the tables are the list

_NAMES = frozenset(__all__)


def __getattr__(name: str) -> Any:
    """Build a message class at its first use."""
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from holdfast.protos.pool import lookup

    return globals().setdefault(name, lookup(name))


def __dir__() -> list[str]:
    """List the messages."""
    return sorted({*globals(), *_NAMES})
