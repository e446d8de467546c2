"""From entry points to registered specs, each plug-in by itself: one that fails is noted and disturbs no other."""

from __future__ import annotations

import copy
import importlib.metadata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

import pluggy

from holdfast.contracts import BackendSpec, FormatSpec
from holdfast.errors import PluginBrokenError, PluginConflictError, PluginError
from holdfast.plugins import hookspecs
from holdfast.plugins.config import Config
from holdfast.plugins.registry import BackendRegistry, FormatRegistry, Origin, canonical_name

Stage: TypeAlias = Literal["scan", "load", "register", "check", "hook", "resolve", "factory"]
"""Where a plug-in failed: reading the metadata of its distribution; importing what the entry point names; registering
that with pluggy; checking that it has hooks and that they are known; calling them; settling who keeps a contested name;
making the backend or format."""

CAUGHT = (Exception, SystemExit)
"""What a plug-in may do without stopping the process: a module that calls ``sys.exit`` is broken, not in charge."""


Error = TypeVar("Error", bound=Exception)


def unraised(error: Error) -> Error:
    """Return a copy of an error that is kept and raised again and again, so that it collects no tracebacks."""
    again = copy.copy(error)
    again.__cause__ = error.__cause__
    return again


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """One thing that went wrong with a plug-in."""

    origin: Origin
    """The plug-in."""
    stage: Stage
    """Where it failed."""
    cause: BaseException
    """The exception itself, or the error that describes a conflict."""
    name: str | None = None
    """The backend or format that is affected; None where nothing of the plug-in is there."""

    def error(self) -> PluginError:
        """Return a new error to be raised for this failure, chained to its cause."""
        if isinstance(self.cause, PluginError):
            return unraised(self.cause)
        broken = PluginBrokenError(
            plugin=self.origin.plugin,
            stage=self.stage,
            cause=self.cause,
            distribution=self.origin.distribution,
            version=self.origin.version,
        )
        broken.__cause__ = self.cause
        return broken


@dataclass(frozen=True, slots=True)
class Additions:
    """What one plug-in registered."""

    origin: Origin
    """The plug-in."""
    backends: Mapping[str, BackendSpec]
    """Its backends by name."""
    formats: Mapping[str, FormatSpec]
    """Its formats by name."""


@dataclass(slots=True)
class Loaded:
    """What became of all installed plug-ins."""

    additions: list[Additions] = field(default_factory=list)
    """Of each plug-in that loaded, in the order of their names."""
    failures: list[PluginFailure] = field(default_factory=list)
    """Of each plug-in that did not."""
    disabled: list[Origin] = field(default_factory=list)
    """The plug-ins that the configuration switches off."""

    @property
    def names(self) -> set[str]:
        """Names of all installed plug-ins, whatever became of them."""
        origins = [item.origin for item in self.additions] + [item.origin for item in self.failures] + self.disabled
        return {origin.plugin for origin in origins}


def load(config: Config, entry_points: Iterable[importlib.metadata.EntryPoint] | None = None) -> Loaded:
    """Load every plug-in that is installed and not disabled; never raises for what a plug-in does."""
    loaded = Loaded()
    found = _scan(loaded) if entry_points is None else list(entry_points)
    by_name: dict[str, list[tuple[Origin, importlib.metadata.EntryPoint]]] = defaultdict(list)
    for entry in found:
        by_name[entry.name].append((_origin(entry), entry))
    for name, candidates in sorted(by_name.items()):
        if name in config.disable:
            loaded.disabled.extend(origin for origin, _ in candidates)
            continue
        chosen = _choose(name, candidates, config, loaded)
        if chosen is not None:
            _load_one(*chosen, loaded)
    return loaded


def _scan(loaded: Loaded) -> list[importlib.metadata.EntryPoint]:
    """Return the entry points of the group."""
    try:
        return list(importlib.metadata.entry_points(group=hookspecs.PROJECT))
    except CAUGHT:  # the metadata of some distribution is damaged: read the others without it
        return list(_scan_one_by_one(loaded))


def _scan_one_by_one(loaded: Loaded) -> Iterator[importlib.metadata.EntryPoint]:
    """Yield the entry points of the group of each distribution whose metadata can be read."""
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        name, version = _identity(distribution)
        if name is None or canonical_name(name) in seen:  # what stands earlier on the path hides what stands later
            continue
        seen.add(canonical_name(name))
        try:
            yield from distribution.entry_points.select(group=hookspecs.PROJECT)
        except CAUGHT as error:
            loaded.failures.append(PluginFailure(Origin(name, name, version), "scan", error))


def _identity(distribution: Any) -> tuple[str | None, str | None]:
    """Return the name and version of a distribution, as far as its metadata can be read."""
    try:
        return str(distribution.metadata["Name"]), str(distribution.version)
    except CAUGHT:
        return None, None


def _origin(entry: importlib.metadata.EntryPoint) -> Origin:
    """Return where an entry point comes from."""
    distribution = getattr(entry, "dist", None)
    name, version = (None, None) if distribution is None else _identity(distribution)
    return Origin(entry.name, name, version, entry.value)


def _choose(
    name: str,
    candidates: list[tuple[Origin, importlib.metadata.EntryPoint]],
    config: Config,
    loaded: Loaded,
) -> tuple[Origin, importlib.metadata.EntryPoint] | None:
    """Return the only candidate, or the one that the configuration prefers; None where that leaves a conflict."""
    if len(candidates) == 1:
        return candidates[0]
    preferred = [item for item in candidates if item[0].is_from(config.prefer.get(name))]
    if len(preferred) == 1:
        return preferred[0]
    conflict = PluginConflictError(
        kind="plug-in",
        name=name,
        claimants=[origin.distribution_text for origin, _ in candidates],
        advice=prefer_advice(name, candidates[0][0]),
    )
    loaded.failures.extend(PluginFailure(origin, "scan", conflict) for origin, _ in candidates)
    return None


def prefer_advice(name: str, origin: Origin) -> str:
    """Say how to settle a conflict."""
    choice = f'{name} = "{origin.distribution or origin.plugin}"'
    return f"Uninstall all but one, or choose one in plugins.toml under [plugins.prefer], such as: {choice}"


def _load_one(origin: Origin, entry: importlib.metadata.EntryPoint, loaded: Loaded) -> None:
    """Load one plug-in and keep what it adds, or note why it fails."""
    stage: Stage = "load"
    backends, formats = BackendRegistry(origin), FormatRegistry(origin)
    try:
        plugin = entry.load()
        stage = "register"
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        if manager.register(plugin, origin.plugin) is None:
            raise TypeError(
                f"The entry point {entry.value!r} refers to None, expected a module or an object with hooks."
            )
        stage = "check"
        manager.check_pending()
        if not manager.get_hookcallers(plugin):
            raise LookupError(
                f"{entry.value!r} implements no hook. Mark register_backends or register_formats with "
                "holdfast.plugins.hookspecs.hookimpl."
            )
        stage = "hook"
        manager.hook.register_backends(registry=backends)
        manager.hook.register_formats(registry=formats)
    except CAUGHT as error:
        loaded.failures.append(PluginFailure(origin, stage, error))
        return
    finally:
        backends.close()
        formats.close()
    if not backends.specs and not formats.specs:
        empty = LookupError("Its hooks registered nothing. Call registry.add in them.")
        loaded.failures.append(PluginFailure(origin, "hook", empty))
        return
    loaded.additions.append(Additions(origin, backends.specs, formats.specs))
