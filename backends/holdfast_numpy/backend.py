"""The backend ``numpy-cpu``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, Kernel, MemoryStatistics, UpdateKernel
from holdfast.dtypes import DType
from holdfast.errors import ConfigError
from holdfast.kernels.array_backend import ArrayBackend, ArrayDevice
from holdfast_numpy.kernels.catalogue import overrides
from holdfast_numpy.versions import numpy_facts

_LINE = 64
_LARGE = 1 << 12
"""Arrays of fewer bytes are not worth the trouble."""


class NumpyDevice(ArrayDevice):
    """A share of the host in name only: all devices are the same memory and the same cores."""

    def __init__(self, index: int = 0) -> None:
        super().__init__(np, "CPU", index, overrides())

    def _find_dtype(self, dtype: DType) -> Any:
        """Return NumPy's type: here strings, bfloat16 and quantized types are at home as well."""
        return dtype.as_numpy_dtype if dtype.is_numpy_compatible else None

    def _from_host_kernel(self, kernel: Kernel | UpdateKernel) -> Kernel | UpdateKernel:
        """Return a host kernel as it is: this is the host."""
        return kernel

    def empty(self, shape: tuple[int, ...], dtype: DType) -> Array:
        """Return a new array; a large one begins where a line of the cache does."""
        kind = np.dtype(dtype.as_numpy_dtype)
        size = prod(shape) * kind.itemsize
        if size < _LARGE or kind.hasobject:
            return np.empty(shape, kind)
        memory = np.empty(size + _LINE, np.uint8)
        start = -memory.ctypes.data % _LINE
        return memory[start : start + size].view(kind).reshape(shape)

    def copy_into(self, out: Array, array: Array) -> None:
        """Copy an array into another of the same shape and dtype."""
        np.copyto(out, array)

    def from_host(self, array: NDArray[Any]) -> Array:
        """Return the array itself."""
        return array

    def to_host(self, array: Array) -> NDArray[Any]:
        """Return the array itself; a scalar as an array without dimensions."""
        return np.asarray(array)

    def owns(self, array: Any) -> bool:
        """Whether ``array`` is NumPy's."""
        return isinstance(array, np.ndarray | np.generic)

    def memory(self) -> MemoryStatistics:
        """Return the host's memory; NumPy does not count what its arrays take."""
        return MemoryStatistics(in_use=None, peak=None, limit=_host_memory())


class NumpyBackend(ArrayBackend):
    """NumPy on the host.

    Parameters
    ----------
    options
        ``[backend.numpy-cpu]`` of ``plugins.toml``; there are none yet.

    Raises
    ------
    ConfigError
        If an option is given.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        for option, value in options.items():
            raise ConfigError(
                key=f"backend.numpy-cpu.{option}", found=value, expected="no options: this backend has none"
            )
        super().__init__("numpy-cpu", np, overrides=overrides())

    @property
    def limitations(self) -> Mapping[str, str]:
        """Nothing: the host is this backend's device."""
        return {}

    def _make_device(self, index: int) -> NumpyDevice:
        """Make one device."""
        return NumpyDevice(index)

    def version_facts(self) -> Mapping[str, str]:
        """Return the versions of NumPy and its BLAS, how many threads it uses, and what the processor can do."""
        return numpy_facts()


def _host_memory() -> int | None:
    """Return the bytes of main memory, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf, others may not know the names
        return None
