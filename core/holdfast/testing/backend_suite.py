"""What the parts of the backend suite share: values in and out, and the guard of its tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import AliasingKernel, Array, Device
from holdfast.dtypes import DType

_OPEN = frozenset({"backend", "get", "put", "tolerance", "unsupported"})
"""What a subclass gives or may change."""


class BackendSuite(ABC):
    """Base of the suite's parts."""

    unsupported: ClassVar[Mapping[str, str]] = {}
    """Op types that the backend has no kernel for, each with the reason. The suite checks that it is so."""
    tolerance: ClassVar[Mapping[str, float]] = {"float16": 2e-3, "float32": 3e-6, "float64": 1e-12}
    """Relative error that is allowed, by dtype; integers, booleans and strings are compared exactly."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a subclass that replaces a test, or what tests rely on."""
        super().__init_subclass__(**kwargs)
        suites = (base for base in cls.__mro__[1:] if issubclass(base, BackendSuite))
        inherited = {name for suite in suites for name in vars(suite) if not name.startswith("_")}
        replaced = sorted((inherited - _OPEN) & set(vars(cls)))
        if replaced:
            raise TypeError(
                f"{cls.__name__} replaces {', '.join(replaced)} of the conformance suite. Declare what the backend "
                "cannot run in `unsupported`, with the reason."
            )

    @abstractmethod
    def put(self, device: Device, array: NDArray[Any]) -> Array:
        """Return a new array of the device with these values, by means of the library itself."""

    @abstractmethod
    def get(self, array: Array) -> NDArray[Any]:
        """Return a copy of the values on the host, by means of the library itself."""

    def put_all(self, device: Device, arrays: Sequence[NDArray[Any]]) -> tuple[Array, ...]:
        """Return new arrays of the device."""
        return tuple(self.put(device, array) for array in arrays)

    def check_values(self, array: Array, expected: NDArray[Any]) -> None:
        """Compare dtype, shape and values with what NumPy says."""
        found = np.asarray(self.get(array))
        if found.dtype != expected.dtype:
            raise AssertionError(f"dtype is {found.dtype}, expected {expected.dtype}")
        tolerance = self.tolerance.get(expected.dtype.name)
        if tolerance is None:
            np.testing.assert_array_equal(found, expected, strict=True)
        else:
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, strict=True)

    def check_unchanged(self, arrays: Sequence[Array], before: Sequence[NDArray[Any]]) -> None:
        """Check that arrays still have their values, to the bit."""
        for array, values in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(np.asarray(self.get(array)), values, strict=True)

    def check_fresh(
        self, device: Device, kernel: object, outputs: Sequence[Array], inputs: Sequence[Array], before: Sequence[Any]
    ) -> None:
        """Overwrite each output that may not alias, and check that no input notices."""
        may_alias = kernel.aliases if isinstance(kernel, AliasingKernel) else {}
        for number, output in enumerate(outputs):
            if number not in may_alias and not isinstance(output, np.generic):
                device.copy_into(output, self.put(device, np.zeros_like(self.get(output))))
        self.check_unchanged(inputs, before)


def fill_value(dtype: DType) -> Any:
    """Return a value of a dtype that is not zero."""
    if dtype.name == "string":
        return b"x"
    return True if dtype.is_bool else 3
