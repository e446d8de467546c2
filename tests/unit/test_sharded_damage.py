from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import latest_checkpoint, open_checkpoint, tensor_source, write_checkpoint
from holdfast.checkpoint.manifest import digest_of, read_manifest
from holdfast.checkpoint.regions import verify_values
from holdfast.errors import (
    CorruptCheckpointError,
    NotFoundError,
    OpError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)
from holdfast.testing.two_file_format import SPEC as TWO_FILES
from holdfast_npz import SPEC


def save(prefix: str, version: int = 1, spec: Any = SPEC) -> None:
    """Write a checkpoint of two parts."""
    tensors = [tensor_source(name, np.full(9, version, np.float32)) for name in "ab"]
    write_checkpoint(prefix, tensors, shards=[0, 1], formats=[spec])


def parts(directory: Path, suffix: str = ".npz") -> list[Path]:
    """Return the files of parts with a suffix."""
    return sorted(directory.glob(f"*-of-*{suffix}"))


def read(directory: Path, spec: Any = SPEC) -> None:
    """Read everything."""
    with open_checkpoint(f"{directory}/m", formats=[spec]) as checkpoint:
        for name in checkpoint.entries:
            checkpoint.read(name)


@pytest.mark.parametrize("number", [0, 1])
def test_a_missing_part(tmp_path: Path, number: int) -> None:
    """A part that is not there is damage, with its path and place."""
    save(f"{tmp_path}/m")
    missing = parts(tmp_path)[number]
    missing.unlink()
    with pytest.raises(CorruptCheckpointError, match=rf"part {number + 1} of 2: found .?no such file") as caught:
        read(tmp_path)
    assert caught.value.path == str(missing)


def test_a_truncated_part(tmp_path: Path) -> None:
    """A part that ends early is a truncated checkpoint, with both lengths."""
    save(f"{tmp_path}/m")
    part = parts(tmp_path)[1]
    part.write_bytes(part.read_bytes()[:-10])
    with pytest.raises(TruncatedCheckpointError, match=r"length of part 2 of 2: found .* bytes, expected .* bytes"):
        read(tmp_path)


def test_a_part_that_is_too_long(tmp_path: Path) -> None:
    """A part with something after its end is damage."""
    save(f"{tmp_path}/m")
    part = parts(tmp_path)[0]
    part.write_bytes(part.read_bytes() + b"x")
    with pytest.raises(CorruptCheckpointError, match="part 1 of 2"):
        read(tmp_path)


def test_parts_that_change_places(tmp_path: Path) -> None:
    """Sound parts of the right length in each other's place are noticed by what they say they are."""
    save(f"{tmp_path}/m")
    first, second = parts(tmp_path)
    assert first.stat().st_size == second.stat().st_size
    held = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(held)
    with pytest.raises(CorruptCheckpointError, match=r"part 1 of 2: found .*a file that says it is .*'number': 1"):
        read(tmp_path)


@pytest.mark.parametrize("spec", [SPEC, TWO_FILES], ids=lambda spec: spec.name)
def test_a_part_of_another_save(tmp_path: Path, spec: Any) -> None:
    """A sound part of another version under the right name is noticed."""
    save(f"{tmp_path}/m", 1, spec)
    (tmp_path / "other").mkdir()
    save(f"{tmp_path}/other/m", 2, spec)
    for suffix in spec.suffixes:
        shutil.copy(parts(tmp_path / "other", suffix)[0], parts(tmp_path, suffix)[0])
    with pytest.raises((CorruptCheckpointError, TruncatedCheckpointError), match="part 1 of 2"):
        read(tmp_path, spec)


def _flips(path: Path, step: int, action: Callable[[], None], kind: type[Exception]) -> None:
    """Flip a bit of every `step`-th byte of a file; each time the action raises."""
    whole = path.read_bytes()
    for place in range(0, len(whole), step):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(kind):
            action()
    path.write_bytes(whole)


def test_damage_to_any_byte_of_a_part_is_noticed(tmp_path: Path) -> None:
    """By the digests of a format that has them."""
    save(f"{tmp_path}/m")
    _flips(parts(tmp_path)[1], 7, lambda: read(tmp_path), OpError)


def test_the_manifest_stands_in_for_a_format_without_digests(tmp_path: Path) -> None:
    """Damage to values, which such a format alone does not see, is noticed in parts."""
    save(f"{tmp_path}/m", spec=TWO_FILES)
    with open_checkpoint(f"{tmp_path}/m", formats=[TWO_FILES]) as checkpoint:
        assert (checkpoint.integrity, checkpoint.spec.integrity) == ("digest", "none")
    for path in parts(tmp_path, ""):
        _flips(path, 3, lambda: read(tmp_path, TWO_FILES), OpError)
    read(tmp_path, TWO_FILES)


def test_verifying_reads_the_digests_of_whole_files(tmp_path: Path) -> None:
    """A part that was exchanged for one with the same tensors and identity, but other bytes, is found when asked."""
    save(f"{tmp_path}/m")
    manifest = tmp_path / "m.manifest"
    head, _, rest = manifest.read_bytes().partition(b",\n")
    data = json.loads(manifest.read_bytes())
    wrong = b",\n" + rest.replace(data["parts"][0][0]["digest"].encode(), b"xxh3_128:" + b"0" * 32)
    manifest.write_bytes(head[:-43] + b'"' + digest_of(wrong).encode() + b'"' + wrong)
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert checkpoint.read("a").tolist() == [1] * 9
        with pytest.raises(CorruptCheckpointError, match="digest of part 1 of 2"):
            verify_values(checkpoint)


def test_a_format_that_is_not_enabled(tmp_path: Path) -> None:
    """Parts of a format without its plug-in are sound and cannot be read; the error names the format."""
    save(f"{tmp_path}/m", spec=TWO_FILES)
    with pytest.raises(UnsupportedCheckpointError, match=r"format of the parts: found .*two-files"):
        read(tmp_path, SPEC)


def test_parts_without_a_manifest_are_no_checkpoint(tmp_path: Path) -> None:
    """What a save left that never committed counts for nothing; a single part can still be looked into by its path."""
    save(f"{tmp_path}/m")
    (tmp_path / "m.manifest").unlink()
    with pytest.raises(NotFoundError):
        read(tmp_path)
    assert latest_checkpoint(tmp_path, formats=[SPEC]) is None
    with open_checkpoint(parts(tmp_path)[1], formats=[SPEC]) as part:
        assert list(part.entries) == ["b"]
        assert part.metadata.part["number"] == 1


@pytest.mark.parametrize("damage", ["missing part", "manifest"])
def test_the_latest_falls_back_to_an_intact_one(tmp_path: Path, damage: str) -> None:
    """Without a state file, a checkpoint of parts that is damaged gives way to an earlier one that is not."""
    save(f"{tmp_path}/m-1")
    save(f"{tmp_path}/m-2")
    if damage == "manifest":
        (tmp_path / "m-2.manifest").write_bytes((tmp_path / "m-2.manifest").read_bytes()[:60])
    else:
        next(tmp_path.glob("m-2.*-00001-of-*")).unlink()
    assert latest_checkpoint(tmp_path, formats=[SPEC]) == f"{tmp_path}/m-1"


def test_damage_names_the_other_checkpoints(tmp_path: Path) -> None:
    """The error of a damaged part says which others there are, as for one file."""
    save(f"{tmp_path}/m-1")
    save(f"{tmp_path}/m-2")
    next(tmp_path.glob("m-2.*-00001-of-*")).unlink()
    with pytest.raises(CorruptCheckpointError, match=r"Others in its directory.*m-1'"):
        open_checkpoint(f"{tmp_path}/m-2", formats=[SPEC])


def test_a_manifest_that_is_replaced_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that finds the parts of the manifest it has just read gone takes the new one."""
    save(f"{tmp_path}/m", 1)
    raced: list[bool] = []

    def racing(path: str, storage: Any) -> Any:
        manifest = read_manifest(path, storage)
        if not raced:
            raced.append(True)
            save(f"{tmp_path}/m", 2)
        return manifest

    monkeypatch.setattr("holdfast.checkpoint.sharded_reader.read_manifest", racing)
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert checkpoint.read("b").tolist() == [2] * 9


def test_a_damaged_manifest_is_replaced_by_a_save(tmp_path: Path) -> None:
    """A save to a prefix with a damaged manifest succeeds, and cleans up what belonged to it."""
    save(f"{tmp_path}/m", 1)
    (tmp_path / "m.manifest").write_bytes(b'{"holdfast_manifest": 1, x')
    save(f"{tmp_path}/m", 2)
    assert len(os.listdir(tmp_path)) == 3
    read(tmp_path)
