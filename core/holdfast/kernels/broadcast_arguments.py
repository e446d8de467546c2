"""Kernels over the shapes of what broadcasts."""

from __future__ import annotations

from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.elementwise import check_broadcast
from holdfast.kernels.registry import PureMany, generic


@generic("BroadcastGradientArgs")
def _(xp: Any, request: KernelRequest) -> PureMany:
    """Find the axes along which each of two inputs was repeated, or could have been."""

    def compute(first: Array, second: Array) -> tuple[Array, ...]:
        x, y = int_tuple(first), int_tuple(second)
        check_broadcast(x, y)
        rank = max(len(x), len(y))
        pairs = list(zip((1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y, strict=True))
        if x == y:
            pairs = []
        axes = ([i for i, pair in enumerate(pairs) if pair[side] == 1] for side in (0, 1))
        return tuple(xp.asarray(found, dtype=first.dtype) for found in axes)

    return PureMany(compute)
