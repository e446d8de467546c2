from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.contracts import Array, Backend, Device
from holdfast.plugins import load_plugins
from holdfast.testing.backend_conformance import BackendConformance


class TestNumpyBackend(BackendConformance):
    """numpy-cpu, found as any plug-in is."""

    @pytest.fixture
    def backend(self) -> Backend:
        """Return a fresh backend."""
        return load_plugins({}).backend("numpy-cpu")

    def put(self, device: Device, array: NDArray[Any]) -> Array:
        """Return a copy."""
        return np.array(array, copy=True, order="C")

    def get(self, array: Array) -> NDArray[Any]:
        """Return a copy."""
        return np.array(array, copy=True)


def test_makes_as_many_devices_as_asked_for() -> None:
    """CPU devices are virtual: device_count {"CPU": 4} makes four, and a negative number is refused."""
    backend = load_plugins({}).backend("numpy-cpu")
    assert [device.index for device in backend.devices(4)] == [0, 1, 2, 3]
    assert len(backend.devices()) == 1
    with pytest.raises(ValueError, match="device_count of CPU is -1, expected 0 or more"):
        backend.devices(-1)


def test_only_a_sound_array_of_its_own_is_ownable() -> None:
    """A variable takes an array that is contiguous, aligned, writable, native and no view."""
    (device,) = load_plugins({}).backend("numpy-cpu").devices()
    sound = np.ones((2, 3))
    read_only = np.ones(3)
    read_only.flags.writeable = False
    swapped = np.ones(3, np.dtype(np.float64).newbyteorder())
    views = (sound[:1], sound.T.copy(order="K"), read_only, swapped, np.float32(1), np.ma.ones(3))
    assert device.ownable(sound)
    assert not any(device.ownable(view) for view in views)


def test_versions_name_numpy_and_its_blas() -> None:
    """What a reader of a bug report asks first."""
    facts = load_plugins({}).backend("numpy-cpu").version_facts()
    assert facts["numpy"] == np.__version__
    assert {"blas", "blas threads", "machine"} <= set(facts)
