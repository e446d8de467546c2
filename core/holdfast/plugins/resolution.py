"""Who keeps a name, or a magic, that several plug-ins claim: whom the configuration prefers, else nobody."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Generic

from holdfast.contracts import BackendSpec, FormatSpec
from holdfast.errors import PluginConflictError
from holdfast.plugins.config import Config
from holdfast.plugins.loader import Loaded, PluginFailure, prefer_advice
from holdfast.plugins.registry import Origin, Spec


@dataclass(frozen=True, slots=True)
class Registered(Generic[Spec]):
    """A spec and the plug-in that registered it."""

    spec: Spec
    """The spec."""
    origin: Origin
    """The plug-in."""


def resolve_backends(loaded: Loaded, config: Config) -> dict[str, Registered[BackendSpec]]:
    """Return the backends by name; conflicts are added to the failures."""
    claims = [Registered(spec, item.origin) for item in loaded.additions for spec in item.backends.values()]
    return _resolve(claims, "backend", loaded, config)


def resolve_formats(loaded: Loaded, config: Config) -> dict[str, Registered[FormatSpec]]:
    """Return the formats by name, no two with the same magic; conflicts are added to the failures."""
    claims = [Registered(spec, item.origin) for item in loaded.additions for spec in item.formats.values()]
    by_name = _resolve(claims, "format", loaded, config)
    by_magic: dict[frozenset[tuple[int, bytes]], list[Registered[FormatSpec]]] = defaultdict(list)
    for claim in by_name.values():
        by_magic[frozenset(claim.spec.magic)].append(claim)
    kept: dict[str, Registered[FormatSpec]] = {}
    for magic, claimants in by_magic.items():
        winner = _settle(claimants, "magic of checkpoint files", _show_magic(magic), loaded, config)
        if winner is not None:
            kept[winner.spec.name] = winner
    return kept


def _resolve(claims: list[Registered[Spec]], kind: str, loaded: Loaded, config: Config) -> dict[str, Registered[Spec]]:
    """Group claims by name and settle each group."""
    groups: dict[str, list[Registered[Spec]]] = defaultdict(list)
    for claim in claims:
        groups[claim.spec.name].append(claim)
    settled = ((name, _settle(group, kind, name, loaded, config)) for name, group in groups.items())
    return {name: winner for name, winner in settled if winner is not None}


def _settle(
    group: list[Registered[Spec]], kind: str, claimed: str, loaded: Loaded, config: Config
) -> Registered[Spec] | None:
    """Return who keeps what a group claims; the others become failures."""
    if len(group) == 1:
        return group[0]
    preferred = [item for item in group if item.origin.is_from(config.prefer.get(item.spec.name))]
    winner = preferred[0] if len(preferred) == 1 else None
    advice = prefer_advice(group[0].spec.name, group[0].origin)
    if winner is not None:
        advice = f"The configuration prefers {winner.origin}; change [plugins.prefer] in plugins.toml to use another"
    conflict = PluginConflictError(
        kind=kind, name=claimed, claimants=[str(item.origin) for item in group], advice=advice
    )
    loaded.failures.extend(
        PluginFailure(item.origin, "resolve", conflict, item.spec.name) for item in group if item is not winner
    )
    return winner


def _show_magic(magic: frozenset[tuple[int, bytes]]) -> str:
    """Return ``504b0304 at 0`` for a magic."""
    return ", ".join(f"{data.hex()} at {offset}" for offset, data in sorted(magic))
