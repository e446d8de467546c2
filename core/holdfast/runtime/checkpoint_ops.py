"""Ops that a session carries out itself because they touch checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.contracts import Kernel
    from holdfast.graph import Operation


def session_kernel(op: Operation, ops: Sequence[Operation]) -> Kernel | None:
    """Return the kernel of an op that works on checkpoints, or None for all others; ``ops`` are all of the run."""
    return None
