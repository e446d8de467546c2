"""Placement: which device each operation runs on."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from holdfast import errors
from holdfast.checkpoint import escaped
from holdfast.devices import DeviceSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from holdfast.graph.operation import Operation
    from holdfast.runtime.session_devices import SessionDevice, SessionDevices

log = logging.getLogger("holdfast.placement")


class Placer:
    """Places the operations of one graph on the devices of one session; an operation stays where it was put.

    Parameters
    ----------
    supports
        Whether an operation can run on a device.
    soft
        Whether an operation that cannot run where it was asked to runs elsewhere.
    verbose
        Whether to tell where each operation was put: to the logger ``holdfast.placement``, or to standard error where
        nobody set up logging.
    """

    def __init__(
        self,
        devices: SessionDevices,
        supports: Callable[[SessionDevice, Operation], bool],
        *,
        soft: bool,
        verbose: bool,
    ) -> None:
        self._devices = devices
        self._supports = supports
        self._soft = soft
        self._verbose = verbose
        self._placed: dict[Operation, SessionDevice] = {}
        self._asked: dict[str, list[SessionDevice]] = {}
        self._fallbacks: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()

    def device(self, op: Operation) -> SessionDevice:
        """Return the device of an operation.

        Raises
        ------
        InvalidArgumentError
            If no device of this session can run it where it was asked to, and soft placement is off or does not help.
        """
        placed = self._placed.get(op)
        if placed is None:
            leader = _leader(op) if _follows(op) else op
            if leader is not op and leader not in self._placed:
                self._enter(leader, self._place(leader, leader))
            placed = self._place(op, leader)
            self._enter(op, placed)
        return placed

    def _enter(self, op: Operation, placed: SessionDevice) -> None:
        """Keep the device of an operation."""
        self._placed[op] = placed
        if self._verbose:
            _tell(f"{escaped(op.name)}: ({escaped(op.type)}): {placed.name}")

    def notes(self, ops: Iterable[Operation]) -> dict[str, str]:
        """Return by name what is to be said of the places of operations: fallbacks to other devices and to the host."""
        limitations = {id(d.backend): d.backend.limitations for d in self._devices.all}
        if not self._fallbacks and not any(limitations.values()):
            return {}
        notes = {}
        for op in ops:
            reason = limitations[id(self.device(op).backend)].get(op.type)
            if op.name in self._fallbacks:
                notes[op.name] = self._fallbacks[op.name]
            elif reason is not None:
                notes[op.name] = f"computed on the host: {reason}"
        return notes

    def _place(self, op: Operation, leader: Operation) -> SessionDevice:
        """Place an operation for the first time, where its leader is."""
        if leader is not op:
            device = self._placed[leader]
            if self._supports(device, op):
                return device
            asked, allowed = f"{device.name} (as '{leader.name}')", [device]
        else:
            asked, allowed = op.device, self._allowed(op)
            for device in allowed:
                if self._supports(device, op):
                    return device
        return self._fall_back(op, leader, asked, allowed)

    def _allowed(self, op: Operation) -> list[SessionDevice]:
        """Return the devices that an operation's device string allows."""
        found = self._asked.get(op.device)
        if found is None:
            found = self._asked[op.device] = self._devices.matching(_spec(op))
        return found

    def _fall_back(self, op: Operation, leader: Operation, asked: str, allowed: list[SessionDevice]) -> SessionDevice:
        """Return a device for an operation that cannot run where it was asked to, or raise."""
        spec = _spec(leader)
        why = self._why_not(op, spec, allowed)
        if self._soft:
            # Soft placement gives up the type and index that were asked for, never the job or task.
            relaxed = DeviceSpec(job=spec.job, replica=spec.replica, task=spec.task)
            for device in (self._devices.host, *self._devices.all):
                if device in self._devices.matching(relaxed) and self._supports(device, op):
                    self._note_fallback(op, asked, device, why)
                    return device
        raise errors.InvalidArgumentError(None, op, self._message(op, spec, asked, allowed, why))

    def _note_fallback(self, op: Operation, asked: str, device: SessionDevice, why: str) -> None:
        """Remember a fallback, and tell of it once for all operations that were asked to the same place."""
        where = escaped(asked) or "any device"
        self._fallbacks[op.name] = f"asked for {where}, runs on {device.name}: {why}"
        if (asked, why) not in self._told:
            self._told.add((asked, why))
            log.warning(
                "Soft placement: operation '%s' was asked to run on %s and runs on %s instead (%s). So do others of "
                "its kind: Session.explain tells which.",
                escaped(op.name),
                where,
                device.name,
                why,
            )

    def _why_not(self, op: Operation, spec: DeviceSpec, allowed: list[SessionDevice]) -> str:
        """Return why an operation cannot run where it was asked to."""
        if allowed:
            return f"{allowed[0].backend.name} has no kernel for {escaped(op.type)} with these dtypes"
        kind = (spec.device_type or "").upper()
        problem = self._devices.problem(kind) if kind else None
        return problem or "there is no such device"

    def _message(self, op: Operation, spec: DeviceSpec, asked: str, allowed: list[SessionDevice], why: str) -> str:
        """Return TensorFlow's sentence and what to do."""
        names = ", ".join(d.name for d in self._devices.all)
        head = f"Cannot assign a device for operation '{escaped(op.name)}': "
        if allowed or not asked:
            dtypes = [t.dtype.base_dtype.name for t in op.inputs]
            return (
                f"{head}No device that it may run on has a kernel for {escaped(op.type)} with input dtypes {dtypes}. "
                f"Asked for: {escaped(asked) or 'any device'}. Available: [ {names} ]."
            )
        advice = "Make sure the device specification refers to a valid device."
        if spec.job not in (None, "localhost") or spec.task not in (None, 0) or spec.replica not in (None, 0):
            advice += (
                " Other jobs and tasks need a cluster, and no cluster plug-in is installed: build and export such "
                "graphs, or run them without those device scopes."
            )
        else:
            advice += f"\nReason: {why}\nWith ConfigProto(allow_soft_placement=True) it runs on another device instead."
        return (
            f"{head}Operation was explicitly assigned to {escaped(asked)} but available devices are [ {names} ]. "
            f"{advice}"
        )


def _tell(line: str) -> None:
    """Log a line, or write it to standard error where nobody set up logging: the user asked to see it."""
    if log.isEnabledFor(logging.INFO) and log.hasHandlers():
        log.info("%s", line)
    else:
        sys.stderr.write(f"{line}\n")


def _spec(op: Operation) -> DeviceSpec:
    """Return what an operation's device string says; InvalidArgumentError if it cannot be read."""
    try:
        return DeviceSpec.from_string(op.device)
    except ValueError as error:
        raise errors.InvalidArgumentError(
            None,
            op,
            f"Malformed device specification '{escaped(op.device)}' of operation '{escaped(op.name)}': {error}",
        ) from error


def _leader(op: Operation) -> Operation:
    """Return the operation that decides where ``op`` runs: that of its colocation group, or of its variable."""
    seen = {op}
    while _follows(op):
        following = next((other for other in _followed(op) if other not in seen), None)
        if following is None:
            break
        seen.add(following)
        op = following
    return op


def _follows(op: Operation) -> bool:
    """Whether there may be operations that ``op`` must stay with."""
    return op.op_def.takes_refs or "_class" in op.attrs


def _followed(op: Operation) -> Iterable[Operation]:
    """Yield the operations that ``op`` must stay with."""
    for group in op.colocation_groups():
        other = op.graph._ops.get(group[len(b"loc:@") :].decode(errors="replace"))
        if other is not None:
            yield other
    if op.op_def.takes_refs:
        # What updates a variable, or passes it on, runs where the variable is.
        yield from (tensor.op for tensor in op.inputs if tensor.dtype._is_ref_dtype)
