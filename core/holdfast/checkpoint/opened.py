"""An open checkpoint: its entries, checked, and its values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias, runtime_checkable

from numpy.typing import NDArray

from holdfast.checkpoint.metadata import CheckpointMetadata, decode_metadata
from holdfast.checkpoint.names import name_fault, printable
from holdfast.checkpoint.pieces import Piece, ReadRegion, read_pieces
from holdfast.checkpoint.slices import first_overlap, normal_index, slice_of
from holdfast.contracts import BulkReader, Entry, FormatSpec, Index, ReadableFile, Reader, Storage, TensorSlice
from holdfast.dtypes import as_dtype, string
from holdfast.errors import CorruptCheckpointError, NotFoundError, TruncatedCheckpointError


@runtime_checkable
class WholeFileReader(Protocol):
    """Optional ability of a reader: checks its files as a whole."""

    def verify_files(self) -> None:
        """Raise if a file is not what was written."""


Damaged: TypeAlias = CorruptCheckpointError | TruncatedCheckpointError
"""What damage gives."""
DamageNote: TypeAlias = Callable[[Damaged], None]
"""Adds to an error what its reader can do."""

_MOST_DIMENSIONS = 64
_MOST_ELEMENTS = 1 << 59  # so that the bytes of the widest dtype can be counted in 63 bits


class CheckpointInputs:
    """The files of one checkpoint, or of one part; an implementation of :class:`holdfast.contracts.Inputs`."""

    def __init__(self, path: str, prefix: str, spec: FormatSpec, storage: Storage) -> None:
        self.path = path
        self._prefix = prefix
        self._spec = spec
        self._storage = storage
        self._files: list[ReadableFile] = []

    def open(self, suffix: str) -> ReadableFile:
        """Open one of the files; the first is the one that was recognised, whatever its name."""
        file = self._storage.open(self.path if suffix == self._spec.suffixes[0] else self._prefix + suffix)
        self._files.append(file)
        return file

    def close(self) -> None:
        """Close all that was opened."""
        for file in self._files:
            file.close()


class OpenCheckpoint:
    """A checkpoint that is open for reading; closed at the end of a ``with`` block.

    Made by :func:`open_checkpoint`. Structure and names have been checked, values are checked as they are read.

    Parameters
    ----------
    path, prefix, spec, files, parts
        As the attributes.
    make_reader
        Opens the checkpoint.
    close_inputs
        Closes what that has opened, after the reader, and also where it failed.
    note
        Adds advice to errors of damage.
    """

    path: str
    """The file by which it was recognised."""
    prefix: str
    """Its path without the format's suffix."""
    spec: FormatSpec
    """The format it is in; of a checkpoint of several parts, the format of these."""
    files: tuple[str, ...]
    """Paths of all its files, that one first by which it was recognised."""
    parts: int
    """How many parts it is stored in."""
    integrity: Literal["digest", "crc", "none"]
    """What notices damage to values, as ``FormatSpec.integrity``; a manifest has digests where the format has none."""
    metadata: CheckpointMetadata
    """What it says about itself."""

    def __init__(
        self,
        path: str,
        prefix: str,
        spec: FormatSpec,
        files: tuple[str, ...],
        make_reader: Callable[[], Reader],
        close_inputs: Callable[[], None],
        note: DamageNote | None = None,
        *,
        parts: int = 1,
    ) -> None:
        self.path, self.prefix, self.spec, self.files, self.parts = path, prefix, spec, files, parts
        self._note = note
        self._close_inputs = close_inputs
        try:
            self._reader = make_reader()
            try:
                self.integrity = "digest" if isinstance(self._reader, WholeFileReader) else spec.integrity
                self.metadata = decode_metadata(self._reader.metadata, path)
                self._entries = self._checked_entries()
            except BaseException:
                self._reader.close()
                raise
        except BaseException:
            close_inputs()
            raise

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All tensors by name, in stored order."""
        return MappingProxyType(self._entries)

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor or a region of it, verified.

        Parameters
        ----------
        name
            The tensor.
        index
            One slice with step 1 a dimension; None for all of it.
        out
            Where to put the values: C-contiguous, of the right shape and dtype. What it holds after an error is
            undefined.

        Returns
        -------
        A fresh writable array on the host, or `out`. Strings are bytes in an object array.

        Raises
        ------
        NotFoundError
            If there is no such tensor, or the region is not stored.
        InvalidArgumentError
            If `index` or `out` does not fit.
        CorruptCheckpointError
            If the stored values are damaged.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise NotFoundError(None, None, f"Key {escaped_key(name)} not found in checkpoint")
        region = None if index is None else normal_index(index, entry.shape, name)
        try:
            if name in self._pieces:
                wanted = slice_of(region or normal_index(None, entry.shape, name))
                return read_pieces(name, entry, self._pieces[name], wanted, out, self.path)
            return self._reader.read(name, index=region, out=out)
        except (CorruptCheckpointError, TruncatedCheckpointError) as error:
            if self._note is not None:
                self._note(error)
            raise

    def read_many(self, names: Sequence[str]) -> list[NDArray[Any]]:
        """Return several tensors, each as :meth:`read` does; quicker, where the format can read many at once.

        Raises what :meth:`read` raises, for the first that cannot be read.
        """
        simple = not self._pieces and self._entries.keys() >= set(names)
        if not isinstance(self._reader, BulkReader) or not simple:
            return [self.read(name) for name in names]
        try:
            return self._reader.read_many(names)
        except (CorruptCheckpointError, TruncatedCheckpointError) as error:
            if self._note is not None:
                self._note(error)
            raise

    def verify_files(self) -> None:
        """Check what is known of the files as a whole, such as the digests in a manifest; reads all of them.

        Not every checkpoint has such digests. Those of its values are checked by :meth:`read`.

        Raises
        ------
        CorruptCheckpointError, TruncatedCheckpointError
            If a file is not what was written.
        """
        if isinstance(self._reader, WholeFileReader):
            self._reader.verify_files()

    def debug_string(self) -> str:
        """Return TensorFlow's list of tensors: ``w (DT_FLOAT) [2,3]`` on a line each, sorted by name."""
        return "".join(
            f"{escaped_key(name)} ({enum_name(entry)}) [{','.join(map(str, entry.shape))}]\n"
            for name, entry in sorted(self._entries.items())
        )

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        from holdfast.checkpoint.inspection import describe  # which is built on this module

        stored = sum(entry.stored_nbytes or 0 for entry in self._entries.values())
        return describe(self, sorted(self._entries), {}, stored)._repr_html_()

    def close(self) -> None:
        """Close the files. Closing twice is allowed."""
        self._reader.close()
        self._close_inputs()

    def __enter__(self) -> Self:
        """Return the checkpoint itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self.close()

    def _corrupt(self, field: str, found: object, expected: str) -> CorruptCheckpointError:
        return CorruptCheckpointError(path=self.path, field=field, found=found, expected=expected)

    def _checked_entries(self) -> dict[str, Entry]:
        """Return the entries as the format gives them, with tensors in parts put in the place of their parts."""
        entries = dict(self._reader.entries)
        checked: set[int] = set()  # formats may give one entry to many tensors
        for name, entry in entries.items():
            if not isinstance(name, str) or (fault := name_fault(name)):
                raise self._corrupt("name of a tensor", printable(str(name)), f"a valid name, but {fault}")
            if id(entry) not in checked:
                self._check_size(name, entry)
                checked.add(id(entry))
        self._pieces: dict[str, list[Piece]] = {}
        for name, described in self.metadata.partial.items():
            self._add_partial(name, described, entries)
        return entries

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse shapes that no array can have."""
        dimensions_fit = all(type(size) is int and size >= 0 for size in shape)
        if len(shape) > _MOST_DIMENSIONS or not dimensions_fit:
            raise self._corrupt(f"shape of tensor {printable(name)}", shape, "at most 64 sizes from 0 on")
        if math.prod(max(size, 1) for size in shape) >= _MOST_ELEMENTS:
            raise self._corrupt(f"shape of tensor {printable(name)}", shape, "sizes that an array can have")

    def _check_size(self, name: str, entry: Entry) -> None:
        """Refuse shapes that are none, and sizes that do not follow from them."""
        self._check_shape(name, entry.shape)
        expected = math.prod(entry.shape) * entry.dtype.size
        if entry.dtype != string and entry.nbytes != expected:
            raise self._corrupt(f"size of tensor {printable(name)}", f"{entry.nbytes:,} bytes", f"{expected:,} bytes")

    def _add_partial(self, name: str, described: Any, entries: dict[str, Entry]) -> None:
        """Replace the stored parts of one tensor by its own entry."""
        field = f"parts of tensor {printable(name)}"
        try:
            dtype, shape = as_dtype(described["dtype"]), tuple(described["shape"])
            parts = [(part[0], TensorSlice(tuple(part[1]), tuple(part[2]))) for part in described["parts"]]
            stored = [entries.pop(stored_name) for stored_name, _ in parts]
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise self._corrupt(field, error, "dtype, shape and stored parts") from error
        slices = [part for _, part in parts]
        numbers = [number for part in slices for number in (*part.start, *part.shape)] + list(shape)
        if name in entries or name_fault(name) or not parts or any(type(n) is not int or n < 0 for n in numbers):
            raise self._corrupt(field, described, "sizes from 0 on, under a valid name of its own")
        self._check_shape(name, shape)
        for part, entry in zip(slices, stored, strict=True):
            fits = len(part.start) == len(part.shape) == len(shape) and all(
                a + n <= size for a, n, size in zip(part.start, part.shape, shape, strict=True)
            )
            if not fits or entry.dtype != dtype or entry.shape != part.shape:
                raise self._corrupt(field, part, f"a part of {dtype.name} {list(shape)} of the stored shape")
        if first_overlap(slices):
            raise self._corrupt(field, slices, "parts that do not overlap")
        nbytes = sum(entry.nbytes for entry in stored) if dtype == string else math.prod(shape) * dtype.size
        sizes = [entry.stored_nbytes for entry in stored if entry.stored_nbytes is not None]
        entries[name] = Entry(
            dtype=dtype,
            shape=shape,
            nbytes=nbytes,
            slices=tuple(slices),
            stored_nbytes=sum(sizes) if len(sizes) == len(stored) else None,
            codec=stored[0].codec,
        )
        self._pieces[name] = [Piece(part, self._reading(stored_name)) for stored_name, part in parts]

    def _reading(self, stored: str) -> ReadRegion:
        """Return how to read a stored tensor."""
        return lambda index, out: self._reader.read(stored, index=index, out=out)


def escaped_key(name: str) -> str:
    """Return a name for a message, escaped and cut, without quotes: TensorFlow's messages have none."""
    return printable(name)[1:-1]


_ENUM_NAMES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}


def enum_name(entry: Entry) -> str:
    """Return the name of an entry's type in TensorFlow's enumeration: ``DT_FLOAT``."""
    return f"DT_{_ENUM_NAMES.get(entry.dtype.name, entry.dtype.name.upper())}"
