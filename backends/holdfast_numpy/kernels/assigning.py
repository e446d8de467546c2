"""Sums and differences of whole variables, into a fresh buffer without a copy first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.contracts import Array, KernelRequest, Operand, RunContext, Scratch, Source, UpdateKernel
from holdfast_numpy.kernels.abilities import call_with
from holdfast_numpy.kernels.registry import fallback, is_plain, override


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """An update kernel that is one ufunc of the variable and a value of its shape."""

    function: np.ufunc
    rest: UpdateKernel
    """The generic kernel, for its error."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the new value."""
        if inputs[0].shape != current[0].shape:
            return self.rest.update(context, current, out, *inputs)
        self.function(current[0], inputs[0], out=out)
        return ()

    def shaped_update(
        self,
        current: tuple[str, ...],
        out: tuple[str, ...],
        inputs: tuple[str, ...],
        operands: tuple[Operand, ...],
        scratch: Scratch,
    ) -> Source | None:
        """Return the call of the ufunc."""
        variable, value = operands
        return call_with(self.function, (*current, *inputs, *out)) if variable.shape == value.shape else None


@override("AssignAdd", "AssignSub")
def _(request: KernelRequest) -> UpdateKernel | None:
    if not is_plain(request):
        return None
    return _Arithmetic(np.add if request.op_type == "AssignAdd" else np.subtract, fallback(request))
