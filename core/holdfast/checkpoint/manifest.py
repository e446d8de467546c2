"""Manifests: the small file that makes several parts one checkpoint, and by its appearance commits them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xxhash

from holdfast.contracts import ReadableFile, Storage
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)

MANIFEST_SUFFIX = ".manifest"
"""What the name of a manifest ends with."""
MANIFEST_MAGIC = b'{"holdfast_manifest": '
"""What a manifest begins with."""
VERSION = 1
"""The version that is written, and the latest that is read."""
MOST_PARTS = 99_999
"""Most parts of a checkpoint."""

_MOST_BYTES = 32 << 20
_HEAD = MANIFEST_MAGIC + b'%d, "digest": "' % VERSION
_VERSION = re.compile(re.escape(MANIFEST_MAGIC) + rb"([1-9]\d{0,8}), ")
_DIGEST = re.compile(r"xxh3_128:[0-9a-f]{32}", re.ASCII)
_SAVE_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_PART_NAME = re.compile(
    r"(?P<base>.+)\.(?P<id>[0-9a-f]{16})-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.[^/\\]+)",
    re.ASCII | re.DOTALL,
)


def digest_of(data: bytes) -> str:
    """Return a digest as it stands in manifests."""
    return f"xxh3_128:{xxhash.xxh3_128_hexdigest(data)}"


def part_tail(save_id: str, number: int, count: int) -> str:
    """Return what comes between the name of a checkpoint and a format's suffix in the name of a part."""
    return f".{save_id}-{number:05d}-of-{count:05d}"


@dataclass(frozen=True, slots=True)
class PartName:
    """The name of one file of a part, taken apart."""

    base: str
    """Name of the checkpoint."""
    save_id: str
    """Which save it is of."""
    suffix: str
    """Suffix of the format."""


def split_part_name(name: str) -> PartName | None:
    """Take the name of a file of a part apart; None for all other names."""
    match = _PART_NAME.fullmatch(name)
    return None if match is None else PartName(match["base"], match["id"], match["suffix"])


@dataclass(frozen=True, slots=True)
class PartFile:
    """One file of a part."""

    name: str
    """Its name when it was saved. What counts is what stands in it from the save id on."""
    suffix: str
    """Its suffix among the format's."""
    length: int
    """Its bytes."""
    digest: str
    """Digest of all of them: ``xxh3_128:`` and 32 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says."""

    save_id: str
    """Drawn for each save: 16 hexadecimal digits."""
    save_sequence: int
    """The checkpoint's save sequence."""
    format: str
    """Name of the format of the parts."""
    parts: tuple[tuple[PartFile, ...], ...]
    """The files of each part, that one first by which its format is recognised."""
    metadata: Mapping[str, Any]
    """The metadata of the checkpoint, as a format would store it."""

    def tail(self, number: int) -> str:
        """Return what comes between the name of the checkpoint and a suffix in the names of a part."""
        return part_tail(self.save_id, number, len(self.parts))

    def tails(self) -> list[str]:
        """Return the ends of the names of all files, the manifest's own first."""
        parts = [self.tail(number) + file.suffix for number, part in enumerate(self.parts) for file in part]
        return [MANIFEST_SUFFIX, *parts]


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the text of a manifest."""
    parts = [
        [{"name": file.name, "length": file.length, "digest": file.digest} for file in part] for part in manifest.parts
    ]
    body = {
        "save_id": manifest.save_id,
        "save_sequence": manifest.save_sequence,
        "format": manifest.format,
        "parts": parts,
        "metadata": dict(manifest.metadata),
    }
    rest = b",\n" + json.dumps(body, indent=1).encode("ascii").removeprefix(b"{\n") + b"\n"
    return _HEAD + digest_of(rest).encode("ascii") + b'"' + rest


def read_manifest(path: str, storage: Storage) -> Manifest:
    """Read and check a manifest; NotFoundError where there is none, else the errors of checkpoints."""
    file = storage.open(path)
    try:
        if file.size > _MOST_BYTES:
            raise CheckpointLimitError(
                path=path, field="length of the manifest", found=f"{file.size:,} bytes", expected=f"{_MOST_BYTES:,}"
            )
        text = file.read_at(0, file.size)
    finally:
        file.close()
    return decode_manifest(text, path)


def is_manifest(file: ReadableFile) -> bool:
    """Whether a file begins as manifests do."""
    return file.size >= len(MANIFEST_MAGIC) and file.read_at(0, len(MANIFEST_MAGIC)) == MANIFEST_MAGIC


def decode_manifest(text: bytes, path: str) -> Manifest:
    """Read the text of a manifest; every damage is one of the errors of checkpoints."""
    checked = _Checked(path)
    head, digest, rest = text[: len(_HEAD)], text[len(_HEAD) :][:41], text[len(_HEAD) + 41 :]
    if head != _HEAD:
        raise _bad_head(text, path)
    if not rest.endswith(b"}\n"):
        raise TruncatedCheckpointError(
            path=path, field="length of the manifest", found=f"{len(text)} bytes", expected="a whole manifest"
        )
    if rest[:1] != b'"' or digest != digest_of(rest[1:]).encode("ascii"):
        raise checked.fault("digest of the manifest", digest_of(rest[1:]), digest.decode("ascii", "backslashreplace"))
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise checked.fault("text of the manifest", str(error), "JSON") from error
    return checked.manifest(data)


def _bad_head(text: bytes, path: str) -> Exception:
    """Return the error for a beginning that is not this version's."""
    match = _VERSION.match(text)
    if match is not None and int(match[1]) > VERSION:
        return UnsupportedCheckpointError(
            path=path, field="version of the manifest", found=int(match[1]), expected=f"at most {VERSION}"
        )
    if _HEAD.startswith(text):
        return TruncatedCheckpointError(
            path=path, field="length of the manifest", found=f"{len(text)} bytes", expected="a whole manifest"
        )
    return CorruptCheckpointError(
        path=path, field="beginning of the manifest", found=text[: len(_HEAD)], expected=_HEAD.decode("ascii")
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object; ValueError if a key comes twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has a key twice")
    return result


def _no_constant(text: str) -> Any:
    """Refuse NaN and infinities, which are no JSON."""
    raise ValueError(f"{text} is no JSON")


class _Checked:
    """Reads the values of one manifest and checks each of them."""

    def __init__(self, path: str) -> None:
        self._path = path

    def fault(self, field: str, found: object, expected: str) -> CorruptCheckpointError:
        """Return the error for one field."""
        return CorruptCheckpointError(path=self._path, field=field, found=found, expected=expected)

    def _get(self, data: Any, key: str, kind: type[Any], field: str) -> Any:
        """Return the value of a key of an object."""
        value = data.get(key) if isinstance(data, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fault(f"{field} {key}", value, f"a {kind.__name__}")
        return value

    def manifest(self, data: Any) -> Manifest:
        """Return the whole manifest."""
        save_id = self._get(data, "save_id", str, "manifest")
        if not _SAVE_ID.fullmatch(save_id):
            raise self.fault("manifest save_id", save_id, "16 hexadecimal digits")
        parts = self._get(data, "parts", list, "manifest")
        if not 0 < len(parts) <= MOST_PARTS:
            raise self.fault("manifest parts", len(parts), f"1 to {MOST_PARTS}")
        sequence = self._get(data, "save_sequence", int, "manifest")
        return Manifest(
            save_id=save_id,
            save_sequence=sequence,
            format=self._get(data, "format", str, "manifest"),
            parts=tuple(self._part(part, part_tail(save_id, n, len(parts)), n) for n, part in enumerate(parts)),
            metadata=self._get(data, "metadata", dict, "manifest"),
        )

    def _part(self, data: Any, tail: str, number: int) -> tuple[PartFile, ...]:
        """Return the files of one part."""
        if not isinstance(data, list) or not data:
            raise self.fault(f"manifest part {number}", data, "a list of files")
        files = tuple(self._file(item, tail, f"manifest part {number}") for item in data)
        if len({file.suffix for file in files}) != len(files):
            raise self.fault(f"manifest part {number}", [file.suffix for file in files], "each file once")
        return files

    def _file(self, data: Any, tail: str, field: str) -> PartFile:
        """Return one file of a part.

        Its name must be the one that a save gives: so a manifest can name nothing outside its directory, and nothing
        of another checkpoint. What comes before the save id counts for nothing: all files may be renamed together.
        """
        name = self._get(data, "name", str, field)
        _, found, suffix = name.rpartition(tail)
        split = split_part_name(f"x{tail}{suffix}")
        if not found or split is None or split.suffix != suffix:
            raise self.fault(f"{field} name", name, f"a name with {tail} and a suffix")
        length = self._get(data, "length", int, field)
        digest = self._get(data, "digest", str, field)
        if length < 0 or not _DIGEST.fullmatch(digest):
            raise self.fault(f"{field} length and digest", (length, digest), "a length and an xxh3_128")
        return PartFile(name, suffix, length, digest)
