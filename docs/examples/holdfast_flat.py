"""A plug-in with a checkpoint format in one file: the values, then a description of them, with digests of both."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Entry, FormatSpec, Index, Inputs, Outputs, ReadableFile, TensorSource
from holdfast.dtypes import as_dtype
from holdfast.errors import CorruptCheckpointError, InvalidArgumentError, NotFoundError, TruncatedCheckpointError
from holdfast.plugins.hookspecs import hookimpl
from holdfast.plugins.registry import FormatRegistry

MAGIC = b"FLAT-1\r\n"
HELD = ("float32", "float64", "int32", "int64", "uint8", "bool")
FOOTER = 40  # the length of the description, and its digest


def digest(data: Any) -> bytes:
    """Return what is compared when the data is read."""
    return hashlib.blake2b(data, digest_size=32).digest()


class FlatFormat:
    """Writes and opens files."""

    def write(self, outputs: Outputs, tensors: Sequence[TensorSource], metadata: Mapping[str, Any]) -> None:
        """Write everything in one pass, a tensor at a time."""
        for source in tensors:
            if source.dtype.name not in HELD:
                raise InvalidArgumentError(
                    None, None, f"Tensor {source.name!r}: flat does not hold {source.dtype.name}."
                )
        file = outputs.create(".flat")
        file.write(MAGIC)
        described = []
        for source in tensors:
            data = source.read().tobytes()
            described.append([source.name, source.dtype.name, list(source.shape), digest(data).hex()])
            file.write(data)
        text = json.dumps([described, metadata]).encode()
        ending = len(text).to_bytes(8, "little")
        file.write(text + ending + digest(text + ending))

    def open(self, inputs: Inputs) -> FlatReader:
        """Open a file; the engine closes it."""
        return FlatReader(inputs.open(".flat"))


class FlatReader:
    """Checks all of the structure at once, and values as they are read."""

    def __init__(self, file: ReadableFile) -> None:
        self._file = file
        if file.size < len(MAGIC) + FOOTER:
            raise TruncatedCheckpointError(path=file.path, field="length", found=file.size, expected="a whole file")
        ending = file.read_at(file.size - FOOTER, FOOTER)
        length = int.from_bytes(ending[:8], "little")
        start = file.size - FOOTER - length
        if start < len(MAGIC):
            raise self._corrupt("length of the description", length, "less than the file")
        text = file.read_at(start, length)
        if digest(text + ending[:8]) != ending[8:] or file.read_at(0, len(MAGIC)) != MAGIC:
            raise self._corrupt("description", "another digest", "the digest that stands in the file")
        try:
            tensors, self.metadata = json.loads(text)
            self._take(tensors, start)
        except (ValueError, TypeError, KeyError) as error:
            raise self._corrupt("description", error, "tensors and metadata") from error

    def _corrupt(self, field: str, found: object, expected: str) -> CorruptCheckpointError:
        return CorruptCheckpointError(path=self._file.path, field=field, found=found, expected=expected)

    def _take(self, tensors: Any, end: int) -> None:
        """Check each entry: the digest says that the file is undamaged, not that whoever made it meant well."""
        self.entries: dict[str, Entry] = {}
        self._places: dict[str, tuple[int, bytes]] = {}
        position = len(MAGIC)
        for name, dtype_name, shape, expected in tensors:
            if (
                dtype_name not in HELD
                or name in self.entries
                or any(type(size) is not int or size < 0 for size in shape)
            ):
                raise ValueError(f"tensor {name!r}")
            dtype = as_dtype(dtype_name)
            nbytes = math.prod(shape) * dtype.size
            self.entries[name] = Entry(dtype=dtype, shape=tuple(shape), nbytes=nbytes, codec="flat")
            self._places[name] = position, bytes.fromhex(expected)
            position += nbytes
        if position != end:
            raise ValueError(f"values up to byte {end}, but the tensors end at {position}")

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read a tensor or a region of it, after the digest of all of it."""
        entry = self.entries.get(name)
        if entry is None:
            raise NotFoundError(None, None, f"Key {name} not found in checkpoint")
        if index is not None and (len(index) != len(entry.shape) or any(part.step not in {None, 1} for part in index)):
            raise InvalidArgumentError(None, None, f"{index} is no region of {name!r}.")
        start, expected = self._places[name]
        data = bytearray(self._file.read_at(start, entry.nbytes))
        if digest(data) != expected:
            raise self._corrupt(f"digest of tensor {name}", "another", expected.hex())
        whole = np.frombuffer(data, entry.dtype.as_numpy_dtype).reshape(entry.shape)
        result = whole if index is None else whole[index].copy()
        if out is None:
            return result
        if (out.shape, out.dtype, out.flags.c_contiguous) != (result.shape, result.dtype, True):
            raise InvalidArgumentError(None, None, f"out does not fit {name!r}.")
        out[...] = result
        return out

    def close(self) -> None:
        """Release nothing."""


def make(options: Mapping[str, Any]) -> FlatFormat:
    """Make the format from its options, of which it has none."""
    if options:
        raise ValueError(f"Format flat has no option {next(iter(options))!r}.")
    return FlatFormat()


SPEC = FormatSpec(name="flat", suffixes=(".flat",), magic=((0, MAGIC),), factory=make, integrity="digest")


@hookimpl
def register_formats(registry: FormatRegistry) -> None:
    """Add the format."""
    registry.add(SPEC)
