"""What tests of the container share: files in memory and on the disk, and the parts that readers touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint import local_storage, tensor_source
from holdfast.contracts import Reader
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs, MemoryReadableFile
from holdfast_msgpack import SPEC

CHUNK = 1 << 20


def written(tensors: Mapping[str, NDArray[Any]], metadata: dict[str, Any] | None = None, **options: Any) -> bytes:
    """Return a file."""
    outputs = MemoryOutputs(SPEC)
    sources = [tensor_source(name, array) for name, array in tensors.items()]
    SPEC.factory(options).write(outputs, sources, metadata or {})
    return outputs.contents[".holdfast"]


def opened(data: bytes, **options: Any) -> Reader:
    """Open a file in memory."""
    return SPEC.factory(options).open(MemoryInputs(SPEC, {".holdfast": data}))


def weights(count: int, dtype: Any = np.float32) -> NDArray[Any]:
    """Return numbers as weights are: only their signs and exponents are worth compressing."""
    return np.random.default_rng(0).normal(scale=0.02, size=count).astype(dtype)


class CountingFile(MemoryReadableFile):
    """Notes what is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__("memory.holdfast", data)
        self.reads: list[tuple[int, int]] = []

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return super().read_at(offset, length)


class OneFile:
    """Inputs of a file that is given."""

    def __init__(self, file: Any) -> None:
        self.path = str(file.path)
        self._file = file

    def open(self, suffix: str) -> Any:
        return self._file


def local(tmp_path: Path, data: bytes) -> Callable[..., Any]:
    """Write a file and return a function that opens it with options."""
    path = tmp_path / "m.holdfast"
    path.write_bytes(data)

    def open_with(**options: Any) -> tuple[Any, Any]:
        file = local_storage().open(str(path))
        return SPEC.factory(options).open(OneFile(file)), file

    return open_with
