"""Reading a checkpoint of several parts as one."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import xxhash
from numpy.typing import NDArray

from holdfast.checkpoint.formats import FormatChoice
from holdfast.checkpoint.manifest import Manifest, PartFile, read_manifest
from holdfast.checkpoint.names import printable
from holdfast.checkpoint.opened import CheckpointInputs, DamageNote, OpenCheckpoint
from holdfast.checkpoint.pieces import Piece, ReadRegion, read_pieces
from holdfast.checkpoint.slices import covers, first_overlap, normal_index, slice_of, within
from holdfast.contracts import Entry, FormatSpec, Index, ReadableFile, Storage, TensorSlice
from holdfast.dtypes import string
from holdfast.errors import (
    CorruptCheckpointError,
    NotFoundError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)

_READ_BYTES = 4 << 20
_MOST_ATTEMPTS = 10


class PartInputs(CheckpointInputs):
    """The files of one part, of which the manifest knows lengths and digests."""

    def __init__(self, prefix: str, manifest: Manifest, number: int, spec: FormatSpec, storage: Storage) -> None:
        files = manifest.parts[number]
        stem = prefix + manifest.tail(number)
        super().__init__(stem + files[0].suffix, stem, spec, storage)
        self._called = f"part {number + 1} of {len(manifest.parts)}"
        self._known = {file.suffix: file for file in files}
        self._opened: dict[str, ReadableFile] = {}

    def open(self, suffix: str) -> ReadableFile:
        """Open one of the files, if it is there and has the length that it should have."""
        if suffix not in self._opened:
            known = self._known.get(suffix)
            if known is None:
                raise self._fault(f"no file {suffix!r}", "one, by its format")
            try:
                file = super().open(suffix)
            except NotFoundError as error:
                raise self._fault("no such file", f"a file of {known.length:,} bytes") from error
            self._check_length(file, known)
            self._opened[suffix] = file
        return self._opened[suffix]

    def _fault(self, found: object, expected: str, path: str | None = None) -> CorruptCheckpointError:
        """Return the error of this part."""
        return CorruptCheckpointError(path=path or self.path, field=self._called, found=found, expected=expected)

    def _check_length(self, file: ReadableFile, known: PartFile) -> None:
        """Compare a file with the manifest."""
        if file.size < known.length:
            raise TruncatedCheckpointError(
                path=file.path,
                field=f"length of {self._called}",
                found=f"{file.size:,} bytes",
                expected=f"{known.length:,} bytes",
            )
        if file.size > known.length:
            raise self._fault(f"{file.size:,} bytes", f"{known.length:,} bytes", file.path)

    def check_identity(self, manifest: Manifest, number: int, said: object) -> None:
        """Compare what a part says that it is with what it should be."""
        expected = part_identity(manifest.save_id, number, len(manifest.parts))
        if said != expected:
            raise self._fault(f"a file that says it is {said or 'no part'}", str(expected))

    def check_digests(self) -> None:
        """Read all files and compare their digests with the manifest's."""
        for suffix, known in self._known.items():
            file, hasher = self.open(suffix), xxhash.xxh3_128()
            for start in range(0, known.length, _READ_BYTES):
                hasher.update(file.read_at(start, min(_READ_BYTES, known.length - start)))
            found = f"xxh3_128:{hasher.hexdigest()}"
            if found != known.digest:
                raise CorruptCheckpointError(
                    path=file.path, field=f"digest of {self._called}", found=found, expected=known.digest
                )


def part_identity(save_id: str, number: int, count: int) -> dict[str, Any]:
    """Return what a part says in its metadata that it is."""
    return {"save_id": save_id, "number": number, "count": count}


class ShardedReader:
    """The parts of a checkpoint as one; an implementation of :class:`holdfast.contracts.Reader`."""

    def __init__(self, path: str, manifest: Manifest, parts: Sequence[tuple[OpenCheckpoint, PartInputs]]) -> None:
        self._path = path
        self._parts = parts
        self.metadata = manifest.metadata
        # Where the format has no digests of its own, those of the manifest stand in for them.
        self._unchecked = {n for n, (part, _) in enumerate(parts) if part.spec.integrity != "digest"}
        self._guard = threading.Lock()
        self._owners: dict[str, list[int]] = {}
        for number, (part, _) in enumerate(parts):
            for name in part.entries:
                self._owners.setdefault(name, []).append(number)
        self.entries = {name: self._entry(name, owners) for name, owners in self._owners.items()}

    def _entry(self, name: str, owners: Sequence[int]) -> Entry:
        """Return the entry of a tensor, wherever it is stored."""
        found = [self._parts[number][0].entries[name] for number in owners]
        first = found[0]
        if len(found) == 1:
            return first
        slices = [part for entry in found for part in entry.slices]
        alike = all(entry.slices and entry.dtype == first.dtype and entry.shape == first.shape for entry in found)
        if not alike or first_overlap(slices):
            raise CorruptCheckpointError(
                path=self._path,
                field=f"tensor {printable(name)}",
                found=f"it in parts {', '.join(str(number + 1) for number in owners)}",
                expected="one place, or slices of one tensor that do not overlap",
            )
        stored = [entry.stored_nbytes for entry in found if entry.stored_nbytes is not None]
        return replace(
            first,
            nbytes=sum(e.nbytes for e in found) if first.dtype == string else math.prod(first.shape) * first.dtype.size,
            slices=() if covers(slices, first.shape) else tuple(slices),
            stored_nbytes=sum(stored) if len(stored) == len(found) else None,
        )

    def read(self, name: str, *, index: Index | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor or a region of it."""
        owners = self._owners.get(name)
        if owners is None:
            raise NotFoundError(None, None, f"Key {printable(name)[1:-1]} not found in checkpoint")
        if len(owners) == 1:
            return self._part(owners[0]).read(name, index=index, out=out)
        entry = self.entries[name]
        wanted = slice_of(index or normal_index(None, entry.shape, name))
        pieces = [
            Piece(part, self._reading(number, name, part))
            for number in owners
            for part in self._parts[number][0].entries[name].slices
        ]
        return read_pieces(name, entry, pieces, wanted, out, self._path)

    def _reading(self, number: int, name: str, piece: TensorSlice) -> ReadRegion:
        """Return how to read a piece that lies in a part."""

        def read(index: Index, out: NDArray[Any] | None) -> NDArray[Any]:
            region = TensorSlice(
                tuple(cut.start + start for cut, start in zip(index, piece.start, strict=True)),
                tuple(cut.stop - cut.start for cut in index),
            )
            whole = TensorSlice((0,) * len(piece.start), self.entries[name].shape)
            return self._part(number).read(name, index=within(region, whole), out=out)

        return read

    def _part(self, number: int) -> OpenCheckpoint:
        """Return a part, verified if its format cannot do it."""
        part, inputs = self._parts[number]
        with self._guard:
            if number in self._unchecked:
                inputs.check_digests()
                self._unchecked.discard(number)
        return part

    def verify_files(self) -> None:
        """Check the digests of all files."""
        for _, inputs in self._parts:
            inputs.check_digests()

    def close(self) -> None:
        """Close all parts."""
        for part, _ in self._parts:
            part.close()


def open_sharded(
    path: str, prefix: str, formats: FormatChoice, storage: Storage, note: DamageNote | None = None
) -> OpenCheckpoint:
    """Open the checkpoint of a manifest; a save that replaces it meanwhile is not taken for damage."""
    for attempt in range(_MOST_ATTEMPTS):
        manifest = read_manifest(path, storage)
        try:
            return _open_parts(path, prefix, manifest, formats, storage, note)
        except (CorruptCheckpointError, TruncatedCheckpointError):
            if attempt + 1 == _MOST_ATTEMPTS or read_manifest(path, storage).save_id == manifest.save_id:
                raise
    raise AssertionError("the last attempt returns or raises")


def _open_parts(
    path: str, prefix: str, manifest: Manifest, formats: FormatChoice, storage: Storage, note: DamageNote | None
) -> OpenCheckpoint:
    """Open all parts that a manifest names."""
    spec = formats.formats.get(manifest.format)
    if spec is None:
        raise UnsupportedCheckpointError(
            path=path,
            field="format of the parts",
            found=printable(manifest.format),
            expected=f"an enabled one ({', '.join(sorted(formats.formats)) or 'none'})",
            advice="Install or enable the plug-in of that format",
        )

    def make_reader() -> ShardedReader:
        with ExitStack() as opened:
            parts = []
            for number in range(len(manifest.parts)):
                part, inputs = _open_part(prefix, manifest, number, spec, formats, storage)
                opened.callback(part.close)
                inputs.check_identity(manifest, number, part.metadata.part)
                parts.append((part, inputs))
            reader = ShardedReader(path, manifest, parts)
            opened.pop_all()
        return reader

    files = tuple(prefix + tail for tail in manifest.tails())
    return OpenCheckpoint(path, prefix, spec, files, make_reader, lambda: None, note, parts=len(manifest.parts))


def _open_part(
    prefix: str, manifest: Manifest, number: int, spec: FormatSpec, formats: FormatChoice, storage: Storage
) -> tuple[OpenCheckpoint, PartInputs]:
    """Open one part."""
    inputs = PartInputs(prefix, manifest, number, spec, storage)
    fmt = formats.format(spec.name)[1]
    stem = prefix + manifest.tail(number)
    files = tuple(stem + file.suffix for file in manifest.parts[number])
    part = OpenCheckpoint(inputs.path, stem, spec, files, partial(fmt.open, inputs), inputs.close)
    return part, inputs
