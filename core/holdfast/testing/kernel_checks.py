"""Kernels that compute outputs from inputs: values, ownership and abilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holdfast.contracts import (
    AliasingKernel,
    Backend,
    Device,
    ExpressionKernel,
    IntoKernel,
    Kernel,
    KernelRequest,
    Region,
    RegionCompiler,
    RegionOp,
)
from holdfast.dtypes import float32, int32
from holdfast.testing.backend_suite import BackendSuite
from holdfast.testing.kernel_context import KernelContext
from holdfast.testing.op_case import OpCase
from holdfast.testing.op_cases import CASES

_each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
_RANDOM = ("RandomUniform", "RandomStandardNormal", "TruncatedNormal")


def _expression_value(kernel: ExpressionKernel, inputs: tuple[Any, ...]) -> Any:
    """Evaluate a kernel's expression over its inputs, as the compiled plan would."""
    names = tuple(f"i{number}" for number in range(len(inputs)))
    text, objects = kernel.expression(names)
    if not all(name.startswith("_k_") for name in objects):
        raise AssertionError(f"names {sorted(objects)} of an expression must begin with _k_")
    return eval(text, {**objects, **dict(zip(names, inputs, strict=True))})  # noqa: S307  (the kernel's own code)


class KernelChecks(BackendSuite):
    """The part of the suite about kernels without updates."""

    def kernel(self, device: Device, request: KernelRequest) -> Kernel | None:
        """Return the kernel for a request; None only for what the backend declares as unsupported."""
        kernel = device.kernel(request)
        if request.op_type in self.unsupported:
            assert kernel is None, f"{request.op_type} is declared as unsupported, but has a kernel"
            return None
        assert isinstance(kernel, Kernel), f"no kernel for {request}"
        return kernel

    @_each_case
    def test_outputs(self, backend: Backend, case: OpCase) -> None:
        """They have NumPy's values, belong to the device, and leave the inputs as they are."""
        device = backend.devices()[0]
        kernel = self.kernel(device, case.request())
        if kernel is None:
            return
        inputs = self.put_all(device, case.inputs)
        outputs = kernel(KernelContext(device), *inputs)
        assert isinstance(outputs, tuple)
        assert len(outputs) == len(case.expected)
        for output, expected in zip(outputs, case.expected, strict=True):
            assert device.owns(output), f"{type(output).__name__} is no array of the device"
            self.check_values(output, expected)
        self.check_unchanged(inputs, case.inputs)
        self.check_fresh(device, kernel, outputs, inputs, case.inputs)

    @_each_case
    def test_a_kernel_keeps_nothing(self, backend: Backend, case: OpCase) -> None:
        """A second call with the same kernel gives the same values, and leaves the first call's outputs as they are."""
        device = backend.devices()[0]
        kernel = self.kernel(device, case.request())
        if kernel is None:
            return
        first = kernel(KernelContext(device), *self.put_all(device, case.inputs))
        zeros = tuple(np.zeros_like(array) if array.dtype.kind == "f" else array for array in case.inputs)
        with np.errstate(all="ignore"):
            kernel(KernelContext(device), *self.put_all(device, zeros))
        for output, expected in zip(first, case.expected, strict=True):
            self.check_values(output, expected)

    @_each_case
    def test_abilities_agree_with_the_kernel(self, backend: Backend, case: OpCase) -> None:
        """Aliases are of inputs that exist; computing into given outputs and as an expression gives the same values."""
        device = backend.devices()[0]
        request = case.request()
        kernel = self.kernel(device, request)
        inputs = self.put_all(device, case.inputs)
        if isinstance(kernel, AliasingKernel):
            named = {index for indices in kernel.aliases.values() for index in indices}
            assert set(kernel.aliases) <= set(range(len(case.expected)))
            assert named <= set(range(len(inputs)))
        if isinstance(kernel, IntoKernel):
            outputs = tuple(
                device.empty(expected.shape, dtype)
                for expected, dtype in zip(case.expected, request.output_dtypes, strict=True)
            )
            kernel.into(KernelContext(device), outputs, *inputs)
            for output, expected in zip(outputs, case.expected, strict=True):
                self.check_values(output, expected)
        if isinstance(kernel, ExpressionKernel):
            self.check_values(_expression_value(kernel, inputs), case.expected[0])

    @pytest.mark.parametrize("op_type", _RANDOM)
    def test_random_draws_depend_on_key_and_execution_only(self, backend: Backend, op_type: str) -> None:
        """Equal keys give equal draws, another execution or seed gives others, and the op's name does not count."""
        device = backend.devices()[0]
        shape = self.put(device, np.array([50, 20], np.int32))

        def draw(seed: int, execution: int, name: str = "r") -> Any:
            attrs = {"seed": seed, "seed2": 7, "dtype": float32, "T": int32}
            kernel = self.kernel(device, KernelRequest(op_type, name, attrs, (int32,), (float32,)))
            if kernel is None:
                pytest.skip(self.unsupported[op_type])
            (output,) = kernel(KernelContext(device, execution), shape)
            assert device.owns(output)
            return self.get(output)

        first = draw(1, 0)
        assert (first.shape, first.dtype) == ((50, 20), np.float32)
        np.testing.assert_array_equal(draw(1, 0, "other"), first)
        assert (draw(1, 1) != first).mean() > 0.9
        assert (draw(2, 0) != first).mean() > 0.9
        _IN_RANGE[op_type](first)

    def test_region_computes_what_its_ops_compute(self, backend: Backend) -> None:
        """A device that compiles regions may refuse one, else gives the same values."""
        device = backend.devices()[0]
        if not isinstance(device, RegionCompiler):
            return
        attrs = {"T": float32}
        add = KernelRequest("Add", "add", attrs, (float32, float32), (float32,))
        multiply = KernelRequest("Mul", "multiply", attrs, (float32, float32), (float32,))
        ops = (RegionOp(add, (0, 1), (2,)), RegionOp(multiply, (2, 1), (3,)))
        kernel = device.compile_region(Region(ops, (0, 1), (3,), {}, {0: 0, 1: 1, 2: 1}))
        if kernel is not None:
            x, y = np.array([1, 2], np.float32), np.array([3, 5], np.float32)
            (output,) = kernel(KernelContext(device), *self.put_all(device, (x, y)))
            self.check_values(output, (x + y) * y)


def _check_uniform(draws: Any) -> None:
    """Uniform draws lie in [0, 1), about half of them below 1/2."""
    assert draws.min() >= 0
    assert draws.max() < 1
    assert 0.4 < (draws < 0.5).mean() < 0.6


def _check_normal(draws: Any) -> None:
    """About two thirds of normal draws lie within one standard deviation."""
    assert 0.6 < (abs(draws) < 1).mean() < 0.77


def _check_truncated(draws: Any) -> None:
    """No draw lies further out than two standard deviations."""
    assert abs(draws).max() <= 2
    assert 0.6 < (abs(draws) < 1).mean() < 0.8


_IN_RANGE: dict[str, Callable[[Any], None]] = {
    "RandomUniform": _check_uniform,
    "RandomStandardNormal": _check_normal,
    "TruncatedNormal": _check_truncated,
}
