"""Placement: which device each operation runs on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from holdfast import errors
from holdfast.devices import DeviceSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.graph.operation import Operation
    from holdfast.runtime.session_devices import SessionDevice, SessionDevices

log = logging.getLogger("holdfast.placement")


class Placer:
    """Places the operations of one graph on the devices of one session; an operation stays where it was put."""

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
        self._placed: dict[Operation, SessionDevice] = {}
        self._asked: dict[str, list[SessionDevice]] = {}
        self.fallbacks: dict[str, str] = {}
        """Op names to why they do not run where they were asked to."""
        if verbose and not log.isEnabledFor(logging.INFO):
            # The user asked to see it: without a configured logger it goes to stderr.
            log.addHandler(logging.StreamHandler())
            log.setLevel(logging.INFO)

    def device(self, op: Operation) -> SessionDevice:
        """Return the device of an operation.

        Raises
        ------
        InvalidArgumentError
            If no device of this session can run it where it was asked to, and soft placement is off or does not help.
        """
        placed = self._placed.get(op)
        if placed is None:
            placed = self._placed[op] = self._place(op)
            log.info("%s: (%s): %s", op.name, op.type, placed.name)
        return placed

    def _place(self, op: Operation) -> SessionDevice:
        """Place an operation for the first time."""
        partner = self._colocated_with(op)
        if partner is not None:
            return self.device(partner)
        allowed = self._allowed(op.device)
        fitting = [d for d in allowed if self._supports(d, op)]
        if fitting:
            return fitting[0]
        return self._fall_back(op, allowed)

    def _allowed(self, device: str) -> list[SessionDevice]:
        """Return the devices that a device string allows."""
        found = self._asked.get(device)
        if found is None:
            found = self._asked[device] = self._devices.matching(DeviceSpec.from_string(device))
        return found

    def _colocated_with(self, op: Operation) -> Operation | None:
        """Return the operation that decides where ``op`` runs, following its colocation groups to their end."""
        seen = {op}
        current = op
        while True:
            partner = None
            for group in current.colocation_groups():
                found = op.graph._ops.get(group[len(b"loc:@") :].decode(errors="replace"))
                if found is not None and found not in seen:
                    partner = found
                    break
            if partner is None:
                return None if current is op else current
            seen.add(partner)
            current = partner

    def _fall_back(self, op: Operation, allowed: list[SessionDevice]) -> SessionDevice:
        """Return a device for an operation that cannot run where it was asked to, or raise."""
        spec = DeviceSpec.from_string(op.device)
        if self._soft:
            # Soft placement gives up the type and index that were asked for, never the job or task.
            relaxed = DeviceSpec(job=spec.job, replica=spec.replica, task=spec.task)
            for device in reversed(self._devices.matching(relaxed)):
                if self._supports(device, op):
                    why = self._why_not(op, spec, allowed)
                    self.fallbacks[op.name] = f"asked for {op.device or 'any device'}, runs on {device.name}: {why}"
                    log.info("soft placement: %s (%s): %s", op.name, op.type, self.fallbacks[op.name])
                    return device
        raise errors.InvalidArgumentError(None, None, self._message(op, spec, allowed))

    def _why_not(self, op: Operation, spec: DeviceSpec, allowed: list[SessionDevice]) -> str:
        """Return why an operation cannot run where it was asked to."""
        if allowed:
            return f"{allowed[0].backend.name} has no kernel for {op.type} with these dtypes"
        kind = (spec.device_type or "").upper()
        problem = self._devices.problem(kind) if kind else None
        return problem or "there is no such device"

    def _message(self, op: Operation, spec: DeviceSpec, allowed: list[SessionDevice]) -> str:
        """Return TensorFlow's sentence and what to do."""
        names = ", ".join(d.name for d in self._devices.all)
        head = f"Cannot assign a device for operation '{op.name}': "
        if allowed or not op.device:
            return (
                f"{head}No device of this session has a kernel for {op.type} with input dtypes "
                f"{[t.dtype.base_dtype.name for t in op.inputs]}. Devices: [ {names} ]."
            )
        advice = "Make sure the device specification refers to a valid device."
        if spec.job not in (None, "localhost") or spec.task not in (None, 0) or spec.replica not in (None, 0):
            advice += (
                " Other jobs and tasks need a cluster, and no cluster plug-in is installed; build and export such graphs, or "
                "run them without those device scopes."
            )
        else:
            why = self._why_not(op, spec, allowed)
            advice += f" ({why}.) With ConfigProto(allow_soft_placement=True) it runs on the CPU instead."
        return f"{head}Operation was explicitly assigned to {op.device} but available devices are [ {names} ]. {advice}"
