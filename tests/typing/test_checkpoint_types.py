"""Saving and loading trees as a user writes it: type checkers know what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import holdfast
from holdfast.checkpoint import CheckpointDirectory, PendingSave, RestoredTree, SavedCheckpoint


def test_a_save_that_blocks_is_not_one_that_does_not(tmp_path: Path) -> None:
    """``block=False`` gives a handle, whose result is what a save that blocks returns."""
    saved = holdfast.checkpoint.save(tmp_path / "m", {"a": 1}, step=1)
    assert_type(saved, SavedCheckpoint)
    pending = holdfast.checkpoint.save(tmp_path / "m", {"a": 1}, block=False)
    assert_type(pending, PendingSave[SavedCheckpoint])
    assert_type(pending.result(), SavedCheckpoint)
    assert pending.done()
    block = bool(tmp_path)
    assert_type(
        holdfast.checkpoint.save(tmp_path / "m", [], block=block), SavedCheckpoint | PendingSave[SavedCheckpoint]
    )


def test_a_directory_has_the_same_types(tmp_path: Path) -> None:
    """So do the saves of a directory; what it loads is whatever was saved."""
    with CheckpointDirectory(tmp_path, keep_best=2, metric="loss", mode="max") as checkpoints:
        assert_type(checkpoints, CheckpointDirectory)
        assert_type(checkpoints.save([1], step=1), SavedCheckpoint)
        assert_type(checkpoints.save([1], step=2, block=False), PendingSave[SavedCheckpoint])
    assert_type(checkpoints.latest(), str | None)
    assert_type(checkpoints.steps, tuple[int, ...])
    assert_type(checkpoints.load(), Any)
    assert_type(checkpoints.restore(1), RestoredTree)
    assert checkpoints.steps == (1, 2)
