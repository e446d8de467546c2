"""The number of threads: set before any library that reads it is imported, and inherited by every process started."""

from __future__ import annotations

import os

DEFAULT = 2
VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def pin(count: int) -> None:
    """Give every library ``count`` threads, and the process as many processors where the system can do that.

    JAX takes as many threads as there are processors; only the second holds it.
    """
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    if hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, mine[:count])


def pinned() -> int:
    """Return the number of threads that was set."""
    return int(os.environ.get(VARIABLES[0], DEFAULT))
