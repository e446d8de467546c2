"""float16 and bfloat16: computed in float32, rounded once at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast import dtypes
from holdfast.contracts import Array, KernelRequest

_HALF = (dtypes.float16, dtypes.bfloat16)


def widened(xp: Any, request: KernelRequest, function: Callable[..., Array]) -> Callable[..., Array]:
    """Return ``function``, of float32 or float64 arrays, for the dtypes of a request; it has one output."""
    if not any(dtype in _HALF for dtype in request.input_dtypes):
        return function
    many = widened_many(xp, request, lambda *inputs: (function(*inputs),))
    return lambda *inputs: many(*inputs)[0]


def widened_many(
    xp: Any, request: KernelRequest, function: Callable[..., tuple[Array, ...]]
) -> Callable[..., tuple[Array, ...]]:
    """As :func:`widened`, for a function that returns a tuple of outputs."""
    narrow = [i for i, dtype in enumerate(request.input_dtypes) if dtype in _HALF]
    rounded = [dtype in _HALF for dtype in request.output_dtypes]
    if not narrow:
        return function

    def compute(*inputs: Array) -> tuple[Array, ...]:
        wide = list(inputs)
        for i in narrow:
            wide[i] = xp.astype(xp.asarray(inputs[i]), xp.float32)
        # The namespace's own name for the dtype: that of an input.
        half = inputs[narrow[0]].dtype
        return tuple(
            xp.astype(xp.asarray(output), half) if to_half else output
            for output, to_half in zip(function(*wide), rounded, strict=True)
        )

    return compute
