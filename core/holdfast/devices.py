"""Device names: full, partial, and merged."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DeviceSpec", "canonical_name", "check_valid", "merge_device"]

_SHORT_TYPES = ("CPU", "GPU")


def _as_int_or_none(value: Any) -> int | None:
    """Replica and task are numbers, also when given as text."""
    return None if value is None else int(value)


def _as_text_or_none(value: Any) -> str | None:
    """Turn a job into a text, whatever it was given as."""
    return None if value is None else str(value)


class DeviceSpec:
    """A possibly partial device name, ``/job:ps/replica:0/task:1/device:GPU:0``.

    Parameters
    ----------
    job, replica, task
        The process; None leaves the field open.
    device_type
        ``"CPU"``, ``"GPU"`` or another type; ``"cpu"`` and ``"gpu"`` are turned to upper case.
    device_index
        Which device of that type; None prints as ``*``.
    """

    def __init__(
        self,
        job: str | None = None,
        replica: int | None = None,
        task: int | None = None,
        device_type: str | None = None,
        device_index: int | None = None,
    ) -> None:
        self.job = job
        self.replica = replica
        self.task = task
        self.device_type = device_type.upper() if device_type in ("cpu", "gpu") else device_type
        self.device_index = device_index

    @property
    def job(self) -> str | None:
        """Name of the job, or None."""
        return self._job

    @job.setter
    def job(self, job: Any) -> None:
        self._job = _as_text_or_none(job)

    @property
    def replica(self) -> int | None:
        """Number of the replica, or None."""
        return self._replica

    @replica.setter
    def replica(self, replica: Any) -> None:
        self._replica = _as_int_or_none(replica)

    @property
    def task(self) -> int | None:
        """Number of the task, or None."""
        return self._task

    @task.setter
    def task(self, task: Any) -> None:
        self._task = _as_int_or_none(task)

    def _clear(self) -> None:
        """Leave every field open."""
        self._job = self._replica = self._task = None
        self.device_type = None
        self.device_index = None

    def parse_from_string(self, spec: str) -> DeviceSpec:
        """Set the fields from a device name; fields that it does not mention become None.

        Parameters
        ----------
        spec
            For example ``/job:ps/task:1``, ``/gpu:0``, ``gpu:0``, ``/device:CPU:*``.

        Returns
        -------
        DeviceSpec
            This object.

        Raises
        ------
        ValueError
            If a part is unknown, an index is not a number, or there are two device types.
        """
        self._clear()
        for part in spec.split("/"):
            if part:
                self._set_part(part.split(":"), spec)
        return self

    def _set_part(self, words: list[str], spec: str) -> None:
        """Set the field that one part of a name, split at its colons, speaks of."""
        match words:
            case ["job", job]:
                self.job = job
            case ["replica", replica]:
                self.replica = replica
            case ["task", task]:
                self.task = task
            case [kind, *index] if kind.upper() in _SHORT_TYPES and len(index) <= 1:
                self._set_device(kind.upper(), index[0] if index else "*", spec)
            case ["device", kind, index]:
                self._set_device(kind, index, spec)
            case _:
                raise ValueError(f"Unknown attribute: '{words[0]}' in '{spec}'")

    def _set_device(self, kind: str, index: str, spec: str) -> None:
        """Set type and index; a name has at most one of them."""
        if self.device_type is not None:
            raise ValueError(f"Cannot specify multiple device types: {spec}")
        self.device_type = kind
        if index != "*":
            self.device_index = int(index)

    def merge_from(self, dev: DeviceSpec) -> None:
        """Take over every field that `dev` sets."""
        for field in ("_job", "_replica", "_task", "device_type", "device_index"):
            value = getattr(dev, field)
            if value is not None:
                setattr(self, field, value)

    def to_string(self) -> str:
        """Return the name, ``/job:x/replica:0/task:1/device:GPU:0``, as far as its fields are set."""
        text = "" if self._job is None else f"/job:{self._job}"
        if self._replica is not None:
            text += f"/replica:{self._replica}"
        if self._task is not None:
            text += f"/task:{self._task}"
        if self.device_type is not None:
            index = "*" if self.device_index is None else self.device_index
            text += f"/device:{self.device_type}:{index}"
        return text

    @staticmethod
    def from_string(spec: str) -> DeviceSpec:
        """Return a new `DeviceSpec` from a device name; raises as `parse_from_string` does."""
        return DeviceSpec().parse_from_string(spec)

    def __repr__(self) -> str:
        """Return the name in a constructor's clothes."""
        return f"DeviceSpec.from_string({self.to_string()!r})"


def check_valid(spec: str) -> None:
    """Raise ValueError, as `DeviceSpec.parse_from_string` does, unless `spec` is a device name."""
    DeviceSpec.from_string(spec)


def canonical_name(device: str | DeviceSpec | None) -> str:
    """Return the standard spelling of a device name: ``/gpu:0`` is ``/device:GPU:0``, None is the empty name.

    Raises
    ------
    ValueError
        If a text is not a device name.
    """
    if device is None:
        return ""
    spec = device if isinstance(device, DeviceSpec) else DeviceSpec.from_string(device)
    return spec.to_string()


def merge_device(spec: str | DeviceSpec | None) -> Callable[[Any], DeviceSpec]:
    """Return a device function that fills the open fields of an op's device from `spec`.

    Parameters
    ----------
    spec
        A device name; the fields that the op's own device sets win over it.

    Returns
    -------
    callable
        From anything with a ``device`` attribute (an operation, a NodeDef) to a new `DeviceSpec`.

    Raises
    ------
    ValueError
        If `spec` is not a device name.
    """
    outer = spec if isinstance(spec, DeviceSpec) else DeviceSpec.from_string(spec or "")

    def device_function(node: Any) -> DeviceSpec:
        merged = copy(outer)
        merged.merge_from(DeviceSpec.from_string(node.device or ""))
        return merged

    return device_function
