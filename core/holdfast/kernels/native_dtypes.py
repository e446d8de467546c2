"""Dtypes of the graph in the terms of an array namespace."""

from __future__ import annotations

from typing import Any

from holdfast.dtypes import DType


def native_dtype(xp: Any, dtype: DType) -> Any:
    """Return the namespace's dtype of that name; NumPy's, where it has none (strings, bfloat16)."""
    found = getattr(xp, dtype.name, None)
    return dtype.as_numpy_dtype if found is None else found
