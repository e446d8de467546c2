"""A plug-in with one backend: arrays of array-api-strict, which has nothing but what the array API standard has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast.contracts import Backend, BackendSpec, KernelRequest
from holdfast.plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from holdfast.contracts import Array, Kernel
    from holdfast.plugins.registry import BackendRegistry


@hookimpl
def register_backends(registry: BackendRegistry) -> None:
    """Add ``strict-cpu``; nothing heavy is imported here."""
    registry.add(BackendSpec("strict-cpu", "CPU", make, summary="array-api-strict: nothing but the standard"))


def make(options: Mapping[str, Any]) -> Backend:
    """Import the library and make the backend; called once, when a session needs a device."""
    import array_api_strict

    from holdfast.kernels.array_backend import ArrayBackend

    if options:
        raise ValueError(f"strict-cpu has no options, got {', '.join(options)}")
    return ArrayBackend(
        "strict-cpu",
        array_api_strict,
        overrides={"Square": square},
        versions={"array-api-strict": array_api_strict.__version__},
    )


def square(xp: Any, request: KernelRequest) -> Kernel | None:
    """Return our own kernel for ``Square``; None for complex numbers leaves those to the generic one."""
    from holdfast.kernels.registry import Pure

    def compute(x: Array) -> Array:
        return xp.multiply(x, x)

    return None if request.input_dtypes[0].is_complex else Pure(compute)
