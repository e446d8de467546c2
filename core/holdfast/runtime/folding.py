"""Constant folding: what depends on constants only is computed once, when the plan is made."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from holdfast.contracts import Device, Kernel
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.checkpoint_ops import SessionKernel
    from holdfast.runtime.lowering import Lowering
    from holdfast.runtime.plan import Guard

_MOST_ELEMENTS = 4096
"""Larger results are not folded: a plan must not hold tensors that a run makes and drops, such as initial values."""


def fold(
    lowering: Lowering,
    op: Operation,
    device: Device,
    guard: Guard,
    kernel: Kernel | SessionKernel,
    inputs: tuple[int, ...],
) -> bool:
    """Compute an op now if its inputs are constants and its results small; tell whether it was done."""
    constants = lowering.registers.constants
    if not inputs or guard or not constants.keys() >= set(inputs):
        return False
    if op.op_def.stateful or op.op_def.effects or op._control_inputs or not all(map(_is_small, op.outputs)):
        return False
    try:
        with np.errstate(all="ignore"):
            # Pure kernels ask nothing of their run: there is none yet.
            results = kernel(None, *(constants[i] for i in inputs))  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001  (what goes wrong is raised, with its op named, by the run that needs the value)
        return False
    for tensor, value in zip(op.outputs, results, strict=True):
        lowering.define(tensor, lowering.registers.constant(value, device))
    lowering.folded += 1
    return True


def _is_small(tensor: Tensor) -> bool:
    """Whether a tensor is known to have few elements."""
    dims = tensor.shape.as_tuple()
    return dims is not None and None not in dims and prod(d for d in dims if d is not None) <= _MOST_ELEMENTS
