"""Restoring: all that was asked for, checked and read before any of it is handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from holdfast.checkpoint.formats import Formats
from holdfast.checkpoint.metadata import CheckpointMetadata
from holdfast.checkpoint.mismatches import check_request, restore_error
from holdfast.checkpoint.names import Path
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.opening import open_checkpoint
from holdfast.checkpoint.requests import Mismatch, NameMapping, RestoreReport, TensorRequest, map_name
from holdfast.contracts import Storage


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
        return [
            None if source is None else self._read_one(request, source)
            for request, source in zip(self.requests, self.sources, strict=True)
        ]

    def _read_one(self, request: TensorRequest, source: str) -> NDArray[Any]:
        """Read one tensor, or the part of it that was asked for."""
        values = self.checkpoint.read(source, index=None if request.part is None else request.part.index)
        return values if request.shape is None else values.reshape(request.shape)


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
        If nothing is missing, but a dtype or shape does not fit, or with ``"exact"`` there is more.
    """
    wanted = tuple(requests)
    targets = [map_name(request.name, mapping) for request in wanted]
    sources: list[str | None] = []
    missing: dict[str, TensorRequest] = {}
    mismatched: dict[str, Mismatch] = {}
    for request, target in zip(wanted, targets, strict=True):
        entry = None if target is None else checkpoint.entries.get(target)
        fault = None if target is None or entry is None else check_request(request, target, entry)
        if target is not None and entry is None:
            missing.setdefault(target, request)
        elif target is not None and fault is not None:
            mismatched.setdefault(target, fault)
        sources.append(target if entry is not None and fault is None else None)
    report = _report(checkpoint, wanted, targets, sources, missing, mismatched)
    exact_fault = strict == "exact" and report.unexpected
    nothing = bool(wanted) and not report.restored and any(target is not None for target in targets)
    if (strict and (missing or mismatched)) or exact_fault or nothing:
        raise restore_error(report, missing, checkpoint)
    return RestorePlan(checkpoint, wanted, tuple(sources), report)


def _report(
    checkpoint: OpenCheckpoint,
    wanted: Sequence[TensorRequest],
    targets: Sequence[str | None],
    sources: Sequence[str | None],
    missing: Mapping[str, TensorRequest],
    mismatched: Mapping[str, Mismatch],
) -> RestoreReport:
    """Gather the report."""
    asked = set(targets)
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
