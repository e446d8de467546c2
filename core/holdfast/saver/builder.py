"""The save and restore ops of a Saver."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from holdfast import protos
from holdfast.devices import DeviceSpec, canonical_name
from holdfast.graph import control_dependencies, device, name_scope
from holdfast.ops.constants import constant
from holdfast.ops.grouping import group, with_dependencies
from holdfast.ops.identities import identity
from holdfast.ops.io_ops import merge_v2_checkpoints, restore_v2, save_v2, sharded_filename
from holdfast.ops.shape_queries import shape as shape_of
from holdfast.ops.strings import string_join

if TYPE_CHECKING:
    from holdfast.graph import Operation, Tensor
    from holdfast.saver.saveables import VariableSaveable


def build(
    saveables: Sequence[VariableSaveable],
    *,
    reshape: bool,
    sharded: bool,
    restore_sequentially: bool,
    max_to_keep: int,
    keep_checkpoint_every_n_hours: float,
    name: str | None,
    filename: str | None,
) -> Any:
    """Add the ops to the graph and return a SaverDef message with their names."""
    with name_scope(name, "save", [saveable.op for saveable in saveables]):
        filename_tensor = constant(filename or "model")
        if sharded:
            per_device = _by_device(saveables)
            save_tensor = _add_sharded_save_ops(filename_tensor, per_device)
            restore_op = _add_sharded_restore_ops(
                filename_tensor, per_device, reshape=reshape, sequentially=restore_sequentially
            )
        else:
            save_tensor = _add_save_ops(filename_tensor, saveables)
            restore_op = _add_restore_ops(
                filename_tensor, saveables, "restore_all", reshape=reshape, sequentially=restore_sequentially
            )
    return protos.SaverDef(
        filename_tensor_name=filename_tensor.name,
        save_tensor_name=save_tensor.name,
        restore_op_name=restore_op.name,
        max_to_keep=max_to_keep,
        sharded=sharded,
        keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
        version=protos.SaverDef.V2,
    )


def _by_device(saveables: Sequence[VariableSaveable]) -> Mapping[str, list[VariableSaveable]]:
    """Return what is on each device, by its canonical name."""
    found: dict[str, list[VariableSaveable]] = {}
    for saveable in saveables:
        found.setdefault(canonical_name(saveable.device), []).append(saveable)
    return dict(sorted(found.items()))


def _add_save_ops(filename: Tensor, saveables: Sequence[VariableSaveable]) -> Tensor:
    """Add the op that saves all, and return the tensor that gives the prefix once it has."""
    specs = [spec for saveable in saveables for spec in saveable.specs]
    save = save_v2(filename, [s.name for s in specs], [s.slice_spec for s in specs], [s.tensor for s in specs])
    prefix: Tensor = with_dependencies([save], filename)
    return prefix


def _add_sharded_save_ops(filename: Tensor, per_device: Mapping[str, Sequence[VariableSaveable]]) -> Tensor:
    """Add ops that save a shard for each device and merge them, and return the tensor that gives the prefix then.

    The names of shards are TensorFlow's, drawn anew for each Saver. A session writes no such files: what one run saves
    is written as one checkpoint.
    """
    shards = string_join([filename, f"_temp_{secrets.token_hex(16)}/part"])
    count = constant(len(per_device), name="num_shards")
    names, saves = [], []
    where = ""
    for number, (where, saveables) in enumerate(per_device.items()):
        with _on_cpu(where):
            names.append(sharded_filename(shards, number, count))
            saves.append(_add_save_ops(names[-1], saveables))
    with control_dependencies([save.op for save in saves]), _on_cpu(where):
        merge = merge_v2_checkpoints(names, filename)
        with control_dependencies([merge]):
            return identity(filename)


def _add_restore_ops(
    filename: Tensor, saveables: Sequence[VariableSaveable], name: str, *, reshape: bool, sequentially: bool
) -> Operation:
    """Add the ops that restore all, and return the one that groups them."""
    assigns: list[Operation] = []
    for saveable in saveables:
        after = control_dependencies(assigns[-1:]) if sequentially else nullcontext()
        with _on_cpu(saveable.device), after:
            tensors = restore_v2(
                filename,
                [s.name for s in saveable.specs],
                [s.slice_spec for s in saveable.specs],
                [s.tensor.dtype.base_dtype for s in saveable.specs],
            )
            shapes = [_shape(s.tensor) for s in saveable.specs] if reshape else None
            assigns.append(saveable.restore(tensors, shapes))
    grouped: Operation = group(*assigns, name=name)
    return grouped


def _add_sharded_restore_ops(
    filename: Tensor, per_device: Mapping[str, Sequence[VariableSaveable]], *, reshape: bool, sequentially: bool
) -> Operation:
    """Add the ops that restore the variables of each device, and return the one that groups all."""
    shards = []
    for where, saveables in per_device.items():
        with device(where) if where else nullcontext():
            shards.append(
                _add_restore_ops(filename, saveables, "restore_shard", reshape=reshape, sequentially=sequentially)
            )
    grouped: Operation = group(*shards, name="restore_all")
    return grouped


def _shape(tensor: Tensor) -> Any:
    """Return a tensor's static shape, or the op that tells it."""
    return tensor.shape if tensor.shape.is_fully_defined() else shape_of(tensor)


def _on_cpu(where: str) -> Any:
    """Return a device scope for the CPU of the same job and task: files are read and written there."""
    if not where:
        return nullcontext()
    spec = DeviceSpec.from_string(where)
    spec.merge_from(DeviceSpec(device_type="CPU", device_index=0))
    return device(spec.to_string())
