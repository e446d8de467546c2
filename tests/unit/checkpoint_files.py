"""Checkpoints on the disk for tests of the tools: small ones of every kind, and ways to damage them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from holdfast.checkpoint import SavedCheckpoint, SaveMetadata, tensor_source, update_checkpoint_state, write_checkpoint
from holdfast.testing.two_file_format import SPEC as TWO
from holdfast_npz import SPEC as NPZ

BOTH = [NPZ, TWO]


def save(prefix: Any, tensors: Mapping[str, Any], format: str = "npz", **said: Any) -> SavedCheckpoint:
    """Write a checkpoint of some arrays; `said` is its metadata."""
    sources = [tensor_source(name, np.asarray(values)) for name, values in tensors.items()]
    return write_checkpoint(prefix, sources, format=format, metadata=SaveMetadata(**said), formats=BOTH)


def series(directory: Any, count: int, **said: Any) -> list[SavedCheckpoint]:
    """Save ``m.ckpt-1`` and so on, as one run does, with a state file."""
    saved: list[SavedCheckpoint] = []
    for step in range(1, count + 1):
        run: dict[str, Any] = {"global_step": step, "metrics": {"loss": 1 / step}, **said}
        if saved:
            run |= {"lineage": saved[0].lineage, "origin": saved[0].origin}
        saved.append(save(f"{directory}/m.ckpt-{step}", {"w": np.full(3, step)}, **run))
    update_checkpoint_state(directory, saved[-1].prefix, [item.prefix for item in saved])
    return saved


def flip(path: Any, *places: bytes | int) -> None:
    """Change one bit of a file at each of some offsets, or of where some bytes stand."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    for place in places:
        data[data.index(place) if isinstance(place, bytes) else place] ^= 1
    with open(path, "wb") as file:
        file.write(data)


def files(directory: Any) -> list[str]:
    """Return the names of all files in a directory, hidden ones too."""
    return sorted(os.listdir(directory))
