"""Writing a checkpoint of several parts: in parallel, each into files of its own, with one manifest for all."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xxhash

from holdfast.checkpoint.manifest import MANIFEST_SUFFIX, Manifest, PartFile, encode_manifest, part_tail
from holdfast.checkpoint.transaction import Files
from holdfast.contracts import CheckpointFormat, FormatSpec, TensorSource, WritableFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

MOST_THREADS = 8
"""Most parts that are written at a time."""


class _Abandoned(Exception):
    """Another part failed, so this one is not needed any more."""


class HashingFile:
    """A file whose digest is taken as it is written."""

    def __init__(self, file: WritableFile, abandoned: threading.Event) -> None:
        self.path = file.path
        self._file = file
        self._abandoned = abandoned
        self._hasher = xxhash.xxh3_128()

    @property
    def digest(self) -> str:
        """The digest of what was written so far, as it stands in manifests."""
        return f"xxh3_128:{self._hasher.hexdigest()}"

    def write(self, data: Buffer) -> int:
        """Append all of `data`."""
        if self._abandoned.is_set():
            raise _Abandoned
        self._hasher.update(memoryview(data).cast("B"))
        return self._file.write(data)

    def tell(self) -> int:
        """Return the bytes written so far."""
        return self._file.tell()

    def sync(self) -> None:
        """Make what was written durable."""
        self._file.sync()

    def close(self) -> None:
        """Do nothing: it is closed when it is durable."""


@dataclass(frozen=True, slots=True)
class Part:
    """What goes into one part."""

    sources: Sequence[TensorSource]
    """Its tensors."""
    metadata: Mapping[str, Any]
    """Its own metadata."""


@dataclass(frozen=True, slots=True)
class ShardedSave:
    """What is known of a save of several parts before anything is written."""

    base: str
    """Name of the checkpoint, without directory."""
    save_id: str
    """Drawn for this save."""
    spec: FormatSpec
    """Format of the parts."""
    count: int
    """How many there are."""

    @classmethod
    def begin(cls, base: str, spec: FormatSpec, count: int) -> ShardedSave:
        """Draw the id of a save."""
        return cls(base, secrets.token_hex(8), spec, count)

    def tail(self, number: int) -> str:
        """Return what comes between the name and a suffix in the names of a part."""
        return part_tail(self.save_id, number, self.count)

    def suffixes(self) -> list[str]:
        """Return what the names of all files end with, the manifest first."""
        return [MANIFEST_SUFFIX, *(self.tail(n) + suffix for n in range(self.count) for suffix in self.spec.suffixes)]

    def write(
        self,
        fmt: CheckpointFormat,
        parts: Sequence[Part],
        metadata: Mapping[str, Any],
        save_sequence: int,
        files: Files,
    ) -> None:
        """Write all parts, make them durable, and write the manifest; the caller commits."""
        written = _in_parallel([_Writing(self, n, part, fmt, files) for n, part in enumerate(parts)])
        manifest = Manifest(self.save_id, save_sequence, self.spec.name, tuple(written), metadata)
        files.create(MANIFEST_SUFFIX).write(encode_manifest(manifest))


class _Writing:
    """The writing of one part; an implementation of :class:`holdfast.contracts.Outputs`."""

    def __init__(self, save: ShardedSave, number: int, part: Part, fmt: CheckpointFormat, files: Files) -> None:
        self._save = save
        self._tail = save.tail(number)
        self._part = part
        self._format = fmt
        self._files = files
        self._created: dict[str, HashingFile] = {}
        self.abandoned = threading.Event()

    def create(self, suffix: str) -> WritableFile:
        """Create a file of the part."""
        file = HashingFile(self._files.create(self._tail + suffix), self.abandoned)
        self._created[suffix] = file
        return file

    def run(self) -> tuple[PartFile, ...]:
        """Write the part, make it durable, and return what the manifest says of it."""
        self._format.write(self, self._part.sources, self._part.metadata)
        first = self._save.spec.suffixes[0]
        if first not in self._created:
            raise ValueError(f"A format did not create {first!r}, by which its checkpoints are recognised.")
        for suffix in self._created:
            if self.abandoned.is_set():
                raise _Abandoned
            self._files.finish(self._tail + suffix)
        return tuple(
            PartFile(self._save.base + self._tail + suffix, suffix, file.tell(), file.digest)
            for suffix, file in sorted(self._created.items(), key=lambda item: item[0] != first)
        )


def _in_parallel(writings: Sequence[_Writing]) -> list[tuple[PartFile, ...]]:
    """Write parts, several at a time; after an error in one the others are given up."""
    if len(writings) == 1:
        return [writings[0].run()]
    abandoned = threading.Event()
    for writing in writings:
        writing.abandoned = abandoned

    def run(writing: _Writing) -> tuple[PartFile, ...]:
        try:
            if abandoned.is_set():
                raise _Abandoned
            return writing.run()
        except BaseException:
            abandoned.set()
            raise

    with ThreadPoolExecutor(min(len(writings), MOST_THREADS), "holdfast-part") as pool:
        try:
            running = [pool.submit(run, writing) for writing in writings]
            errors = [error for future in running if (error := future.exception()) is not None]
        except BaseException:
            abandoned.set()
            raise
    for error in errors:
        if not isinstance(error, _Abandoned):
            raise error
    return [future.result() for future in running]
