"""Threads and memory of the container."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import tensor_source
from holdfast.errors import (
    CorruptCheckpointError,
)
from holdfast.testing.format_suite import same
from holdfast.testing.memory_files import MemoryOutputs
from holdfast_msgpack import SPEC
from tests.formats.container_files import CHUNK, local, opened, weights, written
from tests.formats.container_parts import take_apart


@pytest.mark.parametrize("threads", [1, 4])
def test_no_thread_stays(threads: int) -> None:
    """Threads end with the save, also when it fails, and with the reader."""
    array = weights(5 * CHUNK)
    before = threading.active_count()
    data = written({"w": array}, threads=threads)
    assert threading.active_count() == before
    with pytest.raises(OSError, match="No space left"):
        SPEC.factory({"threads": threads}).write(MemoryOutputs(SPEC, 3 * CHUNK), [tensor_source("w", array)], {})
    assert threading.active_count() == before
    reader = opened(data, threads=threads)
    assert same(reader.read("w"), array)
    reader.close()
    reader.close()
    assert threading.active_count() == before


class Nowhere:
    """A file that keeps nothing."""

    path = "nowhere"

    def create(self, suffix: str) -> Any:
        return self

    def write(self, data: Any) -> int:
        return len(memoryview(data).cast("B"))


@pytest.mark.parametrize("options", [{"level": 0, "threads": 2}, {"threads": 4}, {"level": 3, "threads": 1}], ids=str)
def test_memory_is_bounded(options: dict[str, Any], tmp_path: Path) -> None:
    """Saving and reading a large tensor takes a few chunks besides it."""
    array = np.resize(weights(CHUNK), 16 * CHUNK)
    reader, file = local(tmp_path, written({"w": array}, **options))(**options)
    out = np.empty_like(array)
    for action in (
        lambda: SPEC.factory(options).write(Nowhere(), [tensor_source("w", array)], {}),
        lambda: reader.read("w", out=out),
    ):
        tracemalloc.start()
        action()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 40 << 20
    assert same(out, array)
    reader.close()
    file.close()


@pytest.mark.parametrize("threads", [1, 4])
def test_damage_is_found_by_any_thread(threads: int) -> None:
    """One damaged chunk of many is the error of the read, and the reader stays usable."""
    tensors = {"good": weights(2 * CHUNK), "bad": weights(4 * CHUNK)}
    data = bytearray(written(tensors, threads=threads))
    offset = int.from_bytes(take_apart(bytes(data)).index["offset"][-8:], "little")
    data[offset + 9] ^= 0x10
    reader = opened(bytes(data), threads=threads)
    for _ in range(3):
        with pytest.raises(CorruptCheckpointError, match=r"digest of chunk \d+ at byte"):
            reader.read("bad")
    assert same(reader.read("good"), tensors["good"])
    reader.close()


def test_readers_are_shared_by_threads() -> None:
    """Several threads read from one reader at once."""
    tensors = {f"w{number}": weights(CHUNK // 8) * number for number in range(12)}
    tensors |= {f"small{number}": np.full(10, number) for number in range(50)}
    reader = opened(written(tensors), threads=3)
    wrong: list[str] = []

    def read_all(step: int) -> None:
        names = list(tensors)
        wrong.extend(name for name in names[step:] + names[:step] if not same(reader.read(name), tensors[name]))

    threads = [threading.Thread(target=read_all, args=(7 * step,)) for step in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.close()
    assert wrong == []


def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started, the reader's own does the work."""
    array = weights(4 * CHUNK)
    reader = opened(written({"w": array}), threads=4)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert same(reader.read("w"), array)
    reader.close()
