from __future__ import annotations

import threading
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.errors import ConfigError, PluginBrokenError, PluginNotFoundError
from holdfast.plugins import Plugins, get_plugins, load_plugins, use_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = """
from types import SimpleNamespace
from holdfast.contracts import BackendSpec, FormatSpec
from holdfast.plugins.hookspecs import hookimpl

calls = []

def make(options):
    calls.append(dict(options))
    {body}
    return SimpleNamespace(name="my-gpu", device_type="GPU")

@hookimpl
def register_backends(registry):
    registry.add(BackendSpec("my-gpu", "GPU", make))

@hookimpl
def register_formats(registry):
    registry.add(FormatSpec("my", (".my",), ((0, b"MY"),), make, "none"))
"""
MY = [EntryPoint("my", "my", "holdfast")]


@pytest.fixture
def my(install: Callable[..., None]) -> Callable[..., Plugins]:
    """Return a function that loads only the plug-in above, with a line in its factory and a configuration."""

    def load(body: str = "pass", config: dict[str, Any] | None = None) -> Plugins:
        install("my", SOURCE.format(body=body))
        return load_plugins({"devices": {"GPU": "my-gpu"}, **(config or {})}, MY)

    return load


def test_backend_is_made_once_with_its_options(my: Callable[..., Plugins]) -> None:
    """The factory gets the table of plugins.toml at the first call; then all threads get the same object."""
    plugins = my(config={"backend": {"my-gpu": {"pool": "async"}}})
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(plugins.backend("my-gpu"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(backend) for backend in found}) == 1
    assert plugins.backend_for("GPU") is found[0]
    assert plugins.device_problem("GPU") is None
    import my as module  # type: ignore[import-not-found]

    assert module.calls == [{"pool": "async"}]


def test_library_that_is_not_installed(my: Callable[..., Plugins]) -> None:
    """A factory that misses its library is no broken plug-in: the error names the library, and there is no device."""
    plugins = my("import no_such_library.core")
    with pytest.raises(PluginNotFoundError) as caught:
        plugins.backend("my-gpu")
    assert (caught.value.kind, caught.value.name) == ("library", "no_such_library")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert plugins.backend_for("GPU") is None
    assert plugins.device_problem("GPU") == str(caught.value)
    assert str(caught.value) == (
        "No library named 'no_such_library'. 'my-gpu' of plug-in my (unknown distribution) needs it: install it."
    )


@pytest.mark.parametrize(
    "body,cause",
    [
        ("import json.no_such_part", ModuleNotFoundError),
        ("raise ImportError('libcuda.so.1: cannot open shared object file')", ImportError),
        ("raise RuntimeError('driver too old')", RuntimeError),
        ("raise SystemExit(3)", SystemExit),
    ],
)
def test_library_that_is_installed_but_broken(
    my: Callable[..., Plugins], body: str, cause: type[BaseException]
) -> None:
    """Everything else that a factory raises means broken, chained; it is not tried again, and shown by the report."""
    plugins = my(body)
    for _ in range(2):
        with pytest.raises(PluginBrokenError) as caught:
            plugins.backend("my-gpu")
        assert (caught.value.plugin, caught.value.stage) == ("my", "factory")
        assert type(caught.value.__cause__) is cause
    import my as module

    assert len(module.calls) == 1
    assert isinstance(plugins.device_error("GPU"), PluginBrokenError)
    assert next(row for row in plugins.report() if row.name == "my-gpu").state == "broken"


def test_option_that_the_backend_refuses(my: Callable[..., Plugins]) -> None:
    """A ValueError of the factory is an error of the configuration, with the table that it stands in."""
    plugins = my("raise ValueError('pool must be async')", {"backend": {"my-gpu": {"pool": 1}}})
    with pytest.raises(ConfigError, match=r"backend\.my-gpu: found {'pool': 1}, .*pool must be async"):
        plugins.backend("my-gpu")


def test_backend_that_is_not_what_its_spec_says(my: Callable[..., Plugins]) -> None:
    """Name and device type of what the factory makes are compared with the spec."""
    plugins = my("return SimpleNamespace(name='my-gpu', device_type='CPU')")
    with pytest.raises(PluginBrokenError, match=r"with name and device type \('my-gpu', 'CPU'\)"):
        plugins.backend("my-gpu")


def test_builtin_backend_refuses_unknown_options() -> None:
    """numpy-cpu has no options."""
    plugins = load_plugins({"backend": {"numpy-cpu": {"threads": 2}}})
    with pytest.raises(ConfigError, match=r"backend\.numpy-cpu\.threads: found 2, expected no options"):
        plugins.backend("numpy-cpu")


def test_device_type_that_is_not_configured(my: Callable[..., Plugins]) -> None:
    """No backend, and the reason says which types there are and what to write."""
    plugins = my()
    assert plugins.backend_for("TPU") is None
    assert plugins.device_problem("TPU") == (
        "No backend for device type named 'TPU'. Available: CPU, GPU. "
        "Name one in plugins.toml under [devices]: TPU = ..."
    )


def test_format_options_override_the_configured_ones_one_by_one(my: Callable[..., Plugins]) -> None:
    """Each call makes a format with the options of plugins.toml under those of the call."""
    plugins = my(config={"checkpoint": {"format": "my", "my": {"level": 1, "workers": 2}}})
    spec, _ = plugins.format()
    plugins.format("my", {"level": 9})
    assert spec is plugins.formats["my"]
    import my as module

    assert module.calls == [{"level": 1, "workers": 2}, {"level": 9, "workers": 2}]


def test_unknown_format_is_not_found(my: Callable[..., Plugins]) -> None:
    """The error lists the formats that there are."""
    with pytest.raises(PluginNotFoundError, match=r"No format named 'my2'\. Available: my\. Did you mean 'my'\?"):
        my().format("my2")


def test_plugins_in_force_are_loaded_once_and_replaceable(my: Callable[..., Plugins]) -> None:
    """get_plugins returns one object per process, except within use_plugins."""
    usual = get_plugins()
    assert get_plugins() is usual
    with use_plugins(my()) as instead:
        assert get_plugins() is instead
        with use_plugins(usual):
            assert get_plugins() is usual
        assert get_plugins() is instead
    assert get_plugins() is usual


def test_report_has_a_row_for_everything(my: Callable[..., Plugins]) -> None:
    """Registered, configured but absent: each with what it is used for."""
    rows = {(row.kind, row.name): row for row in my().report()}
    assert {key: (row.state, row.used_for, row.plugin) for key, row in rows.items()} == {
        ("backend", "my-gpu"): ("ok", "GPU", "my"),
        ("backend", "numpy-cpu"): ("absent", "CPU", ""),
        ("format", "my"): ("ok", "", "my"),
        ("format", "msgpack-zstd"): ("absent", "writing", ""),
    }
