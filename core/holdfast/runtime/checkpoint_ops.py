"""Ops that a session carries out itself because they touch checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from holdfast import errors
from holdfast.checkpoint import (
    RestoreReport,
    SavedCheckpoint,
    SaveMetadata,
    TensorRequest,
    parse_slice_spec,
    restore_tensors,
    tensor_source,
    write_checkpoint,
)
from holdfast.ops.static import constant_value

if TYPE_CHECKING:
    from holdfast.checkpoint import CheckpointMetadata
    from holdfast.contracts import Array
    from holdfast.graph import Operation
    from holdfast.runtime.context import Context


class SessionKernel(Protocol):
    """A kernel that may ask more of its run than a backend's: it is the session's own."""

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Compute all outputs."""


@dataclass(slots=True)
class SaveRequest:
    """What a Saver tells the SaveV2 op of its run beyond the graph's inputs, and what the op tells the Saver."""

    format: str | None = None
    """Name of the format; None for the configured one."""
    format_options: dict[str, Any] | None = None
    """Its options; None for the configured ones."""
    lineage: str | None = None
    """Lineage to go on with; None to begin one."""
    origin: float | None = None
    """As ``SaveMetadata.origin``."""
    global_step: int | None = None
    """Step number to record."""
    saved: SavedCheckpoint | None = None
    """Set by the op: what was written."""


@dataclass(slots=True)
class RestoreRequest:
    """What the RestoreV2 ops of a run tell the Saver."""

    reports: list[RestoreReport] = field(default_factory=list)
    """One a checkpoint that was read."""
    metadata: CheckpointMetadata | None = None
    """Metadata of the checkpoint that was read last."""


def session_kernel(op: Operation, ops: Sequence[Operation]) -> SessionKernel | None:
    """Return the kernel of an op that works on checkpoints, or None for all others; ``ops`` are all of the run."""
    if op.type == "SaveV2":
        return _Save(op)
    if op.type == "RestoreV2":
        return _Restore(op, [other for other in ops if _is_partner(op, other)] or [op])
    return None


def _text(value: Any) -> str:
    """Return the string in a 0-d value of bytes."""
    item = np.asarray(value, dtype=object)[()]
    return item.decode() if isinstance(item, bytes) else str(item)


def _texts(value: Any) -> list[str]:
    """Return the strings in a vector of bytes."""
    return [_text(item) for item in np.asarray(value, dtype=object).reshape(-1)]


class _Save:
    """SaveV2: writes its tensors, all as they are at its place in the order, durably and as one."""

    def __init__(self, op: Operation) -> None:
        self._op = op

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        prefix, names, specs, *values = inputs
        request = context.request if isinstance(context.request, SaveRequest) else SaveRequest()
        sources = [
            tensor_source(name, np.asarray(value), dtype=tensor.dtype.base_dtype, spec=spec)
            for name, spec, value, tensor in zip(_texts(names), _texts(specs), values, self._op.inputs[3:], strict=True)
        ]
        metadata = SaveMetadata(
            lineage=request.lineage,
            origin=request.origin,
            global_step=request.global_step,
            random_streams=context.random_state(),
        )
        # Others may train while the files are written: what was read here stays as it is.
        with context.release_session():
            request.saved = write_checkpoint(
                _text(prefix), sources, format=request.format, format_options=request.format_options, metadata=metadata
            )
        return ()


def _is_partner(op: Operation, other: Operation) -> bool:
    """Whether two restoring ops read the same checkpoint in one run."""
    return other.type == "RestoreV2" and other.inputs[0] is op.inputs[0]


class _Restore:
    """RestoreV2: together with its partners all or nothing.

    The first one to run reads and checks what all of them want, and compares it with the variables it is for; nothing
    is assigned before.
    """

    def __init__(self, op: Operation, partners: Sequence[Operation]) -> None:
        self._op = op
        self._partners = partners

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        key = "restore", self._op.inputs[0].name
        values = context.run_state.get(key)
        if values is None:
            values = context.run_state[key] = self._read_all(context, inputs)
        return tuple(values[self._op])

    def _read_all(self, context: Context, inputs: Sequence[Array]) -> dict[Operation, list[Array]]:
        """Read the tensors of all partners."""
        requests: list[TensorRequest] = []
        owners: list[Operation] = []
        for partner in self._partners:
            wanted = _requests(partner, inputs if partner is self._op else None)
            requests.extend(wanted)
            owners.extend([partner] * len(wanted))
        restored = restore_tensors(_text(inputs[0]), requests)
        report, metadata = restored.report, restored.metadata
        if not report.unexpected and metadata.random_streams:
            # Everything that was saved comes back, and so do the streams: the run goes on as it would have.
            context.restore_random_state(metadata.random_streams)
        if isinstance(context.request, RestoreRequest):
            context.request.reports.append(report)
            context.request.metadata = metadata
        values: dict[Operation, list[Array]] = {partner: [] for partner in self._partners}
        for owner, array in zip(owners, restored.values, strict=True):
            values[owner].append(array)
        return values


def _requests(op: Operation, inputs: Sequence[Array] | None) -> list[TensorRequest]:
    """Return what a restoring op wants; names come from its inputs at run time or, for a partner, from constants."""
    if inputs is not None:
        names, specs = _texts(inputs[1]), _texts(inputs[2])
    else:
        constants = [constant_value(tensor) for tensor in op.inputs[1:3]]
        if any(value is None for value in constants):
            msg = f"The tensor names of '{op.name}' must be constants."
            raise errors.InvalidArgumentError(None, None, msg)
        names, specs = (_texts(value) for value in constants)
    result = []
    for i, (name, spec, dtype) in enumerate(zip(names, specs, op.attrs["dtypes"], strict=True)):
        shape, reshape = _expected(op, i)
        result.append(TensorRequest(name, dtype, shape, parse_slice_spec(spec), reshape=reshape))
    return result


def _expected(op: Operation, index: int) -> tuple[tuple[int, ...] | None, bool]:
    """Return the shape that the variable behind an output needs, and whether another one of that size will do."""
    tensor = op.outputs[index]
    reshaped = False
    for consumer in tensor.consumers():
        if consumer.type == "Reshape":
            tensor, reshaped = consumer.outputs[0], True
            break
    for consumer in tensor.consumers():
        if consumer.type == "Assign" and (reshaped or consumer.attrs["validate_shape"]):
            dims = consumer.inputs[0].shape.as_tuple()
            if dims is not None and None not in dims:
                return tuple(d for d in dims if d is not None), reshaped
    return None, False
