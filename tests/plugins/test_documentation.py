from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdfast.errors import ConfigError
from holdfast.plugins import hookspecs, load_plugins
from holdfast.plugins.config import load_config

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "plugins"
SECTIONS = ("Called when", "How often", "May raise")


def hooks() -> dict[str, Callable[..., object]]:
    """Return the hook specifications by name."""
    return {name: item for name, item in vars(hookspecs).items() if hasattr(item, "holdfast_spec")}


def test_headings_of_the_hook_reference_are_the_exact_signatures() -> None:
    """Every hook is documented, in the order of the specifications, and nothing else is."""
    found = re.findall(r"^## `(.*)`$", (DOCS / "hooks.md").read_text(encoding="utf-8"), re.MULTILINE)
    signatures = [f"{name}{inspect.signature(hook)}".replace("'", "") for name, hook in hooks().items()]
    assert found == signatures


def test_the_documentation_imports_hookimpl_from_one_place() -> None:
    """Plug-ins import what the import contracts of holdfast's own allow."""
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs" / "examples").glob("*.py")]
    texts = "".join(page.read_text(encoding="utf-8") for page in pages if "_build" not in page.parts)
    assert set(re.findall(r"from (\S+) import hookimpl", texts)) == {"holdfast.plugins.hookspecs"}


@pytest.mark.parametrize("name", hooks())
def test_hook_has_the_fixed_sections(name: str) -> None:
    """In the docstring and in the reference: called when, how often, may raise."""
    text = (DOCS / "hooks.md").read_text(encoding="utf-8")
    section = text.partition(f"## `{name}(")[2].partition("\n## ")[0]
    for heading in SECTIONS:
        assert f"\n{heading}\n" in (inspect.getdoc(hooks()[name]) or "")
        assert f"\n{heading}\n: " in section


def test_configuration_of_the_documentation_is_valid(tmp_path: Path) -> None:
    """The file that configuration.md shows is accepted, apart from plug-ins that are not installed."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "plugins.toml"
    path.write_text(block, encoding="utf-8")
    config = load_config(path)
    assert config.required == ("holdfast-jax>=1.0",)
    assert set(config.prefer) == {"fast", "numpy-cpu", "npz", "msgpack-zstd"}


def test_plugins_toml_of_the_repository_holds_the_shipped_defaults() -> None:
    """The reference example is accepted, and says what holds without it."""
    example, defaults = load_plugins(ROOT / "plugins.toml").config, load_config({})
    assert (dict(example.devices), example.format) == (dict(defaults.devices), defaults.format)
    assert (example.disable, example.required) == (defaults.disable, defaults.required)


def test_worked_example_is_a_plugin_that_works(install: Callable[..., None]) -> None:
    """The plug-in of backends.md, installed as index.md's pyproject.toml says: registered, selected, with its facts."""
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "index.md").read_text(encoding="utf-8"), re.DOTALL)
    project = tomllib.loads(block)
    ((plugin, entry),) = project["project"]["entry-points"]["holdfast"].items()
    (module,) = project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]
    source = (ROOT / "docs" / "examples" / module).read_text(encoding="utf-8")
    name, version = project["project"]["name"], project["project"]["version"]
    install(plugin, source, distribution=name, version=version, entry=entry, module=module.removesuffix(".py"))
    plugins = load_plugins({"devices": {"CPU": "strict-cpu"}})
    backend = plugins.backend_for("CPU")
    assert backend is not None
    assert set(backend.version_facts()) == {"array-api-strict"}
    (row,) = (row for row in plugins.report() if row.name == "strict-cpu")
    assert (row.state, row.used_for, row.distribution) == ("ok", "CPU", "holdfast-strict")


def test_worked_example_refuses_options(install: Callable[..., None]) -> None:
    """Its ValueError becomes an error of the configuration."""
    install("holdfast-strict", (ROOT / "docs" / "examples" / "holdfast_strict.py").read_text(encoding="utf-8"))
    plugins = load_plugins({"devices": {"CPU": "strict-cpu"}, "backend": {"strict-cpu": {"fast": True}}})
    with pytest.raises(ConfigError, match="strict-cpu has no options, got fast"):
        plugins.backend("strict-cpu")
