"""Devices: how many there are, what arrays they make, and how values come and go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import Backend, BackendSpec, MemoryStatistics
from holdfast.dtypes import DType
from holdfast.testing.backend_suite import BackendSuite, fill_value

_DTYPES = (
    dtypes.bool,
    dtypes.uint8,
    dtypes.int32,
    dtypes.int64,
    dtypes.float16,
    dtypes.float32,
    dtypes.float64,
    dtypes.complex64,
    dtypes.string,
)
_SHAPES = ((), (0,), (3,), (2, 3), (2, 0, 3))

_each_dtype = pytest.mark.parametrize("dtype", _DTYPES, ids=str)
_each_shape = pytest.mark.parametrize("shape", _SHAPES, ids=str)


def _filled(shape: tuple[int, ...], dtype: DType) -> NDArray[Any]:
    """Return a host array full of a value."""
    return np.full(shape, fill_value(dtype), dtype.as_numpy_dtype)


class DeviceChecks(BackendSuite):
    """The part of the suite about devices."""

    def test_says_what_it_is(self, backend: Backend) -> None:
        """Name and device type are those that a spec accepts."""
        spec = BackendSpec(backend.name, backend.device_type, lambda _: backend)
        assert (spec.name, spec.device_type) == (backend.name, backend.device_type.upper())

    def test_limitations_have_reasons(self, backend: Backend) -> None:
        """Each op type that runs on the host says why."""
        assert all(op_type and reason.strip() for op_type, reason in backend.limitations.items())

    def test_version_facts_are_texts(self, backend: Backend) -> None:
        """There is at least the version of the library."""
        facts = backend.version_facts()
        assert facts
        assert all(isinstance(text, str) for pair in facts.items() for text in pair)

    def test_devices_are_numbered(self, backend: Backend) -> None:
        """From 0 on, all of the backend's type."""
        devices = backend.devices()
        assert [device.index for device in devices] == list(range(len(devices)))
        assert {device.device_type for device in devices} == {backend.device_type}

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_no_more_devices_than_asked_for(self, backend: Backend, count: int) -> None:
        """``device_count`` limits the number."""
        assert len(backend.devices(count)) <= count

    def test_devices_are_the_same_at_each_call(self, backend: Backend) -> None:
        """Arrays of one call's device are at home on the other's."""
        assert all(a is b for a, b in zip(backend.devices(), backend.devices(), strict=True))

    @_each_dtype
    @_each_shape
    def test_empty_array(self, backend: Backend, shape: tuple[int, ...], dtype: DType) -> None:
        """It has the shape and dtype, belongs to the device and can be written to."""
        device = backend.devices()[0]
        array = device.empty(shape, dtype)
        assert tuple(array.shape) == shape
        assert device.owns(array)
        device.copy_into(array, self.put(device, _filled(shape, dtype)))
        self.check_values(array, _filled(shape, dtype))

    @_each_dtype
    @_each_shape
    def test_to_the_device_and_back(self, backend: Backend, shape: tuple[int, ...], dtype: DType) -> None:
        """What goes in comes out, by the device's transfers and by the library's."""
        device = backend.devices()[0]
        values = _filled(shape, dtype)
        array = device.from_host(values)
        assert device.owns(array)
        self.check_values(array, values)
        back = device.to_host(self.put(device, values))
        assert isinstance(back, np.ndarray)
        np.testing.assert_array_equal(back, values, strict=True)

    @pytest.mark.parametrize("layout", ["transposed", "reversed", "read-only", "strided"])
    def test_host_arrays_of_any_layout(self, backend: Backend, layout: str) -> None:
        """The values count, not how they lie in memory."""
        device = backend.devices()[0]
        base = np.arange(12, dtype=np.float32).reshape(3, 4)
        values = {"transposed": base.T, "reversed": base[::-1], "read-only": base.copy(), "strided": base[:, ::2]}[
            layout
        ]
        values.flags.writeable = False
        self.check_values(device.from_host(values), values.copy())

    @_each_dtype
    def test_copy_is_independent(self, backend: Backend, dtype: DType) -> None:
        """Writing to the copy leaves the original, and the other way round."""
        device = backend.devices()[0]
        values, zeros = _filled((2, 3), dtype), np.zeros((2, 3), dtype.as_numpy_dtype)
        original = self.put(device, values)
        copy = device.copy(original)
        assert device.owns(copy)
        device.copy_into(copy, self.put(device, zeros))
        self.check_values(original, values)
        self.check_values(copy, zeros)

    def test_array_shares_memory_with_itself(self, backend: Backend) -> None:
        """That much can always be told."""
        device = backend.devices()[0]
        array = self.put(device, np.ones(3, np.float32))
        assert device.shares_memory(array, array)

    def test_foreign_objects_are_not_owned(self, backend: Backend) -> None:
        """Nor adopted: neither Python's values nor what merely looks like an array."""
        device = backend.devices()[0]
        for thing in (None, 3, [1.0, 2.0], "text", object()):
            assert not device.owns(thing)
            assert not device.ownable(thing)
            assert device.adopt(thing) is None

    def test_own_array_is_adopted_as_it_is(self, backend: Backend) -> None:
        """A feed that is on the device already stays there."""
        device = backend.devices()[0]
        array = self.put(device, np.ones(3, np.float32))
        adopted = device.adopt(array)
        assert adopted is not None
        assert device.owns(adopted)
        self.check_values(adopted, np.ones(3, np.float32))

    def test_array_of_numpy_is_adopted_or_refused(self, backend: Backend) -> None:
        """By DLPack, with its values; None where the library cannot."""
        device = backend.devices()[0]
        adopted = device.adopt(np.arange(3, dtype=np.float32))
        if adopted is not None:
            assert device.owns(adopted)
            self.check_values(adopted, np.arange(3, dtype=np.float32))

    def test_view_is_not_ownable(self, backend: Backend) -> None:
        """A variable must not take memory that something else uses."""
        device = backend.devices()[0]
        assert not device.ownable(self.put(device, np.ones((4, 2), np.float32))[1:, ...])

    def test_synchronize_and_memory(self, backend: Backend) -> None:
        """Waiting ends, and what is known of the memory are counts of bytes."""
        device = backend.devices()[0]
        device.synchronize()
        memory = device.memory()
        assert isinstance(memory, MemoryStatistics)
        assert all(value is None or value >= 0 for value in (memory.in_use, memory.peak, memory.limit))
