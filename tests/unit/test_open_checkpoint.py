from __future__ import annotations

import errno
import gzip
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import (
    SaveMetadata,
    commit_bytes,
    local_storage,
    open_checkpoint,
    tensor_source,
    update_checkpoint_state,
    write_checkpoint,
)
from holdfast.contracts import FormatSpec
from holdfast.errors import (
    CheckpointLockedError,
    CorruptCheckpointError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OpError,
    PluginNotFoundError,
    TruncatedCheckpointError,
)
from holdfast.testing.faulty_storage import FaultyStorage
from holdfast.testing.two_file_format import SPEC as TWO
from holdfast_npz import SPEC as NPZ

BOTH = [NPZ, TWO]


def save(prefix: Path | str, value: int = 0, format: str = "npz", formats: list[FormatSpec] | None = None) -> Any:
    """Write a small checkpoint."""
    sources = [tensor_source("w", np.full(3, value))]
    return write_checkpoint(prefix, sources, format=format, formats=BOTH if formats is None else formats)


def value_at(path: Path | str) -> int:
    """Return what a small checkpoint holds."""
    with open_checkpoint(path, formats=BOTH) as checkpoint:
        return int(checkpoint.read("w")[0])


def test_what_is_known_of_a_saved_checkpoint(tmp_path: Path) -> None:
    """A save tells what it wrote, and the file tells the same."""
    metadata = SaveMetadata(
        global_step=7, metrics={"loss": 0.5}, random_streams={"op": [1, 2**60]}, user={"a": [1, None]}
    )
    saved = write_checkpoint(f"{tmp_path}/m", [tensor_source("w", np.zeros(3))], metadata=metadata, formats=[NPZ])
    assert saved.files == (saved.path,) == (f"{tmp_path}/m.npz",)
    assert saved.nbytes == os.path.getsize(saved.path)
    assert (saved.format, saved.global_step, saved.metrics) == ("npz", 7, {"loss": 0.5})
    with open_checkpoint(f"{tmp_path}/m", formats=[NPZ]) as checkpoint:
        found = checkpoint.metadata
    assert (found.lineage, found.origin, found.time) == (saved.lineage, saved.origin, saved.time)
    assert (found.save_sequence, found.global_step) == (saved.save_sequence, 7)
    assert (found.metrics, found.random_streams, found.user) == (
        metadata.metrics,
        metadata.random_streams,
        metadata.user,
    )
    assert str(found.writer).startswith("holdfast")


def test_a_lineage_is_drawn_once(tmp_path: Path) -> None:
    """A save without a lineage begins one, a save with one goes on; sequences grow."""
    first, second = save(tmp_path / "a"), save(tmp_path / "b")
    assert first.lineage != second.lineage
    third = write_checkpoint(
        f"{tmp_path}/c", [], metadata=SaveMetadata(lineage=first.lineage, origin=first.origin), formats=[NPZ]
    )
    assert (third.lineage, third.origin) == (first.lineage, first.origin)
    assert first.save_sequence < second.save_sequence < third.save_sequence


def test_a_path_names_a_prefix_a_file_or_a_directory(tmp_path: Path) -> None:
    """All three open the same checkpoint, also any file of a format with several."""
    save(tmp_path / "m", 1, "two-files")
    for path in ("m", "m.tidx", "m.tdata", "."):
        assert value_at(tmp_path / path) == 1


def test_a_file_of_any_name_is_recognised_by_content(tmp_path: Path) -> None:
    """The name of a file does not matter."""
    save(tmp_path / "m", 2)
    (tmp_path / "m.npz").rename(tmp_path / "best")
    assert value_at(tmp_path / "best") == 2


def test_saving_in_another_format_replaces(tmp_path: Path) -> None:
    """A prefix has one checkpoint: what it had in another format goes after the commit."""
    save(tmp_path / "m", 1, "two-files")
    save(tmp_path / "m", 2, "npz")
    assert sorted(os.listdir(tmp_path)) == ["m.npz"]


def test_the_highest_sequence_wins(tmp_path: Path) -> None:
    """If a crash left two formats of one prefix, the later save is what is opened."""
    save(tmp_path / "m", 1, "two-files", [TWO])
    save(tmp_path / "m", 2, "npz", [NPZ])
    assert value_at(tmp_path / "m") == 2
    (tmp_path / "m.npz").unlink()
    save(tmp_path / "n", 3, "npz", [NPZ])
    (tmp_path / "n.npz").rename(tmp_path / "m.npz")
    assert value_at(tmp_path / "m") == 3


def test_an_older_sibling_does_not_stand_in_for_a_damaged_one(tmp_path: Path) -> None:
    """If one of two formats of a prefix is damaged, which is newer cannot be told: an error."""
    save(tmp_path / "m", 1, "two-files", [TWO])
    save(tmp_path / "m", 2, "npz", [NPZ])
    data = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "m.npz").write_bytes(data[:-5])
    with pytest.raises(OpError):
        value_at(tmp_path / "m")
    assert value_at(tmp_path / "m.tidx") == 1


def test_siblings_that_holdfast_did_not_write_stay(tmp_path: Path) -> None:
    """A file of the same prefix that only looks like a checkpoint is left alone."""
    np.savez(tmp_path / "m.npz", a=1)
    save(tmp_path / "m", 1, "two-files")
    assert sorted(os.listdir(tmp_path)) == ["m.npz", "m.tdata", "m.tidx"]
    assert value_at(tmp_path / "m") == 1


def test_overwriting_where_that_is_not_atomic(tmp_path: Path) -> None:
    """A format of several files refuses to replace its own checkpoint, and leaves it as it is."""
    save(tmp_path / "m", 1, "two-files")
    with pytest.raises(FailedPreconditionError, match="cannot replace a checkpoint atomically"):
        save(tmp_path / "m", 2, "two-files")
    assert value_at(tmp_path / "m") == 1


def test_nothing_there(tmp_path: Path) -> None:
    """A missing checkpoint is TensorFlow's NotFoundError."""
    with pytest.raises(NotFoundError, match=r"Unsuccessful TensorSliceReader constructor: Failed to find any matching"):
        open_checkpoint(tmp_path / "m", formats=BOTH)
    with pytest.raises(NotFoundError, match="Failed to find any matching files"):
        open_checkpoint(tmp_path, formats=BOTH)


def test_a_missing_checkpoint_says_what_lies_beside_it(tmp_path: Path) -> None:
    """TensorFlow's line comes first; then those of the same base name, newest first, and how many more there are."""
    for name in ("other", "m-1", "m-2", "m-3"):
        save(tmp_path / name)
    with pytest.raises(NotFoundError) as caught:
        open_checkpoint(tmp_path / "m-4", formats=BOTH)
    first = f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {tmp_path}/m-4"
    assert caught.value.message.splitlines() == [first, "Beside it there is 'm-3', 'm-2', 'm-1' and 1 more."]


@pytest.mark.parametrize("name, directory", [("", ""), ("m-4", ""), ("nowhere/m", "/nowhere")])
def test_a_directory_without_a_checkpoint_is_named(tmp_path: Path, name: str, directory: str) -> None:
    """Whether the directory was asked for or a prefix in it, and whether or not it exists."""
    with pytest.raises(NotFoundError) as caught:
        open_checkpoint(tmp_path / name, formats=BOTH)
    assert caught.value.message.splitlines()[1] == f"There is no checkpoint in directory '{tmp_path}{directory}'."


def _damage(path: Path, kind: str) -> None:
    """Change a value, cut the end off, or leave nothing."""
    data = path.read_bytes()
    values = data.index(np.full(3, 4).tobytes())
    flipped = data[:values] + bytes([data[values] ^ 1]) + data[values + 1 :]
    path.write_bytes({"value": flipped, "cut": data[:-30], "empty": b""}[kind])


@pytest.mark.parametrize("kind", ["value", "cut", "empty"])
def test_a_damaged_checkpoint_names_others(tmp_path: Path, kind: str) -> None:
    """Opening or reading it says which others of its base name could be restored instead."""
    for name, value in {"other": 9, "m-1": 1, "m-2": 2, "m-3": 3, "m-4": 4}.items():
        saved = save(tmp_path / name, value)
    update_checkpoint_state(tmp_path, saved.prefix)
    _damage(tmp_path / "m-4.npz", kind)
    named = ", ".join(f"'{tmp_path}/m-{step}'" for step in (3, 2, 1))
    # A file without a beginning is passed over where the directory is asked for.
    for path in ("m-4", "m-4.npz", "." if kind != "empty" else "m-4"):
        with pytest.raises((CorruptCheckpointError, TruncatedCheckpointError)) as caught:
            value_at(tmp_path / path)
        assert caught.value.message.endswith(f" Others in its directory, newest first, not verified: {named}.")
        assert caught.value.message.count("Others in") == 1
        assert caught.value.advice.endswith(f"{named}.")


def test_a_damaged_checkpoint_alone_names_none(tmp_path: Path) -> None:
    """The general advice remains."""
    save(tmp_path / "m-4", 4)
    _damage(tmp_path / "m-4.npz", "value")
    with pytest.raises(CorruptCheckpointError) as caught:
        value_at(tmp_path / "m-4")
    assert caught.value.message.endswith("`holdfast verify PATH` says whether one is intact.")


@pytest.mark.parametrize("index", [(0,), 0, (slice("a"),), (None,), (slice(0, 1), slice(0, 1)), (slice(0, 3, 2),)])
def test_an_index_that_is_no_slices(tmp_path: Path, index: Any) -> None:
    """Anything but one slice of step 1 a dimension is refused."""
    save(tmp_path / "m")
    refused = pytest.raises(InvalidArgumentError, match="is read with one slice of step 1 a dimension, not")
    with open_checkpoint(tmp_path / "m", formats=BOTH) as checkpoint, refused:
        checkpoint.read("w", index=index)


def test_a_missing_second_file(tmp_path: Path) -> None:
    """A format that lacks one of its files says which."""
    save(tmp_path / "m", 1, "two-files")
    (tmp_path / "m.tdata").unlink()
    with pytest.raises(NotFoundError, match=r"m\.tdata; No such file or directory"):
        open_checkpoint(tmp_path / "m", formats=BOTH)


def test_saving_into_a_missing_directory(tmp_path: Path) -> None:
    """The directory must exist."""
    with pytest.raises(OSError, match="No such file") as caught:
        save(tmp_path / "a/m")
    assert caught.value.errno == errno.ENOENT


def test_an_unknown_format(tmp_path: Path) -> None:
    """A format that is not there is an error that lists those that are."""
    with pytest.raises(PluginNotFoundError, match="npz, two-files"):
        save(tmp_path / "m", format="zarr")


def _foreign() -> dict[str, tuple[bytes, str]]:
    """Return files of other kinds, each with what the error says of it."""
    return {
        "pickle": (pickle.dumps({"a": 1}), "a pickle, which holdfast never loads"),
        "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        "zip": (b"PK\x03\x04" + bytes(100), "a zip archive"),
        "gzip": (gzip.compress(b"x"), "a gzip archive"),
        "array": (b"\x93NUMPY\x01\x00" + bytes(100), "numpy.load"),
        "state": (b'model_checkpoint_path: "m"\n', "the state file"),
        "container": (b"\x89HFT\r\n\x1a\n" + bytes(100), "msgpack-zstd"),
        "text": (b"<html>not found</html>\n", "a text file"),
        "noise": (b"\xfe\x01\x02\x03" * 20, "install or enable that plug-in"),
    }


@pytest.mark.parametrize("kind", _foreign())
def test_files_of_other_kinds(tmp_path: Path, kind: str) -> None:
    """A file that is no checkpoint is corrupt, and the error says what it looks like."""
    data, hint = _foreign()[kind]
    (tmp_path / "m.npz").write_bytes(data)
    for path in ("m", "m.npz"):
        with pytest.raises(CorruptCheckpointError) as caught:
            open_checkpoint(tmp_path / path, formats=BOTH)
        assert hint in caught.value.message


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x03\x04", b"TWO"])
def test_files_that_are_too_short(tmp_path: Path, data: bytes) -> None:
    """An empty file, and one that ends within the magic, is truncated."""
    (tmp_path / "m").write_bytes(data)
    with pytest.raises((TruncatedCheckpointError, CorruptCheckpointError)) as caught:
        open_checkpoint(tmp_path / "m", formats=BOTH)
    assert isinstance(caught.value, TruncatedCheckpointError) or data == b"PK\x03\x04"


def test_what_is_no_file(tmp_path: Path) -> None:
    """A FIFO where a checkpoint should be never blocks."""
    os.mkfifo(tmp_path / "m.npz")
    for path in ("m", "m.npz"):
        with pytest.raises(CorruptCheckpointError, match="FIFO"):
            open_checkpoint(tmp_path / path, formats=BOTH)


@pytest.mark.parametrize(
    "metadata, fault",
    [
        (SaveMetadata(user={"a": {1, 2}}), "must be JSON"),
        (SaveMetadata(user={"a": float("nan")}), "must be JSON"),
        (SaveMetadata(user={"a": {1: 2}}), "expected a str"),
        (SaveMetadata(user={"a": "x" * (1 << 20)}), "at most 1,048,576"),
    ],
)
def test_metadata_that_cannot_be_saved(tmp_path: Path, metadata: SaveMetadata, fault: str) -> None:
    """Metadata that is no JSON, or too much of it, is refused before anything is written."""
    with pytest.raises(InvalidArgumentError, match=fault):
        write_checkpoint(f"{tmp_path}/m", [], metadata=metadata, formats=[NPZ])
    assert os.listdir(tmp_path) == []


def test_metrics_may_be_anything_a_float_is(tmp_path: Path) -> None:
    """NaN and infinities come back as they are."""
    metrics = {"nan": float("nan"), "inf": float("inf"), "low": float("-inf"), "x": float(np.float32(0.5))}
    write_checkpoint(f"{tmp_path}/m", [], metadata=SaveMetadata(metrics=metrics), formats=[NPZ])
    with open_checkpoint(f"{tmp_path}/m", formats=[NPZ]) as checkpoint:
        found = checkpoint.metadata.metrics
    assert repr(found) == "{'nan': nan, 'inf': inf, 'low': -inf, 'x': 0.5}"


@pytest.mark.parametrize(
    "engine",
    [
        7,
        {"lineage": 7},
        {"save_sequence": "7"},
        {"save_sequence": True},
        {"time": "now"},
        {"time": 10**400},
        {"metrics": {"loss": "much"}},
        {"metrics": [1]},
        {"random_streams": 1},
    ],
)
def test_metadata_of_wrong_types(tmp_path: Path, engine: Any) -> None:
    """Metadata whose own part is not as holdfast writes it is corrupt."""
    fmt = NPZ.factory({})

    class Hostile:
        def write(self, outputs: Any, tensors: Any, metadata: Any) -> None:
            fmt.write(outputs, tensors, {"holdfast": engine})

        def open(self, inputs: Any) -> Any:
            return fmt.open(inputs)

    write_checkpoint(
        f"{tmp_path}/m", [], formats=[FormatSpec("npz", NPZ.suffixes, NPZ.magic, lambda _: Hostile(), "digest")]
    )
    with pytest.raises(CorruptCheckpointError, match="metadata"):
        open_checkpoint(f"{tmp_path}/m", formats=[NPZ])


def test_debug_string(tmp_path: Path) -> None:
    """The list of tensors is TensorFlow's."""
    sources = [
        tensor_source(n, a)
        for n, a in {"w": np.zeros((2, 3), np.float32), "b": np.array(1), "s": np.array([b""], object)}.items()
    ]
    write_checkpoint(f"{tmp_path}/m", sources, formats=[NPZ])
    with open_checkpoint(f"{tmp_path}/m", formats=[NPZ]) as checkpoint:
        assert checkpoint.debug_string() == "b (DT_INT64) []\ns (DT_STRING) [1]\nw (DT_FLOAT) [2,3]\n"


def test_clocks_that_go_back_do_not_reorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save after the clock was set back still counts as later than the one in the state file."""
    from holdfast.checkpoint import sequence, update_checkpoint_state

    first = save(tmp_path / "m-1")
    update_checkpoint_state(tmp_path, first.prefix)
    monkeypatch.setattr(sequence, "_last_drawn", 0)
    monkeypatch.setattr(sequence, "_known", {})
    monkeypatch.setattr("time.time_ns", lambda: 1)
    assert save(tmp_path / "m-2").save_sequence == first.save_sequence + 1


def test_abandoned_temporary_files_go(tmp_path: Path) -> None:
    """What a process that died on this machine left is removed by the next save; other hidden files are not."""
    from holdfast.checkpoint.transaction import temporary_name

    abandoned = tmp_path / temporary_name("m.npz")
    abandoned.write_bytes(b"x")
    alive = tmp_path / temporary_name("m.npz").replace(f"-{os.getpid()}-", f"-{os.getppid()}-")
    elsewhere = tmp_path / ".m.npz.tmp-otherhost-1-0123456789abcdef"
    for path in (alive, elsewhere, tmp_path / ".hidden"):
        path.write_bytes(b"x")
    save(tmp_path / "m")
    assert sorted(os.listdir(tmp_path)) == sorted([alive.name, elsewhere.name, ".hidden", "m.npz"])


def test_temporary_names_fit(tmp_path: Path) -> None:
    """A long name does not make a temporary name that is too long for the file system."""
    save(tmp_path / ("ü" * 120))
    assert value_at(tmp_path / ("ü" * 120)) == 0


def test_a_save_waits_for_another(tmp_path: Path) -> None:
    """While someone else saves in the directory a save waits, and gives up after a while without a trace."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with local_storage().lock(str(tmp_path), 1.0):
            held.set()
            done.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10)
    with pytest.raises(CheckpointLockedError, match=r"after waiting 0\.02 s"):
        write_checkpoint(tmp_path / "m", [], formats=[NPZ], lock_timeout=0.02)
    assert os.listdir(tmp_path) == []
    done.set()
    other.join()
    save(tmp_path / "m")


def test_threads_that_save_at_once(tmp_path: Path) -> None:
    """Several threads save into one directory, and all checkpoints are whole."""
    threads = [threading.Thread(target=save, args=(tmp_path / f"m-{n}", n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [value_at(tmp_path / f"m-{n}") for n in range(8)] == list(range(8))


def test_a_small_file_by_the_same_recipe(tmp_path: Path) -> None:
    """A small file is replaced as a whole, or, if that fails, is as it was; no temporary file stays."""
    path = tmp_path / "m.meta"
    for data in (b"old", b"new"):
        commit_bytes(path, data)
        assert path.read_bytes() == data
    with pytest.raises(OSError, match="No such file"):
        commit_bytes(tmp_path / "no/m.meta", b"x")
    storage = FaultyStorage(local_storage(), fail_at=2, kind=errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        commit_bytes(path, b"newer", storage=storage)
    assert (storage.operations[2], path.read_bytes(), os.listdir(tmp_path)) == ("write", b"new", ["m.meta"])
