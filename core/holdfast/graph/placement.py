"""Devices and colocation that a new op gets from the blocks around it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast import devices

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation

_log = logging.getLogger("holdfast")

DeviceFunction: TypeAlias = "Callable[[Any], Any] | None"
"""From an op to a device string or DeviceSpec; None cuts off all outer ones."""


def device_function(device: Any) -> DeviceFunction:
    """Return the stack's entry for what the user passed to ``tf.device``."""
    if device is None or callable(device):
        return device  # type: ignore[no-any-return]  # a user's function
    return devices.merge_device(device)


def apply_devices(stack: Sequence[DeviceFunction], op: Operation) -> None:
    """Set an op's device from the stack, innermost first."""
    for function in reversed(stack):
        if function is None:
            return
        op._set_device(function(op))


def apply_colocation(stack: Sequence[Operation], op: Operation) -> None:
    """Give an op the colocation groups, and the device, of the ops it is to stay with."""
    groups: set[bytes] = set()
    for other in stack:
        groups.update(other.colocation_groups())
        if not other.device:
            continue
        if op.device and devices.canonical_name(op.device) != devices.canonical_name(other.device):
            _log.warning(
                "Tried to colocate %s with an op %s that had a different device: %s vs %s. Ignoring colocation property.",
                op.name,
                other.name,
                op.device,
                other.device,
            )
        else:
            op._set_device(other.device)
    op.attrs["_class"] = sorted(groups)
