"""Backend: an array library and its devices, behind the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holdfast.contracts.kernel import Array, Kernel, KernelRequest, UpdateKernel
    from holdfast.contracts.region import Region
    from holdfast.dtypes import DType

API_VERSION = 1
"""Version of the contracts in this room; a spec that states another one is refused at registration."""


@dataclass(frozen=True, slots=True)
class MemoryStatistics:
    """Memory of one device, in bytes; None where the library does not tell."""

    in_use: int | None
    """Bytes that arrays occupy now."""
    peak: int | None
    """Most bytes that arrays occupied at once."""
    limit: int | None
    """Bytes that the device has."""


class Device(Protocol):
    """One device of a backend: where arrays live and kernels run."""

    @property
    def device_type(self) -> str:
        """``CPU``, ``GPU``: what stands in device strings, in capitals."""

    @property
    def index(self) -> int:
        """Number of the device within its type."""

    @property
    def namespace(self) -> Any:
        """The array namespace (Python array API) whose arrays live here."""

    def kernel(self, request: KernelRequest) -> Kernel | UpdateKernel | None:
        """Return the kernel for one op, or None if this device cannot run it.

        Called once per op and plan, not per run.
        """

    def empty(self, shape: tuple[int, ...], dtype: DType) -> Array:
        """Return a new C-contiguous array with undefined contents."""

    def copy(self, array: Array) -> Array:
        """Return a new C-contiguous copy of an array of this device."""

    def copy_into(self, out: Array, array: Array) -> None:
        """Copy an array of this device into another of the same shape and dtype."""

    def from_host(self, array: NDArray[Any]) -> Array:
        """Return the array on this device; on a device that shares the host's memory it may be ``array`` itself."""

    def to_host(self, array: Array) -> NDArray[Any]:
        """Return the array as NumPy's; where memory is shared it may be a view."""

    def adopt(self, array: Any) -> Array | None:
        """Take an array of another library or device by DLPack, without going through the host.

        Returns None where that cannot be done; the runtime then goes through the host.
        """

    def owns(self, array: Any) -> bool:
        """Whether ``array`` is an array of this device already."""

    def ownable(self, array: Any) -> bool:
        """Whether a variable may take ``array`` as its storage.

        That is an array of this device that is C-contiguous, aligned, writable, of native byte order and the only user
        of its memory, as far as the library can tell; False where it cannot.
        """

    def shares_memory(self, first: Array, second: Array) -> bool:
        """Whether two arrays of this device may overlap; True where that cannot be told."""

    def synchronize(self) -> None:
        """Wait until all work that was started on this device has ended."""

    def memory(self) -> MemoryStatistics:
        """Return what is known of the device's memory."""


@runtime_checkable
class RegionCompiler(Protocol):
    """Ability of a :class:`Device`: it can take a whole run of consecutive ops at once (kernel fusion, CUDA graphs)."""

    def compile_region(self, region: Region) -> Kernel | None:
        """Return one kernel from ``region.inputs`` to ``region.outputs``, or None to have the ops run one by one."""


class Backend(Protocol):
    """An array library. Made by :attr:`BackendSpec.factory` at first need, once per process and configuration."""

    @property
    def name(self) -> str:
        """The name it is registered and selected under, such as ``numpy-cpu``."""

    @property
    def device_type(self) -> str:
        """The type of its devices, in capitals."""

    @property
    def limitations(self) -> Mapping[str, str]:
        """Op types that run on the host instead, each with the reason; shown by ``Session.explain``."""

    def devices(self, count: int | None = None) -> Sequence[Device]:
        """Return the devices, at most ``count`` of them where it is given (``ConfigProto.device_count``).

        A backend whose devices are virtual (several CPU devices) makes as many as are asked for.
        """

    def version_facts(self) -> Mapping[str, str]:
        """Return what a reader of a bug report wants to know: versions of the library, its BLAS, its driver."""


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """What a plug-in registers for a backend. Making one must not import the array library."""

    name: str
    """Kebab-case, unique among backends: ``numpy-cpu``."""
    device_type: str
    """In capitals: ``CPU``."""
    factory: Callable[[Mapping[str, Any]], Backend]
    """Makes the backend from its options in ``plugins.toml`` (``[backend.<name>]``); imports the library.
    Raises ImportError where the library is absent and ValueError for an unknown option."""
    summary: str = ""
    """One line for ``holdfast plugins``."""
    api_version: int = API_VERSION
    """Version of the contracts it was written for."""
