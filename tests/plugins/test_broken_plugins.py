from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pluggy
import pytest

from holdfast.errors import (
    PluginApiVersionError,
    PluginBrokenError,
    PluginConflictError,
    PluginError,
    PluginNotFoundError,
)
from holdfast.plugins import Plugins, load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOOK = "from holdfast.plugins.hookspecs import hookimpl\nfrom holdfast.contracts import BackendSpec, FormatSpec\n"
WELL = HOOK + "@hookimpl\ndef register_backends(registry):\n    registry.add(BackendSpec('well-cpu', 'CPU', dict))\n"


def failure_of(plugins: Plugins, plugin: str) -> tuple[str, BaseException]:
    """Return stage and cause of the only failure of a plug-in."""
    (failure,) = (item for item in plugins.failures if item.origin.plugin == plugin)
    assert (failure.origin.distribution, failure.origin.version) == (plugin, "1.0")
    return failure.stage, failure.cause


BROKEN: dict[str, tuple[str, str, str, type[BaseException], str]] = {
    # plug-in: (source, entry point or "", stage, class of the cause, part of its message)
    "import-error": ("import no_such_library", "", "load", ModuleNotFoundError, "no_such_library"),
    "syntax-error": ("def broken(:", "", "load", SyntaxError, "invalid syntax"),
    "exits": ("raise SystemExit('goodbye')", "", "load", SystemExit, "goodbye"),
    "no-module": ("", "no_such_module_anywhere", "load", ModuleNotFoundError, "no_such_module_anywhere"),
    "no-attribute": ("", "no_attribute:plugin", "load", AttributeError, "has no attribute 'plugin'"),
    "is-none": ("plugin = None", "is_none:plugin", "register", TypeError, "'is_none:plugin' refers to None"),
    "hook-raises": (
        HOOK + "@hookimpl\ndef register_backends(registry):\n"
        "    registry.add(BackendSpec('half-cpu', 'CPU', dict))\n    raise RuntimeError('no driver')\n",
        "",
        "hook",
        RuntimeError,
        "no driver",
    ),
    "wrong-argument": (
        HOOK + "@hookimpl\ndef register_backends(registrar):\n    pass\n",
        "",
        "register",
        pluggy.PluginValidationError,
        "registrar",
    ),
    "unknown-hook": (
        HOOK + "@hookimpl\ndef register_backend(registry):\n    pass\n",
        "",
        "check",
        pluggy.PluginValidationError,
        "unknown hook 'register_backend'",
    ),
    "no-hook": ("def register_backends(registry):\n    pass\n", "", "check", LookupError, "implements no hook"),
    "adds-nothing": (
        HOOK + "@hookimpl\ndef register_backends(registry):\n    pass\n",
        "",
        "hook",
        LookupError,
        "registered nothing",
    ),
    "wrong-type": (
        HOOK + "@hookimpl\ndef register_backends(registry):\n    registry.add({'name': 'x-cpu'})\n",
        "",
        "hook",
        TypeError,
        "expects a BackendSpec, got dict",
    ),
    "bad-name": (
        HOOK + "@hookimpl\ndef register_backends(registry):\n    registry.add(BackendSpec('My CPU', 'CPU', dict))\n",
        "",
        "hook",
        ValueError,
        "'My CPU' is no valid backend name; it must be kebab-case",
    ),
    "bad-device": (
        HOOK + "@hookimpl\ndef register_backends(registry):\n    registry.add(BackendSpec('my-cpu', 'cpu', dict))\n",
        "",
        "hook",
        ValueError,
        "'cpu' is no valid device type; it must be in capitals",
    ),
    "twice-itself": (
        HOOK + "@hookimpl\ndef register_backends(registry):\n"
        "    for _ in 'ab':\n        registry.add(BackendSpec('my-cpu', 'CPU', dict))\n",
        "",
        "hook",
        PluginConflictError,
        "twice-itself (twice-itself 1.0)",
    ),
    "other-version": (
        HOOK + "@hookimpl\ndef register_backends(registry):\n"
        "    registry.add(BackendSpec('my-cpu', 'CPU', dict, api_version=2))\n",
        "",
        "hook",
        PluginApiVersionError,
        "has api_version 2, expected 1",
    ),
    "no-magic": (
        HOOK + "@hookimpl\ndef register_formats(registry):\n"
        "    registry.add(FormatSpec('my', ('.my',), (), dict, 'none'))\n",
        "",
        "hook",
        ValueError,
        "Format 'my' needs as magic a tuple of (offset, bytes)",
    ),
}


@pytest.mark.parametrize("plugin", BROKEN)
def test_broken_plugin_gives_its_own_error(install: Callable[..., None], plugin: str) -> None:
    """Each breakage is kept with its stage and cause, and raised, chained, when the plug-in's name is asked for."""
    source, entry, stage, cause_type, message = BROKEN[plugin]
    install(plugin, source, entry=entry)
    install("well", WELL)
    plugins = load_plugins()

    found_stage, cause = failure_of(plugins, plugin)
    assert (found_stage, type(cause)) == (stage, cause_type)
    assert message in str(cause)
    with pytest.raises(PluginError) as caught:
        plugins.backend(plugin)
    if isinstance(cause, PluginError):
        assert type(caught.value) is cause_type
    else:
        assert type(caught.value) is PluginBrokenError
        assert caught.value.__cause__ is cause
        assert (caught.value.plugin, caught.value.distribution, caught.value.version) == (plugin, plugin, "1.0")


def test_broken_plugins_disturb_nobody(install: Callable[..., None]) -> None:
    """With all of them installed at once, the others are there and work, and each failure is kept."""
    for plugin, (source, entry, *_) in BROKEN.items():
        install(plugin, source, entry=entry)
    install("well", WELL)
    plugins = load_plugins()
    assert {item.origin.plugin for item in plugins.failures} >= set(BROKEN)
    assert {"numpy-cpu", "well-cpu"} <= set(plugins.backends)
    assert plugins.backend("numpy-cpu").name == "numpy-cpu"


def test_nothing_is_kept_of_a_hook_that_raises(install: Callable[..., None]) -> None:
    """What was added before the exception is not registered."""
    install("hook-raises", BROKEN["hook-raises"][0])
    assert "half-cpu" not in load_plugins().backends


def test_a_registry_is_closed_when_its_hook_returned(install: Callable[..., None]) -> None:
    """A plug-in that keeps the registry and adds later is refused."""
    install("keeps", WELL.replace("well", "kept") + "    global kept\n    kept = registry\n")
    plugins = load_plugins()
    registry = sys.modules["keeps"].kept
    with pytest.raises(RuntimeError, match="added a backend after its hook had returned"):
        registry.add(plugins.backends["kept-cpu"])


def test_unknown_name_lists_what_is_known_and_what_may_have_had_it(install: Callable[..., None]) -> None:
    """A backend that is not registered is not found; plug-ins that failed before they registered are named, chained."""
    install("import-error", "import no_such_library")
    with pytest.raises(PluginNotFoundError) as caught:
        load_plugins().backend("numpy-cup")
    assert caught.value.available == ("numpy-cpu",)
    assert "Did you mean 'numpy-cpu'?" in str(caught.value)
    assert "import-error (import-error 1.0) at load" in str(caught.value)
    assert isinstance(caught.value.__cause__, PluginBrokenError)


def test_not_installed_is_another_error_than_broken() -> None:
    """Where nothing failed, a name that nobody registered is just not installed."""
    with pytest.raises(PluginNotFoundError, match="No backend named 'torch-gpu'") as caught:
        load_plugins().backend("torch-gpu")
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, PluginBrokenError)


def test_damaged_metadata_of_another_distribution(site: Path, install: Callable[..., None]) -> None:
    """A distribution whose entry points cannot be parsed is noted, and the plug-ins of the others are found."""
    info = site / "damaged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: damaged\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_bytes(b"[holdfast]\n\xff\xfe\n")
    install("well", WELL)
    plugins = load_plugins()
    assert {"numpy-cpu", "well-cpu"} <= set(plugins.backends)
    assert failure_of(plugins, "damaged")[0] == "scan"


def test_same_error_can_be_raised_again(install: Callable[..., None]) -> None:
    """Asking twice gives equal errors, not one object that collects tracebacks."""
    install("import-error", "import no_such_library")
    plugins = load_plugins()
    errors = []
    for _ in range(2):
        with pytest.raises(PluginBrokenError) as caught:
            plugins.backend("import-error")
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert str(errors[0]) == str(errors[1])
