"""What kernels contribute to compiled plans for inputs of known shapes: the same values as ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from holdfast.contracts import (
    Array,
    Backend,
    Device,
    InPlaceKernel,
    IntoKernel,
    Operand,
    ShapedKernel,
    ShapedUpdateKernel,
    Source,
)
from holdfast.testing.backend_suite import BackendSuite
from holdfast.testing.kernel_context import KernelContext
from holdfast.testing.op_case import OpCase, UpdateCase
from holdfast.testing.op_cases import CASES
from holdfast.testing.update_cases import UPDATE_CASES

_each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
_each_update = pytest.mark.parametrize("case", UPDATE_CASES, ids=lambda case: case.id)


def names_of(letter: str, arrays: tuple[Any, ...]) -> tuple[str, ...]:
    """Return a name for each array."""
    return tuple(f"{letter}{number}" for number in range(len(arrays)))


def evaluate(source: Source, given: Mapping[str, Array]) -> Any:
    """Evaluate a kernel's source over named arrays, as the compiled plan would."""
    text, objects = source
    if not all(name.startswith("_k_") for name in objects):
        raise AssertionError(f"names {sorted(objects)} of an expression must begin with _k_")
    with np.errstate(all="ignore"):
        return eval(text, {"__builtins__": {}, **objects, **given})  # noqa: S307  (the kernel's own code)


class SourceChecks(BackendSuite):
    """The part of the suite about source for inputs of known shapes."""

    def check_source(self, device: Device, kernel: ShapedKernel, case: OpCase, *, known: bool, fresh: bool) -> None:
        """Compare with NumPy what the source of a kernel computes, if it has any."""
        inputs = self.put_all(device, case.inputs)
        operands = tuple(Operand(tuple(x.shape), x if known else None) for x in inputs)
        dtypes = case.request().output_dtypes
        outputs = tuple(device.empty(x.shape, dtype) for x, dtype in zip(case.expected, dtypes, strict=True))
        names = names_of("i", inputs)
        source = kernel.shaped(names, operands, () if fresh else outputs, device.empty)
        if source is None:
            return
        for _ in range(2):
            value = evaluate(source, dict(zip(names, inputs, strict=True)))
            for output, expected in zip((value,) if fresh else outputs, case.expected, strict=True):
                self.check_values(output, expected)
        self.check_unchanged(inputs, case.inputs)

    @_each_case
    def test_source_for_shapes_agrees_with_the_kernel(self, backend: Backend, case: OpCase) -> None:
        """It gives the same values, run after run, whether inputs are known or not, into buffers and as a value."""
        device = backend.devices()[0]
        kernel = device.kernel(case.request())
        if not isinstance(kernel, ShapedKernel):
            return
        for known in (False, True):
            self.check_source(device, kernel, case, known=known, fresh=False)
            if len(case.expected) == 1:
                self.check_source(device, kernel, case, known=known, fresh=True)

    @_each_case
    def test_an_input_may_be_written_over(self, backend: Backend, case: OpCase) -> None:
        """Where a kernel says so, the output may take the memory of an input of its shape and dtype."""
        device = backend.devices()[0]
        kernel = device.kernel(case.request())
        if not isinstance(kernel, InPlaceKernel) or not isinstance(kernel, IntoKernel):
            return
        (expected,) = case.expected
        for i in kernel.in_place:
            if (case.inputs[i].shape, case.inputs[i].dtype) == (expected.shape, expected.dtype) and expected.ndim:
                inputs = self.put_all(device, case.inputs)
                with np.errstate(all="ignore"):
                    kernel.into(KernelContext(device), (inputs[i],), *inputs)
                self.check_values(inputs[i], expected)

    @_each_update
    def test_source_of_updates_agrees_with_the_kernel(self, backend: Backend, case: UpdateCase) -> None:
        """It gives the same values in place and in a fresh buffer; what is free may be written to, the rest stays."""
        device = backend.devices()[0]
        kernel = device.kernel(case.request())
        if not isinstance(kernel, ShapedUpdateKernel):
            return
        for in_place in (False, True):
            for free in (False, True):
                current, inputs = self.put_all(device, case.variables), self.put_all(device, case.inputs)
                out = current if in_place else tuple(self.put(device, np.full_like(v, 77)) for v in case.variables)
                operands = tuple(Operand(tuple(x.shape), free=free) for x in (*current, *inputs))
                names = names_of("v", current), names_of("o", out), names_of("i", inputs)
                source = kernel.shaped_update(*names, operands, device.empty)
                if source is None:
                    return
                given = zip((*names[0], *names[1], *names[2]), (*current, *out, *inputs), strict=True)
                evaluate(source, dict(given))
                for array, expected in zip(out, case.expected, strict=True):
                    self.check_values(array, expected)
                if not free:
                    self.check_unchanged(inputs, case.inputs)
