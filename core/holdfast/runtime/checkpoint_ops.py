"""Ops that a session carries out itself because they touch checkpoints."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
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

if TYPE_CHECKING:
    from holdfast.checkpoint import CheckpointMetadata
    from holdfast.contracts import Array, Storage
    from holdfast.graph import Operation, Tensor
    from holdfast.runtime.context import Context


class SessionKernel(Protocol):
    """A kernel that may ask more of its run than a backend's: it is the session's own."""

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Compute all outputs."""


_log = logging.getLogger("holdfast")


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
    storage: Storage | None = None
    """Where to write; None for the local disk."""
    saved: SavedCheckpoint | None = None
    """Set by the op: what was written."""


@dataclass(slots=True)
class RestoreRequest:
    """What a Saver tells the RestoreV2 ops of its run, and what they tell the Saver."""

    storage: Storage | None = None
    """Where to read; None for the local disk."""
    report: RestoreReport | None = None
    """Set by the ops: what was restored."""
    metadata: CheckpointMetadata | None = None
    """Set by the ops: what the checkpoint says about itself."""


SESSION_OPS = frozenset({"SaveV2", "RestoreV2"})
"""Op types that work on checkpoints."""


class SessionKernels:
    """The kernels of the ops of one run that work on checkpoints."""

    def __init__(self, ops: Sequence[Operation], fed: Collection[Tensor] = ()) -> None:
        self._groups: dict[Operation, list[Operation]] = {}
        by_source: dict[Tensor, list[Operation]] = {}
        for op in ops:
            if op.type == "RestoreV2":
                # Names that are computed or fed are known to the op itself only.
                known = all(t.op.type == "Const" and t not in fed for t in op.inputs[1:])
                self._groups[op] = group = by_source.setdefault(op.inputs[0], []) if known else []
                group.append(op)
        self.restores = bool(self._groups)
        """Whether the run restores anything."""

    def kernel(self, op: Operation) -> SessionKernel | None:
        """Return the kernel of an op that works on checkpoints, or None for all others."""
        if op.type == "SaveV2":
            return _Save(op)
        if op.type == "RestoreV2":
            return _Restore(op, self._groups.get(op, [op]))
        return None


def _text(value: Any) -> str:
    """Return the string in a 0-d value of bytes; what is not UTF-8 is kept as it is, as in file names."""
    item = np.asarray(value, dtype=object)[()]
    return os.fsdecode(item) if isinstance(item, bytes) else str(item)


def _texts(value: Any) -> list[str]:
    """Return the strings in a vector of bytes."""
    return [_text(item) for item in np.asarray(value, dtype=object).reshape(-1)]


def _check_counts(names: Sequence[str], specs: Sequence[str], tensors: Sequence[Any]) -> None:
    """Raise unless there is a name and a slice for each tensor."""
    if not len(names) == len(specs) == len(tensors):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Got {len(names)} elements in tensor_names and {len(specs)} in shape_and_slices for {len(tensors)} "
            "tensors: expected one of each for every tensor.",
        )


class _Save:
    """SaveV2: writes its tensors, all as they are at its place in the order, durably and as one."""

    def __init__(self, op: Operation) -> None:
        self._op = op

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Write all inputs; the op has no outputs."""
        prefix, (names, specs), values = inputs[0], map(_texts, inputs[1:3]), inputs[3:]
        _check_counts(names, specs, values)
        given = context.run.request
        request = given if isinstance(given, SaveRequest) else SaveRequest()
        sources = [
            tensor_source(name, np.asarray(context.device.to_host(value)), dtype=tensor.dtype.base_dtype, spec=spec)
            for name, spec, value, tensor in zip(names, specs, values, self._op.inputs[3:], strict=True)
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
                _text(prefix),
                sources,
                format=request.format,
                format_options=request.format_options,
                metadata=metadata,
                storage=request.storage,
            )
        return ()


class _Restore:
    """RestoreV2: together with the others of its run that read the same checkpoint, all or nothing.

    The first one to run reads and checks what all of them want, and compares it with the variables it is for; nothing
    is assigned before. If an assignment fails all the same, the run puts back what it has assigned.
    """

    def __init__(self, op: Operation, group: Sequence[Operation]) -> None:
        self._op = op
        self._group = group

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Return the tensors of this op, read now or by another one of the group."""
        values: dict[Operation, list[Array]] = context.run.shared
        if self._op not in values:
            values.update(self._read_all(context, inputs))
        # Handed over: from here on they belong to the run alone.
        return tuple(values.pop(self._op))

    def _read_all(self, context: Context, inputs: Sequence[Array]) -> dict[Operation, list[Array]]:
        """Read the tensors of the whole group."""
        requests: list[TensorRequest] = []
        owners: list[Operation] = []
        for member in self._group:
            names, specs = inputs[1:3] if member is self._op else [t.op.attrs["value"] for t in member.inputs[1:3]]
            wanted = _requests(member, _texts(names), _texts(specs))
            requests.extend(wanted)
            owners.extend([member] * len(wanted))
        given = context.run.request
        request = given if isinstance(given, RestoreRequest) else RestoreRequest()
        restored = restore_tensors(_text(inputs[0]), requests, storage=request.storage)
        report, metadata = restored.report, restored.metadata
        if not report.unexpected and metadata.random_streams:
            # Everything that was saved comes back, and so do the streams: the run goes on as it would have.
            context.restore_random_state(metadata.random_streams)
        elif metadata.random_streams:
            _log.info("Random streams are not restored from %s: it has tensors that were not asked for.", report.path)
        request.report, request.metadata = report, metadata
        values: dict[Operation, list[Array]] = {member: [] for member in self._group}
        for owner, array in zip(owners, restored.values, strict=True):
            values[owner].append(array)
        return values


def _requests(op: Operation, names: Sequence[str], specs: Sequence[str]) -> list[TensorRequest]:
    """Return what a restoring op wants."""
    dtypes = op.attrs["dtypes"]
    _check_counts(names, specs, dtypes)
    result = []
    for i, (name, spec, dtype) in enumerate(zip(names, specs, dtypes, strict=True)):
        shape, label, reshape = _target(op, i)
        result.append(TensorRequest(name, dtype, shape, parse_slice_spec(spec), label, reshape))
    return result


def _target(op: Operation, index: int) -> tuple[tuple[int, ...] | None, str, bool]:
    """Return what the variable behind an output needs: its shape, its name, and whether another shape will do."""
    tensor = op.outputs[index]
    reshaped = False
    for consumer in tensor.consumers():
        if consumer.type == "Reshape":
            tensor, reshaped = consumer.outputs[0], True
            break
    for consumer in tensor.consumers():
        if consumer.type == "Assign":
            name = consumer.inputs[0].op.name
            dims = consumer.inputs[0].shape.as_tuple()
            checked = reshaped or consumer.attrs["validate_shape"]
            if checked and dims is not None and None not in dims:
                return tuple(d for d in dims if d is not None), name, reshaped
            return None, name, False
    return None, "", False
