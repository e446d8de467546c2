"""Values of arrays as messages show them: the first elements, nested."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def value_text(array: Any, count: int) -> str:
    """Return the first ``count`` elements, all if it is negative, as in ``1 2 3...`` and ``[1 2][3]...``."""
    values = np.asarray(array)
    limit = values.size if count < 0 else min(count, values.size)
    if values.ndim == 0:
        return _element(values[()])
    text, _ = _nested(values, limit)
    return text[1:-1] + ("..." if limit < values.size else "")


def _nested(values: NDArray[Any], left: int) -> tuple[str, int]:
    """Return the text of an axis, and how many elements are left to show."""
    if values.ndim == 1:
        shown = values[:left]
        return f"[{' '.join(_element(value) for value in shown)}]", left - len(shown)
    parts = []
    for part in values:
        if left <= 0:
            break
        text, left = _nested(part, left)
        parts.append(text)
    return f"[{''.join(parts)}]", left


def _element(value: Any) -> str:
    """Return one element: six digits of a float, text as it is."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if isinstance(value, complex | np.complexfloating):
        return f"({float(value.real):.6g},{float(value.imag):.6g})"
    return str(value)
