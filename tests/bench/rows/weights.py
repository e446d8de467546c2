"""Real weights, all-MiniLM-L6-v2: how small a checkpoint of them is, and how long that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import ml_dtypes
import msgpack
import numpy as np
import zstandard
from numpy.typing import NDArray

from holdfast.checkpoint import tensor_source, write_checkpoint
from tests.bench.checkpoint_models import Model
from tests.bench.row import Contestant, Factory, Row, Target, ready, single, stepping
from tests.bench.workloads import checkpoints

_GROUP = "Real weights"
Weights = Mapping[str, NDArray[Any]]


def _bfloat16() -> Weights:
    """Return the weights rounded to bfloat16."""
    return {name: array.astype(ml_dtypes.bfloat16) for name, array in checkpoints.minilm().items()}


def _nbytes(weights: Weights) -> float:
    """Return the bytes of all values."""
    return float(sum(array.nbytes for array in weights.values()))


def _container_size(weights: Weights) -> float:
    """Return the size of a checkpoint at the default level."""
    with checkpoints.directory() as place:
        sources = [tensor_source(name, array) for name, array in weights.items()]
        return float(write_checkpoint(f"{place}/weights", sources, format="msgpack-zstd").nbytes)


def _zstd_size(weights: Weights) -> float:
    """Return the size of the values, compressed one by one."""
    compressor = zstandard.ZstdCompressor(level=1)
    return float(sum(len(compressor.compress(array.tobytes())) for array in weights.values()))


def _sized(make: Callable[[], Weights], size: Callable[[Weights], float]) -> Factory:
    """Return a contestant that measures a size."""
    return ready(lambda: single(lambda: size(make())))


def _blob(weights: Weights) -> bytes:
    """Return weights as one compressed msgpack message."""
    entries = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in weights.items()}
    return zstandard.ZstdCompressor(level=1).compress(msgpack.packb(entries))


@contextmanager
def _blob_saving() -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        weights = checkpoints.minilm()

        def save() -> None:
            with open(f"{place}/blob", "wb") as file:
                file.write(_blob(weights))

        yield stepping(save)


@contextmanager
def _blob_restoring() -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        with open(f"{place}/blob", "wb") as file:
            file.write(_blob(checkpoints.minilm()))

        def load() -> list[Any]:
            with open(f"{place}/blob", "rb") as file:
                entries = msgpack.unpackb(zstandard.ZstdDecompressor().decompress(file.read()))
            return [np.frombuffer(data, dtype).reshape(shape).copy() for dtype, shape, data in entries.values()]

        yield stepping(load, load)


@contextmanager
def _saving(*, sync: bool) -> Iterator[Contestant]:
    with checkpoints.directory() as place, Model(checkpoints.minilm(), f"{place}/m.ckpt", None, sync=sync) as model:
        yield stepping(model.save)


@contextmanager
def _restoring() -> Iterator[Contestant]:
    with checkpoints.directory() as place, Model(checkpoints.minilm(), f"{place}/m.ckpt", None, sync=False) as model:
        model.save()
        yield Contestant(lambda _: model.restore_time(), model.restored, repeatable=False)


@contextmanager
def _raw_saving(*, sync: bool) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        arrays = list(checkpoints.minilm().values())
        yield stepping(lambda: checkpoints.write_raw(f"{place}/raw", arrays, sync=sync))


def _size_row(name: str, dtype: str, make: Callable[[], Weights], most: float) -> Row:
    """Return the row of a size."""
    return Row(
        name,
        f"size of the weights of MiniLM in {dtype}, default level; baseline: the arrays",
        {
            "the arrays": _sized(make, _nbytes),
            "zstd": _sized(make, _zstd_size),
            "holdfast": _sized(make, _container_size),
        },
        baseline="the arrays",
        targets=[Target(most, "the arrays")],
        unit="B",
        group=_GROUP,
        slow=True,
    )


ROWS = [
    _size_row("weights-size", "float32", checkpoints.minilm, 0.84),
    _size_row("weights-size-bfloat16", "bfloat16", _bfloat16, 0.69),
    Row(
        "weights-save",
        "saving them (91 MB), default level; baseline: a compressed msgpack message",
        {"blob": _blob_saving, "raw": partial(_raw_saving, sync=False), "holdfast": partial(_saving, sync=False)},
        baseline="blob",
        peers=("orbax",),
        targets=[Target(0.080)],
        group=_GROUP,
        slow=True,
    ),
    Row(
        "weights-save-durable",
        "the same with fsync; baseline: the bytes as they are, with fsync",
        {"raw": partial(_raw_saving, sync=True), "holdfast": partial(_saving, sync=True)},
        baseline="raw",
        targets=[Target(0.110)],
        group=_GROUP,
        slow=True,
    ),
    Row(
        "weights-restore",
        "restoring them into variables; baseline: a compressed msgpack message",
        {"blob": _blob_restoring, "holdfast": _restoring},
        baseline="blob",
        peers=("orbax",),
        targets=[Target(0.055)],
        group=_GROUP,
        slow=True,
    ),
]
