"""How the facts of an error become text, and how an error is unpickled."""

from __future__ import annotations

from typing import Any

# What a file says about itself may be megabytes of anything; an error message shows this much of it.
_MAX_SHOWN = 200


def show(value: object) -> str:
    """Text of a fact for a message: escaped where not printable, and cut."""
    text = repr(value) if isinstance(value, bytes) else str(value)
    cut = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text):,} characters)"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def sentences(*parts: str | None) -> str:
    """Join the parts that are there as sentences of one line."""
    return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts if part)


def rebuild(cls: type[BaseException], state: dict[str, Any], args: tuple[Any, ...]) -> BaseException:
    """Unpickle an error without calling its constructor."""
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error
