from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from holdfast.cli import main
from holdfast.plugins import load_plugins, use_plugins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run() -> Callable[..., tuple[int, str]]:
    """Return a function that runs ``holdfast ARGS`` with freshly loaded plug-ins and returns exit code and output."""

    def invoke(*args: str) -> tuple[int, str]:
        with use_plugins(load_plugins()):
            result = CliRunner().invoke(main, args, prog_name="holdfast")
        return result.exit_code, result.output

    return invoke


def test_lists_what_is_installed(run: Callable[..., tuple[int, str]]) -> None:
    """Name, kind, use, plug-in, distribution, version and state of each, and the configuration in force."""
    code, output = run("plugins")
    assert code == 0
    line = next(line for line in output.splitlines() if line.startswith("numpy-cpu"))
    assert line.split()[:7] == ["numpy-cpu", "backend", "CPU", "holdfast-numpy", "holdfast", version("holdfast"), "ok"]
    assert "(shipped defaults)" in output


def test_shows_the_cause_of_what_is_broken(run: Callable[..., tuple[int, str]], install: Callable[..., None]) -> None:
    """A broken plug-in has its state in the table, its cause below, and makes the exit code 1."""
    install("holdfast-broken", "raise RuntimeError('[bold]no driver[/bold]\\x1b[31m')")
    code, output = run("plugins")
    assert code == 1
    assert "holdfast-broken is broken" in output
    assert "failed at load: RuntimeError: [bold]no driver[/bold]\\x1b[31m" in output


def test_verbose_shows_versions_of_libraries(run: Callable[..., tuple[int, str]]) -> None:
    """With -v each backend is made and asked."""
    code, output = run("plugins", "-v")
    assert code == 0
    assert f"  numpy: {version('numpy')}" in output.splitlines()


def test_json_has_every_fact(run: Callable[..., tuple[int, str]]) -> None:
    """One object with the configuration and a row for each; with -v also the versions."""
    _, output = run("plugins", "--json", "-v")
    data = json.loads(output)
    assert data["config"]["origin"] == "shipped defaults"
    row = next(row for row in data["plugins"] if row["name"] == "numpy-cpu")
    assert (row["kind"], row["state"], row["used_for"]) == ("backend", "ok", "CPU")
    assert row["facts"]["numpy"] == version("numpy")


def test_wrong_configuration_exits_with_2(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """The message is the error's, without a traceback."""
    path = tmp_path / "wrong.toml"
    path.write_text("[plugin]\n")
    code, output = run("plugins", "--config", str(path))
    assert code == 2
    assert output.startswith(f"Error: {path}: (top level): found plugin, expected a known key.")


@pytest.mark.parametrize("table, option", [("checkpoint.npz", "compresion"), ("backend.numpy-cpu", "foo")])
def test_options_are_checked(run: Callable[..., tuple[int, str]], tmp_path: Path, table: str, option: str) -> None:
    """An option that a configured format or backend does not take is an error of the configuration too."""
    path = tmp_path / "wrong.toml"
    path.write_text(f"[{table}]\n{option} = 1\n")
    code, output = run("plugins", "--config", str(path))
    assert code == 2
    assert output.startswith("Error: ")
    assert table in output
    assert option in output


@pytest.mark.parametrize(
    "body, state, exit_code",
    [("import no_such_library", "absent", 0), ("raise RuntimeError('driver too old')", "broken", 1)],
)
def test_configured_backends_are_made(
    run: Callable[..., tuple[int, str]],
    install: Callable[..., None],
    tmp_path: Path,
    body: str,
    state: str,
    exit_code: int,
) -> None:
    """What is configured and cannot be made is no "ok"; a library that is not installed breaks nothing."""
    source = "from holdfast.plugins.hookspecs import hookimpl\nfrom holdfast.contracts import {kind}Spec\n"
    source += "def make(options):\n    {body}\n@hookimpl\ndef register_{hook}(registry):\n    registry.add({spec})\n"
    backend, fmt = "BackendSpec('my-gpu', 'GPU', make)", "FormatSpec('my', ('.my',), ((0, b'MY'),), make, 'none')"
    install("my-gpu", source.format(kind="Backend", hook="backends", body=body, spec=backend))
    install("my-format", source.format(kind="Format", hook="formats", body=body, spec=fmt))
    path = tmp_path / "given.toml"
    path.write_text('[devices]\nGPU = "my-gpu"\n[checkpoint]\nformat = "my"\n')
    code, output = run("plugins", "--config", str(path))
    assert code == exit_code
    assert f"my-gpu is {state}\n" in output
    assert f"my is {state}\n" in output


def test_configuration_may_be_given(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """--config FILE shows what that file makes of the plug-ins."""
    path = tmp_path / "given.toml"
    path.write_text('[plugins]\ndisable = ["holdfast-npz"]\n')
    code, output = run("plugins", "--config", str(path))
    assert code == 0
    assert "holdfast-npz is disabled\n  disabled in plugins.toml" in output


def test_version(run: Callable[..., tuple[int, str]]) -> None:
    """--version prints the installed version."""
    assert run("--version") == (0, f"holdfast {version('holdfast')}\n")


def test_unknown_command_exits_with_2(run: Callable[..., tuple[int, str]]) -> None:
    """As click does with a wrong command line."""
    code, output = run("plugin")
    assert code == 2
    assert "No such command 'plugin'" in output
