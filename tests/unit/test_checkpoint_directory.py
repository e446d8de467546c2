from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import CheckpointDirectory, load, local_storage, save, tensor_source, write_checkpoint
from holdfast.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError


class FullDisk:
    """A local disk on which nothing can be created."""

    def __getattr__(self, name: str) -> Any:
        return getattr(local_storage(), name)

    def create(self, path: str) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def state(step: int) -> dict[str, Any]:
    """Return a state that tells its step."""
    return {"w": np.full(3, step), "step": step}


def test_checkpoints_are_saved_and_loaded_by_step(tmp_path: Path) -> None:
    """Each step has a checkpoint of its own; the latest is what was saved last."""
    checkpoints = CheckpointDirectory(tmp_path / "run" / "one")
    assert (checkpoints.latest(), checkpoints.steps) == (None, ())
    for step in (3, 10, np.int64(7)):
        saved = checkpoints.save(state(int(step)), step=step, metrics={"loss": 1.0})
        assert saved.prefix == str(tmp_path / "run" / "one" / f"state-{step}")
    assert list(checkpoints.steps) == [3, 7, 10]
    assert checkpoints.latest() == str(tmp_path / "run" / "one" / "state-7")
    assert checkpoints.load()["step"] == 7
    assert checkpoints.load(3, names="step") == 3
    restored = checkpoints.restore(10, like={"step": 0})
    assert (restored.tree, restored.metadata.global_step) == ({"step": 10}, 10)
    assert dict(restored.metadata.metrics) == {"loss": 1.0}


def test_other_tools_see_the_latest(tmp_path: Path) -> None:
    """The state file is TensorFlow's, so what reads that finds the latest; so does loading the directory."""
    CheckpointDirectory(tmp_path).save(state(5), step=5)
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "state-5")
    assert load(tmp_path)["step"] == 5


def test_old_checkpoints_are_deleted(tmp_path: Path) -> None:
    """The latest stay, and the best by a metric."""
    checkpoints = CheckpointDirectory(tmp_path, keep=2, keep_best=1, metric="loss")
    for step, loss in enumerate([3.0, 1.0, 2.0, 5.0, 4.0]):
        checkpoints.save(state(step), step=step, metrics={"loss": loss})
    assert list(checkpoints.steps) == [1, 3, 4]
    assert {path.name.split(".")[0] for path in tmp_path.iterdir()} == {"state-1", "state-3", "state-4", "checkpoint"}


def test_pinned_checkpoints_stay(tmp_path: Path) -> None:
    """A pin keeps a checkpoint, until it is let go and the next save comes."""
    checkpoints = CheckpointDirectory(tmp_path, keep=1)
    checkpoints.save(state(0), step=0)
    checkpoints.pin(0, "for the paper")
    for step in (1, 2):
        checkpoints.save(state(step), step=step)
    assert list(checkpoints.steps) == [0, 2]
    assert checkpoints.unpin(0)
    assert not checkpoints.unpin(0)
    checkpoints.save(state(3), step=3)
    assert list(checkpoints.steps) == [3]


def test_a_restart_goes_on_with_the_run(tmp_path: Path) -> None:
    """After loading, the older checkpoints are this process's own, and go as if there had been no restart."""
    first = CheckpointDirectory(tmp_path, keep=2)
    for step in (1, 2):
        first.save(state(step), step=step)
    again = CheckpointDirectory(tmp_path, keep=2)
    again.load()
    saved = again.save(state(3), step=3)
    assert list(again.steps) == [2, 3]
    assert saved.lineage == again.restore(2).metadata.lineage


def test_an_earlier_step_may_be_gone_on_from(tmp_path: Path) -> None:
    """Later checkpoints of the same run are replaced where their step comes again, and stay where it does not yet."""
    first = CheckpointDirectory(tmp_path)
    for step in (1, 2, 3):
        first.save(state(step), step=step)
    again = CheckpointDirectory(tmp_path)
    again.load(1)
    again.save({"step": "another"}, step=2)
    assert again.load() == {"step": "another"}
    assert list(again.steps) == [1, 2, 3]


def test_a_fresh_start_leaves_another_run_alone(tmp_path: Path) -> None:
    """Without loading, nothing of a former run is deleted or replaced: a step that it has is refused."""
    first = CheckpointDirectory(tmp_path, keep=1)
    first.save(state(10), step=10)
    second = CheckpointDirectory(tmp_path, keep=1)
    for step in (1, 2):
        second.save(state(step), step=step)
    assert list(second.steps) == [2, 10]
    with pytest.raises(FailedPreconditionError, match=r"state-10\.\w+' exists and is another run's: it would be lost"):
        second.save({"step": "new"}, step=10)
    assert load(tmp_path / "state-10")["step"] == 10
    with pytest.raises(FailedPreconditionError):
        second.save({"step": "new"}, step=10, block=False).result()
    assert second.latest() == str(tmp_path / "state-2")
    CheckpointDirectory(tmp_path, name="other").save({"step": "new"}, step=10)


def test_two_processes_that_go_on_with_one_run(tmp_path: Path) -> None:
    """Neither replaces or deletes what the other saved: the second learns of it."""
    CheckpointDirectory(tmp_path).save(state(0), step=0)
    ahead, behind = CheckpointDirectory(tmp_path, keep=1), CheckpointDirectory(tmp_path, keep=1)
    ahead.load()
    behind.load()
    ahead.save(state(1), step=1)
    with pytest.raises(FailedPreconditionError, match="was saved by another process, which goes on with this run"):
        behind.save(state(1), step=1)
    behind.save(state(11), step=11)
    ahead.save(state(2), step=2)
    assert list(behind.steps) == [2, 11]
    behind.load(2)
    behind.save({"step": "again"}, step=2)
    assert list(behind.steps) == [2]


def test_a_damaged_checkpoint_is_replaced(tmp_path: Path) -> None:
    """Where there is nothing to lose, nothing is refused."""
    saved = CheckpointDirectory(tmp_path).save(state(1), step=1)
    Path(saved.path).write_bytes(Path(saved.path).read_bytes()[:-10])
    CheckpointDirectory(tmp_path).save(state(1), step=1)
    assert load(tmp_path / "state-1")["step"] == 1


def test_other_checkpoints_in_the_directory(tmp_path: Path) -> None:
    """Those of another name are neither listed nor the latest, whatever was saved last; nor are they deleted."""
    ours, theirs = CheckpointDirectory(tmp_path, keep=1), CheckpointDirectory(tmp_path, keep=1, name="other")
    ours.save(state(1), step=1)
    theirs.save(state(2), step=2)
    save(tmp_path / "state", state(3))
    assert (ours.steps, theirs.steps) == ((1,), (2,))
    assert (ours.latest(), theirs.latest()) == (str(tmp_path / "state-1"), str(tmp_path / "other-2"))
    assert CheckpointDirectory(tmp_path, name="third").latest() is None
    theirs.save(state(4), step=4)
    assert list(ours.steps) == [1]


def test_background_saves(tmp_path: Path) -> None:
    """The values are those of the call; the end of the block waits."""
    values = np.zeros(1000)
    with CheckpointDirectory(tmp_path, keep=2) as checkpoints:
        for step in range(4):
            values[:] = step
            checkpoints.save({"w": values}, step=step, block=False)
        values[:] = -1
    assert list(checkpoints.steps) == [2, 3]
    assert [checkpoints.load(step)["w"][0] for step in (2, 3)] == [2, 3]


def test_the_error_of_a_background_save_is_not_lost(tmp_path: Path) -> None:
    """It comes with the next save, or at the end of the block, where it does not hide another one."""
    full: Any = FullDisk()
    checkpoints = CheckpointDirectory(tmp_path, storage=full)
    checkpoints.save(state(1), step=1, block=False)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(state(2), step=2, block=False)
    checkpoints = CheckpointDirectory(tmp_path, storage=full)
    checkpoints.save(state(1), step=1, block=False)
    with pytest.raises(OSError, match="No space"):
        checkpoints.wait()
    with pytest.raises(OSError, match="No space"), CheckpointDirectory(tmp_path, storage=full) as checkpoints:
        checkpoints.save(state(1), step=1, block=False)
    checkpoints = CheckpointDirectory(tmp_path, storage=full)
    checkpoints.save(state(1), step=1, block=False)
    with pytest.raises(KeyError) as caught, checkpoints:
        raise KeyError("mine")
    assert "No space" in caught.value.__notes__[0]


def test_nothing_to_load(tmp_path: Path) -> None:
    """An empty directory, and a step that is not there, say so."""
    checkpoints = CheckpointDirectory(tmp_path)
    with pytest.raises(NotFoundError, match=r"There is no checkpoint in .*Ask latest\(\)"):
        checkpoints.load()
    checkpoints.save(state(1), step=1)
    with pytest.raises(NotFoundError, match="Beside it there is 'state-1'"):
        checkpoints.load(2)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: CheckpointDirectory(path, keep=0), "keep is 0, expected at least 1"),
        (lambda path: CheckpointDirectory(path, keep_best=2), "needs the name of a metric"),
        (lambda path: CheckpointDirectory(path, name="a/b"), "expected a file name without a directory"),
        (lambda path: CheckpointDirectory(path, name=""), "expected a file name without a directory"),
        (lambda path: CheckpointDirectory(path).save({}, step=-1), "step is -1, expected an integer from 0 on"),
        (lambda path: CheckpointDirectory(path).save({}, step=True), "step is True, expected an integer from 0 on"),
    ],
)
def test_arguments_that_make_no_sense(tmp_path: Path, make: Callable[[Path], Any], message: str) -> None:
    """A slip is told before anything is written."""
    with pytest.raises(ValueError, match=message):
        make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_tree_is_told_at_the_call(tmp_path: Path) -> None:
    """Also of a save in the background, and also what is wrong with the metadata."""
    checkpoints = CheckpointDirectory(tmp_path)
    with pytest.raises(InvalidArgumentError, match=r"a builtins\.set"):
        checkpoints.save({"a": {1}}, step=1, block=False)
    with pytest.raises(InvalidArgumentError, match="must be JSON"):
        checkpoints.save({}, step=1, metadata={"a": 1j}, block=False)
    with pytest.raises(TypeError, match="integer"):
        checkpoints.save({}, step=1.0)  # type: ignore[call-overload]


def test_a_checkpoint_of_something_else_is_gone_on_from(tmp_path: Path) -> None:
    """A checkpoint that has no run, under a name of the series, is loaded; the run begins then, and leaves it alone."""
    write_checkpoint(tmp_path / "state-1", [tensor_source("w", np.ones(2))])
    checkpoints = CheckpointDirectory(tmp_path, keep=1)
    assert checkpoints.load(1)["w"].tolist() == [1, 1]
    checkpoints.save(state(2), step=2)
    assert list(checkpoints.steps) == [2]


def test_a_process_that_ends_finishes_its_save(tmp_path: Path) -> None:
    """A background save that nobody waited for is on the disk when Python has ended."""
    code = (
        f"from holdfast.checkpoint import CheckpointDirectory as D; D({str(tmp_path)!r}).save([1], step=1, block=False)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert CheckpointDirectory(tmp_path).load() == [1]
