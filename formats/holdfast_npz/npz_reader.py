"""Reading: every byte that is handed out was compared with its digest first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Entry, Index, ReadableFile
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    InvalidArgumentError,
    NotFoundError,
    UnsupportedCheckpointError,
)
from holdfast_npz.arrays import bytes_of, split_strings, swap_if_big
from holdfast_npz.index import ArrayMember, IndexParser, StoredTensor
from holdfast_npz.members import MemberReader
from holdfast_npz.tail import read_tail


class NpzReader:
    """Implementation of :class:`holdfast.contracts.Reader`.

    Parameters
    ----------
    file
        The open file; whoever opened it closes it.
    """

    def __init__(self, file: ReadableFile) -> None:
        self._file = file
        self._members = MemberReader(file)
        parser = IndexParser(file.path, read_tail(file))
        self._tensors = parser.tensors()
        self._metadata = parser.metadata()
        self._entries = {name: tensor.entry for name, tensor in self._tensors.items()}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata."""
        return MappingProxyType(self._metadata)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All tensors by name, in stored order."""
        return MappingProxyType(self._entries)

    def close(self) -> None:
        """Release what was unpacked; the file belongs to whoever opened it."""
        self._members.close()

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor or a region of it."""
        tensor = self._tensors.get(name)
        if tensor is None:
            raise NotFoundError(None, None, f"Key {name[:200]!a} not found in checkpoint {self._file.path}")
        shape = tensor.entry.shape
        region = tuple(slice(0, size) for size in shape) if index is None else _bounded(index, shape, name)
        try:
            result = self._destination(name, tensor, tuple(part.stop - part.start for part in region), out)
            if tensor.offsets is not None:
                self._fill_strings(name, tensor, tensor.offsets, region, result)
            elif region == tuple(slice(0, size) for size in shape):
                self._members.fill(tensor.values, 0, bytes_of(result), whole=True)
                swap_if_big(result)
            elif result.size:
                self._fill_region(tensor, region, result)
        except MemoryError as error:
            raise CheckpointLimitError(
                path=self._file.path,
                field=f"size of tensor {name}",
                found=f"{tensor.entry.nbytes:,} bytes",
                expected="what fits into memory",
            ) from error
        if tensor.entry.dtype.name == "bool" and result.view(np.uint8).max(initial=0) > 1:
            raise self._fault(f"values of tensor {name}", "bytes other than 0 and 1", "0 or 1 for each bool")
        return result

    def _fault(self, field: str, found: object, expected: object, offset: int | None = None) -> CorruptCheckpointError:
        return CorruptCheckpointError(path=self._file.path, field=field, found=found, expected=expected, offset=offset)

    def _destination(
        self, name: str, tensor: StoredTensor, shape: tuple[int, ...], out: NDArray[Any] | None
    ) -> NDArray[Any]:
        """Return the array that the values go to."""
        try:
            dtype = np.dtype(tensor.entry.dtype.as_numpy_dtype)
        except TypeError as error:
            raise UnsupportedCheckpointError(
                path=self._file.path,
                field=f"dtype of tensor {name}",
                found=tensor.entry.dtype.name,
                expected="a dtype that is installed",
                advice=str(error),
            ) from error
        if out is None:
            return np.empty(shape, dtype)
        if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
            raise InvalidArgumentError(
                None,
                None,
                f"Tensor {name!r} is read into out, a {out.dtype} array of shape {list(out.shape)}; expected a "
                f"writable, "
                f"C-contiguous {dtype} array of shape {list(shape)}.",
            )
        return out

    def _fill_region(self, tensor: StoredTensor, region: Index, result: NDArray[Any]) -> None:
        """Read the rows that a region lies in, and take the region out of them."""
        rows = Rows.around(region, tensor.entry.shape)
        direct = rows.size == result.size  # they are the region itself
        lines = result.reshape(rows.shape) if direct else np.empty(rows.shape, result.dtype)
        self._members.fill(tensor.values, rows.start * lines.dtype.itemsize, bytes_of(lines))
        swap_if_big(lines)
        if not direct:
            result[...] = lines[rows.inner].reshape(result.shape)

    def _fill_strings(
        self, name: str, tensor: StoredTensor, where: ArrayMember, region: Index, result: NDArray[Any]
    ) -> None:
        """Read the strings of the rows that a region lies in, and take the region out of them."""
        shape, total = tensor.entry.shape, tensor.entry.nbytes
        whole = region == tuple(slice(0, size) for size in shape)
        if not whole and not result.size:
            return
        rows = Rows(0, shape, ()) if whole else Rows.around(region, shape)
        offsets = np.empty(rows.size + 1, np.uint64)
        self._members.fill(where, 8 * rows.start, bytes_of(offsets), whole=whole)
        swap_if_big(offsets)
        first, last = int(offsets[0]), int(offsets[-1])
        ends = (first == 0 or rows.start > 0) and (last == total or rows.start + rows.size < math.prod(shape))
        if not ends or last > total or bool((offsets[1:] < offsets[:-1]).any()):
            raise self._fault(f"offsets of tensor {name}", "other offsets", f"offsets that grow from 0 to {total}")
        data = bytearray(last - first)
        self._members.fill(tensor.values, first, memoryview(data), whole=whole)
        strings = split_strings(bytes(data), offsets - offsets[0], rows.shape)
        result[...] = strings if whole else strings[rows.inner].reshape(result.shape)


@dataclass(frozen=True, slots=True)
class Rows:
    """The consecutive elements that a region lies in: what is read for it."""

    start: int
    """Position of the first in C order."""
    shape: tuple[int, ...]
    """The elements as an array."""
    inner: Index
    """The region in it."""

    @property
    def size(self) -> int:
        """How many elements they are."""
        return math.prod(self.shape)

    @classmethod
    def around(cls, region: Index, shape: tuple[int, ...]) -> Rows:
        """Return the rows around a region that is not empty."""
        start = depth = 0
        # Leading dimensions of which one index is wanted only move the start.
        while depth < len(shape) and region[depth].stop - region[depth].start == 1:
            start += region[depth].start * math.prod(shape[depth + 1 :])
            depth += 1
        rows = region[depth] if depth < len(shape) else slice(0, 1)
        rest = shape[depth + 1 :]
        start += rows.start * math.prod(rest) if depth < len(shape) else 0
        return cls(start, (rows.stop - rows.start, *rest), (slice(None), *region[depth + 1 :]))


def _bounded(index: Index, shape: tuple[int, ...], name: str) -> Index:
    """Return an index with its bounds filled in."""
    bounds = [part.indices(size) for part, size in zip(index, shape, strict=False)]
    if len(index) != len(shape) or any(step != 1 for _, _, step in bounds):
        raise InvalidArgumentError(
            None,
            None,
            f"Tensor {name!r} of shape {list(shape)} is read with one slice of step 1 a dimension, not {index}.",
        )
    return tuple(slice(start, max(start, stop)) for start, stop, _ in bounds)
