from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.contracts import Array, Backend, Device
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.array_backend import ArrayBackend
from holdfast.kernels.registry import Pure
from holdfast.testing.backend_conformance import BackendConformance
from holdfast.testing.kernel_context import KernelContext
from holdfast.testing.op_case import case


class Suite(BackendConformance):
    """The suite over NumPy's arrays, called by hand below."""

    def put(self, device: Device, array: NDArray[Any]) -> Array:
        """Return a copy."""
        return array.copy()

    def get(self, array: Array) -> NDArray[Any]:
        """Return a copy."""
        return np.array(array)


def with_kernel(kernel: Any) -> Backend:
    """Return a backend whose L2Loss is this kernel."""
    return ArrayBackend("broken-cpu", np, overrides={"L2Loss": lambda _xp, _request: kernel})


CASE = case("L2Loss", np.float32(2.5), np.array([1, 2], np.float32), T=None)


def keeps_its_output(x: Array, buffer: Any = np.zeros((), np.float32)) -> Array:  # noqa: B008  (that is the defect)
    """Return the same array at each call."""
    np.copyto(buffer, (x * x).sum() / 2)
    return buffer


def overwrites_its_input(x: Array) -> Array:
    """Compute in the input."""
    x *= x
    return np.float32(2.5)


DEFECTS: dict[str, tuple[str, Any, str]] = {
    "value": ("test_outputs", lambda _: np.float32(2.6), "Not equal to tolerance"),
    "dtype": ("test_outputs", lambda _: np.float64(2.5), "dtype is float64, expected float32"),
    "shape": ("test_outputs", lambda _: np.array([2.5], np.float32), r"shapes \(1,\), \(\) mismatch"),
    "not an array": ("test_outputs", lambda _: 2.5, "float is no array of the device"),
    "writes to its input": ("test_outputs", overwrites_its_input, "Arrays are not equal"),
    "keeps its output": ("test_a_kernel_keeps_nothing", keeps_its_output, "Not equal to tolerance"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_of_a_kernel_is_found(defect: str) -> None:
    """A test that cannot fail is a defect: each of these kernels fails the test that is made for it."""
    test, function, message = DEFECTS[defect]
    with pytest.raises(AssertionError, match=message):
        getattr(Suite(), test)(with_kernel(Pure(function)), CASE)


def test_sound_kernel_passes() -> None:
    """The same tests accept a kernel without a defect."""
    backend = with_kernel(Pure(lambda x: np.float32((x * x).sum() / 2)))
    for test in {test for test, _, _ in DEFECTS.values()}:
        getattr(Suite(), test)(backend, CASE)


def test_view_that_is_not_declared_is_found() -> None:
    """An output that shares memory with an input must be named by the kernel."""
    x = np.array([1, 2], np.float32)
    backend = ArrayBackend("broken-cpu", np, overrides={"Identity": lambda _xp, _request: Pure(lambda x: x[:])})
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        Suite().test_outputs(backend, case("Identity", x, x, T=None))


@pytest.mark.parametrize("name", ["test_outputs", "check_values", "kernel"])
def test_suite_cannot_be_replaced(name: str) -> None:
    """Neither a test nor what it relies on can be overridden with something that always passes."""
    with pytest.raises(TypeError, match=f"Mine replaces {name} of the conformance suite"):
        type("Mine", (Suite,), {name: lambda *_: True})


def test_declared_limits_are_checked() -> None:
    """An op that is declared as unsupported must have no kernel: a stale declaration fails."""

    class Stale(Suite):
        unsupported = {"L2Loss": "no reason"}  # noqa: RUF012  (a class variable of the suite)

    with pytest.raises(AssertionError, match="declared as unsupported, but has a kernel"):
        Stale().test_outputs(with_kernel(Pure(np.sum)), CASE)


def test_context_gives_python_functions() -> None:
    """Those that it was made with; another token is an error, as in a session."""
    (device,) = ArrayBackend("strict-cpu", array_api_strict).devices()
    context = KernelContext(device, functions={b"f": len})
    assert context.python_function(b"f") is len
    with context.release_session(), pytest.raises(InvalidArgumentError, match="no Python function is registered"):
        context.python_function(b"g")
