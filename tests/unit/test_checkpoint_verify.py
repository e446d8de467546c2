from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import LocalStorage, tensor_source, verify, write_checkpoint
from holdfast.errors import CorruptCheckpointError, NotFoundError
from holdfast_npz import SPEC as NPZ
from tests.unit.checkpoint_files import BOTH, flip, save, series

TENSORS = {"a": np.arange(50.0), "b": np.arange(60), "s": np.array([b"x", b"yy"], object)}


def test_an_intact_checkpoint(tmp_path: Path) -> None:
    """Every tensor is read, and nothing is wrong."""
    save(tmp_path / "m", TENSORS)
    report = verify(tmp_path / "m", formats=BOTH)
    (found,) = report.checkpoints
    assert (report.intact, report.damaged, report.notes) == (True, (), ())
    assert (found.path, found.state, found.format, found.integrity) == (f"{tmp_path}/m.npz", "intact", "npz", "digest")
    assert (found.tensors, found.nbytes, found.faults, found.caveat) == (3, 400 + 480 + 3, (), "")


def test_all_that_is_damaged_is_listed(tmp_path: Path) -> None:
    """Verifying goes on after damage: each damaged tensor has a fault of its own, with what and where."""
    save(tmp_path / "m", TENSORS)
    flip(tmp_path / "m.npz", np.float64(49).tobytes(), b"xyy")
    (found,) = verify(tmp_path / "m", formats=BOTH).checkpoints
    assert (found.state, [fault.tensor for fault in found.faults]) == ("damaged", ["a", "s"])
    first = found.faults[0]
    assert (first.error, first.damage) == ("CorruptCheckpointError", True)
    assert first.message.startswith("digest of member a.npy at byte ")
    assert "Restore another" not in first.message


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:10],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"\0" * len(data),
        lambda data: data[: len(data) // 2],
        lambda data: b"version https://git-lfs.github.com/spec/v1\n",
    ],
    ids=["empty", "ten bytes", "one byte less", "one byte more", "zeros", "half", "pointer"],
)
def test_damage_to_the_file(tmp_path: Path, damage: Any) -> None:
    """A file that cannot be opened is damaged, by prefix as by file; that is reported, not raised."""
    save(tmp_path / "m", TENSORS)
    path = tmp_path / "m.npz"
    path.write_bytes(damage(path.read_bytes()))
    for place in (tmp_path / "m", path):
        (found,) = verify(place, formats=BOTH).checkpoints
        assert (found.path, found.state, found.tensors) == (str(path), "damaged", 0)
        assert [(fault.tensor, fault.damage) for fault in found.faults] == [(None, True)]


def test_what_is_no_file(tmp_path: Path) -> None:
    """A FIFO and a directory in the place of a file are damage, and nothing blocks."""
    os.mkfifo(tmp_path / "f.npz")
    (tmp_path / "d.npz").mkdir()
    for name in ("f", "f.npz", "d"):
        assert verify(tmp_path / name, formats=BOTH).checkpoints[0].state == "damaged"


def test_nothing_there(tmp_path: Path) -> None:
    """Where there is nothing, there is nothing to verify."""
    for name in ("m", "m.npz", "no/m", "."):
        with pytest.raises(NotFoundError):
            verify(tmp_path / name, formats=BOTH)


def test_a_format_without_digests(tmp_path: Path) -> None:
    """Damage to values cannot be seen there, and the report says so."""
    save(tmp_path / "m", {"a": np.arange(4)}, "two-files")
    flip(tmp_path / "m.tdata", 3)
    (found,) = verify(tmp_path / "m", formats=BOTH).checkpoints
    assert (found.state, found.integrity) == ("intact", "none")
    assert found.caveat.startswith("The format has no digests")
    (tmp_path / "m.tdata").unlink()
    (found,) = verify(tmp_path / "m", formats=BOTH).checkpoints
    assert (found.state, found.faults[0].error) == ("damaged", "NotFoundError")


def test_a_directory_is_all_its_checkpoints(tmp_path: Path) -> None:
    """Each checkpoint of a directory is verified, not only the latest; data of other programs are only noted."""
    series(tmp_path, 3)
    flip(tmp_path / "m.ckpt-2.npz", np.full(3, 2).tobytes())
    np.savez(tmp_path / "data.npz", a=np.arange(3))
    report = verify(tmp_path, formats=BOTH)
    assert [(item.path[-12:-4], item.state) for item in report.checkpoints] == [
        ("m.ckpt-1", "intact"),
        ("m.ckpt-2", "damaged"),
        ("m.ckpt-3", "intact"),
    ]
    assert not report.intact
    assert [item.path for item in report.damaged] == [f"{tmp_path}/m.ckpt-2.npz"]
    assert len(report.notes) == 1
    assert "data.npz" in report.notes[0]


def test_a_checkpoint_that_cannot_be_recognised_is_not_passed_over(tmp_path: Path) -> None:
    """Cut to nothing, named by the state file, or with a graph beside it: that was a checkpoint."""
    series(tmp_path, 4)
    (tmp_path / "m.ckpt-1.npz").write_bytes(b"")
    flip(tmp_path / "m.ckpt-2.npz", 35)
    (tmp_path / "m.ckpt-2.meta").write_bytes(b"")
    flip(tmp_path / "m.ckpt-4.npz", 35)
    report = verify(tmp_path, formats=BOTH)
    states = {os.path.basename(item.path): item.state for item in report.checkpoints}
    assert states == {f"m.ckpt-{n}.npz": "intact" if n == 3 else "damaged" for n in range(1, 5)}


def test_a_latest_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    """What the state file promises belongs to the directory."""
    series(tmp_path, 2)
    (tmp_path / "m.ckpt-2.npz").unlink()
    report = verify(tmp_path, formats=BOTH)
    assert [(item.path, item.state) for item in report.damaged] == [(f"{tmp_path}/m.ckpt-2", "damaged")]
    assert "The state file names" in report.damaged[0].faults[0].message


def test_several_parts(tmp_path: Path) -> None:
    """A checkpoint of several parts is verified with all of them; a part that is lost, or exchanged, is damage."""
    sources = [tensor_source(name, array) for name, array in TENSORS.items()]
    saved = write_checkpoint(tmp_path / "m", sources, shards=[0, 1, 0], formats=[NPZ])
    assert verify(tmp_path / "m", formats=[NPZ]).intact
    part = saved.files[1]
    data = Path(part).read_bytes()
    flip(part, np.float64(49).tobytes())
    (found,) = verify(tmp_path, formats=[NPZ]).checkpoints
    assert found.state == "damaged"
    assert "a" in [fault.tensor for fault in found.faults]
    Path(part).unlink()
    for place in (tmp_path, tmp_path / "m"):
        assert verify(place, formats=[NPZ]).checkpoints[0].state == "damaged"
    Path(part).write_bytes(data)
    assert verify(tmp_path, formats=[NPZ]).intact


def test_what_cannot_be_read_is_not_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An I/O error, or a package that is missing, says nothing about the file: unchecked, and so not intact."""
    save(tmp_path / "m", TENSORS)
    storage = LocalStorage()
    monkeypatch.setattr(storage, "open", lambda path: (_ for _ in ()).throw(PermissionError(errno.EACCES, "no", path)))
    (found,) = verify(tmp_path / "m.npz", storage=storage, formats=BOTH).checkpoints
    assert (found.state, found.faults[0].error, found.faults[0].damage) == ("unchecked", "PermissionError", False)
    assert found.faults[0].message == "no (errno 13)"


def test_progress(tmp_path: Path) -> None:
    """Progress grows up to the total, and what it raises ends the work."""
    series(tmp_path, 3)
    told: list[tuple[int, int]] = []
    for place in (tmp_path, tmp_path / "m.ckpt-1"):
        told.clear()
        verify(place, progress=lambda *seen: told.append(seen), formats=BOTH)
        assert told == sorted(told)
        assert told[-1][0] == told[-1][1] > 0

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(tmp_path, progress=stop, formats=BOTH)


def test_faults_are_told_apart(tmp_path: Path) -> None:
    """The facts of an error are its message without path and advice."""
    error = CorruptCheckpointError(path="p", field="f", found=1, expected=2, offset=3)
    assert error.facts == "f at byte 3: found 1, expected 2"
    assert error.general_advice.startswith("Restore another checkpoint")
