"""What numpy-cpu says of its BLAS."""

from __future__ import annotations

import ctypes
import os

import pytest

from holdfast_numpy import openblas, versions
from holdfast_numpy.openblas import OpenBlas, loaded_openblas, slow_kernels, too_many_threads

_AVX512 = ("SSE", "AVX2", "AVX512F", "AVX512_SKX")


@pytest.mark.parametrize(
    "kernels, features, better",
    [
        ("Haswell", _AVX512, "SkylakeX"),
        ("Zen", ("X86_V2", "X86_V3", "X86_V4"), "SkylakeX"),
        ("Prescott", _AVX512, "SkylakeX"),
        ("Prescott", ("X86_V2", "X86_V3"), "Haswell"),
        ("Nehalem", ("SSE42", "AVX2"), "Haswell"),
    ],
)
def test_kernels_below_the_processor_are_warned_of(kernels: str, features: tuple[str, ...], better: str) -> None:
    """The warning names the kernel set and what would choose a better one."""
    warning = slow_kernels(kernels, features)
    assert warning is not None
    assert f"OpenBLAS chose its kernels for {kernels}, though" in warning
    assert f"OPENBLAS_CORETYPE={better}" in warning


@pytest.mark.parametrize(
    "kernels, features",
    [
        ("SkylakeX", _AVX512),
        ("Cooperlake", _AVX512),
        ("Haswell", ("SSE", "AVX2")),
        ("Zen", ("X86_V3",)),
        ("Sandybridge", ("SSE42", "AVX")),
        ("neoversen1", ("NEON", "ASIMD")),
        ("", _AVX512),
    ],
)
def test_kernels_that_fit_are_not_warned_of(kernels: str, features: tuple[str, ...]) -> None:
    """Kernels as wide as the processor, of another machine, or unknown."""
    assert slow_kernels(kernels, features) is None


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system does not tell the processors of a process"
)
def test_more_threads_than_processors_are_warned_of() -> None:
    """The processors are those that the process may use."""
    processors = len(os.sched_getaffinity(0))
    assert too_many_threads(processors) is None
    assert too_many_threads(None) is None
    assert f"OPENBLAS_NUM_THREADS={processors}" in (too_many_threads(processors + 1) or "")


def test_facts_tell_kernels_threads_and_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What OpenBLAS says of itself goes before what NumPy was built with."""
    monkeypatch.setattr(versions, "loaded_openblas", lambda: OpenBlas("OpenBLAS 9 Prescott", "Prescott", 10_000))
    monkeypatch.setattr(versions, "slow_kernels", lambda kernels, features: f"slow: {kernels}.")
    facts = versions.numpy_facts()
    assert facts["blas configuration"] == "OpenBLAS 9 Prescott"
    assert facts["blas kernels"] == "Prescott"
    assert facts["blas threads"] == "10000"
    assert facts["warning"].startswith("slow: Prescott.")


def test_facts_without_openblas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another BLAS: what was asked for by the environment, and no warning."""
    monkeypatch.setattr(versions, "loaded_openblas", lambda: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    facts = versions.numpy_facts()
    assert "OMP_NUM_THREADS=3" in facts["blas threads"]
    assert {"warning", "blas kernels"}.isdisjoint(facts)


def test_libraries_that_are_no_openblas_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that do not load, and libraries without its functions, are no error."""
    own = ctypes.CDLL(None)._name
    monkeypatch.setattr(openblas, "_paths", lambda: iter(["/nowhere/libopenblas.so", own]))
    found = loaded_openblas()
    assert found is None or found.kernels
