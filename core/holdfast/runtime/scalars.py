"""Values without dimensions: NumPy computes with its scalars ten times as fast as with arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes
from holdfast.runtime.plan import ReadStep, RunStep

if TYPE_CHECKING:
    from holdfast.graph.tensor import Tensor
    from holdfast.runtime.plan import Plan


def is_scalar(tensor: Tensor) -> bool:
    """Whether a tensor is a number: without dimensions, and no string, which NumPy has no scalar for."""
    return tensor.shape.as_tuple() == () and tensor.dtype.base_dtype is not dtypes.string


def as_scalar(value: Any) -> Any:
    """Return NumPy's scalar for its array of one number; anything else as it is."""
    return value[()] if type(value) is np.ndarray and value.ndim == 0 and value.dtype != object else value


def scalar_registers(plan: Plan, fed: Sequence[Tensor]) -> set[int]:
    """Return the registers whose values have no dimensions, as far as the graph tells."""
    found = {r for r, tensor in zip(plan.feeds, fed, strict=True) if is_scalar(tensor)}
    for stretch in plan.stretches:
        for step in stretch.steps:
            if isinstance(step, RunStep):
                found.update(r for r, tensor in zip(step.outputs, step.op.outputs, strict=True) if is_scalar(tensor))
            elif isinstance(step, ReadStep):
                slot = plan.template[step.slot]
                if slot is not None and is_scalar(slot.op.outputs[0]) and slot.device.owns(np.empty(0)):
                    found.add(step.output)
    return found
