"""Fills the tables of kernels: imports every module of this room that enters some."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import holdfast.kernels

_INFRASTRUCTURE = frozenset({"array_backend", "catalogue", "host_kernels", "registry"})


@cache
def load_kernels() -> None:
    """Import all kernels, once per process."""
    for module in pkgutil.iter_modules(holdfast.kernels.__path__):
        if module.name not in _INFRASTRUCTURE:
            importlib.import_module(f"holdfast.kernels.{module.name}")
