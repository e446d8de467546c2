"""A CheckpointDirectory that fails: what is there afterwards is the former state or the new one, in full."""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import CheckpointDirectory, local_storage
from holdfast.errors import CheckpointDurabilityError
from holdfast.testing.faulty_storage import CrashError, FaultyStorage


def state(version: int) -> dict[str, Any]:
    """Return a state of which every part tells the version."""
    return {"w": np.full(3, version), "s": np.float32(version), "step": version}


def prepared(path: Path) -> None:
    """Save three versions."""
    checkpoints = CheckpointDirectory(path, keep=3)
    for version in (1, 2, 3):
        checkpoints.save(state(version), step=version)


def go_on(path: Path, storage: FaultyStorage) -> None:
    """Be the process that loads the third and saves a fourth, which leaves room for two."""
    checkpoints = CheckpointDirectory(path, keep=2, storage=storage)
    assert checkpoints.load()["step"] == 3
    checkpoints.save(state(4), step=4, block=False).result()


def version(path: Path) -> int:
    """Return the version of the latest checkpoint; a mixture fails."""
    loaded = CheckpointDirectory(path).load()
    step = int(loaded["step"])
    assert loaded["w"].tolist() == [step] * 3
    assert loaded["s"] == step
    return step


@pytest.mark.parametrize("kind", ["crash", "torn", errno.ENOSPC])
def test_every_operation_may_fail(tmp_path: Path, kind: str | int) -> None:
    """Whichever operation fails: old or new, new if the save returned, and the run goes on afterwards."""
    prepared(tmp_path / "prepared")
    shutil.copytree(tmp_path / "prepared", tmp_path / "counted")
    counted = FaultyStorage(local_storage())
    go_on(tmp_path / "counted", counted)
    assert len(counted.operations) > 20
    for number in range(len(counted.operations)):
        path = tmp_path / str(number)
        shutil.copytree(tmp_path / "prepared", path)
        returned = False
        with suppress(CrashError, OSError, CheckpointDurabilityError):
            go_on(path, FaultyStorage(local_storage(), number, kind))
            returned = True
        found = version(path)
        assert found in {3, 4}
        assert found == 4 or not returned
        again = CheckpointDirectory(path, keep=2)
        again.load()
        again.save(state(5), step=5)
        assert version(path) == 5
        # What was committed and not yet named is of the same run, so it is among those that are kept.
        assert again.steps in {(3, 5), (4, 5)}
