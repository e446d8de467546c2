"""Shapes as messages show them."""

from __future__ import annotations


def shape_text(shape: tuple[int, ...]) -> str:
    """Return ``[2,3]``."""
    return f"[{','.join(map(str, shape))}]"
