"""A plug-in with a device that shares no array type with NumPy: what crosses devices is really copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.contracts import Backend, BackendSpec
from holdfast.plugins.hookspecs import hookimpl
from holdfast.plugins.registry import BackendRegistry


@hookimpl
def register_backends(registry: BackendRegistry) -> None:
    """Add ``strict-gpu``."""
    registry.add(BackendSpec("strict-gpu", "GPU", make))


def make(options: Mapping[str, Any]) -> Backend:
    """Return arrays of array-api-strict as a GPU."""
    import array_api_strict

    from holdfast.kernels.array_backend import ArrayBackend

    return ArrayBackend("strict-gpu", array_api_strict, device_type="GPU")
