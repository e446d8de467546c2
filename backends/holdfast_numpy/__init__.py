"""Plug-in ``holdfast-numpy``: the backend ``numpy-cpu``. Only its registration; the factory imports the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.contracts import Backend, BackendSpec
from holdfast.plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.plugins.registry import BackendRegistry


@hookimpl
def register_backends(registry: BackendRegistry) -> None:
    """Add ``numpy-cpu``."""
    registry.add(BackendSpec("numpy-cpu", "CPU", _make, summary="NumPy arrays in main memory; any number of devices"))


def _make(options: Mapping[str, Any]) -> Backend:
    """Import the backend and make it."""
    from holdfast_numpy.backend import NumpyBackend

    return NumpyBackend(options)
