"""Rows of ``holdfast plugins``: what is installed, where it comes from, in which state it is and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from holdfast.contracts import BackendSpec, FormatSpec
from holdfast.errors import PluginNotFoundError
from holdfast.plugins.config import Config
from holdfast.plugins.loader import Loaded, PluginFailure
from holdfast.plugins.registry import Origin
from holdfast.plugins.resolution import Registered

State: TypeAlias = Literal["ok", "disabled", "broken", "absent"]
"""Usable; switched off; installed but not usable; configured, but it, or the library it needs, is not installed."""


@dataclass(frozen=True, slots=True)
class PluginRow:
    """One backend, format, or plug-in that provides nothing."""

    name: str
    """Name of the backend or format; of the plug-in where it provides nothing."""
    kind: str
    """``backend``, ``format`` or ``plug-in``."""
    plugin: str
    """Name of the plug-in; empty where none provides the name."""
    distribution: str
    """Installed distribution that the plug-in comes from; empty where that is not known."""
    version: str
    """Version of that distribution."""
    state: State
    """In which state it is."""
    cause: str = ""
    """Why it is in that state, where it is not usable."""
    used_for: str = ""
    """What the configuration uses it for: a device type, or writing checkpoints."""
    summary: str = ""
    """What its plug-in says it is."""


def report_rows(
    config: Config,
    loaded: Loaded,
    backends: Mapping[str, Registered[BackendSpec]],
    formats: Mapping[str, Registered[FormatSpec]],
    broken: Mapping[tuple[str, str], Exception],
) -> list[PluginRow]:
    """Return all rows, sorted by kind and name; ``broken`` has the errors of what could not be made."""
    uses = {name: device_type for device_type, name in config.devices.items()}
    rows: list[PluginRow] = []
    for name, backend in backends.items():
        rows.append(_registered(backend, "backend", uses.get(name, ""), broken.get(("backend", name))))
    for name, item in formats.items():
        used_for = "writing" if name == config.format else ""
        rows.append(_registered(item, "format", used_for, broken.get(("format", name))))
    rows += [_failed(failure, loaded) for failure in loaded.failures]
    rows += [
        _row(origin, origin.plugin, "plug-in", "disabled", "disabled in plugins.toml") for origin in loaded.disabled
    ]
    rows += _absent(config, {(row.kind, row.name) for row in rows})
    return sorted(rows, key=lambda row: (row.kind, row.name, row.distribution))


def _row(origin: Origin, name: str, kind: str, state: State, cause: str = "", **rest: Any) -> PluginRow:
    """Return a row of a plug-in."""
    return PluginRow(
        name=name,
        kind=kind,
        plugin=origin.plugin,
        distribution=origin.distribution or "",
        version=origin.version or "",
        state=state,
        cause=cause,
        **rest,
    )


def _registered(
    item: Registered[BackendSpec] | Registered[FormatSpec], kind: str, used_for: str, error: Exception | None
) -> PluginRow:
    """Return the row of a backend or format that can be asked for."""
    # What lacks its library is not broken, only not there.
    state: State = "ok" if error is None else "absent" if isinstance(error, PluginNotFoundError) else "broken"
    cause = "" if error is None else str(error)
    spec = item.spec
    return _row(item.origin, spec.name, kind, state, cause, used_for=used_for, summary=spec.summary)


def _failed(failure: PluginFailure, loaded: Loaded) -> PluginRow:
    """Return the row of a failure."""
    kind = "plug-in"
    if failure.name is not None:
        formats = {name for item in loaded.additions if item.origin == failure.origin for name in item.formats}
        kind = "format" if failure.name in formats else "backend"
    return _row(failure.origin, failure.name or failure.origin.plugin, kind, "broken", str(failure.error()))


def _absent(config: Config, listed: set[tuple[str, str]]) -> Iterator[PluginRow]:
    """Yield rows for names that the configuration uses and nothing provides."""
    wanted = [("backend", name, device_type) for device_type, name in config.devices.items()]
    wanted.append(("format", config.format, "writing"))
    for kind, name, used_for in wanted:
        if (kind, name) not in listed:
            cause = "configured, but no plug-in that is loaded provides it"
            yield PluginRow(
                name=name,
                kind=kind,
                plugin="",
                distribution="",
                version="",
                state="absent",
                cause=cause,
                used_for=used_for,
            )
