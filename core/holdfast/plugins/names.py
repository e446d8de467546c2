"""Whether the names in a configuration are known. What the shipped defaults name may be gone without being an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.contracts import BackendSpec, FormatSpec
from holdfast.errors import ConfigError
from holdfast.plugins.config import Config, default_config
from holdfast.plugins.loader import Loaded
from holdfast.plugins.resolution import Registered
from holdfast.plugins.suggestions import did_you_mean


def check_names(
    config: Config,
    loaded: Loaded,
    backends: Mapping[str, Registered[BackendSpec]],
    formats: Mapping[str, Registered[FormatSpec]],
) -> None:
    """Refuse names that no plug-in stands for.

    A backend or format that is not registered passes as long as a plug-in is disabled or broken, since it may be that
    one's; and so does a backend for a device type that no backend serves: a configuration may speak of a GPU where
    there is none. Asking for such a name says what is wrong.

    Raises
    ------
    ConfigError
        For the first unknown name, listing the known ones.
    """
    _require(config, "plugins.disable", config.disable, loaded.names)
    claimed_backends = {name for item in loaded.additions for name in item.backends}
    claimed_formats = {name for item in loaded.additions for name in item.formats}
    for device_type, name in config.devices.items():
        if name in backends and backends[name].spec.device_type != device_type:
            raise ConfigError(
                key=f"devices.{device_type}",
                found=name,
                expected=f"a backend for {device_type}; this one is for {backends[name].spec.device_type}",
                known=_serving(device_type, backends),
                path=config.path,
            )
    if loaded.disabled or any(failure.name is None for failure in loaded.failures):
        return
    defaults = default_config()
    own_preferences = [name for name, choice in config.prefer.items() if defaults.prefer.get(name) != choice]
    _require(config, "plugins.prefer", own_preferences, loaded.names | claimed_backends | claimed_formats)
    for device_type, name in config.devices.items():
        serving = _serving(device_type, backends)
        if name != defaults.devices.get(device_type) and serving and name not in claimed_backends:
            _require(config, f"devices.{device_type}", [name], serving)
    if config.format != defaults.format and claimed_formats:
        _require(config, "checkpoint.format", [config.format], claimed_formats)
    _require(config, "checkpoint", config.format_options, claimed_formats | {config.format})
    _require(config, "backend", config.backend_options, claimed_backends | set(config.devices.values()))


def _serving(device_type: str, backends: Mapping[str, Registered[BackendSpec]]) -> set[str]:
    """Return the names of the registered backends for a device type."""
    return {name for name, item in backends.items() if item.spec.device_type == device_type}


def _require(config: Config, key: str, names: Iterable[str], known: set[str]) -> None:
    """Refuse a name that is not among the known ones."""
    for name in names:
        if name not in known:
            raise ConfigError(
                key=key,
                found=name,
                expected="a known name",
                known=known,
                path=config.path,
                advice=did_you_mean(name, known),
            )
