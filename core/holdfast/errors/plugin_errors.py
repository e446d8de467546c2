"""Errors of plug-ins and of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.errors.message_text import rebuild, sentences, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "ConfigError",
    "PluginApiVersionError",
    "PluginBrokenError",
    "PluginConflictError",
    "PluginError",
    "PluginNotFoundError",
    "PluginRequirementError",
]


class PluginError(Exception):
    """A plug-in is missing, broken or in conflict."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the facts as they are."""
        return rebuild, (type(self), dict(self.__dict__), self.args)


def _known(available: Iterable[str]) -> str:
    """List what there is."""
    names = sorted(available)
    return f"Available: {', '.join(names)}" if names else "None is available"


class PluginNotFoundError(PluginError):
    """No installed and enabled plug-in provides what was asked for.

    Parameters
    ----------
    kind
        ``"plug-in"``, ``"backend"``, ``"format"``...
    name
        What was asked for.
    available
        The names that are there; None where there is no list to choose from, as for a library that is not installed.
    advice
        What to do: usually what to install or to enable.
    """

    def __init__(
        self, *, kind: str, name: str, available: Iterable[str] | None = (), advice: str | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.available = tuple(sorted(available or ()))
        self.advice = advice or "Install the plug-in that provides it; `holdfast plugins` lists what is installed"
        known = None if available is None else _known(self.available)
        super().__init__(sentences(f"No {kind} named {name!r}", known, self.advice))


class PluginBrokenError(PluginError):
    """A plug-in is installed, but failed.

    Parameters
    ----------
    plugin
        Its name.
    distribution, version
        The installed distribution that it comes from, where known.
    stage
        What it was doing: ``"load"``, ``"register"``, ``"check"``, ``"factory"``.
    cause
        What happened: an exception (raise this error from it) or a text.
    """

    def __init__(
        self,
        *,
        plugin: str,
        stage: str,
        cause: BaseException | str,
        distribution: str | None = None,
        version: str | None = None,
        advice: str | None = None,
    ) -> None:
        self.plugin = plugin
        self.stage = stage
        self.cause = cause if isinstance(cause, str) else f"{type(cause).__name__}: {cause}"
        self.distribution = distribution
        self.version = version
        self.advice = advice or f"Repair or reinstall it, or disable it in plugins.toml: disable = [{plugin!r}]"
        source = f" (from {_distribution(distribution, version)})" if distribution else ""
        super().__init__(sentences(f"Plug-in {plugin!r}{source} failed at {stage}: {self.cause}", self.advice))


def _distribution(name: str | None, version: str | None) -> str:
    """``name version``, as far as known."""
    return " ".join(part for part in (name or "an unknown distribution", version) if part)


class PluginConflictError(PluginError):
    """Several distributions provide one name.

    Parameters
    ----------
    kind, name
        What is claimed twice.
    claimants
        The distributions (or plug-ins) that claim it.
    """

    def __init__(self, *, kind: str, name: str, claimants: Sequence[str], advice: str | None = None) -> None:
        self.kind = kind
        self.name = name
        self.claimants = tuple(claimants)
        self.advice = advice or "Uninstall all but one, or choose one in plugins.toml"
        found = f"The {kind} name {name!r} is claimed by {' and '.join(self.claimants)}"
        super().__init__(sentences(found, self.advice))


class PluginApiVersionError(PluginError):
    """A plug-in was written for another version of the contracts.

    Parameters
    ----------
    plugin
        Its name.
    found, expected
        The version it declares, and the one that holdfast has.
    distribution, version
        The installed distribution that it comes from, where known.
    """

    def __init__(
        self,
        *,
        plugin: str,
        found: object,
        expected: object,
        distribution: str | None = None,
        version: str | None = None,
        advice: str | None = None,
    ) -> None:
        self.plugin = plugin
        self.found = found
        self.expected = expected
        self.distribution = distribution
        self.version = version
        self.advice = advice or "Install a release of the plug-in made for this version of holdfast"
        source = f" (from {_distribution(distribution, version)})" if distribution else ""
        what = f"Plug-in {plugin!r}{source} has api_version {show(found)}, expected {show(expected)}"
        super().__init__(sentences(what, self.advice))


class PluginRequirementError(PluginError):
    """Plug-ins that the configuration requires are missing, too old or broken: all of them, in one error.

    Parameters
    ----------
    problems
        Requirement, as it was written, to what is wrong.
    path
        The configuration file, or None for an argument.
    """

    def __init__(self, *, problems: Mapping[str, str], path: object = None, advice: str | None = None) -> None:
        self.problems = dict(problems)
        self.path = None if path is None else str(path)
        self.advice = advice or "Install or repair them; `holdfast plugins` lists what is installed"
        where = "The configuration" if self.path is None else show(self.path)
        listed = "; ".join(f"{requirement} ({problem})" for requirement, problem in self.problems.items())
        super().__init__(sentences(f"{where} requires plug-ins that cannot be used: {listed}", self.advice))


class ConfigError(ValueError):
    """The configuration names something unknown, or gives it a wrong value.

    Parameters
    ----------
    key
        The key or option, dotted: ``"devices.CPU"``.
    found
        What was written there.
    expected
        What is allowed, in words; `known` is for a closed list of names.
    path
        The file, or None for an argument.
    """

    def __init__(
        self,
        *,
        key: str,
        found: object,
        expected: str | None = None,
        known: Iterable[str] = (),
        path: object = None,
        advice: str | None = None,
    ) -> None:
        self.key = key
        self.found = found
        self.expected = expected
        self.known = tuple(sorted(known))
        self.path = None if path is None else str(path)
        self.advice = advice
        where = "" if self.path is None else f"{show(self.path)}: "
        what = f"{where}{show(key)}: found {show(found)}" + (f", expected {expected}" if expected else "")
        super().__init__(sentences(what, f"Known: {', '.join(self.known)}" if self.known else None, advice))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the facts as they are."""
        return rebuild, (type(self), dict(self.__dict__), self.args)
