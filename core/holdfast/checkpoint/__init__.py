"""The checkpoint engine, in names, arrays and paths; it knows no graph.

Saving: :func:`write_checkpoint` takes tensors from :func:`tensor_source`, commits one checkpoint under a prefix and
returns a
:class:`SavedCheckpoint`; a :class:`CheckpointHistory` keeps the state file and deletes what a
:class:`RetentionPolicy` does not keep.
Reading: :func:`open_checkpoint` gives an :class:`OpenCheckpoint`, :func:`restore_tensors` all that was asked for or
one error, and
:func:`inspect` a description.
Without a graph: :func:`save` and :func:`load` take and give trees of arrays and plain values, and a
:class:`CheckpointDirectory` keeps those of a run.
Tools, also commands of ``holdfast``: :func:`inspect`, :func:`verify`, :func:`diff`, :func:`convert` and :func:`ls`.
"""

from __future__ import annotations

from holdfast.checkpoint.background import BackgroundSaves, PendingSave
from holdfast.checkpoint.casting import CastReport, CastRules
from holdfast.checkpoint.comparison import DiffReport, MetadataDifference, TensorDifference, diff
from holdfast.checkpoint.conversion import CONVERT_LIMIT, ConvertReport, convert
from holdfast.checkpoint.directory import CheckpointDirectory
from holdfast.checkpoint.figures import Statistics
from holdfast.checkpoint.formats import FormatChoice
from holdfast.checkpoint.history import META_SUFFIX, CheckpointHistory
from holdfast.checkpoint.inspection import CheckpointSummary, TensorSummary, inspect
from holdfast.checkpoint.listing import CheckpointListing, ListedCheckpoint, ls
from holdfast.checkpoint.metadata import CheckpointMetadata, SaveMetadata
from holdfast.checkpoint.mismatches import RestoreMismatchError, RestoreNotFoundError
from holdfast.checkpoint.names import base_name, escaped, path_text, printable, split_prefix
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.pins import PIN_SUFFIX, is_pinned, pin, unpin
from holdfast.checkpoint.progress import Progress
from holdfast.checkpoint.requests import Mismatch, NameMapping, RestoreReport, TensorRequest
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
from holdfast.checkpoint.storages import choose_storage, storage_for
from holdfast.checkpoint.survey import RetentionSurvey, explain_retention, records_in
from holdfast.checkpoint.transaction import LOCK_TIMEOUT, commit_bytes
from holdfast.checkpoint.tree_restore import RestoredTree
from holdfast.checkpoint.tree_templates import ArraySpec
from holdfast.checkpoint.trees import load, restore_tree, save
from holdfast.checkpoint.verification import verify
from holdfast.checkpoint.verified import Fault, VerifiedCheckpoint, VerifyReport
from holdfast.checkpoint.writer import SavedCheckpoint, write_checkpoint

__all__ = [
    "CONVERT_LIMIT",
    "LOCK_TIMEOUT",
    "META_SUFFIX",
    "PIN_SUFFIX",
    "STATE_FILE",
    "ArraySource",
    "ArraySpec",
    "BackgroundSaves",
    "CastReport",
    "CastRules",
    "CheckpointDirectory",
    "CheckpointHistory",
    "CheckpointListing",
    "CheckpointMetadata",
    "CheckpointRecord",
    "CheckpointSummary",
    "ConvertReport",
    "DiffReport",
    "Fault",
    "FormatChoice",
    "ListedCheckpoint",
    "LocalStorage",
    "MetadataDifference",
    "Mismatch",
    "NameMapping",
    "OpenCheckpoint",
    "PendingSave",
    "Progress",
    "RestoreMismatchError",
    "RestoreNotFoundError",
    "RestorePlan",
    "RestoreReport",
    "RestoredTensors",
    "RestoredTree",
    "RetentionPlan",
    "RetentionPolicy",
    "RetentionSurvey",
    "SaveMetadata",
    "SavedCheckpoint",
    "SliceSpec",
    "Statistics",
    "TensorDifference",
    "TensorRequest",
    "TensorSummary",
    "VerifiedCheckpoint",
    "VerifyReport",
    "base_name",
    "checkpoint_exists",
    "choose_storage",
    "commit_bytes",
    "convert",
    "diff",
    "escaped",
    "explain_retention",
    "generate_checkpoint_state_proto",
    "get_checkpoint_mtimes",
    "get_checkpoint_state",
    "inspect",
    "is_pinned",
    "latest_checkpoint",
    "load",
    "local_storage",
    "ls",
    "open_checkpoint",
    "parse_slice_spec",
    "path_text",
    "pin",
    "plan_restore",
    "plan_retention",
    "printable",
    "records_in",
    "restore_tensors",
    "restore_tree",
    "save",
    "split_prefix",
    "storage_for",
    "tensor_source",
    "unpin",
    "update_checkpoint_state",
    "verify",
    "write_checkpoint",
]
