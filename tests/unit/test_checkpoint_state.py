from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import (
    LocalStorage,
    SaveMetadata,
    checkpoint_exists,
    generate_checkpoint_state_proto,
    get_checkpoint_mtimes,
    get_checkpoint_state,
    latest_checkpoint,
    open_checkpoint,
    tensor_source,
    update_checkpoint_state,
    write_checkpoint,
)
from holdfast.contracts import ReadableFile
from holdfast.errors import InvalidArgumentError
from holdfast_npz import SPEC


def save(prefix: Path | str, step: int = 0) -> str:
    """Write a small checkpoint."""
    metadata = SaveMetadata(global_step=step)
    return write_checkpoint(prefix, [tensor_source("w", np.full(3, step))], metadata=metadata, formats=[SPEC]).prefix


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a directory with three checkpoints, of which the first is the one in the state file."""
    directory = tmp_path / "run"
    directory.mkdir()
    for step in (1, 2, 3):
        save(directory / f"m.ckpt-{step}", step)
    update_checkpoint_state(directory, f"{directory}/m.ckpt-1")
    return directory


def latest(directory: Path | str, name: str | None = None) -> str | None:
    """Return the last component of the latest checkpoint."""
    found = latest_checkpoint(directory, name, formats=[SPEC])
    return None if found is None else os.path.basename(found)


def test_the_state_file_is_tensorflows(home: Path) -> None:
    """The text is what TensorFlow writes, with relative paths."""
    update_checkpoint_state(home, home / "m.ckpt-3", [home / "m.ckpt-1", home / "m.ckpt-3"])
    assert (home / "checkpoint").read_text() == (
        'model_checkpoint_path: "m.ckpt-3"\n'
        'all_model_checkpoint_paths: "m.ckpt-1"\n'
        'all_model_checkpoint_paths: "m.ckpt-3"\n'
    )


def test_the_latest_is_what_the_state_file_says(home: Path) -> None:
    """The state file decides, not the number of the step nor the time of the file."""
    assert latest_checkpoint(home, formats=[SPEC]) == f"{home}/m.ckpt-1"


def test_the_state_as_a_message(home: Path) -> None:
    """The paths of the message lead from the working directory."""
    update_checkpoint_state(home, home / "m.ckpt-3", [home / "m.ckpt-1"])
    state = get_checkpoint_state(home, formats=[SPEC])
    assert state.model_checkpoint_path == f"{home}/m.ckpt-3"
    assert list(state.all_model_checkpoint_paths) == [f"{home}/m.ckpt-1", f"{home}/m.ckpt-3"]


def test_paths_that_no_message_can_hold(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A message is UTF-8: older paths that are not are left out with a warning, the latest is a named error."""
    (home / "checkpoint").write_bytes(b'model_checkpoint_path: "m.ckpt-1" all_model_checkpoint_paths: "\xff"')
    state = get_checkpoint_state(home, formats=[SPEC])
    assert state.model_checkpoint_path == f"{home}/m.ckpt-1"
    assert list(state.all_model_checkpoint_paths) == []
    assert "no UTF-8" in caplog.text
    odd = save(os.fsdecode(os.fsencode(home) + b"/\xff"))
    update_checkpoint_state(home, odd)
    assert latest_checkpoint(home, formats=[SPEC]) == odd
    with pytest.raises(InvalidArgumentError, match="is no UTF-8, which a CheckpointState message needs"):
        get_checkpoint_state(home, formats=[SPEC])
    with pytest.raises(InvalidArgumentError, match="is no UTF-8"):
        generate_checkpoint_state_proto(home, odd)


def test_a_generated_message(home: Path) -> None:
    """The message to be written has relative paths, leaves out what lies elsewhere and ends with the latest."""
    state = generate_checkpoint_state_proto(home, home / "m.ckpt-3", [home.parent / "other", home / "m.ckpt-1"])
    assert state.model_checkpoint_path == "m.ckpt-3"
    assert list(state.all_model_checkpoint_paths) == ["m.ckpt-1", "m.ckpt-3"]


def test_a_checkpoint_elsewhere_cannot_be_named(home: Path) -> None:
    """A state file names only what lies beside it."""
    with pytest.raises(ValueError, match="does not lie in"):
        update_checkpoint_state(home, home.parent / "m.ckpt-1")


def test_the_state_file_does_not_overwrite_the_checkpoint(home: Path) -> None:
    """A checkpoint of the state file's name is refused."""
    with pytest.raises(RuntimeError, match="conflicts with path used for checkpoint state"):
        update_checkpoint_state(home, f"{home}/checkpoint")


def test_a_directory_can_be_moved(home: Path) -> None:
    """After a move, and from another working directory, the latest checkpoint is found."""
    moved = home.with_name("moved")
    shutil.move(home, moved)
    assert latest_checkpoint(moved, formats=[SPEC]) == f"{moved}/m.ckpt-1"


def test_relative_directories(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths stay relative."""
    monkeypatch.chdir(home.parent)
    update_checkpoint_state("run", "run/m.ckpt-2")
    assert latest_checkpoint("run", formats=[SPEC]) == "run/m.ckpt-2"
    with open_checkpoint("run", formats=[SPEC]) as checkpoint:
        assert checkpoint.metadata.global_step == 2


def test_an_absolute_path_into_the_directory(home: Path) -> None:
    """What TensorFlow writes for absolute prefixes is read."""
    (home / "checkpoint").write_text(f'model_checkpoint_path: "{home}/m.ckpt-2"\n')
    assert latest_checkpoint(home, formats=[SPEC]) == f"{home}/m.ckpt-2"


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "zeros": bytes(64),
    "cut": b'model_checkpoint_path: "m.ck',
    "no value": b"model_checkpoint_path: 7\n",
    "no name": b'all_model_checkpoint_paths: "m.ckpt-1"\n',
    "empty path": b'model_checkpoint_path: ""\n',
    "long path": b'model_checkpoint_path: "%s"\n' % (b"a" * 300),
    "no text": b"\xff\xfe\x00",
    "nul": b'model_checkpoint_path: "m\\000"\n',
    "missing": b'model_checkpoint_path: "m.ckpt-9"\n',
    "elsewhere": b'model_checkpoint_path: "/etc/m.ckpt-1"\n',
    "upwards": b'model_checkpoint_path: "../run/m.ckpt-1"\n',
    "below": b'model_checkpoint_path: "a/../../run/m.ckpt-1"\n',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=list(DAMAGED))
def test_a_useless_state_file_means_a_scan(home: Path, text: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A state file that is damaged or names what cannot be used is a warning, and the newest intact one is found."""
    (home / "checkpoint").write_bytes(text)
    assert latest(home) == "m.ckpt-3"
    assert "Scanning for the newest intact checkpoint" in caplog.text


def test_every_truncation_of_the_state_file(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However short the state file is, there is a latest checkpoint."""
    caplog.set_level(logging.CRITICAL)
    text = (home / "checkpoint").read_bytes()
    for length in range(len(text)):
        (home / "checkpoint").write_bytes(text[:length])
        assert latest(home) in {"m.ckpt-1", "m.ckpt-3"}


def test_a_state_file_that_is_no_file(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A FIFO or a directory in its place blocks nothing."""
    (home / "checkpoint").unlink()
    os.mkfifo(home / "checkpoint")
    assert latest(home) == "m.ckpt-3"
    (home / "checkpoint").unlink()
    (home / "checkpoint").mkdir()
    assert latest(home) == "m.ckpt-3"
    assert "FIFO" in caplog.text


def test_a_missing_state_file(home: Path) -> None:
    """Without a state file the newest checkpoint is found; other state files speak for themselves only."""
    (home / "checkpoint").unlink()
    assert latest(home) == "m.ckpt-3"
    assert latest(home, "best") is None


def test_a_link_that_leads_out(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A state file that names a link out of the directory is not followed as long as there is something else."""
    outside = save(home.parent / "outside", 99)
    (home / "m.ckpt-4.npz").symlink_to(f"{outside}.npz")
    (home / "checkpoint").write_text('model_checkpoint_path: "m.ckpt-4"\n')
    assert latest(home) == "m.ckpt-3"
    assert "a link that leads out" in caplog.text
    for step in (1, 2, 3):
        (home / f"m.ckpt-{step}.npz").unlink()
    assert latest(home) == "m.ckpt-4"


def test_the_scan_takes_the_newest_intact(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged checkpoint is passed over with a warning; if all are damaged there still is one, to fail loudly."""
    (home / "checkpoint").write_text("garbage")
    for expected in ("m.ckpt-2", "m.ckpt-1"):
        path = home / f"{latest(home)}.npz"
        data = bytearray(path.read_bytes())
        data[150] ^= 1
        path.write_bytes(data)
        assert latest(home) == expected
        assert "is not intact" in caplog.text
    (home / "m.ckpt-1.npz").write_bytes(b"")
    assert latest(home) is not None


def test_the_scan_names_what_it_skips(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The warning about the checkpoint in use lists newer ones that are damaged: in a value, in structure, or empty."""
    (home / "checkpoint").unlink()
    data = bytearray((home / "m.ckpt-2.npz").read_bytes())
    data[150] ^= 1
    (home / "m.ckpt-2.npz").write_bytes(data)
    (home / "m.ckpt-3.npz").write_bytes((home / "m.ckpt-3.npz").read_bytes()[:-30])
    (home / "m.ckpt-4.npz").write_bytes(b"")
    assert latest(home) == "m.ckpt-1"
    named = f"newer, but damaged: '{home}/m.ckpt-2', '{home}/m.ckpt-3', '{home}/m.ckpt-4'."
    assert caplog.messages[-1] == f"Using '{home}/m.ckpt-1' as the latest checkpoint of '{home}'; {named}"


def test_the_scan_names_nothing_where_nothing_newer_is_damaged(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged checkpoint that is older than the one in use does not matter."""
    (home / "checkpoint").unlink()
    (home / "m.ckpt-1.npz").write_bytes(b"")
    os.utime(home / "m.ckpt-1.npz", (5, 5))
    assert latest(home) == "m.ckpt-3"
    assert caplog.messages[-1] == f"Using '{home}/m.ckpt-3' as the latest checkpoint of '{home}'."


def test_a_state_file_that_may_not_be_read(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A refused permission is no damage, and the warning says so."""

    class Refusing(LocalStorage):
        def open(self, path: str) -> ReadableFile:
            if path.endswith("/checkpoint"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return super().open(path)

    assert latest_checkpoint(home, storage=Refusing(), formats=[SPEC]) == f"{home}/m.ckpt-3"
    fault = "is unreadable (Permission denied). Scanning for the newest intact checkpoint."
    assert caplog.messages[0] == f"'{home}/checkpoint' {fault}"


def test_a_checkpoint_that_was_cut_to_nothing_is_not_none(tmp_path: Path) -> None:
    """If the only file there was is empty now, it is still the latest: restoring it fails, and does not start anew."""
    save(tmp_path / "m.ckpt")
    (tmp_path / "m.ckpt.npz").write_bytes(b"")
    (tmp_path / "checkpoint").write_bytes(b"")
    assert latest(tmp_path) == "m.ckpt"


def test_the_scan_prefers_the_base_name(home: Path) -> None:
    """If a named checkpoint is missing, another of its base name is taken rather than a newer one of another's."""
    save(home / "other-7", 7)
    (home / "checkpoint").write_text('model_checkpoint_path: "m.ckpt-9"\n')
    assert latest(home) == "m.ckpt-3"


def test_the_scan_goes_by_commit_not_by_step(home: Path) -> None:
    """After a restart at step 0, the checkpoint that was written last is the newest."""
    save(home / "m.ckpt-0", 0)
    (home / "checkpoint").unlink()
    assert latest(home) == "m.ckpt-0"


def test_nothing_is_none(tmp_path: Path) -> None:
    """An empty or missing directory, and one with files of other kinds, has no checkpoint."""
    (tmp_path / "notes.txt").write_text("x")
    np.savez(tmp_path / "data.npz", a=1)
    assert latest(tmp_path) is None
    assert latest(tmp_path / "nowhere") is None
    assert get_checkpoint_state(tmp_path, formats=[SPEC]) is None


def test_existence_and_times(home: Path) -> None:
    """A prefix exists if there is a checkpoint of it; times of those that are missing are left out."""
    assert checkpoint_exists(home / "m.ckpt-1", formats=[SPEC])
    assert not checkpoint_exists(home / "m.ckpt-9", formats=[SPEC])
    np.savez(home / "data.npz", a=1)
    assert not checkpoint_exists(home / "data", formats=[SPEC])
    os.utime(home / "m.ckpt-2.npz", (5, 5))
    found: list[Any] = get_checkpoint_mtimes([home / "m.ckpt-9", home / "m.ckpt-2"], formats=[SPEC])
    assert found == [5.0]
