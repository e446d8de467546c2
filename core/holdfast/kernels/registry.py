"""The table of kernels that every backend gets for free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from holdfast.contracts import Array, Kernel, KernelRequest, RunContext, UpdateKernel

AnyKernel: TypeAlias = "Kernel | UpdateKernel"

GenericFactory: TypeAlias = "Callable[[Any, KernelRequest], AnyKernel | None]"
"""``(xp, request) -> kernel``, written against the array API namespace ``xp``; None: not for these dtypes or attrs."""
HostFactory: TypeAlias = "Callable[[KernelRequest], AnyKernel | None]"
"""``request -> kernel`` over NumPy arrays, for ops that the array API cannot express."""

GENERIC: dict[str, GenericFactory] = {}
"""Op type to the factory of its array-API kernel."""
HOST: dict[str, HostFactory] = {}
"""Op type to the factory of its NumPy kernel."""
HOST_REASONS: dict[str, str] = {}
"""Op type to why it needs the host."""


def generic(*op_types: str) -> Callable[[GenericFactory], GenericFactory]:
    """Return a decorator that enters a factory of array-API kernels."""

    def decorate(factory: GenericFactory) -> GenericFactory:
        for op_type in op_types:
            _enter(GENERIC, op_type, factory)
        return factory

    return decorate


def host(*op_types: str, reason: str) -> Callable[[HostFactory], HostFactory]:
    """Return a decorator that enters a factory of NumPy kernels, with why the array API does not do."""

    def decorate(factory: HostFactory) -> HostFactory:
        for op_type in op_types:
            _enter(HOST, op_type, factory)
            HOST_REASONS[op_type] = reason
        return factory

    return decorate


def _enter(table: dict[str, Any], op_type: str, factory: Any) -> None:
    """Enter a factory once."""
    if op_type in table:
        msg = f"Op type {op_type!r} has a kernel in this table already."
        raise ValueError(msg)
    table[op_type] = factory


@dataclass(frozen=True, slots=True)
class Pure:
    """A kernel from a plain function of the inputs with one output."""

    function: Callable[..., Array]
    """``(*inputs) -> output``; the output is fresh."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the output."""
        return (self.function(*inputs),)

    @property
    def plain(self) -> Callable[..., Array]:
        """The function."""
        return self.function


@dataclass(frozen=True, slots=True)
class PureMany:
    """A kernel from a plain function of the inputs that returns a tuple of outputs."""

    function: Callable[..., tuple[Array, ...]]
    """``(*inputs) -> outputs``; all fresh."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the outputs."""
        return self.function(*inputs)


@dataclass(frozen=True, slots=True)
class View:
    """A kernel from a plain function whose only output may share memory with its first input."""

    function: Callable[..., Array]
    """``(*inputs) -> output``."""
    aliases: Mapping[int, tuple[int, ...]] = field(default_factory=lambda: {0: (0,)})
    """As :class:`holdfast.contracts.AliasingKernel` says."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the output."""
        return (self.function(*inputs),)

    @property
    def plain(self) -> Callable[..., Array]:
        """The function."""
        return self.function


@dataclass(frozen=True, slots=True)
class Views:
    """A kernel from a plain function that returns a tuple of outputs, some of which may share memory with inputs."""

    function: Callable[..., tuple[Array, ...]]
    """``(*inputs) -> outputs``."""
    aliases: Mapping[int, tuple[int, ...]]
    """As :class:`holdfast.contracts.AliasingKernel` says."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the outputs."""
        return self.function(*inputs)


@dataclass(frozen=True, slots=True)
class Contextual:
    """A kernel from a function that also takes the run's context."""

    function: Callable[..., tuple[Array, ...]]
    """``(context, *inputs) -> outputs``; all fresh."""

    def __call__(self, context: RunContext, *inputs: Array) -> tuple[Array, ...]:
        """Compute the outputs."""
        return self.function(context, *inputs)


@dataclass(frozen=True, slots=True)
class Update:
    """An update kernel of one variable from a function ``(out, current, *inputs) -> None``."""

    function: Callable[..., None]
    """Writes the new value to ``out``, which may be ``current`` itself."""

    def update(
        self, context: RunContext, current: tuple[Array, ...], out: tuple[Array, ...], *inputs: Array
    ) -> tuple[Array, ...]:
        """Write the new value."""
        self.function(out[0], current[0], *inputs)
        return ()
