"""Fake installed distributions: a directory on ``sys.path`` with a module and the metadata that pip would leave."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Install(Protocol):
    """Installs one fake distribution with one plug-in."""

    def __call__(
        self,
        plugin: str,
        source: str,
        *,
        distribution: str = "",
        version: str = "1.0",
        entry: str = "",
        module: str = "",
    ) -> None:
        """Write the module with this source, and the entry point that names it."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty directory on ``sys.path``; what was imported from it is forgotten afterwards."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(str(directory))
    before = set(sys.modules)
    yield directory
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if origin.startswith(str(directory)):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Return a function that installs fake distributions in :func:`site`."""

    def write(
        plugin: str, source: str, *, distribution: str = "", version: str = "1.0", entry: str = "", module: str = ""
    ) -> None:
        module = module or plugin.replace("-", "_")
        name = distribution or plugin
        (site / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[holdfast]\n{plugin} = {entry or module}\n", encoding="utf-8")
        importlib.invalidate_caches()

    return write


@pytest.fixture(autouse=True)
def _no_configuration_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where no ``plugins.toml`` lies above, with no environment variable that names one."""
    monkeypatch.delenv("HOLDFAST_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def plain_entry_points(install: Install) -> list[EntryPoint]:
    """Return entry points of three sound plug-ins: numpy-cpu, a backend for GPU, and the format plain."""
    hook = "from holdfast.plugins.hookspecs import hookimpl\nfrom holdfast.contracts import BackendSpec, FormatSpec\n"
    install("other", hook + "@hookimpl\ndef register_backends(registry):\n"
            "    registry.add(BackendSpec('other-gpu', 'GPU', dict))\n")  # fmt: skip
    install("plain", hook + "@hookimpl\ndef register_formats(registry):\n"
            "    registry.add(FormatSpec('plain', ('.p',), ((0, b'P'),), dict, 'none'))\n")  # fmt: skip
    return [
        EntryPoint("holdfast-numpy", "holdfast_numpy", "holdfast"),
        EntryPoint("other", "other", "holdfast"),
        EntryPoint("plain", "plain", "holdfast"),
    ]
