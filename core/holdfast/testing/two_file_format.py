"""A checkpoint format of two files without digests, for tests of the engine and of the format suite."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Entry, FormatSpec, Index, Inputs, Outputs, ReadableFile, TensorSource
from holdfast.dtypes import as_dtype
from holdfast.errors import CorruptCheckpointError, InvalidArgumentError, NotFoundError, TruncatedCheckpointError

_MAGIC = b"TWOFILES"
_HELD = frozenset(f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)) | {"bool"}


class TwoFileFormat:
    """An index in JSON, and the raw values one after the other in a second file."""

    def write(self, outputs: Outputs, tensors: Sequence[TensorSource], metadata: Mapping[str, Any]) -> None:
        """Write both files."""
        for source in tensors:
            if source.dtype.name not in _HELD:
                raise InvalidArgumentError(
                    None, None, f"Tensor {source.name!r}: the format does not hold {source.dtype.name}"
                )
        index = [[source.name, source.dtype.name, list(source.shape)] for source in tensors]
        outputs.create(".tidx").write(_MAGIC + json.dumps([index, metadata]).encode())
        data = outputs.create(".tdata")
        for source in tensors:
            data.write(source.read().tobytes())

    def open(self, inputs: Inputs) -> TwoFileReader:
        """Open both files and check what can be checked."""
        return TwoFileReader(inputs.open(".tidx"), inputs.open(".tdata"))


class TwoFileReader:
    """An open checkpoint of the format."""

    def __init__(self, index: ReadableFile, data: ReadableFile) -> None:
        self._data = data
        try:
            text = index.read_at(0, index.size).removeprefix(_MAGIC)
            tensors, metadata = json.loads(text.decode())
            self._set(tensors, metadata)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CorruptCheckpointError(
                path=index.path, field="index", found=type(error).__name__, expected="an index of tensors"
            ) from error
        if self._end != data.size:
            kind = TruncatedCheckpointError if data.size < self._end else CorruptCheckpointError
            raise kind(path=data.path, field="file length", found=data.size, expected=self._end)

    def _set(self, tensors: Any, metadata: Any) -> None:
        """Take over what the index says."""
        self.entries: dict[str, Entry] = {}
        self._offsets: dict[str, int] = {}
        self._end = 0
        self.metadata: Mapping[str, Any] = dict(metadata)
        for name, dtype_name, shape in tensors:
            dtype = as_dtype(dtype_name)
            if dtype.name not in _HELD or name in self.entries or any(type(n) is not int or n < 0 for n in shape):
                raise ValueError(name)
            nbytes = math.prod(shape) * dtype.size
            self.entries[name] = Entry(dtype=dtype, shape=tuple(shape), nbytes=nbytes, codec="raw")
            self._offsets[name] = self._end
            self._end += nbytes

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor or a region of it."""
        entry = self.entries.get(name)
        if entry is None:
            raise NotFoundError(None, None, f"Key {name} not found in checkpoint")
        if index is not None and (len(index) != len(entry.shape) or any(part.step not in {None, 1} for part in index)):
            raise InvalidArgumentError(None, None, f"{index} is no region of {name}")
        raw = self._data.read_at(self._offsets[name], entry.nbytes)
        values = np.frombuffer(bytearray(raw), entry.dtype.as_numpy_dtype).reshape(entry.shape)
        result = values if index is None else values[index].copy()
        if out is None:
            return result
        if out.shape != result.shape or out.dtype != result.dtype or not out.flags.c_contiguous:
            raise InvalidArgumentError(None, None, f"out does not fit {name}")
        out[...] = result
        return out

    def close(self) -> None:
        """Release nothing: whoever opened the files closes them."""


def _make(options: Mapping[str, Any]) -> TwoFileFormat:
    """Make the format, which has no options."""
    if options:
        raise ValueError(f"Format two-files has no option {next(iter(options))!r}.")
    return TwoFileFormat()


SPEC = FormatSpec(
    name="two-files",
    suffixes=(".tidx", ".tdata"),
    magic=((0, _MAGIC),),
    factory=_make,
    integrity="none",
    atomic_overwrite=False,
    summary="An index and raw values, for tests",
)
"""The format, to be given as ``formats=[SPEC]``."""
