from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.errors import PluginConflictError
from holdfast.plugins import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

HOOK = "from holdfast.plugins.hookspecs import hookimpl\nfrom holdfast.contracts import BackendSpec, FormatSpec\n"
BACKEND = HOOK + "@hookimpl\ndef register_backends(registry):\n    registry.add(BackendSpec({!r}, 'CPU', dict))\n"
FORMAT = (
    HOOK + "@hookimpl\ndef register_formats(registry):\n"
    "    registry.add(FormatSpec({!r}, ('.x',), {!r}, lambda options: options, 'none'))\n"
)


def test_two_distributions_with_one_plugin_name(install: Callable[..., None]) -> None:
    """Neither is loaded; the error names both and says how to choose."""
    install("fast", BACKEND.format("one-cpu"), distribution="holdfast-one", module="one")
    install("fast", BACKEND.format("two-cpu"), distribution="holdfast-two", module="two")
    plugins = load_plugins()
    assert "one-cpu" not in plugins.backends
    assert "two-cpu" not in plugins.backends
    with pytest.raises(PluginConflictError) as caught:
        plugins.backend("fast")
    assert (caught.value.kind, caught.value.name) == ("plug-in", "fast")
    assert set(caught.value.claimants) == {"holdfast-one 1.0", "holdfast-two 1.0"}
    assert "[plugins.prefer]" in str(caught.value)


def test_configuration_picks_among_two_distributions(install: Callable[..., None]) -> None:
    """With a preference, in any spelling of the distribution's name, that one is loaded and there is no failure."""
    install("fast", BACKEND.format("one-cpu"), distribution="holdfast-one", module="one")
    install("fast", BACKEND.format("two-cpu"), distribution="holdfast-two", module="two")
    plugins = load_plugins({"plugins": {"prefer": {"fast": "Holdfast_Two"}}})
    assert "two-cpu" in plugins.backends
    assert "one-cpu" not in plugins.backends
    assert not [failure for failure in plugins.failures if failure.origin.plugin == "fast"]


def test_two_plugins_with_one_backend_name(install: Callable[..., None]) -> None:
    """Nobody wins silently: asking for the contested backend names both; what else they registered is there."""
    for plugin in ("aaa", "zzz"):
        more = f"    registry.add(BackendSpec('{plugin}-cpu', 'CPU', dict))\n"
        install(plugin, BACKEND.format("contested-cpu") + more)
    plugins = load_plugins()
    assert {"aaa-cpu", "zzz-cpu"} <= set(plugins.backends)
    assert "contested-cpu" not in plugins.backends
    with pytest.raises(PluginConflictError) as caught:
        plugins.backend("contested-cpu")
    assert caught.value.claimants == ("aaa (aaa 1.0)", "zzz (zzz 1.0)")


def test_a_clash_with_a_name_of_the_defaults_disturbs_nobody(install: Callable[..., None]) -> None:
    """The shipped configuration says whose numpy-cpu is; the other is refused with an error that says so."""
    install("aaa", BACKEND.format("numpy-cpu"))
    plugins = load_plugins()
    assert type(plugins.backend("numpy-cpu")).__module__ == "holdfast_numpy.backend"
    (failure,) = (item for item in plugins.failures if item.origin.plugin == "aaa")
    assert (failure.stage, failure.name, type(failure.cause)) == ("resolve", "numpy-cpu", PluginConflictError)
    assert "The configuration prefers holdfast-numpy" in str(failure.cause)


def test_the_configuration_may_give_a_name_of_the_defaults_to_another(install: Callable[..., None]) -> None:
    """Holdfast's own backend has no privilege: preferring another distribution replaces it."""
    install("aaa", BACKEND.format("numpy-cpu"))
    plugins = load_plugins({"plugins": {"prefer": {"numpy-cpu": "aaa"}}})
    (failure,) = (item for item in plugins.failures if item.name == "numpy-cpu")
    assert failure.origin.plugin == "holdfast-numpy"


def test_two_formats_with_the_same_magic(install: Callable[..., None]) -> None:
    """A checkpoint could not be told apart: neither format is there, and asking for one names both."""
    install("aaa", FORMAT.format("first", ((0, b"SAME"),)))
    install("zzz", FORMAT.format("second", ((0, b"SAME"),)))
    plugins = load_plugins()
    assert not {"first", "second"} & set(plugins.formats)
    with pytest.raises(PluginConflictError, match="magic of checkpoint files name '53414d45 at 0'") as caught:
        plugins.format("first")
    assert caught.value.claimants == ("aaa (aaa 1.0)", "zzz (zzz 1.0)")


def test_configuration_picks_among_two_formats_with_the_same_magic(install: Callable[..., None]) -> None:
    """The preferred format stays."""
    install("aaa", FORMAT.format("first", ((0, b"SAME"),)))
    install("zzz", FORMAT.format("second", ((0, b"SAME"),)))
    plugins = load_plugins({"plugins": {"prefer": {"second": "zzz"}}})
    assert "second" in plugins.formats
    assert "first" not in plugins.formats


def test_more_specific_magic_is_no_conflict(install: Callable[..., None]) -> None:
    """Formats that share a part of their magic can both be registered."""
    install("aaa", FORMAT.format("first", ((0, b"SAME"),)))
    install("zzz", FORMAT.format("second", ((0, b"SAME"), (8, b"MORE"))))
    assert {"first", "second"} <= set(load_plugins().formats)
