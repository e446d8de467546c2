"""The devices of a session, from the configured backends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast import errors
from holdfast.devices import DeviceSpec
from holdfast.plugins import get_plugins

if TYPE_CHECKING:
    from holdfast.contracts import Backend, Device
    from holdfast.plugins import Plugins

_LOCAL = "/job:localhost/replica:0/task:0"


@dataclass(frozen=True, slots=True)
class SessionDevice:
    """One device that a session can place operations on."""

    name: str
    """Full name, such as ``/job:localhost/replica:0/task:0/device:CPU:0``."""
    device_type: str
    """In capitals."""
    device: Device
    """The backend's device."""
    backend: Backend
    """Its backend."""

    @property
    def memory_limit_bytes(self) -> int:
        """Memory of the device in bytes; 0 where the backend does not tell."""
        return self.device.memory().limit or 0


class SessionDevices:
    """All devices of a session.

    Parameters
    ----------
    device_count
        How many devices there are to be, by type, as in ``ConfigProto``.
    plugins
        The plug-ins; by default those in force.

    Raises
    ------
    InvalidArgumentError
        If a count is negative, or leaves no CPU.
    PluginError, ConfigError
        If there is no usable backend for the CPU.
    """

    def __init__(self, device_count: Mapping[str, int], plugins: Plugins | None = None) -> None:
        plugins = plugins or get_plugins()
        self._plugins = plugins
        found: list[SessionDevice] = []
        for device_type in sorted(plugins.device_types(), key=lambda kind: (kind == "CPU", kind)):
            backend = plugins.backend_for(device_type)
            if backend is None:
                continue
            for device in _devices(backend, device_count.get(device_type)):
                name = f"{_LOCAL}/device:{device_type}:{device.index}"
                found.append(SessionDevice(name, device_type, device, backend))
        self.all = tuple(found)
        """Accelerators before the CPU, which is the last resort."""
        cpus = [device for device in found if device.device_type == "CPU"]
        if not cpus:
            cause = plugins.device_error("CPU")
            if cause is not None:
                raise cause
            raise errors.InvalidArgumentError(
                None,
                None,
                "A session needs at least one CPU device, and device_count in the ConfigProto leaves none.",
            )
        self.host = cpus[0]
        """The first CPU device: where feeds and fetches are, and what soft placement falls back to."""

    def matching(self, spec: DeviceSpec) -> list[SessionDevice]:
        """Return the devices that a (partial) device specification allows."""
        return [d for d in self.all if _allows(spec, DeviceSpec.from_string(d.name))]

    def problem(self, device_type: str) -> str | None:
        """Return why there is no device of a type, where that is known."""
        return self._plugins.device_problem(device_type)


def _devices(backend: Backend, count: int | None) -> list[Device]:
    """Return the devices of a backend, with an error of ours for a count that it refuses."""
    try:
        return list(backend.devices(count))
    except ValueError as error:
        raise errors.InvalidArgumentError(None, None, f"Failed to create session.\n{error}") from error


def _allows(spec: DeviceSpec, device: DeviceSpec) -> bool:
    """Whether every field that is set in ``spec`` is the device's."""
    return all(
        wanted is None or wanted == found
        for wanted, found in (
            (spec.job, device.job),
            (spec.replica, device.replica),
            (spec.task, device.task),
            (None if spec.device_type is None else spec.device_type.upper(), device.device_type),
            (spec.device_index, device.device_index),
        )
    )
