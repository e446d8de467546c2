from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from holdfast.checkpoint.manifest import (
    MANIFEST_MAGIC,
    Manifest,
    PartFile,
    decode_manifest,
    digest_of,
    encode_manifest,
    read_manifest,
    split_part_name,
)
from holdfast.errors import (
    CheckpointLimitError,
    CorruptCheckpointError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)
from holdfast.testing.simulated_disk import SimulatedDisk
from tests.formats.manifest_parts import seal, seal_text

ID = "0123456789abcdef"


def file(number: int, suffix: str = ".npz", base: str = "m.ckpt-5") -> PartFile:
    """Return the file of one part of two."""
    return PartFile(f"{base}.{ID}-{number:05d}-of-00002{suffix}", suffix, 7 + number, digest_of(b"%d" % number))


MANIFEST = Manifest(ID, 41, "npz", ((file(0),), (file(1), file(1, ".data"))), {"holdfast": {"save_sequence": 41}})


def body(**changes: Any) -> dict[str, Any]:
    """Return the contents of the manifest as JSON values, with changes."""
    data: dict[str, Any] = json.loads(encode_manifest(MANIFEST))
    del data["holdfast_manifest"], data["digest"]
    return data | changes


def test_it_comes_back() -> None:
    """What is written is read, and the text is JSON for anybody else."""
    text = encode_manifest(MANIFEST)
    assert decode_manifest(text, "m") == MANIFEST
    assert json.loads(text)["parts"][1][1]["name"] == f"m.ckpt-5.{ID}-00001-of-00002.data"
    assert decode_manifest(seal(body()), "m") == MANIFEST


def test_the_names_of_its_files() -> None:
    """Whatever the checkpoint is called now, its files end in the same way."""
    assert MANIFEST.tails() == [
        ".manifest",
        f".{ID}-00000-of-00002.npz",
        f".{ID}-00001-of-00002.npz",
        f".{ID}-00001-of-00002.data",
    ]


def test_any_damaged_byte_is_noticed() -> None:
    """Each byte, changed in any of eight ways, and each truncation is a named error."""
    text = encode_manifest(MANIFEST)
    named = (CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError)
    for place in range(len(text)):
        for bit in range(8):
            damaged = bytearray(text)
            damaged[place] ^= 1 << bit
            with pytest.raises(named):
                decode_manifest(bytes(damaged), "m")
        with pytest.raises(named):
            decode_manifest(text[:place], "m")


def test_a_later_version_is_unsupported() -> None:
    """A manifest of a version to come is sound, and this version cannot read it."""
    with pytest.raises(UnsupportedCheckpointError, match="version of the manifest: found 2, expected at most 1"):
        decode_manifest(encode_manifest(MANIFEST).replace(b": 1,", b": 2,", 1), "m")


def test_a_cut_manifest_is_truncated() -> None:
    """One that ends early says so."""
    with pytest.raises(TruncatedCheckpointError, match="a whole manifest"):
        decode_manifest(encode_manifest(MANIFEST)[:-1], "m")
    with pytest.raises(TruncatedCheckpointError, match="a whole manifest"):
        decode_manifest(MANIFEST_MAGIC, "m")


def _part(**changes: Any) -> list[list[dict[str, Any]]]:
    """Return the parts with the first file changed."""
    parts: list[list[dict[str, Any]]] = body()["parts"]
    parts[0][0] |= changes
    return parts


HOSTILE = [
    {"save_id": "../../../etc"},
    {"save_id": 5},
    {"save_id": ID.upper()},
    {"save_sequence": "41"},
    {"save_sequence": True},
    {"format": None},
    {"parts": []},
    {"parts": {}},
    {"parts": [[]]},
    {"parts": [None]},
    {"parts": [[5]]},
    {"parts": body()["parts"][:1]},
    {"parts": [body()["parts"][0], body()["parts"][1][:1] * 2]},
    {"parts": _part(name="passwd")},
    {"parts": _part(name=f"m.{ID}-00000-of-00002/../../x")},
    {"parts": _part(name=f"m.{ID}-00000-of-00002")},
    {"parts": _part(name=f"m.{ID}-00001-of-00002.npz")},
    {"parts": _part(name=None)},
    {"parts": _part(length=-1)},
    {"parts": _part(length=True)},
    {"parts": _part(length=1.5)},
    {"parts": _part(digest="md5:0")},
    {"metadata": []},
]


@pytest.mark.parametrize("changes", HOSTILE, ids=str)
def test_hostile_values_are_corrupt(changes: dict[str, Any]) -> None:
    """A manifest whose digest is right but whose values are not what a save writes is a named error."""
    with pytest.raises(CorruptCheckpointError):
        decode_manifest(seal(body(**changes)), "m")


@pytest.mark.parametrize(
    "text", [b'{"a": 1, "a": 2}', b'{"a": NaN}', b"{" + b'"a": [' * 100_000, b'{"a": %s}' % (b"9" * 5000)]
)
def test_odd_json_is_corrupt(text: bytes) -> None:
    """Keys that come twice, NaN, endless depth and endless numbers are a named error."""
    rest = b",\n" + text.removeprefix(b"{") + b"}\n"
    with pytest.raises(CorruptCheckpointError):
        decode_manifest(seal_text(rest), "m")


def test_a_huge_manifest_is_not_read() -> None:
    """A file of another size than manifests have is refused before it is read."""
    disk = SimulatedDisk({"d/m.manifest": bytes(33 << 20)})
    with pytest.raises(CheckpointLimitError, match="length of the manifest"):
        read_manifest("d/m.manifest", disk)


def test_names_of_parts() -> None:
    """Only what a save calls a part is one."""
    assert split_part_name(f"m.ckpt-5.{ID}-00000-of-00002.npz") is not None
    for name in ("m.npz", f"m.{ID}.npz", f".{ID}-00000-of-00001.npz", f"m.{ID}-0-of-1.npz", f"m.{ID}-00000-of-00001"):
        assert split_part_name(name) is None


def test_other_metadata_is_another_digest() -> None:
    """The digest covers the metadata."""
    other = replace(MANIFEST, metadata={"holdfast": {"save_sequence": 42}})
    assert encode_manifest(other)[:80] != encode_manifest(MANIFEST)[:80]
