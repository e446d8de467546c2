"""Plug-ins: hook specifications, loader, registry and configuration.

A plug-in module imports :data:`hookimpl` from ``holdfast.plugins.hookspecs``; programs and tests use what is here.
"""

from holdfast.plugins.collection import Plugins
from holdfast.plugins.config import Config, load_config
from holdfast.plugins.current import get_plugins, load_plugins, use_plugins
from holdfast.plugins.hookspecs import hookimpl, hookspec
from holdfast.plugins.loader import PluginFailure
from holdfast.plugins.registry import BackendRegistry, FormatRegistry, Origin
from holdfast.plugins.report import PluginRow

__all__ = [
    "BackendRegistry",
    "Config",
    "FormatRegistry",
    "Origin",
    "PluginFailure",
    "PluginRow",
    "Plugins",
    "get_plugins",
    "hookimpl",
    "hookspec",
    "load_config",
    "load_plugins",
    "use_plugins",
]
