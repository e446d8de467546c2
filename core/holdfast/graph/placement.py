"""Devices and colocation that a new op gets from the blocks around it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast import devices

if TYPE_CHECKING:
    from types import TracebackType

    from holdfast.devices import DeviceSpec
    from holdfast.graph.graph import Graph
    from holdfast.graph.operation import Operation

_log = logging.getLogger("holdfast")

DeviceFunction: TypeAlias = "Callable[[Any], Any] | None"
"""From an op to a device string or DeviceSpec; None cuts off all outer ones."""


class DeviceMerger:
    """The device function of a string or DeviceSpec: it fills the fields that are open yet."""

    __slots__ = ("spec",)

    def __init__(self, device: str | DeviceSpec) -> None:
        # A copy: what the user does to the spec later must not reach into the graph.
        self.spec = devices.DeviceSpec.from_string(device) if isinstance(device, str) else copy(device)

    def __call__(self, op: Any) -> DeviceSpec:
        """Return the op's device, its open fields filled."""
        merged = copy(self.spec)
        merged.merge_from(devices.DeviceSpec.from_string(op.device))
        return merged


def device_function(device: Any) -> DeviceFunction:
    """Return the stack's entry for what the user passed to ``tf.device``.

    Raises
    ------
    ValueError
        If a string is no device name.
    TypeError
        If it is neither a string, a DeviceSpec, a function nor None.
    """
    if isinstance(device, str | devices.DeviceSpec):
        return DeviceMerger(device)
    if device is None or callable(device):
        return device  # type: ignore[no-any-return]  # a user's function
    raise TypeError(f"Expected a device string, a DeviceSpec, a function of an operation, or None; got {device!r}.")


def constant_device(stack: Sequence[DeviceFunction]) -> str | None:
    """Return the device that every op gets from a stack, or None if that depends on the op."""
    merged = devices.DeviceSpec()
    for function in reversed(stack):
        if function is None:
            break
        if not isinstance(function, DeviceMerger):
            return None
        inner, merged = merged, copy(function.spec)
        merged.merge_from(inner)
    return merged.to_string()


class Colocation:
    """One ``with graph.colocate_with(...)`` block."""

    __slots__ = ("_graph", "_ignore_existing", "_op", "_outer")

    def __init__(self, graph: Graph, op: Operation | None, *, ignore_existing: bool) -> None:
        self._graph = graph
        self._op = op
        self._ignore_existing = ignore_existing
        self._outer: tuple[list[DeviceFunction], str | None, list[Operation]] = [], "", []

    def __enter__(self) -> None:
        graph = self._graph
        self._outer = graph._device_stack, graph._constant_device, graph._colocation_stack
        graph._device_stack, graph._constant_device = [], ""
        kept = [] if self._ignore_existing else graph._colocation_stack
        graph._colocation_stack = kept if self._op is None else [*kept, self._op]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        graph = self._graph
        graph._device_stack, graph._constant_device, graph._colocation_stack = self._outer


def apply_devices(stack: Sequence[DeviceFunction], op: Operation) -> None:
    """Set an op's device from the stack, innermost first; TypeError if a function gives no device."""
    for function in reversed(stack):
        if function is None:
            return
        device = function(op)
        if not isinstance(device, str | devices.DeviceSpec):
            raise TypeError(
                f"A device function must return a device string or a DeviceSpec; for operation '{op.name}' it returned "
                f"{device!r}. Return op.device to leave the device as it is."
            )
        op._set_device(device)


def apply_colocation(stack: Sequence[Operation], op: Operation) -> None:
    """Give an op the colocation groups, and the device, of the ops it is to stay with."""
    groups: set[bytes] = set()
    for other in stack:
        groups.update(other.colocation_groups())
        if not other._device or other._device == op._device:
            continue
        if op.device and devices.canonical_name(op.device) != devices.canonical_name(other.device):
            _log.warning(
                "Tried to colocate %s with an op %s that had a different device: %s vs %s. "
                "Ignoring colocation property.",
                op.name,
                other.name,
                op.device,
                other.device,
            )
        else:
            op._set_device(other.device)
    op.attrs["_class"] = sorted(groups)
