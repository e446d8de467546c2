"""Ops that a session carries out itself because they touch checkpoints."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from holdfast.runtime.restoring import RestoreKernel, names_are_known
from holdfast.runtime.saving import MergeKernel, SaveKernel, is_merged

if TYPE_CHECKING:
    from holdfast.contracts import Array
    from holdfast.graph import Operation, Tensor
    from holdfast.runtime.context import Context


class SessionKernel(Protocol):
    """A kernel that may ask more of its run than a backend's: it is the session's own."""

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Compute all outputs."""


SESSION_OPS = frozenset({"SaveV2", "MergeV2Checkpoints", "RestoreV2"})
"""Op types that work on checkpoints."""


class SessionKernels:
    """The kernels of the ops of one run that work on checkpoints."""

    def __init__(self, ops: Sequence[Operation], fed: Collection[Tensor] = ()) -> None:
        self._groups: dict[Operation, list[Operation]] = {}
        by_source: dict[Tensor, list[Operation]] = {}
        for op in ops:
            if op.type == "RestoreV2":
                # Names that are computed or fed are known to the op itself only.
                known = names_are_known(op, fed)
                self._groups[op] = group = by_source.setdefault(op.inputs[0], []) if known else []
                group.append(op)
        self._merges = [op for op in ops if op.type == "MergeV2Checkpoints"]
        self.restores = bool(self._groups)
        """Whether the run restores anything."""

    def kernel(self, op: Operation) -> SessionKernel | None:
        """Return the kernel of an op that works on checkpoints, or None for all others."""
        if op.type == "SaveV2":
            return SaveKernel(op, merged=is_merged(op, self._merges))
        if op.type == "MergeV2Checkpoints":
            return MergeKernel(op)
        if op.type == "RestoreV2":
            return RestoreKernel(op, self._groups.get(op, [op]))
        return None
