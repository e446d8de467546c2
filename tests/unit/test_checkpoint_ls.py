from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from holdfast.checkpoint import (
    CheckpointListing,
    RetentionPolicy,
    SaveMetadata,
    ls,
    pin,
    tensor_source,
    write_checkpoint,
)
from holdfast.errors import NotFoundError
from holdfast_npz import SPEC as NPZ
from tests.unit.checkpoint_files import BOTH, flip, save, series


def names(found: CheckpointListing) -> list[str]:
    """Return the names in a listing."""
    return [os.path.basename(item.prefix) for item in found.checkpoints]


def verdicts(directory: Path, **rules: object) -> dict[str, str | None]:
    """Return what a policy says of each checkpoint, by the end of its name."""
    found = ls(directory, policy=RetentionPolicy(**rules), formats=BOTH)  # type: ignore[arg-type]
    return {item.prefix[-1]: item.retention for item in found.checkpoints}


def test_what_is_listed(tmp_path: Path) -> None:
    """Each checkpoint has what it says about itself, in the order of the saves."""
    saved = series(tmp_path, 3)
    found = ls(tmp_path, formats=BOTH)
    assert (found.directory, names(found)) == (str(tmp_path), ["m.ckpt-1", "m.ckpt-2", "m.ckpt-3"])
    last = found.checkpoints[-1]
    assert found.latest is last
    assert (last.prefix, last.path, last.format, last.nbytes) == (
        saved[2].prefix,
        saved[2].path,
        "npz",
        saved[2].nbytes,
    )
    assert (last.global_step, last.metrics, last.lineage) == (3, {"loss": 1 / 3}, saved[0].lineage)
    assert (last.saved, last.save_sequence, last.fault) == (saved[2].time, saved[2].save_sequence, "")
    assert (last.retention, last.reasons, found.policy, found.to_delete) == (None, (), None, ())


def test_the_order_is_that_of_the_saves(tmp_path: Path) -> None:
    """A restart at step 0 beside step 10,000 comes last."""
    for step in (10_000, 9, 0):
        save(f"{tmp_path}/m-{step}", {}, global_step=step)
    assert names(ls(tmp_path, formats=BOTH)) == ["m-10000", "m-9", "m-0"]


def test_retention(tmp_path: Path) -> None:
    """With a policy each checkpoint of a series says whether it would stay, and why; nothing is deleted."""
    series(tmp_path, 5)
    before = sorted(os.listdir(tmp_path))
    assert verdicts(tmp_path, latest=2) == {"1": "delete", "2": "delete", "3": "delete", "4": "keep", "5": "keep"}
    assert verdicts(tmp_path, latest=0) == dict.fromkeys("12345", "keep")
    best = verdicts(tmp_path, latest=1, best=1, metric="loss", mode="max")
    assert [step for step, verdict in best.items() if verdict == "keep"] == ["1", "5"]
    found = ls(tmp_path, policy=RetentionPolicy(latest=2), formats=BOTH)
    assert [item.prefix[-1] for item in found.to_delete] == ["1", "2", "3"]
    assert found.checkpoints[-1].reasons == ("one of the latest 2", "the newest intact one")
    assert found.checkpoints[0].reasons == ("not one of the latest 2",)
    assert sorted(os.listdir(tmp_path)) == before


def test_pinned(tmp_path: Path) -> None:
    """What is pinned is marked and stays."""
    series(tmp_path, 3)
    pin(tmp_path / "m.ckpt-1", formats=BOTH)
    assert [item.pinned for item in ls(tmp_path, formats=BOTH).checkpoints] == [True, False, False]
    found = ls(tmp_path, policy=RetentionPolicy(latest=1), formats=BOTH)
    assert [item.retention for item in found.checkpoints] == ["keep", "delete", "keep"]
    assert found.checkpoints[0].reasons == ("pinned",)


def test_each_series_has_its_own(tmp_path: Path) -> None:
    """Checkpoints of another run, another name or no series are none of a saver's business."""
    series(tmp_path, 2)
    save(tmp_path / "other-3", {})
    save(tmp_path / "best", {})
    save(tmp_path / "foreign-4", {}, "two-files")
    found = ls(tmp_path, policy=RetentionPolicy(latest=1), formats=BOTH)
    said = {name: (item.retention, item.reasons) for name, item in zip(names(found), found.checkpoints, strict=True)}
    assert said["m.ckpt-1"][0] == "delete"
    assert said["other-3"][0] == said["foreign-4"][0] == "keep"
    assert said["best"] == (None, ("not one of a series: its name ends with no step",))


def test_damaged_ones_are_marked(tmp_path: Path) -> None:
    """What cannot be opened, or not even recognised, is listed with what is wrong, and no policy deletes it."""
    saved = series(tmp_path, 4)
    Path(saved[0].path).write_bytes(b"")
    Path(saved[1].path).write_bytes(Path(saved[1].path).read_bytes()[:-1])
    flip(saved[3].path, 35)
    np.savez(tmp_path / "data.npz", a=np.arange(3))
    found = ls(tmp_path, policy=RetentionPolicy(latest=1), formats=BOTH)
    faults = {name: bool(item.fault) for name, item in zip(names(found), found.checkpoints, strict=True)}
    assert faults == {"m.ckpt-1": True, "m.ckpt-2": True, "m.ckpt-3": False, "m.ckpt-4": True}
    states = {name: item.retention for name, item in zip(names(found), found.checkpoints, strict=True)}
    assert states == {"m.ckpt-1": None, "m.ckpt-2": None, "m.ckpt-3": "keep", "m.ckpt-4": None}
    assert found.latest is not None
    assert found.latest.prefix == saved[3].prefix


def test_the_newest_that_can_be_opened_stays(tmp_path: Path) -> None:
    """Where metadata are readable and a part is lost, a saver keeps the one before as well; so does the listing."""
    sources = [tensor_source("a", np.arange(9)), tensor_source("b", np.arange(9))]
    for step in (1, 2, 3):
        said = SaveMetadata(lineage="one run", origin=1.0)
        saved = write_checkpoint(f"{tmp_path}/m-{step}", sources, shards=[0, 1], metadata=said, formats=[NPZ])
    os.unlink(saved.files[1])
    found = ls(tmp_path, policy=RetentionPolicy(latest=1), formats=[NPZ])
    assert [item.retention for item in found.checkpoints] == ["delete", "keep", "keep"]
    assert found.checkpoints[1].reasons == ("the newest intact one",)
    assert [bool(item.fault) for item in found.checkpoints] == [False, False, True]


def test_the_state_file_may_be_wrong(tmp_path: Path) -> None:
    """A latest checkpoint that is not there is noted; without a state file there is no latest."""
    saved = series(tmp_path, 2)
    os.unlink(saved[1].path)
    found = ls(tmp_path, formats=BOTH)
    assert found.latest is None
    assert len(found.notes) == 1
    assert "m.ckpt-2" in found.notes[0]
    (tmp_path / "checkpoint").unlink()
    assert (ls(tmp_path, formats=BOTH).latest, ls(tmp_path, formats=BOTH).notes) == (None, ())


def test_several_parts_are_one(tmp_path: Path) -> None:
    """A checkpoint of several parts is one line, with the size of all its files."""
    sources = [tensor_source("a", np.arange(9)), tensor_source("b", np.arange(9))]
    saved = write_checkpoint(tmp_path / "m-1", sources, shards=[0, 1], formats=[NPZ])
    (found,) = ls(tmp_path, formats=[NPZ]).checkpoints
    assert (found.path, found.format) == (f"{tmp_path}/m-1.manifest", "npz")
    assert found.nbytes == sum(map(os.path.getsize, saved.files))


def test_directories(tmp_path: Path) -> None:
    """An empty directory has no checkpoints; what is no directory is an error."""
    assert ls(tmp_path, formats=BOTH).checkpoints == ()
    (tmp_path / "file").write_text("x")
    for name, message in (("no", "There is no directory"), ("file", "This is a file, not a directory")):
        with pytest.raises(NotFoundError, match=message):
            ls(tmp_path / name, formats=BOTH)


def test_only_metadata_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each checkpoint only what it says about itself is read, so that a thousand of them take no time."""
    series(tmp_path, 3)

    def fail(*_: object) -> None:
        raise AssertionError("the index was read")

    monkeypatch.setattr("holdfast_npz.npz_format.NpzReader", fail)
    begun = time.time()
    found = ls(tmp_path, formats=BOTH)
    assert [item.global_step for item in found.checkpoints] == [1, 2, 3]
    assert all(item.saved <= begun for item in found.checkpoints)
