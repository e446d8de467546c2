from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdfast.errors import ConfigError
from holdfast.plugins import load_config, load_plugins
from holdfast.plugins.config import default_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARKED = '[plugins]\ndisable = ["{}"]\n'


def test_shipped_defaults_apply_where_there_is_no_file() -> None:
    """Without argument, variable and file: CPU on numpy-cpu, checkpoints in the container."""
    config = load_config()
    assert config.origin == "shipped defaults"
    assert dict(config.devices) == {"CPU": "numpy-cpu"}
    assert (config.format, config.disable, config.required) == ("msgpack-zstd", (), ())


def test_nearest_file_upward_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several plugins.toml above the working directory the nearest counts."""
    below = tmp_path / "project" / "deep" / "deeper"
    below.mkdir(parents=True)
    (tmp_path / "plugins.toml").write_text(MARKED.format("far"))
    (tmp_path / "project" / "plugins.toml").write_text(MARKED.format("near"))
    monkeypatch.chdir(below)
    config = load_config()
    assert (config.disable, config.origin) == (("near",), "working directory")
    assert config.path == str(tmp_path / "project" / "plugins.toml")


def test_environment_variable_goes_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$HOLDFAST_CONFIG names the file; an empty one counts as unset."""
    (tmp_path / "plugins.toml").write_text(MARKED.format("here"))
    (tmp_path / "named.toml").write_text(MARKED.format("named"))
    monkeypatch.setenv("HOLDFAST_CONFIG", str(tmp_path / "named.toml"))
    assert load_config().disable == ("named",)
    monkeypatch.setenv("HOLDFAST_CONFIG", "")
    assert load_config().disable == ("here",)


def test_argument_goes_before_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is given is the file."""
    (tmp_path / "named.toml").write_text(MARKED.format("named"))
    (tmp_path / "given.toml").write_text(MARKED.format("given"))
    monkeypatch.setenv("HOLDFAST_CONFIG", str(tmp_path / "named.toml"))
    config = load_config(tmp_path / "given.toml")
    assert (config.disable, config.origin) == (("given",), "argument")


def test_a_file_leaves_the_rest_as_shipped() -> None:
    """What a file does not say is as in the defaults, setting by setting."""
    config = load_config({"devices": {"GPU": "some-gpu"}})
    assert dict(config.devices) == {"CPU": "numpy-cpu", "GPU": "some-gpu"}
    assert config.format == default_config().format


@pytest.mark.parametrize("missing", ["argument", "variable"])
def test_named_file_must_exist(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was asked for and is not there is an error, not the defaults."""
    path = tmp_path / "nope.toml"
    monkeypatch.setenv("HOLDFAST_CONFIG", str(path) if missing == "variable" else "")
    with pytest.raises(ConfigError, match="expected a readable file") as caught:
        load_config(path if missing == "argument" else None)
    assert caught.value.path == str(path)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("content", [b"[plugins", b"\xff\xfe", b"[devices]\nCPU = 1 2\n"])
def test_file_must_be_toml(content: bytes, tmp_path: Path) -> None:
    """Text that is no TOML in UTF-8 is an error that names the file."""
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        load_config(path)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"plugin": {}}, "found plugin, expected a known key. Known: backend, checkpoint, devices, plugins. "),
    ({"plugins": {"disabel": []}}, "'disable'?"),
    ({"plugins": {"disable": "holdfast-x"}}, "plugins.disable: found holdfast-x, expected an array of texts."),
    ({"plugins": {"required": [1]}}, "plugins.required: found [1], expected an array of texts."),
    ({"plugins": {"prefer": {"x": 1}}}, "plugins.prefer.x: found 1, expected a text."),
    ({"devices": {"cpu": "numpy-cpu"}}, "devices: found cpu, expected a device type in capitals. Did you mean 'CPU'?"),
    ({"devices": {"": "numpy-cpu"}}, "Device types are such as CPU and GPU."),
    ({"devices": ["CPU"]}, "devices: found ['CPU'], expected a table."),
    ({"checkpoint": {"fromat": "npz"}}, "checkpoint: found fromat, expected a known key. Known: format. Did you mean"),
    ({"checkpoint": {"format": {"level": 1}}}, "checkpoint.format: found {'level': 1}, expected a text."),
    ({"backend": {"numpy-cpu": 3}}, "backend: found numpy-cpu, expected a known key."),
]


@pytest.mark.parametrize("data,message", WRONG, ids=[str(data) for data, _ in WRONG])
def test_wrong_shape_is_an_error_that_says_what_is_expected(data: dict[str, Any], message: str) -> None:
    """Unknown keys and values of the wrong type are refused, with what is known and the likely spelling."""
    with pytest.raises(ConfigError) as caught:
        load_config(data)
    assert message in str(caught.value)


WRONG_NAMES: list[tuple[dict[str, Any], str, str]] = [
    ({"plugins": {"disable": ["holdfast-nmpy"]}}, "plugins.disable", "Did you mean 'holdfast-numpy'?"),
    ({"plugins": {"prefer": {"numpy-cup": "x"}}}, "plugins.prefer", "Did you mean 'numpy-cpu'?"),
    ({"devices": {"CPU": "numpy-cup"}}, "devices.CPU", "Did you mean 'numpy-cpu'?"),
    ({"devices": {"CPU": "other-gpu"}}, "devices.CPU", "expected a backend for CPU; this one is for GPU"),
    ({"checkpoint": {"format": "plian"}}, "checkpoint.format", "Did you mean 'plain'?"),
    ({"checkpoint": {"plian": {}}}, "checkpoint", "Did you mean 'plain'?"),
    ({"backend": {"numpy-cup": {}}}, "backend", "Did you mean 'numpy-cpu'?"),
]


@pytest.mark.parametrize("data,key,message", WRONG_NAMES, ids=[str(data) for data, _, _ in WRONG_NAMES])
def test_unknown_name_is_an_error_that_lists_the_known_ones(
    plain_entry_points: list[Any], data: dict[str, Any], key: str, message: str
) -> None:
    """A name that no plug-in stands for is refused at load, with the known names and the likely spelling."""
    with pytest.raises(ConfigError) as caught:
        load_plugins(data, plain_entry_points)
    assert caught.value.key == key
    assert caught.value.known
    assert message in str(caught.value)


def test_gpu_without_any_gpu_backend_is_a_fact_and_no_error(plain_entry_points: list[Any]) -> None:
    """A configuration may name a backend for a device type that nothing here serves."""
    entry_points = [entry for entry in plain_entry_points if entry.name != "other"]
    plugins = load_plugins({"devices": {"GPU": "some-gpu"}, "backend": {"some-gpu": {"pool": 1}}}, entry_points)
    assert plugins.device_types() == ("CPU", "GPU")
    assert plugins.backend_for("GPU") is None
    problem = plugins.device_problem("GPU")
    assert problem is not None
    assert problem.startswith("No backend named 'some-gpu'. Available: numpy-cpu.")


def test_unknown_names_pass_while_their_plugin_may_be_the_broken_one(
    plain_entry_points: list[Any], install: Callable[..., None]
) -> None:
    """One broken plug-in does not turn the names that it would have registered into typos."""
    install("broken", "import no_such_library")
    from importlib.metadata import EntryPoint

    entry_points = [*plain_entry_points, EntryPoint("broken", "broken", "holdfast")]
    plugins = load_plugins({"devices": {"GPU": "broken-gpu"}, "checkpoint": {"broken": {}}}, entry_points)
    assert "no_such_library" in (plugins.device_problem("GPU") or "")


def test_disabled_plugin_is_not_loaded(plain_entry_points: list[Any]) -> None:
    """Its names are gone, and asking for one says that it is disabled."""
    plugins = load_plugins({"plugins": {"disable": ["other"]}}, plain_entry_points)
    assert "other-gpu" not in plugins.backends
    from holdfast.errors import PluginNotFoundError

    with pytest.raises(PluginNotFoundError, match=r"Disabled in plugins\.toml: other"):
        plugins.backend("other-gpu")
