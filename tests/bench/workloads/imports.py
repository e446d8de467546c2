"""Imports, in fresh processes, without the start of the interpreter."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from tests.bench.row import Factory, ready, single

_TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def importing(statement: str) -> Factory:
    """Return a contestant that imports."""
    return ready(partial(single, partial(_import_time, statement)))


def _import_time(statement: str) -> float:
    """Return how long a statement takes in a fresh process."""
    done = subprocess.run([sys.executable, "-c", _TIMED.format(statement)], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])
