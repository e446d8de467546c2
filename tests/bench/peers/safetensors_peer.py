"""safetensors with NumPy arrays."""

from __future__ import annotations

from typing import Any

import safetensors
from safetensors.numpy import load_file, save_file

from tests.bench.peers.files import rows
from tests.bench.workloads import checkpoints


def facts() -> dict[str, str]:
    """Return the version."""
    return {"safetensors": safetensors.__version__}


def _one(path: str) -> Any:
    with safetensors.safe_open(path, framework="numpy") as file:
        return file.get_tensor(checkpoints.ONE)


ROWS = rows(save_file, load_file, _one)
