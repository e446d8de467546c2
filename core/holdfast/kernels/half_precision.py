"""float16: computed in float32, rounded once at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast import dtypes
from holdfast.contracts import Array, KernelRequest


def widened(xp: Any, request: KernelRequest, function: Callable[..., Array]) -> Callable[..., Array]:
    """Return ``function``, of float32 or float64 arrays, for the dtypes of a request; it has one output."""
    if dtypes.float16 not in request.input_dtypes:
        return function

    def compute(*inputs: Array) -> Array:
        return xp.astype(xp.asarray(function(*(_wide(xp, a) for a in inputs))), xp.float16)

    return compute


def widened_many(
    xp: Any, request: KernelRequest, function: Callable[..., tuple[Array, ...]]
) -> Callable[..., tuple[Array, ...]]:
    """As :func:`widened`, for a function that returns a tuple of outputs."""
    if dtypes.float16 not in request.input_dtypes:
        return function

    def compute(*inputs: Array) -> tuple[Array, ...]:
        outputs = function(*(_wide(xp, a) for a in inputs))
        return tuple(
            xp.astype(out, xp.float16) if dtype == dtypes.float16 else out
            for out, dtype in zip(outputs, request.output_dtypes, strict=True)
        )

    return compute


def _wide(xp: Any, array: Array) -> Array:
    """Return a float16 array as float32, others as they are."""
    return xp.astype(xp.asarray(array), xp.float32) if array.dtype == xp.float16 else array
