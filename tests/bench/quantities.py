"""Figures as people read them."""

from __future__ import annotations

_SCALES = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")),
    "B": ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
}


def amount(value: float, unit: str) -> str:
    """Return a value with three digits and a fitting unit: ``1.23 ms``."""
    scales = _SCALES[unit]
    factor, name = next((scale for scale in scales if abs(value) >= scale[0]), scales[-1])
    return f"{digits(value / factor)} {name}"


def digits(value: float) -> str:
    """Return a number with three digits, or all before the point."""
    if not value:
        return "0"
    for limit, places in ((0.01, 4), (0.1, 3), (10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{places}f}"
    return f"{value:.0f}"
