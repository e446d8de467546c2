"""Ops that write and read checkpoints; only a Saver makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.graph.op_def import boolean, define_op, list_of, not_differentiable
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.shapes import unknown_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor
    from holdfast.shapes import TensorShape


def _unknown_outputs(op: Operation) -> list[TensorShape]:
    return [unknown_shape() for _ in op.attrs["dtypes"]]


define_op(
    "SaveV2",
    "prefix: string, tensor_names: string, shape_and_slices: string, tensors: dtypes ->",
    attrs={"dtypes": list_of("type", minimum=1)},
    shape=shape_rules.no_outputs,
    effects=True,
    stateful=True,
)
define_op(
    "RestoreV2",
    "prefix: string, tensor_names: string, shape_and_slices: string -> tensors: dtypes",
    attrs={"dtypes": list_of("type", minimum=1)},
    shape=_unknown_outputs,
    stateful=True,
)
define_op(
    "ShardedFilename",
    "basename: string, shard: int32, num_shards: int32 -> filename: string",
    shape=shape_rules.scalar_output,
)
define_op(
    "MergeV2Checkpoints",
    "checkpoint_prefixes: string, destination_prefix: string ->",
    attrs={"delete_old_dirs": boolean(default=True)},
    shape=shape_rules.no_outputs,
    effects=True,
    stateful=True,
)
not_differentiable("SaveV2", "RestoreV2", "ShardedFilename", "MergeV2Checkpoints")


def save_v2(
    prefix: Any,
    tensor_names: Sequence[str],
    shape_and_slices: Sequence[str],
    tensors: Sequence[Any],
    name: str | None = None,
) -> Operation:
    """Add an op that writes tensors under names to the checkpoint at ``prefix`` (a string tensor)."""
    return apply_op("SaveV2", prefix, tensor_names, shape_and_slices, tensors, name=name)


def sharded_filename(basename: Any, shard: int, num_shards: Any, name: str | None = None) -> Tensor:
    """Return the name of one shard of a checkpoint."""
    return apply_op("ShardedFilename", basename, shard, num_shards, name=name).outputs[0]


def merge_v2_checkpoints(
    checkpoint_prefixes: Sequence[Any], destination_prefix: Any, delete_old_dirs: bool = True, name: str | None = None
) -> Operation:
    """Add an op that makes the shards at ``checkpoint_prefixes`` one checkpoint at ``destination_prefix``."""
    return apply_op(
        "MergeV2Checkpoints", checkpoint_prefixes, destination_prefix, name=name, delete_old_dirs=delete_old_dirs
    )


def restore_v2(
    prefix: Any,
    tensor_names: Sequence[str],
    shape_and_slices: Sequence[str],
    dtypes: Sequence[Any],
    name: str | None = None,
) -> list[Tensor]:
    """Add an op that reads tensors by name from the checkpoint at ``prefix``; returns its outputs, of unknown shape."""
    return apply_op("RestoreV2", prefix, tensor_names, shape_and_slices, name=name, dtypes=list(dtypes)).outputs
