"""The table of kernels that go before the generic ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from holdfast import dtypes
from holdfast.contracts import Kernel, KernelRequest, UpdateKernel
from holdfast.kernels import registry as generic

AnyKernel: TypeAlias = "Kernel | UpdateKernel"
Factory: TypeAlias = "Callable[[KernelRequest], AnyKernel | None]"
"""``request -> kernel``; None: the generic kernel does."""

OVERRIDES: dict[str, Callable[[Any, KernelRequest], AnyKernel | None]] = {}
"""Op type to its factory, in the form that :class:`holdfast.kernels.array_backend.ArrayDevice` takes."""

_HALF = frozenset({dtypes.float16, dtypes.bfloat16})


def override(*op_types: str) -> Callable[[Factory], Factory]:
    """Return a decorator that enters a factory."""

    def decorate(factory: Factory) -> Factory:
        for op_type in op_types:
            if op_type in OVERRIDES:
                msg = f"Op type {op_type!r} has an override already."
                raise ValueError(msg)
            OVERRIDES[op_type] = lambda _, request: factory(request)
        return factory

    return decorate


def fallback(request: KernelRequest) -> Any:
    """Return the kernel that an override stands before: for inputs that are out of the ordinary, and for its errors."""
    host, array = generic.HOST.get(request.op_type), generic.GENERIC.get(request.op_type)
    kernel = array(np, request) if array is not None else None
    if kernel is None and host is not None:
        kernel = host(request)
    if kernel is None:
        msg = f"Op type {request.op_type!r} has no kernel to fall back to."
        raise LookupError(msg)
    return kernel


def is_real(request: KernelRequest) -> bool:
    """Whether the first output is float32 or float64: what formulas may be computed in without widening."""
    return request.output_dtypes[0] in (dtypes.float32, dtypes.float64)


def is_plain(request: KernelRequest) -> bool:
    """Whether all dtypes are numbers or booleans that NumPy itself has."""
    names = {dtype.name for dtype in request.input_dtypes + request.output_dtypes}
    return all(hasattr(np, name) for name in names) and "string" not in names


def is_half(request: KernelRequest) -> bool:
    """Whether any input is float16 or bfloat16: their formulas are computed in float32."""
    return not _HALF.isdisjoint(request.input_dtypes)
