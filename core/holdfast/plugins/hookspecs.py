"""The hooks that a plug-in implements, one function a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from holdfast.plugins.registry import BackendRegistry, FormatRegistry

PROJECT = "holdfast"
"""Project name of the hook markers, and the entry-point group that plug-ins are found in."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plug-in as the implementation of the hook of its name."""


@hookspec
def register_backends(registry: BackendRegistry) -> None:
    """Add the backends that this plug-in provides, with ``registry.add(BackendSpec(...))``.

    Called when
        the plug-ins are loaded: at the first session, save, restore or ``holdfast plugins`` of a process.
    How often
        once per process; once more for each further set of plug-ins that a test loads.
    May raise
        anything; then nothing that this plug-in added is kept, the other plug-ins are not affected, and the exception
        is shown by ``holdfast plugins``. It must not import the array library: that is the factory's work.
    """


@hookspec
def register_formats(registry: FormatRegistry) -> None:
    """Add the checkpoint formats that this plug-in provides, with ``registry.add(FormatSpec(...))``.

    Called when
        the plug-ins are loaded, after ``register_backends`` of the same plug-in.
    How often
        once per process; once more for each further set of plug-ins that a test loads.
    May raise
        anything; then nothing that this plug-in added is kept, the other plug-ins are not affected, and the exception
        is shown by ``holdfast plugins``. It must not import heavy libraries: that is the factory's work.
    """
