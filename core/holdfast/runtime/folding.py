"""Constant folding: what depends on constants only is computed once, when the plan is made."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from holdfast.contracts import AliasingKernel

if TYPE_CHECKING:
    from holdfast.contracts import Device, Kernel
    from holdfast.graph.operation import Operation
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
    if not inputs or guard or op.op_def.stateful or op.op_def.effects or op._control_inputs:
        return False
    if not all(i in constants and not lowering.registers.is_slot(i) for i in inputs):
        return False
    for tensor in op.outputs:
        shape = tensor.shape.as_tuple()
        if shape is None or None in shape or prod(shape) > _MOST_ELEMENTS:  # type: ignore[arg-type]  # no None left
            return False
    try:
        with np.errstate(all="ignore"):
            # Pure kernels ask nothing of their run: there is none yet.
            results = kernel(None, *(constants[i] for i in inputs))  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001  (what goes wrong is raised, with its op named, by the run that needs the value)
        return False
    if isinstance(kernel, AliasingKernel):
        results = tuple(device.copy(r) for r in results)
    for tensor, value in zip(op.outputs, results, strict=True):
        lowering.values.setdefault(tensor, lowering.registers.constant(value, device))
    lowering.folded += 1
    return True
