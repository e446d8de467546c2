"""What to know of a NumPy when results differ between two machines."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
from collections.abc import Mapping

import numpy as np

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS")


def numpy_facts() -> Mapping[str, str]:
    """Return the versions of NumPy and its BLAS, the threads of the BLAS, and the processor."""
    built = np.show_config(mode="dicts") or {}
    blas = built.get("Build Dependencies", {}).get("blas", {})
    simd = built.get("SIMD Extensions", {})
    facts = {
        "numpy": np.__version__,
        "blas": " ".join(filter(None, (blas.get("name"), blas.get("version")))) or "unknown",
        "blas configuration": blas.get("openblas configuration", ""),
        "blas threads": _blas_threads(),
        "simd": " ".join(simd.get("found", [])) or " ".join(simd.get("baseline", [])),
        "machine": platform.machine(),
    }
    return {name: str(value) for name, value in facts.items() if value}


def _blas_threads() -> str:
    """Return how many threads the BLAS uses, as threadpoolctl says; where that is not installed, what was asked for."""
    if importlib.util.find_spec("threadpoolctl") is not None:
        info = importlib.import_module("threadpoolctl").threadpool_info()
        pools = [pool for pool in info if pool.get("user_api") == "blas"]
        return ", ".join(f"{pool['num_threads']} ({pool['internal_api']})" for pool in pools)
    chosen = [f"{name}={os.environ[name]}" for name in _THREAD_VARIABLES if name in os.environ]
    return ", ".join(chosen) or f"not set; {os.cpu_count()} processors"
