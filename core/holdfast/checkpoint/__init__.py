"""The checkpoint engine, in names, arrays and paths; it knows no graph.

Saving: :func:`write_checkpoint` takes tensors from :func:`tensor_source`, commits one checkpoint under a prefix and
returns a
:class:`SavedCheckpoint`; a :class:`CheckpointHistory` keeps the state file and deletes what a
:class:`RetentionPolicy` does not keep.
Reading: :func:`open_checkpoint` gives an :class:`OpenCheckpoint`, :func:`restore_tensors` all that was asked for or
one error, and
:func:`inspect` a description.
"""

from __future__ import annotations

from holdfast.checkpoint.formats import FormatChoice
from holdfast.checkpoint.history import META_SUFFIX, CheckpointHistory
from holdfast.checkpoint.inspection import CheckpointSummary, Statistics, TensorSummary, inspect
from holdfast.checkpoint.metadata import CheckpointMetadata, SaveMetadata
from holdfast.checkpoint.mismatches import RestoreMismatchError, RestoreNotFoundError
from holdfast.checkpoint.names import base_name, escaped, printable, split_prefix
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.requests import Mismatch, RestoreReport, TensorRequest
from holdfast.checkpoint.restore import RestoredTensors, RestorePlan, plan_restore, restore_tensors
from holdfast.checkpoint.retention import CheckpointRecord, RetentionPlan, RetentionPolicy, plan_retention
from holdfast.checkpoint.slices import SliceSpec, parse_slice_spec
from holdfast.checkpoint.sources import ArraySource, tensor_source
from holdfast.checkpoint.state import (
    STATE_FILE,
    checkpoint_exists,
    generate_checkpoint_state_proto,
    get_checkpoint_mtimes,
    get_checkpoint_state,
    latest_checkpoint,
    update_checkpoint_state,
)
from holdfast.checkpoint.storage_local import LocalStorage, local_storage
from holdfast.checkpoint.transaction import LOCK_TIMEOUT, commit_bytes
from holdfast.checkpoint.writer import SavedCheckpoint, write_checkpoint

__all__ = [
    "LOCK_TIMEOUT",
    "META_SUFFIX",
    "STATE_FILE",
    "ArraySource",
    "CheckpointHistory",
    "CheckpointMetadata",
    "CheckpointRecord",
    "CheckpointSummary",
    "FormatChoice",
    "LocalStorage",
    "Mismatch",
    "OpenCheckpoint",
    "RestoreMismatchError",
    "RestoreNotFoundError",
    "RestorePlan",
    "RestoreReport",
    "RestoredTensors",
    "RetentionPlan",
    "RetentionPolicy",
    "SaveMetadata",
    "SavedCheckpoint",
    "SliceSpec",
    "Statistics",
    "TensorRequest",
    "TensorSummary",
    "base_name",
    "checkpoint_exists",
    "commit_bytes",
    "escaped",
    "generate_checkpoint_state_proto",
    "get_checkpoint_mtimes",
    "get_checkpoint_state",
    "inspect",
    "latest_checkpoint",
    "local_storage",
    "open_checkpoint",
    "parse_slice_spec",
    "plan_restore",
    "plan_retention",
    "printable",
    "restore_tensors",
    "split_prefix",
    "tensor_source",
    "update_checkpoint_state",
    "write_checkpoint",
]
