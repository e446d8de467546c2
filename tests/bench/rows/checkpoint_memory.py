"""What saving, restoring and converting 1 GiB take of memory beyond the arrays themselves."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from tests.bench.machine import ROOT
from tests.bench.row import Factory, Row, Target, ready, single

_MOST = float(64 << 20)


def _extra(operation: str) -> float:
    """Return what an operation takes in a process of its own, in bytes."""
    command = [sys.executable, "-m", "tests.bench.checkpoint_probe", operation]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _measured(operation: str) -> Factory:
    """Return a contestant that measures an operation."""
    return ready(partial(single, partial(_extra, operation)))


ROWS = [
    Row(
        f"checkpoint-memory-{operation}",
        f"peak memory of {title}, beyond the arrays: 1 GiB",
        {"holdfast": _measured(operation)},
        targets=[Target(_MOST)],
        unit="B",
        group="Memory of checkpoints",
        slow=True,
    )
    for operation, title in (
        ("save", "a blocking save"),
        ("restore", "a restore into uninitialised variables"),
        ("convert", "a conversion between formats"),
    )
]
