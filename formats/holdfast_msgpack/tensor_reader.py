"""From chunks to the values of tensors: regions, strings, mapped memory."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Index
from holdfast.dtypes import as_dtype
from holdfast.errors import CorruptCheckpointError, UnsupportedCheckpointError
from holdfast_msgpack import layout
from holdfast_msgpack.chunk_reader import ChunkReader, Stretch
from holdfast_msgpack.regions import Band, bands, contiguous_start
from holdfast_msgpack.strings import END_BYTES, split_strings
from holdfast_msgpack.tensor_table import TensorTable

_BIG = sys.byteorder == "big"
_STRING_BYTES = 64  # what a string takes in memory besides its contents, about


class TensorReader:
    """Reads tensors by position.

    Parameters
    ----------
    path
        The file, for messages.
    tensors
        What they are.
    stream
        Where their bytes are.
    uint_views
        Whether bfloat16 and float8 are read as unsigned integers.
    """

    def __init__(self, path: str, tensors: TensorTable, stream: ChunkReader, *, uint_views: bool) -> None:
        self._path = path
        self._tensors = tensors
        self._stream = stream
        self._uint_views = uint_views
        self._elements: dict[str, np.dtype[Any]] = {}

    def element(self, position: int) -> np.dtype[Any]:
        """Return NumPy's type of a tensor's elements in memory."""
        dtype = self._tensors.kinds[position].dtype
        found = self._elements.get(dtype)
        if found is None:
            found = self._elements[dtype] = self._find_element(position, dtype)
        return found

    def fill(self, position: int, region: Index, result: NDArray[Any]) -> None:
        """Read the values of a region."""
        dtype, shape, _ = self._tensors.kinds[position]
        if not result.size:
            return
        if dtype == layout.STRING:
            for band in bands(region, shape, _STRING_BYTES):
                result[band.outer] = self._strings(position, band)[band.inner]
            return
        start, item_bytes = self._tensors.starts[position], result.itemsize
        first = contiguous_start(region, shape)
        if first is not None:
            self._stream.read([Stretch(start + first * item_bytes, layout.bytes_of(result))])
        else:
            for band in bands(region, shape, item_bytes):
                values = np.empty(band.shape, result.dtype)
                self._stream.read([Stretch(start + band.start * item_bytes, layout.bytes_of(values))])
                result[band.outer] = values[band.inner]
        self.finish(position, result)

    def read_shared(self, chunk: int, positions: list[int]) -> list[NDArray[Any]]:
        """Return tensors that share a chunk, as arrays of their own."""
        begin, data = self._stream.chunk(chunk)
        results: list[NDArray[Any]] = []
        for run in self._alike(positions):
            dtype = self._tensors.kinds[run[0]].dtype
            if dtype == layout.STRING:
                results += [self.whole(position) for position in run]
                continue
            found = self._copies(run, [self._tensors.starts[position] - begin for position in run], data)
            if dtype == "bool" or _BIG:
                for position, result in zip(run, found, strict=True):
                    self.finish(position, result)
            results += found
        return results

    def _copies(self, run: list[int], starts: list[int], data: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Return tensors of one kind out of a chunk."""
        _, shape, size = self._tensors.kinds[run[0]]
        element = self.element(run[0])
        if starts != list(range(starts[0], starts[0] + len(run) * size, size)):
            return [np.ndarray(shape, element, data, start).copy() for start in starts]
        # Ten thousand small variables are mostly some thousands of one kind, one after the other.
        block: NDArray[Any] = np.ndarray((len(run), *(shape or (1,))), element, data, starts[0])
        return [row.copy() for row in block] if shape else [row.reshape(()).copy() for row in block]

    def _alike(self, positions: list[int]) -> Iterator[list[int]]:
        """Yield the positions in runs of tensors of one kind."""
        kinds = np.fromiter(map(id, map(self._tensors.kinds.__getitem__, positions)), np.int64, len(positions))
        cuts = np.flatnonzero(kinds[1:] != kinds[:-1]) + 1
        for start, end in pairwise([0, *cuts.tolist(), len(positions)]):
            yield positions[start:end]

    def read_alone(self, positions: list[int]) -> list[NDArray[Any]]:
        """Return tensors that have chunks of their own; all chunks side by side."""
        results: list[NDArray[Any]] = []
        stretches: list[Stretch] = []
        for position in positions:
            dtype, shape, size = self._tensors.kinds[position]
            result = self.whole(position) if dtype == layout.STRING else np.empty(shape, self.element(position))
            results.append(result)
            if size and dtype != layout.STRING:
                stretches.append(Stretch(self._tensors.starts[position], layout.bytes_of(result)))
        self._stream.read(stretches)
        for position, result in zip(positions, results, strict=True):
            self.finish(position, result)
        return results

    def whole(self, position: int) -> NDArray[Any]:
        """Return a tensor."""
        shape = self._tensors.kinds[position].shape
        result: NDArray[Any] = np.empty(shape, self.element(position))
        self.fill(position, tuple(slice(0, size) for size in shape), result)
        return result

    def map(self, position: int) -> NDArray[Any] | None:
        """Return a tensor as mapped memory; None if it is not stored so."""
        dtype, shape, size = self._tensors.kinds[position]
        if dtype == layout.STRING or not size or _BIG:
            return None
        memory = self._stream.map(self._tensors.starts[position], size)
        if memory is None:
            return None
        result = memory.view(self.element(position)).reshape(shape)
        self.finish(position, result)
        return result

    def finish(self, position: int, result: NDArray[Any]) -> None:
        """Bring values into this machine's byte order; refuse bytes that are no bool."""
        dtype = self._tensors.kinds[position].dtype
        if _BIG and dtype != layout.STRING:
            result.byteswap(inplace=True)
        if dtype == "bool" and result.view(np.uint8).max(initial=0) > 1:
            raise self._fault("values", position, "bytes other than 0 and 1", "0 or 1 for each bool")

    def _fault(self, what: str, position: int, found: object, expected: str) -> CorruptCheckpointError:
        field = f"{what} of tensor {self._tensors.names[position]}"
        return CorruptCheckpointError(path=self._path, field=field, found=found, expected=expected)

    def _find_element(self, position: int, dtype: str) -> np.dtype[Any]:
        """Return NumPy's type for a dtype; it may not be installed."""
        if self._uint_views and dtype in layout.EXTENSIONS:
            bits: np.dtype[Any] = layout.element_type(dtype).newbyteorder("=")
            return bits
        try:
            found: np.dtype[Any] = np.dtype(as_dtype(dtype).as_numpy_dtype)
            return found
        except TypeError as error:
            raise UnsupportedCheckpointError(
                path=self._path,
                field=f"dtype of tensor {self._tensors.names[position]}",
                found=dtype,
                expected="a dtype that is installed",
                advice=f"{error}. Or read its bits: option uint_views, or an array of unsigned integers as out",
            ) from error

    def _strings(self, position: int, band: Band) -> NDArray[Any]:
        """Return consecutive strings."""
        start, (_, shape, ends_bytes) = self._tensors.starts[position], self._tensors.kinds[position]
        total = self._tensors.sizes[position] - ends_bytes
        count, before = math.prod(band.shape), min(band.start, 1)
        # Where the first begins is where the one before it ends.
        ends = np.empty(before + count, np.dtype("<u8"))
        self._stream.read([Stretch(start + END_BYTES * (band.start - before), layout.bytes_of(ends))])
        bounds: list[int] = ends.tolist() if before else [0, *ends.tolist()]
        wrong = next((f"{end} after {begin}" for begin, end in pairwise(bounds) if end < begin), None)
        if bounds[-1] > total or (band.start + count == math.prod(shape) and bounds[-1] != total):
            wrong = f"{bounds[-1]} at the end"
        if wrong is not None:
            raise self._fault("ends of the strings", position, wrong, f"numbers that grow to {total}")
        data = np.empty(bounds[-1] - bounds[0], np.uint8)
        if len(data):
            self._stream.read([Stretch(start + ends_bytes + bounds[0], data)])
        return split_strings(data.tobytes(), [bound - bounds[0] for bound in bounds], band.shape)
