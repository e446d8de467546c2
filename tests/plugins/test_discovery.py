from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys

import pytest

from holdfast.errors import PluginNotFoundError
from holdfast.plugins import load_plugins

HEAVY = ("cupy", "torch", "jax", "ml_dtypes", "google.protobuf", "rich", "click", "packaging", "msgpack")


def installed() -> dict[str, importlib.metadata.EntryPoint]:
    """Return the installed entry points by name."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group="holdfast")}


def test_builtin_plugins_are_entry_points() -> None:
    """What pyproject.toml declares is what is found."""
    assert {"holdfast-numpy", "holdfast-npz"} <= set(installed())


@pytest.mark.parametrize(
    "plugin,kind,name", [("holdfast-numpy", "backend", "numpy-cpu"), ("holdfast-npz", "format", "npz")]
)
def test_without_its_entry_point_a_builtin_plugin_is_gone(plugin: str, kind: str, name: str) -> None:
    """There is no other way in: the name is not found, and the other plug-in is there."""
    rest = [entry for entry in installed().values() if entry.name != plugin]
    plugins = load_plugins({}, rest)
    known = plugins.backends if kind == "backend" else plugins.formats
    assert name not in known
    with pytest.raises(PluginNotFoundError, match=f"No {kind} named '{name}'"):
        plugins.backend(name) if kind == "backend" else plugins.format(name)
    assert plugins.backends or plugins.formats


def test_with_their_entry_points_they_are_there() -> None:
    """The same call with all entry points finds both."""
    plugins = load_plugins({}, installed().values())
    assert "numpy-cpu" in plugins.backends
    assert "npz" in plugins.formats
    assert plugins.failures == ()


def test_loading_plugins_imports_no_heavy_library() -> None:
    """After all plug-ins are loaded, array libraries of GPUs, the command line's and others have not been imported."""
    program = (
        "import json, sys, holdfast.plugins as p\n"
        "before = [m for m in ('tomllib', 'holdfast_numpy', 'holdfast_npz') if m in sys.modules]\n"
        "p.get_plugins()\n"
        f"print(json.dumps([before, [m for m in {HEAVY!r} if m in sys.modules], 'holdfast_numpy' in sys.modules,"
        " 'holdfast_numpy.backend' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], [], True, False]
