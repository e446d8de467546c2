"""What a hook receives: a registry that checks each addition, and belongs to one plug-in until its hooks returned."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from holdfast.contracts import API_VERSION, BackendSpec, FormatSpec
from holdfast.errors import PluginApiVersionError, PluginConflictError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DEVICE_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")
_SUFFIX = re.compile(r"\.[A-Za-z0-9._-]+")
_INTEGRITY = ("digest", "crc", "none")

Spec = TypeVar("Spec", BackendSpec, FormatSpec)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plug-in comes from."""

    plugin: str
    """Name of the entry point, which is the plug-in's name."""
    distribution: str | None
    """Name of the installed distribution; None where the entry point does not tell."""
    version: str | None
    """Version of that distribution."""
    entry: str = ""
    """What the entry point refers to: ``package.module:attribute``."""

    def __str__(self) -> str:
        """Return ``plugin (distribution version)``, for messages."""
        return f"{self.plugin} ({self.distribution_text})"

    def is_from(self, distribution: str | None) -> bool:
        """Whether it comes from the distribution of this name, spelt in any of the ways that pip accepts."""
        if self.distribution is None or distribution is None:
            return False
        return canonical_name(self.distribution) == canonical_name(distribution)

    @property
    def distribution_text(self) -> str:
        """``distribution version``, as far as known."""
        return " ".join(part for part in (self.distribution or "unknown distribution", self.version) if part)


def canonical_name(distribution: str) -> str:
    """Return the name of a distribution in the one spelling that all its spellings share."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


class Registry(ABC, Generic[Spec]):
    """Additions of one plug-in to one kind of things. They count only when all hooks of the plug-in have returned.

    Parameters
    ----------
    origin
        The plug-in whose additions these are.
    """

    kind: str
    _spec_type: type[Any]

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._specs: dict[str, Spec] = {}
        self._open = True

    def add(self, spec: Spec) -> None:
        """Add one spec.

        Parameters
        ----------
        spec
            ``BackendSpec`` or ``FormatSpec``, as the registry's kind demands.

        Raises
        ------
        TypeError
            If it is no such spec, or a field has the wrong type.
        ValueError
            If a name, suffix, magic or another field is not well-formed.
        PluginApiVersionError
            If it was written for another version of the contracts.
        PluginConflictError
            If this plug-in has added the name before.
        RuntimeError
            If the hook that received the registry has returned.
        """
        if not self._open:
            raise RuntimeError(
                f"Plug-in {self._origin.plugin!r} added a {self.kind} after its hook had returned. "
                f"Call registry.add within register_{self.kind}s."
            )
        if not isinstance(spec, self._spec_type):
            raise TypeError(f"registry.add expects a {self._spec_type.__name__}, got {type(spec).__name__}: {spec!r}.")
        if spec.api_version != API_VERSION:
            raise PluginApiVersionError(
                plugin=self._origin.plugin,
                found=spec.api_version,
                expected=API_VERSION,
                distribution=self._origin.distribution,
                version=self._origin.version,
            )
        _require_match(_NAME, spec.name, f"{self.kind} name", "kebab-case, such as 'numpy-cpu'")
        if not callable(spec.factory):
            raise TypeError(f"The factory of {self.kind} {spec.name!r} is not callable: {spec.factory!r}.")
        self._check(spec)
        if spec.name in self._specs:
            raise PluginConflictError(
                kind=self.kind,
                name=spec.name,
                claimants=(str(self._origin), str(self._origin)),
                advice="A plug-in adds each name once; this is a mistake of the plug-in",
            )
        self._specs[spec.name] = spec

    @abstractmethod
    def _check(self, spec: Spec) -> None:
        """Check the fields that only this kind of spec has."""

    def close(self) -> None:
        """Refuse further additions."""
        self._open = False

    @property
    def specs(self) -> dict[str, Spec]:
        """What was added, by name, in order."""
        return dict(self._specs)


class BackendRegistry(Registry[BackendSpec]):
    """What ``register_backends`` receives."""

    kind = "backend"
    _spec_type = BackendSpec

    def _check(self, spec: BackendSpec) -> None:
        """Check the device type."""
        _require_match(_DEVICE_TYPE, spec.device_type, "device type", "in capitals, such as 'CPU'")


class FormatRegistry(Registry[FormatSpec]):
    """What ``register_formats`` receives."""

    kind = "format"
    _spec_type = FormatSpec

    def _check(self, spec: FormatSpec) -> None:
        """Check suffixes, magic and what is said of integrity."""
        if not isinstance(spec.suffixes, tuple) or not spec.suffixes:
            raise ValueError(f"Format {spec.name!r} needs a tuple with at least one suffix, got {spec.suffixes!r}.")
        for suffix in spec.suffixes:
            _require_match(_SUFFIX, suffix, f"suffix of format {spec.name!r}", "a dot and a name, such as '.npz'")
        if len(set(spec.suffixes)) != len(spec.suffixes):
            raise ValueError(f"Format {spec.name!r} names a suffix twice: {spec.suffixes!r}.")
        if not isinstance(spec.magic, tuple) or not spec.magic or not all(map(_is_magic, spec.magic)):
            raise ValueError(
                f"Format {spec.name!r} needs as magic a tuple of (offset, bytes) with at least one, got {spec.magic!r}."
            )
        if spec.integrity not in _INTEGRITY:
            raise ValueError(f"Integrity of format {spec.name!r} is {spec.integrity!r}, expected one of {_INTEGRITY}.")


def _is_magic(item: object) -> bool:
    """Whether this is ``(offset, bytes)`` that can stand in a file."""
    return (
        isinstance(item, tuple)
        and len(item) == 2
        and isinstance(item[0], int)
        and item[0] >= 0
        and isinstance(item[1], bytes)
        and item[1] != b""
    )


def _require_match(pattern: re.Pattern[str], text: object, what: str, expected: str) -> None:
    """Refuse a text that does not match wholly."""
    if not isinstance(text, str) or pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no valid {what}; it must be {expected}.")
