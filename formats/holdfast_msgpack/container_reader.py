"""Reading: every byte that is handed out was compared with its digest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import Entry, Index, ReadableFile
from holdfast.errors import CheckpointLimitError, InvalidArgumentError, NotFoundError
from holdfast_msgpack import layout
from holdfast_msgpack.chunk_reader import ChunkReader
from holdfast_msgpack.index import read_index
from holdfast_msgpack.regions import bounded
from holdfast_msgpack.tensor_reader import TensorReader


class ContainerReader:
    """Implementation of :class:`holdfast.contracts.BulkReader`.

    Parameters
    ----------
    file
        The open file; whoever opened it closes it.
    threads
        Threads that read, check and decode.
    mapped
        Whether tensors that are stored as they are become mapped memory.
    uint_views
        Whether bfloat16 and float8 are read as unsigned integers.
    """

    def __init__(self, file: ReadableFile, *, threads: int, mapped: bool = False, uint_views: bool = False) -> None:
        index = read_index(file)
        self._path = file.path
        self._mapped = mapped
        self._tensors = index.tensors
        self._metadata = index.metadata
        self._stream = ChunkReader(file, index.chunks, threads)
        self._reader = TensorReader(file.path, index.tensors, self._stream, uint_views=uint_views)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata."""
        return MappingProxyType(self._metadata)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All tensors by name, in stored order."""
        return MappingProxyType(self._tensors.entries)

    def close(self) -> None:
        """Let go of threads; the file belongs to whoever opened it."""
        self._stream.close()

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor or a region of it."""
        [position] = self._positions([name])
        whole = self._tensors.kinds[position].shape
        region = bounded(index, whole, name)
        shape = tuple(part.stop - part.start for part in region)
        try:
            if self._mapped and out is None and shape == whole:
                mapped = self._reader.map(position)
                if mapped is not None:
                    return mapped
            result = np.empty(shape, self._reader.element(position)) if out is None else out
            if out is not None:
                self._check_out(name, position, shape, out)
            self._reader.fill(position, region, result)
        except MemoryError as error:
            raise self._too_large([name]) from error
        return result

    def read_many(self, names: Sequence[str]) -> list[NDArray[Any]]:
        """Return several tensors; chunks are decoded side by side, and each once."""
        try:
            return [self.read(name) for name in names] if self._mapped else self._read_many(self._positions(names))
        except MemoryError as error:
            raise self._too_large(names) from error

    def _positions(self, names: Sequence[str]) -> list[int]:
        """Return the positions of tensors."""
        known = self._tensors.positions
        positions = [known.get(name, -1) for name in names]
        if -1 in positions:
            name = names[positions.index(-1)]
            raise NotFoundError(None, None, f"Key {name[:200]!a} not found in checkpoint {self._path}")
        return positions

    def _read_many(self, positions: list[int]) -> list[NDArray[Any]]:
        """Return several tensors: those that share a chunk out of it, the others together."""
        chunks = self._tensors.chunks
        groups: dict[int, list[int]] = {}
        for number, position in enumerate(positions):
            chunk = chunks[position]
            group = groups.get(chunk)
            if group is None:
                groups[chunk] = [number]
            else:
                group.append(number)
        alone = groups.pop(-1, [])
        results: list[Any] = [None] * len(positions)
        for chunk, numbers in groups.items():
            if len(numbers) == 1:
                alone += numbers
                continue
            found = self._reader.read_shared(chunk, [positions[number] for number in numbers])
            for number, array in zip(numbers, found, strict=True):
                results[number] = array
        for number, array in zip(alone, self._reader.read_alone([positions[n] for n in alone]), strict=True):
            results[number] = array
        return results

    def _too_large(self, names: Sequence[str]) -> CheckpointLimitError:
        return CheckpointLimitError(
            path=self._path,
            field=f"tensor {names[0]}" if len(names) == 1 else f"{len(names):,} tensors",
            found=f"{sum(self._tensors.entries[name].nbytes for name in names):,} bytes",
            expected="what fits into memory",
            advice="Read a region, or fewer tensors at once",
        )

    def _check_out(self, name: str, position: int, shape: tuple[int, ...], out: NDArray[Any]) -> None:
        """Refuse an array that the values cannot be put into."""
        dtype = self._tensors.kinds[position].dtype
        # Whoever gives unsigned integers for one of these wants the bits.
        bits = dtype in layout.EXTENSIONS and out.dtype == layout.element_type(dtype)
        element = out.dtype if bits else self._reader.element(position)
        if out.shape != shape or out.dtype != element or not out.flags.c_contiguous or not out.flags.writeable:
            raise InvalidArgumentError(
                None,
                None,
                f"Tensor {name!r} is read into out, a {out.dtype} array of shape {list(out.shape)}; expected a "
                f"writable, C-contiguous {element} array of shape {list(shape)}.",
            )
