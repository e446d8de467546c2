"""The save and restore ops of a Saver."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from holdfast import protos
from holdfast.devices import DeviceSpec
from holdfast.graph import control_dependencies, device, name_scope
from holdfast.ops.constants import constant
from holdfast.ops.grouping import group, with_dependencies
from holdfast.ops.io_ops import restore_v2, save_v2
from holdfast.ops.shape_queries import shape as shape_of

if TYPE_CHECKING:
    from holdfast.graph import Operation, Tensor
    from holdfast.saver.saveables import VariableSaveable


def build(
    saveables: Sequence[VariableSaveable],
    *,
    reshape: bool,
    restore_sequentially: bool,
    max_to_keep: int,
    keep_checkpoint_every_n_hours: float,
    name: str | None,
    filename: str | None,
) -> Any:
    """Add the ops to the graph and return a SaverDef message with their names."""
    with name_scope(name, "save", [saveable.op for saveable in saveables]):
        filename_tensor = constant(filename or "model")
        save_tensor = _add_save_ops(filename_tensor, saveables)
        restore_op = _add_restore_ops(filename_tensor, saveables, reshape=reshape, sequentially=restore_sequentially)
    return protos.SaverDef(
        filename_tensor_name=filename_tensor.name,
        save_tensor_name=save_tensor.name,
        restore_op_name=restore_op.name,
        max_to_keep=max_to_keep,
        keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
        version=protos.SaverDef.V2,
    )


def _add_save_ops(filename: Tensor, saveables: Sequence[VariableSaveable]) -> Tensor:
    """Add the op that saves all, and return the tensor that gives the prefix once it has."""
    specs = [spec for saveable in saveables for spec in saveable.specs]
    save = save_v2(filename, [s.name for s in specs], [s.slice_spec for s in specs], [s.tensor for s in specs])
    prefix: Tensor = with_dependencies([save], filename)
    return prefix


def _add_restore_ops(
    filename: Tensor, saveables: Sequence[VariableSaveable], *, reshape: bool, sequentially: bool
) -> Operation:
    """Add the ops that restore all, and return the one that groups them."""
    assigns: list[Operation] = []
    for saveable in saveables:
        after = assigns[-1:] if sequentially else []
        with _on_cpu(saveable.device), control_dependencies(after):
            tensors = restore_v2(
                filename,
                [s.name for s in saveable.specs],
                [s.slice_spec for s in saveable.specs],
                [s.tensor.dtype.base_dtype for s in saveable.specs],
            )
            shapes = [_shape(s.tensor) for s in saveable.specs] if reshape else None
            assigns.append(saveable.restore(tensors, shapes))
    grouped: Operation = group(*assigns, name="restore_all")
    return grouped


def _shape(tensor: Tensor) -> Any:
    """Return a tensor's static shape, or the op that tells it."""
    return tensor.shape if tensor.shape.is_fully_defined() else shape_of(tensor)


def _on_cpu(where: str) -> Any:
    """Return a device scope for the CPU of the same job and task: files are read there."""
    if not where:
        return nullcontext()
    spec = DeviceSpec.from_string(where)
    spec.merge_from(DeviceSpec(device_type="CPU", device_index=0))
    return device(spec.to_string())
