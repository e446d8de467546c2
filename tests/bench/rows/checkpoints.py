"""Saving and restoring: many bytes, many tensors, while training goes on, and real weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgpack
import numpy as np

from holdfast.checkpoint import open_checkpoint
from tests.bench.checkpoint_models import Model
from tests.bench.row import Contestant, Factory, Row, Target, single, stepping
from tests.bench.workloads import checkpoints
from tests.bench.workloads.checkpoints import Arrays

_GROUP = "Checkpoints"
_PEERS = ("safetensors", "h5py", "torch", "tf1", "orbax")
_LEVEL_0 = {"level": 0}
_STEPS = 60


@contextmanager
def _model(make: Callable[[], Arrays], options: Mapping[str, Any] | None, *, sync: bool) -> Iterator[Model]:
    """Set a graph up whose variables have these values."""
    with checkpoints.directory() as place, Model(make(), f"{place}/model.ckpt", options, sync=sync) as model:
        yield model


@contextmanager
def _saving(
    make: Callable[[], Arrays], options: Mapping[str, Any] | None = None, *, sync: bool
) -> Iterator[Contestant]:
    with _model(make, options, sync=sync) as model:
        yield stepping(model.save)


@contextmanager
def _restoring(make: Callable[[], Arrays], options: Mapping[str, Any] | None = None) -> Iterator[Contestant]:
    with _model(make, options, sync=False) as model:
        model.save()
        yield Contestant(lambda _: model.restore_time(), model.restored, repeatable=False)


@contextmanager
def _raw_saving(make: Callable[[], Arrays], *, sync: bool) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        arrays = list(make().values())
        yield stepping(partial(checkpoints.write_raw, f"{place}/raw", arrays, sync=sync))


@contextmanager
def _raw_restoring(make: Callable[[], Arrays]) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        arrays = make()
        checkpoints.write_raw(f"{place}/raw", list(arrays.values()), sync=False)
        shapes = {name: array.shape for name, array in arrays.items()}
        read = partial(checkpoints.read_raw, f"{place}/raw", shapes)
        yield stepping(read, lambda: list(read().values()))


@contextmanager
def _npz_saving(make: Callable[[], Arrays]) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        arrays: dict[str, Any] = make()
        yield stepping(lambda: np.savez(f"{place}/arrays.npz", **arrays))


def _packed(arrays: Arrays) -> bytes:
    """Return arrays as one msgpack message."""
    entries = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
    packed: bytes = msgpack.packb(entries)
    return packed


@contextmanager
def _msgpack_saving(make: Callable[[], Arrays]) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        arrays = make()

        def save() -> None:
            with open(f"{place}/blob", "wb") as file:
                file.write(_packed(arrays))

        yield stepping(save)


@contextmanager
def _msgpack_restoring(make: Callable[[], Arrays]) -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        with open(f"{place}/blob", "wb") as file:
            file.write(_packed(make()))

        def load() -> list[Any]:
            with open(f"{place}/blob", "rb") as file:
                entries = msgpack.unpackb(file.read())
            return [np.frombuffer(data, dtype).reshape(shape).copy() for dtype, shape, data in entries.values()]

        yield stepping(load, load)


@contextmanager
def _blocked() -> Iterator[Contestant]:
    with _model(checkpoints.large, _LEVEL_0, sync=True) as model:

        def blocked() -> float:
            start = time.perf_counter()
            pending = model.save(block=False)
            took = time.perf_counter() - start
            pending.result()
            return took

        yield single(blocked)


@contextmanager
def _training(worst: bool, *, saving: bool) -> Iterator[Contestant]:
    """Measure the longest step, or the usual one, of a loop in which each changes another variable of 16 MiB."""
    with _model(checkpoints.large, _LEVEL_0, sync=True) as model:
        steps = model.updates()

        def measured() -> float:
            pending = model.save(block=False) if saving else None
            times: list[float] = []
            while (len(times) < _STEPS) if pending is None else not pending.done():
                start = time.perf_counter()
                steps[len(times) % len(steps)]()
                times.append(time.perf_counter() - start)
            if pending is not None:
                pending.result()
            return float(max(times) if worst else np.median(times))

        yield single(measured)


@contextmanager
def _one_tensor() -> Iterator[Contestant]:
    with _model(checkpoints.large, _LEVEL_0, sync=False) as model:
        model.save()

        def read() -> Any:
            with open_checkpoint(model.prefix) as checkpoint:
                return checkpoint.read(checkpoints.ONE)

        yield stepping(read, lambda: [read()])


@contextmanager
def _raw_one_tensor() -> Iterator[Contestant]:
    with checkpoints.directory() as place:
        array = checkpoints.large()[checkpoints.ONE]
        checkpoints.write_raw(f"{place}/raw", [array], sync=False)
        read = partial(checkpoints.read_raw, f"{place}/raw", {"": array.shape})
        yield stepping(read, lambda: list(read().values()))


def _sync_pair(name: str, title: str, most: float, make: Callable[[], Arrays], options: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a save without and with fsync."""
    rows = []
    for sync in (False, True):
        contestants: dict[str, Factory] = {
            "raw": partial(_raw_saving, make, sync=sync),
            "holdfast": partial(_saving, make, options, sync=sync),
        }
        if not sync:
            contestants["npz"] = partial(_npz_saving, make)
        rows.append(
            Row(
                name + ("-durable" if sync else ""),
                f"{title}, {'with' if sync else 'without'} fsync; baseline: writev of the same bytes",
                contestants,
                baseline="raw",
                peers=() if sync else _PEERS,
                targets=[Target(most, "raw")],
                group=_GROUP,
                slow=True,
            )
        )
    return rows


ROWS = [
    *_sync_pair("checkpoint-save", "saving 1 GiB of float32 at level 0", 1.08, checkpoints.large, _LEVEL_0),
    Row(
        "checkpoint-restore",
        "restoring it into variables, every digest checked; baseline: readv into fresh memory",
        {
            "raw": partial(_raw_restoring, checkpoints.large),
            "holdfast": partial(_restoring, checkpoints.large, _LEVEL_0),
        },
        baseline="raw",
        peers=_PEERS,
        targets=[Target(1.3, "raw")],
        group=_GROUP,
        slow=True,
    ),
    Row(
        "checkpoint-blocked",
        "how long save(block=False) of 1 GiB blocks training",
        {"holdfast": _blocked},
        peers=("orbax",),
        targets=[Target(0.001)],
        group=_GROUP,
        slow=True,
    ),
    *(
        Row(
            f"checkpoint-step-{kind}",
            f"the {kind} step of a loop that changes 16 MiB a step while 1 GiB is saved; baseline: without a save",
            {
                "no save": partial(_training, kind == "worst", saving=False),
                "holdfast": partial(_training, kind == "worst", saving=True),
            },
            baseline="no save",
            targets=[Target(1.5, "no save")] if kind == "median" else [],
            group=_GROUP,
            slow=True,
        )
        for kind in ("median", "worst")
    ),
    Row(
        "checkpoint-one-tensor",
        "reading one tensor of 16 MiB out of 1 GiB; baseline: readv of a file with it alone",
        {"raw": _raw_one_tensor, "holdfast": _one_tensor},
        baseline="raw",
        peers=("safetensors", "h5py", "tf1"),
        targets=[Target(0.002)],
        group=_GROUP,
        slow=True,
    ),
    Row(
        "checkpoint-small-save",
        "saving 10,000 tensors of 16 floats; baseline: one msgpack message",
        {
            "raw": partial(_raw_saving, checkpoints.small, sync=False),
            "msgpack": partial(_msgpack_saving, checkpoints.small),
            "holdfast": partial(_saving, checkpoints.small, sync=False),
        },
        baseline="msgpack",
        peers=("safetensors", "torch", "tf1"),
        targets=[Target(0.020)],
        group=_GROUP,
        slow=True,
    ),
    Row(
        "checkpoint-small-restore",
        "restoring them into variables; baseline: one msgpack message",
        {
            "raw": partial(_raw_restoring, checkpoints.small),
            "msgpack": partial(_msgpack_restoring, checkpoints.small),
            "holdfast": partial(_restoring, checkpoints.small),
        },
        baseline="msgpack",
        peers=("safetensors", "torch", "tf1"),
        targets=[Target(0.020)],
        group=_GROUP,
        slow=True,
    ),
]
