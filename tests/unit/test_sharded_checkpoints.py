from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import (
    CheckpointHistory,
    RetentionPolicy,
    SavedCheckpoint,
    SaveMetadata,
    checkpoint_exists,
    get_checkpoint_mtimes,
    inspect,
    latest_checkpoint,
    open_checkpoint,
    tensor_source,
    write_checkpoint,
)
from holdfast.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from holdfast.testing.two_file_format import SPEC as TWO_FILES
from holdfast_msgpack import SPEC as CONTAINER
from holdfast_npz import SPEC

W = np.arange(12.0).reshape(6, 2)


def sources(version: int = 1) -> list[Any]:
    """Return tensors of several kinds, one of them in three slices."""
    return [
        tensor_source("a", np.full(5, version, np.float32)),
        tensor_source("w", W[4:] * version, spec="6 2 4,2:-"),
        tensor_source("b", np.array(version)),
        tensor_source("w", W[:1] * version, spec="6 2 0,1:-"),
        tensor_source("w", W[1:4] * version, spec="6 2 1,3:-"),
    ]


KEYS = ["cpu:0", "cpu:1", "cpu:0", "cpu:2", "cpu:0"]


def save(
    prefix: str, version: int = 1, shards: Sequence[str] | None = KEYS, spec: Any = SPEC, **metadata: Any
) -> SavedCheckpoint:
    """Write one version."""
    notes = SaveMetadata(global_step=version, **metadata)
    return write_checkpoint(prefix, sources(version), shards=shards, metadata=notes, formats=[spec, SPEC])


def names(directory: Path) -> list[str]:
    """Return what is in a directory, with the ids of saves left out."""
    return sorted(name[:2] + name[18:] if name.count("-of-") else name for name in os.listdir(directory))


def check(path: str, version: int, spec: Any = SPEC) -> None:
    """Read everything and compare it with a version."""
    with open_checkpoint(path, formats=[spec, SPEC]) as checkpoint:
        assert sorted(checkpoint.entries) == ["a", "b", "w"]
        assert checkpoint.read("a").tolist() == [version] * 5
        assert checkpoint.read("b") == version
        assert checkpoint.read("w").tolist() == (W * version).tolist()
        assert checkpoint.metadata.global_step == version


@pytest.mark.parametrize("spec", [SPEC, TWO_FILES, CONTAINER], ids=lambda spec: spec.name)
def test_parts_are_read_as_one(tmp_path: Path, spec: Any) -> None:
    """There is a part for each key and a manifest; prefix, directory and every file stand for the whole."""
    saved = save(f"{tmp_path}/m", 3, spec=spec)
    parts = [f"m.-{n:05d}-of-00003{suffix}" for n in range(3) for suffix in sorted(spec.suffixes)]
    assert names(tmp_path) == [*parts, "m.manifest"]
    assert saved.path == f"{tmp_path}/m.manifest"
    assert sorted(saved.files) == sorted(f"{tmp_path}/{name}" for name in os.listdir(tmp_path))
    assert saved.nbytes == sum(os.path.getsize(path) for path in saved.files)
    for path in (f"{tmp_path}/m", str(tmp_path), *saved.files):
        check(path, 3, spec)


def test_it_is_one_checkpoint_for_everybody(tmp_path: Path) -> None:
    """Existence, times, the latest, inspection and the list of tensors speak of the whole."""
    prefix = f"{tmp_path}/m-1"
    save(prefix, metrics={"loss": 0.5}, user={"note": "x"})
    assert checkpoint_exists(prefix, formats=[SPEC])
    assert get_checkpoint_mtimes([prefix], formats=[SPEC]) == [os.path.getmtime(f"{prefix}.manifest")]
    assert latest_checkpoint(tmp_path, formats=[SPEC]) == prefix
    summary = inspect(prefix, formats=[SPEC])
    assert (summary.format, summary.parts, summary.integrity) == ("npz", 3, "digest")
    assert summary.nbytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert (dict(summary.metadata.metrics), dict(summary.metadata.user)) == ({"loss": 0.5}, {"note": "x"})
    assert [(tensor.name, tensor.shape, tensor.whole) for tensor in summary.tensors] == [
        ("a", (5,), True), ("b", (), True), ("w", (6, 2), True),
    ]  # fmt: skip
    with open_checkpoint(prefix, formats=[SPEC]) as checkpoint:
        assert checkpoint.debug_string() == "a (DT_FLOAT) [5]\nb (DT_INT64) []\nw (DT_DOUBLE) [6,2]\n"


def test_regions_go_over_parts(tmp_path: Path) -> None:
    """A region of a tensor whose slices lie in several parts is read from those it touches, also into an array."""
    save(f"{tmp_path}/m")
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert checkpoint.read("w", index=(slice(3, 5), slice(1, 2))).tolist() == W[3:5, 1:2].tolist()
        out = np.zeros((6, 2))
        assert checkpoint.read("w", out=out) is out
        assert out.tolist() == W.tolist()


def test_slices_that_are_not_all_there(tmp_path: Path) -> None:
    """Of a tensor of which slices are missing the others are read, and all of it is an error."""
    tensors = [sources()[1], sources()[3]]
    write_checkpoint(f"{tmp_path}/m", tensors, shards=[0, 1], formats=[SPEC])
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert [part.start for part in checkpoint.entries["w"].slices] == [(4, 0), (0, 0)]
        assert checkpoint.read("w", index=(slice(4, 6), slice(0, 2))).tolist() == W[4:].tolist()
        with pytest.raises(NotFoundError, match="holds only the parts"):
            checkpoint.read("w")


def test_strings_over_parts(tmp_path: Path) -> None:
    """Slices of a tensor of strings are put together too."""
    text = np.array([b"a", b"bb", b"", b"dddd"], object)
    tensors = [tensor_source("s", text[:3], spec="4 0,3"), tensor_source("s", text[3:], spec="4 3,1")]
    write_checkpoint(f"{tmp_path}/m", tensors, shards=[0, 1], formats=[SPEC])
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert checkpoint.entries["s"].nbytes == 7
        assert checkpoint.read("s").tolist() == text.tolist()


def test_no_tensors_is_one_part(tmp_path: Path) -> None:
    """A sharded checkpoint of nothing has one empty part."""
    write_checkpoint(f"{tmp_path}/m", [], shards=[], formats=[SPEC])
    assert names(tmp_path) == ["m.-00000-of-00001.npz", "m.manifest"]
    with open_checkpoint(f"{tmp_path}/m", formats=[SPEC]) as checkpoint:
        assert checkpoint.entries == {}


LAYOUTS: dict[str, Any] = {"one file": None, "three parts": KEYS, "one part": ["x"] * 5, "five parts": list("abcde")}


@pytest.mark.parametrize("before", LAYOUTS)
@pytest.mark.parametrize("after", LAYOUTS)
def test_any_layout_replaces_any_other(tmp_path: Path, before: str, after: str) -> None:
    """What a prefix had before is gone after a save, and the new one is read."""
    save(f"{tmp_path}/m", 1, LAYOUTS[before])
    saved = save(f"{tmp_path}/m", 2, LAYOUTS[after])
    assert sorted(saved.files) == sorted(f"{tmp_path}/{name}" for name in os.listdir(tmp_path))
    check(f"{tmp_path}/m", 2)


@pytest.mark.parametrize("newer", ["parts", "file"])
def test_the_highest_sequence_wins(tmp_path: Path, newer: str) -> None:
    """If a prefix has a file and a manifest, the later save counts, whichever it is."""
    for directory, shards in (("file", None), ("parts", KEYS)):
        (tmp_path / directory).mkdir()
        if directory != newer:
            save(f"{tmp_path}/{directory}/m", 1, shards)
    save(f"{tmp_path}/{newer}/m", 2, KEYS if newer == "parts" else None)
    for directory in ("file", "parts"):
        for path in (tmp_path / directory).iterdir():
            path.rename(tmp_path / path.name)
    check(f"{tmp_path}/m", 2)


def test_two_files_replace_nothing_but_in_parts_they_do(tmp_path: Path) -> None:
    """A format that cannot replace a checkpoint atomically can do so in parts."""
    whole = [item for item in sources() if item.name != "b"]
    write_checkpoint(f"{tmp_path}/m", whole, formats=[TWO_FILES])
    with pytest.raises(FailedPreconditionError, match="cannot replace a checkpoint atomically"):
        write_checkpoint(f"{tmp_path}/m", whole, formats=[TWO_FILES])
    save(f"{tmp_path}/m", 2, spec=TWO_FILES)
    save(f"{tmp_path}/m", 3, spec=TWO_FILES)
    check(f"{tmp_path}/m", 3, TWO_FILES)
    assert len(os.listdir(tmp_path)) == 7


def test_a_directory_and_all_files_may_be_renamed(tmp_path: Path) -> None:
    """A checkpoint moves with its directory, and under another name if all of its files are renamed."""
    (tmp_path / "a").mkdir()
    save(f"{tmp_path}/a/m", 4)
    (tmp_path / "a").rename(tmp_path / "b")
    check(f"{tmp_path}/b/m", 4)
    for path in (tmp_path / "b").iterdir():
        path.rename(tmp_path / "b" / f"best{path.name[1:]}")
    check(f"{tmp_path}/b/best", 4)


def test_retention_deletes_all_parts(tmp_path: Path) -> None:
    """A checkpoint that falls out goes with all of its files; adopted ones too."""
    history = CheckpointHistory(RetentionPolicy(latest=1), formats=[SPEC])
    for step in range(3):
        history.add(save(f"{tmp_path}/m-{step}", step, lineage="one"))
        history.publish(tmp_path)
    assert names(tmp_path).count("checkpoint") == 1
    assert {name.split(".")[0] for name in os.listdir(tmp_path)} == {"checkpoint", "m-2"}
    successor = CheckpointHistory(RetentionPolicy(latest=1), formats=[SPEC])
    assert successor.adopt(f"{tmp_path}/m-2", lineage="one") == 1
    successor.add(save(f"{tmp_path}/m-3", 3, None, lineage="one"))
    successor.publish(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m-3.npz"]


def test_parts_are_written_at_the_same_time(tmp_path: Path) -> None:
    """Each part is written by a thread of its own: here each waits until all have begun."""
    together = threading.Barrier(3, timeout=30)

    def value() -> Any:
        together.wait()
        return np.zeros(2)

    tensors = [tensor_source(name, value, dtype=np.float64, shape=(2,)) for name in "abc"]
    write_checkpoint(f"{tmp_path}/m", tensors, shards=list("abc"), formats=[SPEC])
    assert not together.broken


def test_one_part_that_fails_ends_all(tmp_path: Path) -> None:
    """The error of a part is the save's, the others are given up, and nothing is left."""

    def value() -> Any:
        raise OSError(errno.EIO, "Input/output error")

    failing = tensor_source("x", value, dtype=np.float64, shape=(1,))
    with pytest.raises(OSError, match="Input/output error"):
        write_checkpoint(f"{tmp_path}/m", [*sources(), failing], shards=[*KEYS, "other"], formats=[SPEC])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "tensors, shards, message",
    [
        (["a", "b"], [0], "1 keys of shards for 2 tensors"),
        (["a", "a"], [0, 1], "under one name"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, tensors: list[str], shards: list[int], message: str) -> None:
    """Mistakes are told before anything is written, also where they lie in different parts."""
    with pytest.raises(InvalidArgumentError, match=message):
        write_checkpoint(f"{tmp_path}/m", [tensor_source(n, W) for n in tensors], shards=shards, formats=[SPEC])
    assert os.listdir(tmp_path) == []


def test_slices_that_overlap_over_parts_are_refused(tmp_path: Path) -> None:
    """Slices of one tensor must not overlap, wherever they go."""
    tensors = [tensor_source("w", W[:4], spec="6 2 0,4:-"), tensor_source("w", W[3:], spec="6 2 3,3:-")]
    with pytest.raises(InvalidArgumentError, match="overlap"):
        write_checkpoint(f"{tmp_path}/m", tensors, shards=[0, 1], formats=[SPEC])
