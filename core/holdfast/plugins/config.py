"""``plugins.toml``: where it is looked for, what may stand in it, and what a setting is that it leaves out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from holdfast.errors import ConfigError
from holdfast.plugins.suggestions import did_you_mean

ENVIRONMENT_VARIABLE = "HOLDFAST_CONFIG"
"""Names the configuration file where no argument does."""
FILE_NAME = "plugins.toml"
"""What is looked for from the working directory upward."""

Options: TypeAlias = Mapping[str, Any]
ConfigSource: TypeAlias = "Config | Mapping[str, Any] | str | os.PathLike[str] | None"
"""Where a configuration comes from: itself, the contents of a file as TOML gives them, a path, or the usual search."""

_DEFAULT_FILE = Path(__file__).parent.parent / "default_plugins.toml"
_DEVICE_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration, complete: what its file leaves out is as in the shipped defaults."""

    path: str | None = None
    """The file; None for one made in Python."""
    origin: str = "argument"
    """Why this file: ``argument``, ``$HOLDFAST_CONFIG``, ``working directory`` or ``shipped defaults``."""
    disable: tuple[str, ...] = ()
    """Plug-ins that are never loaded."""
    required: tuple[str, ...] = ()
    """Plug-ins that must be usable, each with an optional version: ``holdfast-torch>=1.0``."""
    prefer: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Name of a plug-in, backend or format to the distribution that keeps it where several claim it."""
    devices: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Device type to the name of the backend that serves it."""
    format: str = ""
    """Name of the format that is written where none is asked for."""
    format_options: Mapping[str, Options] = field(default_factory=lambda: _EMPTY)
    """Format name to its options."""
    backend_options: Mapping[str, Options] = field(default_factory=lambda: _EMPTY)
    """Backend name to its options."""


def load_config(source: ConfigSource = None) -> Config:
    """Return the configuration in force.

    Parameters
    ----------
    source
        A configuration, its contents, or the path of its file. With None the first that there is: the file that
        ``$HOLDFAST_CONFIG`` names, the nearest ``plugins.toml`` from the working directory upward, the defaults.

    Raises
    ------
    ConfigError
        If the file cannot be read, is no TOML, or has an unknown key or a value of the wrong type.
    """
    if isinstance(source, Config):
        return source
    if isinstance(source, Mapping):
        return _parse(source, path=None, origin="argument", base=default_config())
    path, origin = _find(source)
    if path is None:
        return default_config()
    return _parse(_read(path, origin), path=str(path), origin=origin, base=default_config())


@cache
def default_config() -> Config:
    """Return the shipped defaults."""
    origin = "shipped defaults"
    return _parse(_read(_DEFAULT_FILE, origin), path=str(_DEFAULT_FILE), origin=origin, base=Config())


def _find(source: str | os.PathLike[str] | None) -> tuple[Path | None, str]:
    """Return the file that applies, None for the shipped defaults, and why."""
    if source is not None:
        return Path(source), "argument"
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named), f"${ENVIRONMENT_VARIABLE}"
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the working directory was removed
        return None, "shipped defaults"
    for directory in (here, *here.parents):
        candidate = directory / FILE_NAME
        if candidate.is_file():
            return candidate, "working directory"
    return None, "shipped defaults"


def _read(path: Path, origin: str) -> dict[str, Any]:
    """Read a TOML file."""
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            key=origin, found=str(path), expected=f"a readable file ({error.strerror})", path=path
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(key="(file)", found=str(error), expected="TOML in UTF-8", path=path) from error


def _parse(data: Mapping[str, Any], *, path: str | None, origin: str, base: Config) -> Config:
    """Check what a file says and lay it over ``base``."""
    section = _Section(path, "", data)
    section.allow({"plugins", "devices", "checkpoint", "backend"})
    plugins = section.table("plugins")
    plugins.allow({"disable", "required", "prefer"})
    checkpoint = section.table("checkpoint")
    format_options = checkpoint.tables(apart_from={"format"})
    return replace(
        base,
        path=path,
        origin=origin,
        disable=plugins.strings("disable", base.disable),
        required=plugins.strings("required", base.required),
        prefer=_over(base.prefer, plugins.table("prefer").texts()),
        devices=_over(base.devices, section.table("devices").texts(_device_type_advice)),
        format=checkpoint.text("format", base.format),
        format_options=_over(base.format_options, format_options),
        backend_options=_over(base.backend_options, section.table("backend").tables()),
    )


def _over(base: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lay a table over another, key by key; read-only."""
    return MappingProxyType({**base, **data})


def _device_type_advice(key: str) -> str | None:
    """Say what is wrong with a device type, or None."""
    if _DEVICE_TYPE.fullmatch(key):
        return None
    if _DEVICE_TYPE.fullmatch(key.upper()):
        return f"Did you mean {key.upper()!r}?"
    return "Device types are such as CPU and GPU"


@dataclass(frozen=True, slots=True)
class _Section:
    """One table of the file, with the dotted name that messages give it."""

    path: str | None
    name: str
    data: Mapping[str, Any]

    def _key(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def _wrong(self, key: str, expected: str, advice: str | None = None) -> ConfigError:
        found = self.data[key]
        return ConfigError(key=self._key(key), found=found, expected=expected, path=self.path, advice=advice)

    def allow(self, known: set[str]) -> None:
        """Refuse keys that are not known."""
        for key in self.data:
            if key not in known:
                raise ConfigError(
                    key=self.name or "(top level)",
                    found=key,
                    expected="a known key",
                    known=known,
                    path=self.path,
                    advice=did_you_mean(key, known),
                )

    def table(self, key: str) -> _Section:
        """Return a table; an empty one where it is left out."""
        value = self.data.get(key, _EMPTY)
        if not isinstance(value, Mapping):
            raise self._wrong(key, "a table")
        return _Section(self.path, self._key(key), value)

    def tables(self, apart_from: frozenset[str] | set[str] = frozenset()) -> dict[str, Options]:
        """Return all tables in this one. A plain value among them is a misspelt key."""
        known = set(apart_from)
        plain = {key: value for key, value in self.data.items() if not isinstance(value, Mapping)}
        _Section(self.path, self.name, plain).allow(known)
        return {
            key: MappingProxyType(dict(value))
            for key, value in self.data.items()
            if isinstance(value, Mapping) and key not in known
        }

    def text(self, key: str, default: str) -> str:
        """Return a text."""
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def texts(self, advice: Callable[[str], str | None] = lambda _: None) -> dict[str, str]:
        """Return all entries, each a text; ``advice`` says what is wrong with a key."""
        for key in self.data:
            if wrong := advice(key):
                raise ConfigError(
                    key=self.name, found=key, expected="a device type in capitals", path=self.path, advice=wrong
                )
        return {key: self.text(key, "") for key in self.data}

    def strings(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return an array of texts."""
        value = self.data.get(key, list(default))
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "an array of texts")
        return tuple(value)
