"""Kernels that update variables: in place, into a fresh buffer, and not at all when an input is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.contracts import Array, Backend, Device, UpdateKernel
from holdfast.errors import InvalidArgumentError
from holdfast.testing.backend_suite import BackendSuite
from holdfast.testing.kernel_context import KernelContext
from holdfast.testing.op_case import UpdateCase
from holdfast.testing.update_cases import UPDATE_CASES

_each_case = pytest.mark.parametrize("case", UPDATE_CASES, ids=lambda case: case.id)


class UpdateChecks(BackendSuite):
    """The part of the suite about kernels that update variables."""

    def update_kernel(self, device: Device, case: UpdateCase) -> UpdateKernel | None:
        """Return the kernel of a case; None only for what the backend declares as unsupported."""
        kernel = device.kernel(case.request())
        if case.op_type in self.unsupported:
            assert kernel is None, f"{case.op_type} is declared as unsupported, but has a kernel"
            return None
        assert isinstance(kernel, UpdateKernel), f"no kernel for {case.request()}"
        return kernel

    def buffers(self, device: Device, case: UpdateCase) -> tuple[Array, ...]:
        """Return fresh buffers for the variables, filled with a value that must disappear."""
        return tuple(self.put(device, np.full_like(variable, 77)) for variable in case.variables)

    @_each_case
    def test_update_in_place(self, backend: Backend, case: UpdateCase) -> None:
        """With ``out`` the current arrays themselves, they have the new values; the other inputs stay."""
        device = backend.devices()[0]
        kernel = self.update_kernel(device, case)
        if kernel is None:
            return
        current, inputs = self.put_all(device, case.variables), self.put_all(device, case.inputs)
        outputs = kernel.update(KernelContext(device), current, current, *inputs)
        for array, expected in zip((*current, *outputs), (*case.expected, *case.outputs), strict=True):
            self.check_values(array, expected)
        self.check_unchanged(inputs, case.inputs)

    @_each_case
    def test_update_into_a_fresh_buffer(self, backend: Backend, case: UpdateCase) -> None:
        """With ``out`` distinct, it has the new values, and the current arrays, which someone holds, stay."""
        device = backend.devices()[0]
        kernel = self.update_kernel(device, case)
        if kernel is None:
            return
        current, inputs, out = (
            self.put_all(device, case.variables),
            self.put_all(device, case.inputs),
            self.buffers(device, case),
        )
        outputs = kernel.update(KernelContext(device), current, out, *inputs)
        for array, expected in zip((*out, *outputs), (*case.expected, *case.outputs), strict=True):
            self.check_values(array, expected)
        self.check_unchanged((*current, *inputs), (*case.variables, *case.inputs))

    @pytest.mark.parametrize("case", [case for case in UPDATE_CASES if case.wrong], ids=lambda case: case.id)
    def test_wrong_input_changes_nothing(self, backend: Backend, case: UpdateCase) -> None:
        """The inputs are checked before anything is written."""
        device = backend.devices()[0]
        kernel = self.update_kernel(device, case)
        if kernel is None or case.wrong is None:
            return
        current = self.put_all(device, case.variables)
        with pytest.raises(InvalidArgumentError):
            kernel.update(KernelContext(device), current, current, *self.put_all(device, case.wrong))
        self.check_unchanged(current, case.variables)
