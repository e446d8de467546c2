"""The plug-ins of one configuration, and what they make: backends and formats."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from holdfast.contracts import Backend, BackendSpec, CheckpointFormat, FormatSpec
from holdfast.errors import ConfigError, PluginBrokenError, PluginError, PluginNotFoundError
from holdfast.plugins.loader import CAUGHT, Loaded, PluginFailure, unraised
from holdfast.plugins.names import check_names
from holdfast.plugins.registry import Origin, Spec
from holdfast.plugins.report import PluginRow, report_rows
from holdfast.plugins.requirements import check_requirements
from holdfast.plugins.resolution import Registered, resolve_backends, resolve_formats
from holdfast.plugins.suggestions import did_you_mean

if TYPE_CHECKING:
    from holdfast.plugins.config import Config

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class Plugins:
    """What is installed, as one configuration sees it. Safe to use from several threads.

    Made by :func:`holdfast.plugins.load_plugins`.

    Parameters
    ----------
    config
        The configuration.
    loaded
        What the loader found.

    Raises
    ------
    ConfigError
        If the configuration names a plug-in, backend or format that is not known.
    PluginRequirementError
        If plug-ins that the configuration requires cannot be used.
    """

    def __init__(self, config: Config, loaded: Loaded) -> None:
        self._config = config
        self._loaded = loaded
        self._backends = resolve_backends(loaded, config)
        self._formats = resolve_formats(loaded, config)
        self._instances: dict[str, Backend | PluginError | ConfigError] = {}
        self._unmade_formats: dict[str, PluginError] = {}
        self._lock = threading.RLock()
        check_requirements(config, loaded)
        check_names(config, loaded, self._backends, self._formats)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._config

    @property
    def backends(self) -> Mapping[str, BackendSpec]:
        """All backends that can be asked for, by name."""
        return {name: item.spec for name, item in self._backends.items()}

    @property
    def formats(self) -> Mapping[str, FormatSpec]:
        """All formats that can be asked for, by name: those that a checkpoint is compared with by magic."""
        return {name: item.spec for name, item in self._formats.items()}

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """What went wrong while the plug-ins were loaded."""
        return tuple(self._loaded.failures)

    def backend(self, name: str) -> Backend:
        """Return a backend; it is made at the first call, which imports its array library.

        Raises
        ------
        PluginNotFoundError
            If no plug-in registered the name, or the library that the backend needs is not installed.
        PluginBrokenError
            If its plug-in is installed but failed to load, or the backend cannot be made.
        PluginConflictError, PluginApiVersionError
            If that is why its plug-in was refused.
        ConfigError
            If the backend refuses its options in ``plugins.toml``.
        """
        with self._lock:
            made = self._instances.get(name)
            if made is None:
                try:
                    made = self._make_backend(self._find(self._backends, "backend", name))
                except (PluginError, ConfigError) as error:
                    made = error
                self._instances[name] = made
        if isinstance(made, Exception):
            raise unraised(made)
        return made

    def backend_for(self, device_type: str) -> Backend | None:
        """Return the backend that serves a device type, or None where there is none: :meth:`device_problem` says why.

        This imports the library of the backend.
        """
        name = self._config.devices.get(device_type)
        if name is None:
            return None
        try:
            return self.backend(name)
        except (PluginError, ConfigError):
            return None

    def device_error(self, device_type: str) -> PluginError | ConfigError | None:
        """Return why a device type has no backend, or None where it has one."""
        name = self._config.devices.get(device_type)
        if name is None:
            return PluginNotFoundError(
                kind="backend for device type",
                name=device_type,
                available=self._config.devices,
                advice=f"Name one in plugins.toml under [devices]: {device_type} = ...",
            )
        try:
            self.backend(name)
        except (PluginError, ConfigError) as error:
            return error
        return None

    def device_problem(self, device_type: str) -> str | None:
        """Return why a device type has no backend, in words for a message, or None where it has one."""
        error = self.device_error(device_type)
        return None if error is None else str(error)

    def device_types(self) -> tuple[str, ...]:
        """Return the configured device types, whether or not there is a backend for each."""
        return tuple(self._config.devices)

    def format(
        self, name: str | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[FormatSpec, CheckpointFormat]:
        """Return a checkpoint format with its options.

        Parameters
        ----------
        name
            Name of the format; None for the one that the configuration writes.
        options
            Options that override those of ``plugins.toml``, one by one.

        Raises
        ------
        PluginNotFoundError, PluginBrokenError, PluginConflictError, PluginApiVersionError
            As :meth:`backend`.
        ConfigError
            If the format refuses an option.
        """
        name = self._config.format if name is None else name
        found = self._find(self._formats, "format", name)
        configured = self._config.format_options.get(name, _NO_OPTIONS)
        merged = {**configured, **(options or {})}
        return found.spec, _make(found, merged, f"checkpoint.{name}", None if options else self._config.path)

    def check_options(self) -> None:
        """Make every backend and format that the configuration names, each of which checks its options.

        What cannot be made for another reason is passed over, and :meth:`report` says so from then on. This imports the
        libraries of the backends.

        Raises
        ------
        ConfigError
            For the first that refuses its options.
        """
        for name in dict.fromkeys((*self._config.devices.values(), *self._config.backend_options)):
            with suppress(PluginError):
                self.backend(name)
        for name in dict.fromkeys((self._config.format, *self._config.format_options)):
            try:
                self.format(name)
            except PluginError as error:
                with self._lock:
                    self._unmade_formats[name] = error

    def report(self) -> list[PluginRow]:
        """Return one row for each backend, format and failure: what ``holdfast plugins`` shows. Makes nothing."""
        with self._lock:
            broken = {("backend", n): made for n, made in self._instances.items() if isinstance(made, Exception)}
            broken |= {("format", name): error for name, error in self._unmade_formats.items()}
        return report_rows(self._config, self._loaded, self._backends, self._formats, broken)

    def _make_backend(self, found: Registered[BackendSpec]) -> Backend:
        """Make a backend and compare it with its spec."""
        spec = found.spec
        options = self._config.backend_options.get(spec.name, _NO_OPTIONS)
        backend: Backend = _make(found, options, f"backend.{spec.name}", self._config.path)
        claimed = (getattr(backend, "name", None), getattr(backend, "device_type", None))
        if claimed != (spec.name, spec.device_type):
            raise _broken(
                found.origin,
                f"its factory made {backend!r} with name and device type {claimed}, expected "
                f"{(spec.name, spec.device_type)}",
            )
        return backend

    def _find(self, registered: Mapping[str, Registered[Spec]], kind: str, name: str) -> Registered[Spec]:
        """Return what was registered under a name."""
        if name in registered:
            return registered[name]
        raise _missing(self._loaded, registered, kind, name)


def _missing(loaded: Loaded, registered: Mapping[str, Registered[Spec]], kind: str, name: str) -> PluginError:
    """Return what it means that a name is not registered: in conflict, its plug-in is broken, or not installed."""
    for failure in loaded.failures:
        if name in (failure.name, failure.origin.plugin):
            return failure.error()
    suspects = [failure for failure in loaded.failures if failure.name is None]
    advice = [did_you_mean(name, registered) or ""]
    if suspects:
        listed = "; ".join(f"{item.origin} at {item.stage}: {item.cause!r}" for item in suspects)
        advice.append(f"These plug-ins are installed but broken, and it may be theirs: {listed}.")
    if loaded.disabled:
        advice.append(f"Disabled in plugins.toml: {', '.join(map(str, loaded.disabled))}.")
    if not suspects:
        advice.append("Install the plug-in that provides it; `holdfast plugins` lists what is installed")
    raise PluginNotFoundError(kind=kind, name=name, available=registered, advice=" ".join(filter(None, advice))) from (
        suspects[0].error() if suspects else None
    )


def _make(found: Registered[Any], options: Mapping[str, Any], key: str, path: str | None) -> Any:
    """Call a factory, and say what its failure means."""
    try:
        return found.spec.factory(options)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(
            key=key, found=dict(options), expected=f"options that it takes ({error})", path=path
        ) from error
    except ModuleNotFoundError as error:
        if error.name is None or _is_installed(error.name):
            raise _broken(found.origin, error) from error
        raise PluginNotFoundError(
            kind="library",
            name=error.name.partition(".")[0],
            available=None,
            advice=f"{found.spec.name!r} of plug-in {found.origin} needs it: install it",
        ) from error
    except CAUGHT as error:
        raise _broken(found.origin, error) from error


def _is_installed(module: str) -> bool:
    """Whether the package that a module belongs to is there: then the lack of the module is a fault, no absence."""
    root = module.partition(".")[0]
    try:
        return importlib.util.find_spec(root) is not None
    except (ImportError, ValueError):  # a module without a spec was imported by hand
        return True


def _broken(origin: Origin, cause: BaseException | str) -> PluginBrokenError:
    """Return the error for a factory that fails."""
    return PluginBrokenError(
        plugin=origin.plugin, stage="factory", cause=cause, distribution=origin.distribution, version=origin.version
    )
