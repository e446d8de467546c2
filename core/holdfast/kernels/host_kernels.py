"""NumPy kernels on a device that is not the host: inputs go to the host, outputs come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from holdfast.contracts import AliasingKernel, Array, Device, Kernel, RunContext, UpdateKernel


@dataclass(frozen=True, slots=True)
class HostKernel:
    """A pure kernel by way of the host; its outputs are fresh."""

    device: Device
    """Where inputs come from and outputs go."""
    kernel: Kernel
    """The kernel over NumPy arrays."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute all outputs."""
        outputs = self.kernel(context, *map(self.device.to_host, inputs))
        return tuple(map(self.device.from_host, outputs))


@dataclass(frozen=True, slots=True)
class AliasingHostKernel:
    """A pure kernel by way of the host whose outputs may be views; on a device that shares memory they still are."""

    device: Device
    """Where inputs come from and outputs go."""
    kernel: Kernel
    """The kernel over NumPy arrays."""
    aliases: Mapping[int, tuple[int, ...]]
    """Those of the kernel."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute all outputs."""
        outputs = self.kernel(context, *map(self.device.to_host, inputs))
        return tuple(map(self.device.from_host, outputs))


@dataclass(frozen=True, slots=True)
class HostUpdateKernel:
    """An update kernel by way of the host: the variable is copied there, updated, and copied back."""

    device: Device
    """Where the variables live."""
    kernel: UpdateKernel
    """The kernel over NumPy arrays."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the new values to ``out``; nothing is written if the kernel refuses its inputs."""
        device = self.device
        # Copies: the host's view of a device array may be read-only, or share memory with what must stay as it is.
        values = tuple(np.array(device.to_host(array), order="C") for array in current)
        outputs = self.kernel.update(context, values, values, *map(device.to_host, inputs))
        for target, value in zip(out, values, strict=True):
            device.copy_into(target, device.from_host(value))
        return tuple(map(device.from_host, outputs))


def through_host(device: Device, kernel: Kernel | UpdateKernel) -> Kernel | UpdateKernel:
    """Wrap a kernel over NumPy arrays for the arrays of a device."""
    if isinstance(kernel, UpdateKernel):
        return HostUpdateKernel(device, kernel)
    if isinstance(kernel, AliasingKernel):
        return AliasingHostKernel(device, kernel, kernel.aliases)
    return HostKernel(device, kernel)
