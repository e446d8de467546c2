"""``[plugins] required``: what must be there, checked all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.errors import ConfigError, PluginRequirementError
from holdfast.plugins.config import Config
from holdfast.plugins.loader import Loaded, PluginFailure
from holdfast.plugins.registry import Origin, canonical_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def check_requirements(config: Config, loaded: Loaded) -> None:
    """Refuse a configuration whose required plug-ins are not all loaded, in a version that fits.

    Raises
    ------
    ConfigError
        If a requirement is no plug-in name with an optional version.
    PluginRequirementError
        If any is missing, disabled, broken or of another version; chained to what broke the first broken one.
    """
    if not config.required:
        return
    origins = {canonical_name(item.origin.plugin): item.origin for item in loaded.additions}
    failures = {canonical_name(item.origin.plugin): item for item in loaded.failures if item.name is None}
    disabled = {canonical_name(origin.plugin) for origin in loaded.disabled}
    problems: dict[str, str] = {}
    cause: PluginFailure | None = None
    for text in config.required:
        requirement = _parse(text, config)
        name = canonical_name(requirement.name)
        if name in origins:
            problem = _version_problem(requirement, origins[name])
        elif name in failures:
            cause = cause or failures[name]
            problem = f"installed, but broken: {failures[name].error()}"
        else:
            problem = "disabled" if name in disabled else "not installed"
        if problem is not None:
            problems[text] = problem
    if problems:
        raise PluginRequirementError(problems=problems, path=config.path) from (cause.error() if cause else None)


def _parse(text: str, config: Config) -> Requirement:
    """Parse one requirement."""
    from packaging.requirements import InvalidRequirement, Requirement  # only configurations that require pay for it

    expected = "the name of a plug-in with an optional version, such as 'holdfast-torch>=1.0'"
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(key="plugins.required", found=text, expected=expected, path=config.path) from error
    if requirement.url or requirement.extras or requirement.marker:
        raise ConfigError(key="plugins.required", found=text, expected=expected, path=config.path)
    return requirement


def _version_problem(requirement: Requirement, origin: Origin) -> str | None:
    """Say why the installed version does not do, or None."""
    from packaging.version import InvalidVersion, Version

    if not requirement.specifier:
        return None
    try:
        version = Version(origin.version or "")
    except InvalidVersion:
        return f"its distribution {origin.distribution_text} has no version that can be compared"
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"installed is {origin.distribution_text}"
