"""Which formats there are, and which one a file is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from holdfast.checkpoint.manifest import MANIFEST_MAGIC, MANIFEST_SUFFIX, is_manifest
from holdfast.contracts import CheckpointFormat, FormatSpec, ObjectStorage, ReadableFile, Storage
from holdfast.errors import CorruptCheckpointError, NotFoundError, PluginNotFoundError, TruncatedCheckpointError


@runtime_checkable
class FormatChoice(Protocol):
    """The formats that may be used, as :func:`holdfast.plugins.get_plugins` gives them."""

    @property
    def formats(self) -> Mapping[str, FormatSpec]:
        """The enabled formats by name."""

    def format(
        self, name: str | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[FormatSpec, CheckpointFormat]:
        """Return a format made with options; None stands for the default format."""


Formats: TypeAlias = "FormatChoice | Sequence[FormatSpec] | None"
"""How functions of this room are told which formats there are: None for the enabled plug-ins."""


class _GivenFormats:
    """Formats that were given one by one; the first is the default."""

    def __init__(self, specs: Sequence[FormatSpec]) -> None:
        self.formats: Mapping[str, FormatSpec] = {spec.name: spec for spec in specs}

    def format(
        self, name: str | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[FormatSpec, CheckpointFormat]:
        """Return a format made with options."""
        spec = self.formats.get(next(iter(self.formats), "") if name is None else name)
        if spec is None:
            raise PluginNotFoundError(kind="format", name=str(name), available=list(self.formats))
        return spec, spec.factory(options or {})


def choose_formats(formats: Formats) -> FormatChoice:
    """Return what stands behind the argument `formats`."""
    if formats is None:
        from holdfast.plugins import get_plugins  # the first need of a process loads the plug-ins

        return get_plugins()
    return formats if isinstance(formats, FormatChoice) else _GivenFormats(formats)


def recognise(file: ReadableFile, formats: FormatChoice) -> FormatSpec | None:
    """Return the format whose magic stands in a file; the longest where several do."""
    specs = formats.formats.values()
    length = max((offset + len(magic) for spec in specs for offset, magic in spec.magic), default=0)
    head = file.read_at(0, min(length, file.size))
    matching = [
        spec for spec in specs if all(head[offset : offset + len(magic)] == magic for offset, magic in spec.magic)
    ]
    return max(matching, key=lambda spec: sum(len(magic) for _, magic in spec.magic), default=None)


def commit_suffixes(formats: FormatChoice, storage: Storage) -> tuple[str, ...]:
    """Return what the names of files end with by which checkpoints are found: their commits.

    On a storage of objects these are manifests only: nothing else says that all of a checkpoint is there.
    """
    first = () if isinstance(storage, ObjectStorage) else (spec.suffixes[0] for spec in formats.formats.values())
    return tuple(dict.fromkeys((*first, MANIFEST_SUFFIX)))


Kind: TypeAlias = 'FormatSpec | Literal["manifest"] | None'
"""What a file is: a checkpoint of a format, a manifest, or neither."""


def kind_of_path(path: str, formats: FormatChoice, storage: Storage) -> Kind:
    """Return what the file at a path is; None if there is no regular file or it has no known magic."""
    if not isinstance(storage, ObjectStorage):  # there each question takes time, and opening answers this one
        status = storage.status(path)
        if status is None or not status.is_regular:
            return None
    try:
        file = storage.open(path)
    except (NotFoundError, CorruptCheckpointError):  # there is none, it went away, or is another thing now
        return None
    try:
        return "manifest" if is_manifest(file) else recognise(file, formats)
    except TruncatedCheckpointError:  # cut while it was read
        return None
    finally:
        file.close()


_HINTS: tuple[tuple[bytes, str], ...] = (
    (
        b"PK\x03\x04",
        "a zip archive (.npz, .pt or .keras) that holdfast did not write. Arrays in it can be read with numpy.load",
    ),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x80\x02", "a pickle, which holdfast never loads: a pickle can run any code"),
    (b"\x80\x03", "a pickle, which holdfast never loads: a pickle can run any code"),
    (b"\x80\x04", "a pickle, which holdfast never loads: a pickle can run any code"),
    (b"\x80\x05", "a pickle, which holdfast never loads: a pickle can run any code"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (.h5), which needs h5py"),
    (b"\x89HFT\r\n\x1a\n", "a holdfast container, whose format plug-in msgpack-zstd is not enabled"),
    (b"version https://git-lfs", "a git-lfs pointer: run `git lfs pull` to fetch the file itself"),
    (b"\x93NUMPY", "a single array, to be read with numpy.load"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data: unpack it first"),
    (b"model_checkpoint_path", "the state file of a checkpoint directory: give the directory instead"),
)


def unrecognised(file: ReadableFile, formats: FormatChoice) -> CorruptCheckpointError | TruncatedCheckpointError:
    """Return the error for a file without a known magic, saying what it looks like."""
    head = file.read_at(0, min(64, file.size))
    known = ", ".join(sorted(formats.formats)) or "none"
    expected = f"a checkpoint in an enabled format ({known})"
    if not head:
        return TruncatedCheckpointError(path=file.path, field="file length", found="an empty file", expected=expected)
    looks = next((text for start, text in _HINTS if head.startswith(start)), None)
    if looks is None and head.isascii() and head.decode("ascii").replace("\n", " ").replace("\t", " ").isprintable():
        looks = "a text file"
    advice = f"It looks like {looks}" if looks else "If another plug-in wrote it, install or enable that plug-in"
    magics = [magic for spec in formats.formats.values() for magic in spec.magic] + [(0, MANIFEST_MAGIC)]
    if any(magic.startswith(head[offset:]) for offset, magic in magics if offset < len(head)):
        return TruncatedCheckpointError(path=file.path, field="magic", found=head[:16], expected=expected, offset=0)
    return CorruptCheckpointError(
        path=file.path, field="magic", found=head[:16], expected=expected, offset=0, advice=advice
    )
