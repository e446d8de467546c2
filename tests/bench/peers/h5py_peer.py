"""HDF5 by h5py: a dataset for each array, contiguous."""

from __future__ import annotations

from typing import Any

import h5py

from tests.bench.peers.files import rows
from tests.bench.workloads import checkpoints


def facts() -> dict[str, str]:
    """Return the versions."""
    return {"h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version}


def _save(arrays: dict[str, Any], path: str) -> None:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)


def _load(path: str) -> dict[str, Any]:
    with h5py.File(path, "r") as file:
        return {name: dataset[()] for name, dataset in file.items()}


def _one(path: str) -> Any:
    with h5py.File(path, "r") as file:
        return file[checkpoints.ONE][()]


ROWS = rows(_save, _load, _one)
