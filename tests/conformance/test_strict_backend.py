from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.contracts import Array, Backend, Device
from holdfast.kernels.array_backend import ArrayBackend
from holdfast.testing.backend_conformance import BackendConformance


class TestStrictBackend(BackendConformance):
    """A namespace with nothing but what the array API standard has: any such library gets a backend for free."""

    @pytest.fixture
    def backend(self) -> Backend:
        """Return a fresh backend."""
        versions = {"array-api-strict": array_api_strict.__version__}
        return ArrayBackend("strict-cpu", array_api_strict, versions=versions)

    def put(self, device: Device, array: NDArray[Any]) -> Array:
        """Return an array of the namespace where it has the dtype, else a copy."""
        known = array.dtype != object and hasattr(array_api_strict, array.dtype.name)
        return array_api_strict.asarray(array, copy=True) if known else array.copy()

    def get(self, array: Array) -> NDArray[Any]:
        """Return a copy of the values."""
        return np.array(array, copy=True)


def test_limitations_say_what_runs_on_the_host() -> None:
    """Scatter and random draws are not in the standard; what NumPy's own backend runs natively is declared here."""
    limitations = ArrayBackend("strict-cpu", array_api_strict).limitations
    assert limitations["ScatterAdd"] == "the array API standard has no scatter with repeated indices"
    assert "RandomUniform" in limitations
    assert "Add" not in limitations
