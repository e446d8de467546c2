"""Restoring: all that was asked for, checked and read before any of it is handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.formats import Formats
from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.mismatches import RestoreNotFoundError, check_request, restore_error
from holdfast.checkpoint.names import Path, printable
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.requests import Mismatch, NameMapping, RestoreReport, TensorRequest, check_mapping, map_name
from holdfast.contracts import Storage
from holdfast.dtypes import string


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """A restore that fits; nothing was read yet. Made by :func:`plan_restore`."""

    checkpoint: OpenCheckpoint
    """Where from; it must stay open until :meth:`read` has returned."""
    requests: tuple[TensorRequest, ...]
    """What was asked for."""
    sources: tuple[str | None, ...]
    """For each request the name in the checkpoint; None where it is left out."""
    report: RestoreReport
    """What will have been done."""

    def read(self) -> list[NDArray[Any] | None]:
        """Read and verify everything.

        Returns
        -------
        For each request a fresh writable array on the host; None where it is left out.

        Raises
        ------
        CorruptCheckpointError, TruncatedCheckpointError
            If any value is damaged; then nothing is handed out.
        """
        values: list[NDArray[Any] | None] = [None] * len(self.requests)
        entries = self.checkpoint.entries
        whole: list[int] = []
        sources: list[str] = []
        for number, (request, source) in enumerate(zip(self.requests, self.sources, strict=True)):
            if source is None:
                continue
            if request.part is None and request.shape in (None, entries[source].shape):
                whole.append(number)
                sources.append(source)
            else:
                values[number] = self._read_one(request, source)
        for number, value in zip(whole, self.checkpoint.read_many(sources), strict=True):
            values[number] = value
        return values

    def _read_one(self, request: TensorRequest, source: str) -> NDArray[Any]:
        """Read one tensor, or the part of it that was asked for."""
        part, entry = request.part, self.checkpoint.entries[source]
        index, shape = (None, entry.shape) if part is None else (part.index, part.slice.shape)
        if request.shape in (None, shape):
            return self.checkpoint.read(source, index=index)
        # Read through a view, not returned as one: a variable takes over memory only if it is the array's own.
        values = np.empty(request.shape, np.object_ if entry.dtype == string else entry.dtype.as_numpy_dtype)
        self.checkpoint.read(source, index=index, out=values.reshape(shape))
        return values


def plan_restore(
    checkpoint: OpenCheckpoint,
    requests: Sequence[TensorRequest],
    *,
    strict: bool | Literal["exact"] = True,
    mapping: NameMapping = None,
) -> RestorePlan:
    """Compare what is asked for with what a checkpoint has.

    Parameters
    ----------
    checkpoint
        The open checkpoint.
    requests
        What is asked for. Several requests may name one tensor.
    strict
        True: everything must be there and fit. ``"exact"``: nothing else may be there either. False: what is missing
        or does
        not fit is left out, as long as something is restored.
    mapping
        From wanted names to names in the checkpoint: a dict; pairs of a regular expression and its replacement; or a
        function. None as a
        target leaves the tensor out.

    Returns
    -------
    The plan; its ``read`` gives the values.

    Raises
    ------
    NotFoundError
        If a tensor is missing, or nothing at all could be restored. The message lists everything that is missing or
        does not fit, and
        suggests names; ``report`` on the error has it as data.
    InvalidArgumentError
        If nothing is missing, but a dtype or shape does not fit, or with ``"exact"`` there is more. If the mapping is
        no such thing: a bad rule, or, unless `strict` is False, a dict with a name that nobody wants.
    ValueError
        If `strict` is something else.
    """
    if strict not in (True, False, "exact"):
        raise ValueError(f"strict is {strict!r}, expected True, False or 'exact'.")
    wanted = tuple(requests)
    if strict and isinstance(mapping, Mapping):
        check_mapping(mapping, [request.name for request in wanted], checkpoint.entries)
    targets = [map_name(request.name, mapping) for request in wanted]
    sources: list[str | None] = []
    missing: dict[str, TensorRequest] = {}
    mismatched: dict[str, Mismatch] = {}
    entries = checkpoint.entries
    for request, target in zip(wanted, targets, strict=True):
        entry = None if target is None else entries.get(target)
        fault = None if target is None or entry is None else check_request(request, target, entry)
        if target is not None and entry is None:
            missing.setdefault(target, request)
        elif target is not None and fault is not None:
            mismatched.setdefault(target, fault)
        sources.append(target if entry is not None and fault is None else None)
    report = _report(checkpoint, wanted, targets, sources, missing, mismatched)
    exact_fault = strict == "exact" and report.unexpected
    nothing = bool(wanted) and not report.restored
    if nothing and not missing and not mismatched:
        raise _all_left_out(report, len(wanted))
    if (strict and (missing or mismatched)) or exact_fault or nothing:
        raise restore_error(report, missing, entries)
    return RestorePlan(checkpoint, wanted, tuple(sources), report)


def _all_left_out(report: RestoreReport, count: int) -> RestoreNotFoundError:
    """Return the error about a mapping that leaves nothing to restore."""
    tensors = "the only tensor" if count == 1 else f"all {count:,} tensors"
    error = RestoreNotFoundError(
        None,
        None,
        f"Nothing would be restored from {printable(report.path, 500)}: the mapping leaves out {tensors} that could "
        "be, by giving None as the name in the checkpoint.",
    )
    error.report = report
    return error


def _report(
    checkpoint: OpenCheckpoint,
    wanted: Sequence[TensorRequest],
    targets: Sequence[str | None],
    sources: Sequence[str | None],
    missing: Mapping[str, TensorRequest],
    mismatched: Mapping[str, Mismatch],
) -> RestoreReport:
    """Gather the report."""
    asked, notes = set(targets), checkpoint.metadata
    return RestoreReport(
        path=checkpoint.path,
        prefix=checkpoint.prefix,
        restored=tuple(dict.fromkeys(source for source in sources if source is not None)),
        missing=tuple(missing),
        unexpected=tuple(name for name in checkpoint.entries if name not in asked),
        mismatched=tuple(mismatched.values()),
        renamed=tuple(
            (request.name, source)
            for request, source in zip(wanted, sources, strict=True)
            if source is not None and source != request.name
        ),
        skipped=tuple(
            dict.fromkeys(
                request.label or request.name for request, source in zip(wanted, sources, strict=True) if source is None
            )
        ),
        global_step=notes.global_step,
        metrics=notes.metrics,
        metadata=notes.user,
    )


@dataclass(frozen=True, slots=True)
class RestoredTensors:
    """Values of a restore, all of them verified."""

    values: list[NDArray[Any] | None]
    """For each request a fresh writable array on the host; None where it was left out."""
    report: RestoreReport
    """What was restored, and what was not."""
    metadata: CheckpointMetadata
    """What the checkpoint says about itself."""


def restore_tensors(
    path: Path,
    requests: Sequence[TensorRequest],
    *,
    strict: bool | Literal["exact"] = True,
    mapping: NameMapping = None,
    storage: Storage | None = None,
    formats: Formats = None,
) -> RestoredTensors:
    """Open a checkpoint and read what is asked for: all of it, or an error.

    Takes the parameters of :func:`open_checkpoint` and :func:`plan_restore`, and raises what they and
    ``RestorePlan.read`` raise.

    Returns
    -------
    The values in the order of the requests, with the report and the checkpoint's metadata.
    """
    with open_checkpoint(path, storage=storage, formats=formats) as checkpoint:
        plan = plan_restore(checkpoint, requests, strict=strict, mapping=mapping)
        return RestoredTensors(plan.read(), plan.report, checkpoint.metadata)
