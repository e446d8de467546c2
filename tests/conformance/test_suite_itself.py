from __future__ import annotations

from pathlib import Path
from typing import Any

import array_api_strict
import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.contracts import Array, Backend, Device
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.array_backend import ArrayBackend, ArrayDevice
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


class TakesNoFiles(ArrayDevice):
    """A device that cannot take in what was read from a checkpoint."""

    def from_host(self, array: NDArray[Any]) -> Array:
        """Refuse the variables' values; the initial ones are constants, which are read-only."""
        if array.shape == (2, 2) and array.flags.writeable:
            raise RuntimeError("no restore here")
        return super().from_host(array)


class TakesNoFilesBackend(ArrayBackend):
    """The backend of that device."""

    def _make_device(self, index: int) -> ArrayDevice:
        """Make one device."""
        return TakesNoFiles(array_api_strict, self.device_type, index)


def test_backend_on_which_a_restore_fails_is_found(tmp_path: Path) -> None:
    """A whole program is part of the suite: sound kernels and transfers alone are no proof."""
    check = Suite().test_a_session_trains_saves_and_restores
    check(ArrayBackend("fine-cpu", array_api_strict), tmp_path)
    (broken := tmp_path / "broken").mkdir()
    with pytest.raises(Exception, match="no restore here"):
        check(TakesNoFilesBackend("broken-cpu", array_api_strict), broken)
    assert (broken / "model.ckpt.holdfast").exists()


def test_a_session_is_checked_on_devices_of_any_type(tmp_path: Path) -> None:
    """A backend for GPU is tried as one, beside the CPU that every session has."""
    backend = ArrayBackend("strict-gpu", array_api_strict, device_type="GPU")
    Suite().test_a_session_trains_saves_and_restores(backend, tmp_path)


def test_wrong_training_is_found(tmp_path: Path) -> None:
    """Values are compared with NumPy's, not only with themselves."""
    backend = ArrayBackend("broken-cpu", np, overrides={"Square": lambda _xp, _request: Pure(lambda x: x * x * x)})
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        Suite().test_a_session_trains_saves_and_restores(backend, tmp_path)


def test_a_program_that_cannot_run_is_skipped(tmp_path: Path) -> None:
    """What is declared as unsupported is the reason."""

    class Without(Suite):
        unsupported = {"MatMul": "no reason"}  # noqa: RUF012  (a class variable of the suite)

    with pytest.raises(pytest.skip.Exception, match="the program needs MatMul, declared as unsupported"):
        Without().test_a_session_trains_saves_and_restores(ArrayBackend("fine-cpu", np), tmp_path)


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
