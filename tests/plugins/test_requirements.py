from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.errors import ConfigError, PluginBrokenError, PluginRequirementError
from holdfast.plugins import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

SOUND = (
    "from holdfast.plugins.hookspecs import hookimpl\nfrom holdfast.contracts import BackendSpec\n"
    "@hookimpl\ndef register_backends(registry):\n    registry.add(BackendSpec('{}-cpu', 'CPU', dict))\n"
)


def test_what_is_required_and_there_is_no_error(install: Callable[..., None]) -> None:
    """Names, in any spelling, with and without a version that fits."""
    install("holdfast-torch", SOUND.format("torch"), version="1.4")
    plugins = load_plugins({"plugins": {"required": ["Holdfast_Torch>=1.0,<2", "holdfast-numpy"]}})
    assert "torch-cpu" in plugins.backends


def test_all_that_is_missing_is_in_one_error(install: Callable[..., None]) -> None:
    """Not installed, too old, broken and disabled: each with its reason, chained to what broke."""
    install("holdfast-old", SOUND.format("old"), version="0.9")
    install("holdfast-broken", "import no_such_library")
    install("holdfast-off", SOUND.format("off"))
    required = ["holdfast-none>=1", "holdfast-old>=1", "holdfast-broken", "holdfast-off"]
    with pytest.raises(PluginRequirementError) as caught:
        load_plugins({"plugins": {"required": required, "disable": ["holdfast-off"]}})
    problems = caught.value.problems
    assert list(problems) == required
    assert problems["holdfast-none>=1"] == "not installed"
    assert problems["holdfast-old>=1"] == "installed is holdfast-old 0.9"
    assert problems["holdfast-broken"].startswith("installed, but broken: Plug-in 'holdfast-broken'")
    assert problems["holdfast-off"] == "disabled"
    assert isinstance(caught.value.__cause__, PluginBrokenError)
    for requirement, problem in problems.items():
        assert f"{requirement} ({problem})" in str(caught.value)


@pytest.mark.parametrize("text", ["holdfast torch", "x @ https://example.org/x.whl", "x[gpu]", "x; os_name == 'nt'"])
def test_requirement_is_a_name_with_an_optional_version(text: str) -> None:
    """Anything else that pip would understand, or not even pip, is an error of the configuration."""
    with pytest.raises(ConfigError, match=r"plugins\.required: found .*expected the name of a plug-in"):
        load_plugins({"plugins": {"required": [text]}})
