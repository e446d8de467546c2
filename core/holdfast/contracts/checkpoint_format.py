"""CheckpointFormat: how named tensors become files and files named tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from holdfast.contracts.backend import API_VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holdfast.contracts.storage import ReadableFile, WritableFile
    from holdfast.dtypes import DType

Index = tuple[slice, ...]
"""A region of a tensor: one slice with step 1 a dimension."""

MAX_METADATA_BYTES = 1 << 20
"""Most bytes that the metadata may take as UTF-8 JSON."""


@dataclass(frozen=True, slots=True)
class TensorSlice:
    """Where a stored part lies in its full tensor."""

    start: tuple[int, ...]
    """First index in each dimension."""
    shape: tuple[int, ...]
    """Extent in each dimension."""


class TensorSource(Protocol):
    """A tensor to be written: what it is, known at once; its values, read when their turn comes."""

    @property
    def name(self) -> str:
        """Unique among the tensors of a checkpoint; checked by the engine before a format sees it."""

    @property
    def dtype(self) -> DType:
        """Base dtype."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what :meth:`read` returns."""

    @property
    def nbytes(self) -> int:
        """Bytes of the values; for strings the sum of their lengths."""

    def read(self) -> NDArray[Any]:
        """Return the values: C-contiguous, native byte order, on the host; strings as an object array of bytes.

        The array is borrowed: a format must not write to it nor keep it after ``write`` returns. It calls this once for
        each tensor: what is saved while a session trains on is let go as soon as nobody refers to the array any more,
        and has other values afterwards.
        """


@runtime_checkable
class RangeSource(TensorSource, Protocol):
    """Optional ability of a source: its values piece by piece, for tensors that are larger than the memory.

    Sources that can do it are those of a checkpoint that is copied; arrays in memory need not. A format that writes
    in chunks asks ``isinstance(source, RangeSource)``, and reads what a chunk holds.
    """

    def read_range(self, start: int, stop: int) -> NDArray[Any]:
        """Return the elements `start` to `stop` in C order as a one-dimensional array, else as ``read`` does.

        The array is borrowed until the next call. Any range within the tensor may be read, any number of times; it
        has the same values each time. Going through the tensor from start to end is the quickest.
        """


class Outputs(Protocol):
    """The files that a format makes for one checkpoint; all are committed together, or none."""

    def create(self, suffix: str) -> WritableFile:
        """Create the append-only file ``<prefix><suffix>`` under a temporary name.

        ``suffix`` is one of the spec's, each at most once. The files become visible after ``write`` has returned, in
        the reverse
        order of ``FormatSpec.suffixes``: the first suffix, by which the format is recognised, comes last and is the
        commit. Files that
        were not closed are closed then.
        """


class Inputs(Protocol):
    """The files of one checkpoint, for reading."""

    path: str
    """Path of the file that was recognised by magic: what messages name."""

    def open(self, suffix: str) -> ReadableFile:
        """Open the file ``<prefix><suffix>``; whoever called ``CheckpointFormat.open`` closes it, after the reader.

        Raises
        ------
        NotFoundError
            If it is missing.
        """


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a checkpoint, without its values."""

    dtype: DType
    """Base dtype."""
    shape: tuple[int, ...]
    """Full shape."""
    nbytes: int
    """Bytes of the decoded values; for strings the sum of their lengths."""
    slices: tuple[TensorSlice, ...] = ()
    """The parts it is stored in; empty where it is whole."""
    stored_nbytes: int | None = None
    """Bytes in the file, where the format knows."""
    codec: str = ""
    """How it is stored, for ``holdfast inspect``."""


class Reader(Protocol):
    """An open checkpoint. Its structure was checked when it was opened; values are checked as they are read."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata that was written, as JSON values."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All tensors by name, in stored order."""

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor, or a region of it, as a fresh writable array, or in ``out``.

        ``out`` is C-contiguous; after an error its contents are undefined. Strings are bytes in an object array.

        Raises
        ------
        CorruptCheckpointError
            If what is stored fails its digest or cannot be decoded.
        NotFoundError
            If there is no such tensor.
        InvalidArgumentError
            If ``index`` or ``out`` does not fit the tensor.
        """

    def close(self) -> None:
        """Release what the reader holds. Closing twice is allowed."""


@runtime_checkable
class BulkReader(Reader, Protocol):
    """Optional ability of a reader: many tensors at once, quicker than one after the other."""

    def read_many(self, names: Sequence[str]) -> list[NDArray[Any]]:
        """Return for each name what ``read(name)`` returns, in any order of reading; raises as :meth:`read`."""


class CheckpointFormat(Protocol):
    """A checkpoint format with its options."""

    def write(self, outputs: Outputs, tensors: Sequence[TensorSource], metadata: Mapping[str, Any]) -> None:
        """Write all tensors and the metadata (JSON values without NaN, at most :data:`MAX_METADATA_BYTES`).

        A format without room for metadata stores it as a uint8 tensor. Errors of the files, and of
        ``TensorSource.read``, pass
        through unchanged; then nothing becomes visible.

        Raises
        ------
        InvalidArgumentError
            If the format cannot hold one of the tensors; best before anything was written.
        """

    def open(self, inputs: Inputs) -> Reader:
        """Check the structure, completely, and return a reader. Nothing of the size of a tensor is allocated.

        Raises
        ------
        CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError, CheckpointLimitError
            For a file that is damaged, ends early, needs what this reader lacks, or asks for too much; never an error
            of the decoding libraries, MemoryError or RecursionError.
        """


@runtime_checkable
class MetadataFormat(CheckpointFormat, Protocol):
    """Optional ability of a format: the metadata without the entries, for lists of many checkpoints."""

    def read_metadata(self, inputs: Inputs) -> Mapping[str, Any]:
        """Return what ``open(inputs).metadata`` is, verified as far as the format can; raises as :meth:`open`.

        Damage to other parts of the file need not be noticed.
        """


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """What a plug-in registers for a checkpoint format. Making one must not import heavy libraries."""

    name: str
    """Kebab-case, unique among formats: ``npz``."""
    suffixes: tuple[str, ...]
    """The files of one checkpoint: ``(".npz",)``; the first is recognised by magic and renamed last, as the commit."""
    magic: tuple[tuple[int, bytes], ...]
    """All of these (offset, bytes) must stand in the first file; no two formats may have the same."""
    factory: Callable[[Mapping[str, Any]], CheckpointFormat]
    """Makes the format from its options in ``plugins.toml`` or ``Saver(format_options=)``; any options read any file.
    Raises ValueError for an unknown or bad option."""
    integrity: Literal["digest", "crc", "none"]
    """What notices damage to values: a digest over values and names, a checksum that misses some damage, nothing."""
    atomic_overwrite: bool = True
    """Whether replacing a checkpoint of the same prefix is one rename; where False, overwriting is refused."""
    summary: str = ""
    """One line for ``holdfast plugins``."""
    api_version: int = API_VERSION
    """Version of the contracts it was written for."""
