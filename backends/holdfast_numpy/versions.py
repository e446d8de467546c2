"""What to know of a NumPy when results, or times, differ between two machines."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from holdfast_numpy.openblas import loaded_openblas, slow_kernels, too_many_threads

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS")


def numpy_facts() -> Mapping[str, str]:
    """Return the versions of NumPy and its BLAS, kernels and threads of the BLAS, the processor, and warnings."""
    built: Mapping[str, Any] = np.show_config(mode="dicts") or {}
    blas = built.get("Build Dependencies", {}).get("blas", {})
    simd = built.get("SIMD Extensions", {})
    features = [*simd.get("baseline", []), *simd.get("found", [])]
    loaded = loaded_openblas()
    facts: dict[str, Any] = {
        "numpy": np.__version__,
        "blas": " ".join(filter(None, (blas.get("name"), blas.get("version")))) or "unknown",
        "blas configuration": blas.get("openblas configuration", "") if loaded is None else loaded.configuration,
        "blas kernels": "" if loaded is None else loaded.kernels,
        "blas threads": _asked_threads() if loaded is None or loaded.threads is None else loaded.threads,
        "simd": " ".join(features),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }
    if loaded is not None:
        warnings = slow_kernels(loaded.kernels, features), too_many_threads(loaded.threads)
        facts["warning"] = " ".join(filter(None, warnings))
    return {name: str(value) for name, value in facts.items() if value}


def _asked_threads() -> str:
    """Return how many threads were asked for, where the BLAS does not tell how many it uses."""
    chosen = [f"{name}={os.environ[name]}" for name in _THREAD_VARIABLES if name in os.environ]
    return ", ".join(chosen) or "not set"
