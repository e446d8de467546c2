"""The plug-ins in force: loaded at first need, once per process, or put in their place for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from holdfast.plugins.collection import Plugins
from holdfast.plugins.config import ConfigSource, load_config
from holdfast.plugins.loader import load

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class _Current:
    """What :func:`get_plugins` returns; sessions of all threads see the same."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.loaded: Plugins | None = None
        self.instead: list[Plugins] = []


_current = _Current()


def load_plugins(config: ConfigSource = None, entry_points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load the installed plug-ins; puts nothing in force.

    Parameters
    ----------
    config
        A configuration, its contents as TOML gives them, or the path of its file; None for the usual search.
    entry_points
        The entry points to load instead of those that are installed.

    Raises
    ------
    ConfigError
        If the configuration is wrong.
    PluginRequirementError
        If plug-ins that it requires cannot be used.
    """
    settings = load_config(config)
    return Plugins(settings, load(settings, entry_points))


def get_plugins() -> Plugins:
    """Return the plug-ins in force, loading them at the first call of the process.

    Raises
    ------
    ConfigError, PluginRequirementError
        As :func:`load_plugins`; the next call tries again.
    """
    with _current.lock:
        if _current.instead:
            return _current.instead[-1]
        if _current.loaded is None:
            _current.loaded = load_plugins()
        return _current.loaded


@contextmanager
def use_plugins(plugins: Plugins) -> Iterator[Plugins]:
    """Put these plug-ins in force within a ``with`` block, in all threads: for tests, or another configuration."""
    with _current.lock:
        _current.instead.append(plugins)
    try:
        yield plugins
    finally:
        with _current.lock:
            _current.instead.remove(plugins)
