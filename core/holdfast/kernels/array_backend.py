"""The backend contract for any namespace of the Python array API: what an array library gets for free.

A backend for such a library is an :class:`ArrayBackend`. What the library does better than generic kernels goes into
``overrides``; what it has of its own (memory statistics, streams) into a subclass of :class:`ArrayDevice`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Array, Kernel, KernelRequest, MemoryStatistics, UpdateKernel
from holdfast.dtypes import DType
from holdfast.kernels import registry
from holdfast.kernels.catalogue import load_kernels
from holdfast.kernels.host_kernels import through_host

Overrides: TypeAlias = Mapping[str, Callable[[Any, KernelRequest], "Kernel | UpdateKernel | None"]]
"""Op type to a factory of kernels that goes before the generic one: ``(namespace, request) -> kernel``, or None."""

_DLPACK_ERRORS = (AttributeError, BufferError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What ``from_dlpack`` of one library or another raises for an array that it cannot take."""
_PORTABLE = frozenset(
    [
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ]
)
"""Dtypes that can pass between NumPy and another library: those of the standard, and float16 where a library has it."""
_NUMPY_TYPES = (np.ndarray, np.generic)
_NO_OVERRIDES: Overrides = {}


class ArrayDevice:
    """One device whose arrays belong to an array-API namespace.

    Dtypes that the namespace lacks (strings, bfloat16, in some libraries float16) stay NumPy arrays, and their ops run
    on the host.

    Parameters
    ----------
    namespace
        The array namespace.
    device_type, index
        What it is called.
    overrides
        Kernels that go before the generic ones.
    """

    def __init__(
        self, namespace: Any, device_type: str = "CPU", index: int = 0, overrides: Overrides = _NO_OVERRIDES
    ) -> None:
        load_kernels()
        self._namespace = namespace
        self._device_type = device_type
        self._index = index
        self._overrides = overrides
        self._dtypes: dict[DType, Any] = {}
        array_type = type(namespace.empty((0,)))
        # NumPy's functions return its scalars for 0-d arrays.
        self._array_types: tuple[type[Any], ...] = _NUMPY_TYPES if array_type is np.ndarray else (array_type,)

    def __repr__(self) -> str:
        """Return ``<ArrayDevice CPU:0>``."""
        return f"<{type(self).__name__} {self._device_type}:{self._index}>"

    @property
    def device_type(self) -> str:
        """``CPU``, ``GPU``: what stands in device strings, in capitals."""
        return self._device_type

    @property
    def index(self) -> int:
        """Number of the device within its type."""
        return self._index

    @property
    def namespace(self) -> Any:
        """The array namespace."""
        return self._namespace

    def native_dtype(self, dtype: DType) -> Any:
        """Return the namespace's own dtype, or None where it has none."""
        if dtype not in self._dtypes:
            self._dtypes[dtype] = self._find_dtype(dtype)
        return self._dtypes[dtype]

    def _find_dtype(self, dtype: DType) -> Any:
        """Look a dtype up in the namespace, where it has the same name."""
        return getattr(self._namespace, dtype.name, None) if dtype.name in _PORTABLE else None

    def kernel(self, request: KernelRequest) -> Kernel | UpdateKernel | None:
        """Return the kernel for one op: an override, else the generic one, else NumPy's on the host, else None."""
        if all(self.native_dtype(dtype) is not None for dtype in {*request.input_dtypes, *request.output_dtypes}):
            for table in (self._overrides, registry.GENERIC):
                factory = table.get(request.op_type)
                kernel = factory(self._namespace, request) if factory is not None else None
                if kernel is not None:
                    return kernel
        on_host = _host_kernel(request)
        return None if on_host is None else self._from_host_kernel(on_host)

    def _from_host_kernel(self, kernel: Kernel | UpdateKernel) -> Kernel | UpdateKernel:
        """Make a kernel over NumPy arrays one over arrays of this device."""
        return through_host(self, kernel)

    def empty(self, shape: tuple[int, ...], dtype: DType) -> Array:
        """Return a new C-contiguous array with undefined contents."""
        native = self.native_dtype(dtype)
        if native is None:
            return np.empty(shape, dtype=dtype.as_numpy_dtype)
        return self._namespace.empty(shape, dtype=native)

    def copy(self, array: Array) -> Array:
        """Return a new C-contiguous copy of an array of this device."""
        if isinstance(array, _NUMPY_TYPES):
            return np.array(array, order="C", copy=True)
        out = self._namespace.empty(array.shape, dtype=array.dtype)
        out[...] = array
        return out

    def copy_into(self, out: Array, array: Array) -> None:
        """Copy an array of this device into another of the same shape and dtype."""
        out[...] = array

    def from_host(self, array: NDArray[Any]) -> Array:
        """Return the array on this device; it may be ``array`` itself, or share its memory."""
        if isinstance(array, self._array_types):
            return array
        host = np.asarray(array)
        return self._namespace.asarray(host) if self._is_native(host.dtype) else host

    def to_host(self, array: Array) -> NDArray[Any]:
        """Return the array as NumPy's; it may share the array's memory."""
        return np.asarray(array)

    def adopt(self, array: Any) -> Array | None:
        """Take an array of another library by DLPack, or return None where that cannot be done."""
        if self.owns(array):
            return array
        if not hasattr(array, "__dlpack__"):
            return None
        try:
            return self._namespace.from_dlpack(array)
        except _DLPACK_ERRORS:
            return None

    def owns(self, array: Any) -> bool:
        """Whether ``array`` is an array of this device already; one of NumPy is where the namespace lacks its dtype."""
        if isinstance(array, self._array_types):
            return True
        return isinstance(array, _NUMPY_TYPES) and not self._is_native(array.dtype)

    def ownable(self, array: Any) -> bool:
        """Whether a variable may take ``array`` as its storage; known of NumPy's arrays only."""
        return (
            type(array) is np.ndarray
            and self.owns(array)
            and array.base is None
            and array.flags.c_contiguous
            and array.flags.behaved  # aligned and writable
            and array.dtype.isnative
        )

    def shares_memory(self, first: Array, second: Array) -> bool:
        """Whether two arrays of this device may overlap; True where that cannot be told."""
        if isinstance(first, _NUMPY_TYPES) and isinstance(second, _NUMPY_TYPES):
            return np.may_share_memory(first, second)
        return True

    def synchronize(self) -> None:
        """Wait for nothing: the operations of a plain namespace have ended when they return."""

    def memory(self) -> MemoryStatistics:
        """Return that nothing is known: the array API does not tell."""
        return MemoryStatistics(in_use=None, peak=None, limit=None)

    def _is_native(self, dtype: np.dtype[Any]) -> bool:
        """Whether the namespace has NumPy's dtype."""
        return dtype.name in _PORTABLE and hasattr(self._namespace, dtype.name)


def _host_kernel(request: KernelRequest) -> Kernel | UpdateKernel | None:
    """Return the kernel over NumPy arrays: one made for the host, else the generic one with NumPy as its namespace."""
    factory = registry.HOST.get(request.op_type)
    kernel = factory(request) if factory is not None else None
    if kernel is None and request.op_type in registry.GENERIC:
        kernel = registry.GENERIC[request.op_type](np, request)
    return kernel


class ArrayBackend:
    """A backend for an array-API namespace whose devices are virtual: as many as are asked for, all in one memory.

    Parameters
    ----------
    name
        The name it is registered under.
    namespace
        The array namespace.
    device_type
        The type of its devices, in capitals.
    overrides
        Kernels that go before the generic ones.
    versions
        What :meth:`version_facts` returns.
    """

    def __init__(
        self,
        name: str,
        namespace: Any,
        *,
        device_type: str = "CPU",
        overrides: Overrides = _NO_OVERRIDES,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        load_kernels()
        self._name = name
        self._namespace = namespace
        self._device_type = device_type
        self._overrides = overrides
        self._versions = dict(versions or {})
        self._devices: list[ArrayDevice] = []

    @property
    def name(self) -> str:
        """The name it is registered and selected under."""
        return self._name

    @property
    def device_type(self) -> str:
        """The type of its devices, in capitals."""
        return self._device_type

    @property
    def limitations(self) -> Mapping[str, str]:
        """Op types that run on the host instead, each with the reason."""
        return {
            op_type: reason
            for op_type, reason in registry.HOST_REASONS.items()
            if op_type not in self._overrides and op_type not in registry.GENERIC
        }

    def devices(self, count: int | None = None) -> Sequence[ArrayDevice]:
        """Return ``count`` devices, one where it is not given; the same objects at each call."""
        wanted = 1 if count is None else count
        if wanted < 0:
            raise ValueError(f"device_count of {self._device_type} is {wanted}, expected 0 or more.")
        for index in range(len(self._devices), wanted):
            self._devices.append(self._make_device(index))
        return tuple(self._devices[:wanted])

    def _make_device(self, index: int) -> ArrayDevice:
        """Make one device."""
        return ArrayDevice(self._namespace, self._device_type, index, self._overrides)

    def version_facts(self) -> Mapping[str, str]:
        """Return the versions that it was given."""
        return dict(self._versions)
