"""Storage over fsspec, with fsspec's file system in memory."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from holdfast.checkpoint import (
    CheckpointHistory,
    RetentionPolicy,
    SaveMetadata,
    checkpoint_exists,
    commit_bytes,
    get_checkpoint_mtimes,
    get_checkpoint_state,
    inspect,
    latest_checkpoint,
    local_storage,
    open_checkpoint,
    pin,
    records_in,
    split_prefix,
    storage_for,
    tensor_source,
    unpin,
    write_checkpoint,
)
from holdfast.checkpoint.storage_file_urls import FileUrlStorage
from holdfast.checkpoint.storage_fsspec import FsspecStorage
from holdfast.contracts import ObjectStorage, RenamingStorage
from holdfast.errors import (
    CheckpointDurabilityError,
    CorruptCheckpointError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    TruncatedCheckpointError,
)
from holdfast.testing.two_file_format import SPEC as TWO_FILES
from holdfast_npz import SPEC


@pytest.fixture
def storage() -> FsspecStorage:
    """Return an empty storage."""
    return FsspecStorage(fsspec.filesystem("memory", global_store=False, skip_instance_cache=True))


def save(prefix: str, storage: Any, version: int = 1, **more: Any) -> Any:
    """Write one version."""
    tensors = [tensor_source("w", np.full(3, version, np.float32)), tensor_source("v", np.array(version))]
    notes = SaveMetadata(lineage="one", global_step=version)
    return write_checkpoint(prefix, tensors, storage=storage, metadata=notes, **{"formats": [SPEC], **more})


def version_at(path: str, storage: Any, formats: Any = (SPEC,)) -> int:
    """Read a checkpoint wholly and return its version."""
    with open_checkpoint(path, storage=storage, formats=list(formats)) as checkpoint:
        assert checkpoint.read("w").tolist() == [int(checkpoint.read("v"))] * 3
        return int(checkpoint.read("v"))


def test_which_storage_a_path_means() -> None:
    """Paths are the local disk, so are file URLs, all other URLs are fsspec's."""
    assert storage_for("/data/x") is local_storage()
    assert storage_for("a:b/c") is local_storage()
    assert isinstance(storage_for("file:///tmp/x"), FileUrlStorage)
    assert isinstance(storage_for("memory://x"), FsspecStorage)
    assert isinstance(storage_for("simplecache::memory://x"), FsspecStorage)


def test_the_kinds_of_storage(storage: FsspecStorage) -> None:
    """A disk commits by renaming, objects by a put; nothing is both."""
    assert isinstance(local_storage(), RenamingStorage)
    assert not isinstance(local_storage(), ObjectStorage)
    assert isinstance(storage, ObjectStorage)
    assert not isinstance(storage, RenamingStorage)


@pytest.mark.parametrize(
    "path, directory, name",
    [
        ("s3://bucket/run/m-5", "s3://bucket/run", "m-5"),
        ("s3://bucket/m", "s3://bucket", "m"),
        ("memory://m", "memory://", "m"),
        ("memory:///m", "memory:///", "m"),
        ("memory:///a/m", "memory:///a", "m"),
        ("simplecache::s3://b/m", "simplecache::s3://b", "m"),
    ],
)
def test_urls_are_taken_apart_and_put_together(storage: FsspecStorage, path: str, directory: str, name: str) -> None:
    """Directory and last component of a URL, and back."""
    assert storage.split(path) == (directory, name)
    assert storage.join(directory, name) == path
    assert split_prefix(path, storage) == (directory, name)


def test_a_url_is_not_a_pathlib_path() -> None:
    """A URL that pathlib has changed is refused with what to do."""
    with pytest.raises(InvalidArgumentError, match=r"looks like a URL that was made a pathlib\.Path"):
        open_checkpoint(Path("s3://bucket/m"), formats=[SPEC])


def test_unknown_urls_are_refused() -> None:
    """A kind of URL that fsspec does not know is an error that names it, and options need a URL."""
    with pytest.raises(InvalidArgumentError, match="nosuch://x"):
        open_checkpoint("nosuch://x/m", formats=[SPEC])
    with pytest.raises(InvalidArgumentError, match="takes no options: endpoint_url"):
        storage_for("/data/x", endpoint_url="http://localhost")


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where fsspec is not installed a URL says what to install; so does one whose own package is missing."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.delitem(sys.modules, "holdfast.checkpoint.storage_fsspec", raising=False)
    with pytest.raises(FailedPreconditionError, match=r"pip install 'holdfast\[remote\]'"):
        storage_for("s3://bucket/m")


def test_fsspec_is_imported_by_urls_only() -> None:
    """Whoever saves to the disk does not wait for fsspec."""
    code = "import holdfast.checkpoint, sys; holdfast.checkpoint.storage_for('/data/x'); print('fsspec' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_a_save_is_parts_and_a_manifest(storage: FsspecStorage) -> None:
    """Also one that is not sharded: nothing else is committed in one step there."""
    saved = save("memory://d/m", storage, 3)
    assert saved.path == "memory://d/m.manifest"
    assert sorted(storage.join("memory://d", name) for name in storage.list_directory("memory://d")) == sorted(
        saved.files
    )
    for path in ("memory://d/m", "memory://d", *saved.files):
        assert version_at(path, storage) == 3
    assert inspect("memory://d/m", storage=storage, formats=[SPEC]).nbytes == saved.nbytes


@pytest.mark.parametrize("spec", [SPEC, TWO_FILES], ids=lambda spec: spec.name)
@pytest.mark.parametrize("shards", [None, ["a", "b"]], ids=["whole", "sharded"])
def test_overwriting_leaves_nothing_of_the_old_one(storage: FsspecStorage, spec: Any, shards: Any) -> None:
    """Each save replaces the one before, in any format, and its parts go."""
    for version in (1, 2):
        saved = save("memory://d/m", storage, version, formats=[spec], shards=shards)
        assert version_at("memory://d/m", storage, [spec]) == version
    assert len(storage.list_directory("memory://d")) == len(saved.files)


def test_only_manifests_are_trusted(storage: FsspecStorage) -> None:
    """A part without its manifest, and a file that someone has put there, are no checkpoint; a path names it still."""
    save("memory://d/m", storage)
    storage.remove("memory://d/m.manifest")
    (part,) = storage.list_directory("memory://d")
    file = storage.open(f"memory://d/{part}")
    storage.put("memory://d/n.npz", file.read_at(0, file.size))
    assert latest_checkpoint("memory://d", storage=storage, formats=[SPEC]) is None
    assert not checkpoint_exists("memory://d/n", storage=storage, formats=[SPEC])
    with pytest.raises(NotFoundError, match="only what has a manifest counts"):
        version_at("memory://d/n", storage)
    assert version_at("memory://d/n.npz", storage) == 1


def test_state_file_retention_and_adoption(storage: FsspecStorage) -> None:
    """The state file is an object, its paths are relative, and what falls out goes with all of its parts."""
    history = CheckpointHistory(RetentionPolicy(latest=2), storage=storage, formats=[SPEC])
    for version in range(4):
        history.add(save(f"memory://d/m-{version}", storage, version))
        history.publish("memory://d")
    file = storage.open("memory://d/checkpoint")
    assert file.read_at(0, file.size).startswith(b'model_checkpoint_path: "m-3"\n')
    latest = latest_checkpoint("memory://d", storage=storage, formats=[SPEC])
    assert latest == "memory://d/m-3"
    state = get_checkpoint_state("memory://d", storage=storage, formats=[SPEC])
    assert list(state.all_model_checkpoint_paths) == ["memory://d/m-2", "memory://d/m-3"]
    pin("memory://d/m-2", storage=storage, formats=[SPEC])
    successor = CheckpointHistory(RetentionPolicy(latest=1), storage=storage, formats=[SPEC])
    assert successor.adopt(latest, lineage="one") == 2
    successor.add(save("memory://d/m-4", storage, 4))
    assert successor.publish("memory://d") == ("memory://d/m-3",)
    assert unpin("memory://d/m-2", storage=storage)
    assert [record.global_step for record in records_in("memory://d", storage=storage, formats=[SPEC])] == [2, 4]
    assert len(storage.list_directory("memory://d")) == 5


def test_the_global_memory_is_found_by_url() -> None:
    """Without a storage, the URL says where; both ways to write one are the same place."""
    url = f"memory://test-{os.getpid()}"
    history = CheckpointHistory(RetentionPolicy(latest=1), formats=[SPEC])
    for version, home in enumerate((url, url.replace("//", "///"))):
        history.add(save(f"{home}/m-{version}", None, version))
        history.publish(home)
    assert history.records[0].prefix.endswith("m-1")
    latest = latest_checkpoint(url, formats=[SPEC])
    assert latest == f"{url}/m-1"
    assert version_at(latest, None) == 1
    assert get_checkpoint_mtimes([latest, f"{url}/m-0"], formats=[SPEC])[0] > 0
    fsspec.filesystem("memory").rm(url, recursive=True)


def test_file_urls_keep_the_whole_promise(tmp_path: Path) -> None:
    """They are the local disk by another name: one file, locks, the same recipe."""
    url = f"file://{tmp_path}"
    save(f"{url}/m-1", None)
    history = CheckpointHistory(RetentionPolicy(latest=1), formats=[SPEC])
    history.add(save(f"{url}/m-2", None, 2))
    history.publish(url)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m-1.npz", "m-2.npz"]
    assert latest_checkpoint(url, formats=[SPEC]) == f"{url}/m-2"
    assert version_at(f"{tmp_path}/m-2", None) == 2
    assert version_at(url, None) == 2


def test_large_objects_are_read_in_blocks(storage: FsspecStorage) -> None:
    """Any range of an object is read, small or large, from its start, its end and over the edges of blocks."""
    data = np.random.default_rng(1).bytes((3 << 20) + 77)
    storage.put("memory://d/x", data)
    file = storage.open("memory://d/x")
    for start, length in ((0, 8), (len(data) - 64, 64), ((1 << 20) - 3, 7), (5, 2 << 20), (9, 0), (0, len(data))):
        assert file.read_at(start, length) == data[start : start + length]
        buffer = bytearray(length)
        file.read_into(start, buffer)
        assert bytes(buffer) == data[start : start + length]
    for start, length in ((len(data) - 3, 4), (len(data) + 5, 1)):
        with pytest.raises(TruncatedCheckpointError, match="file length"):
            file.read_at(start, length)
    file.close()


def test_what_is_no_file(storage: FsspecStorage) -> None:
    """Nothing, and a directory, are the errors that the local disk has."""
    storage.put("memory://d/e/x", b"1")
    with pytest.raises(NotFoundError):
        storage.open("memory://d/none")
    with pytest.raises(CorruptCheckpointError, match="file type"):
        storage.open("memory://d/e")
    assert storage.list_directory("memory://none") == []
    assert storage.status("memory://d/none") is None
    found = storage.status("memory://d/e")
    assert found is not None
    assert found.is_directory
    with pytest.raises(FileExistsError):
        storage.create("memory://d/e/x")


class BrokenFileSystem:
    """A file system whose every method raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def _strip_protocol(self, path: str) -> str:
        return path

    def invalidate_cache(self) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def method(*args: Any, **kwargs: Any) -> Any:
            raise self._error

        return method


@pytest.mark.parametrize(
    "error, number",
    [
        (RuntimeError("endpoint is gone"), errno.EIO),
        (PermissionError("no"), errno.EACCES),
        (OSError(errno.ENOSPC, "full"), errno.ENOSPC),
        (TimeoutError("late"), errno.ETIMEDOUT),
    ],
    ids=["foreign", "permission", "full", "late"],
)
def test_errors_of_file_systems_are_os_errors(error: Exception, number: int) -> None:
    """Whatever a file system raises is an OSError with a number, so that callers know it."""
    broken = FsspecStorage(BrokenFileSystem(error))
    actions: list[Callable[[], Any]] = [
        lambda: broken.create("x://d/a"),
        lambda: broken.open("x://d/a"),
        lambda: broken.put("x://d/a", b""),
        lambda: broken.remove("x://d/a"),
        lambda: broken.list_directory("x://d"),
        lambda: broken.status("x://d/a"),
    ]
    for action in actions:
        with pytest.raises(OSError, match=str(error.args[-1])) as caught:
            action()
        assert caught.value.errno == number


def test_a_refused_put_has_changed_nothing() -> None:
    """Where the storage says no it needs not be asked what happened; where it says nothing, nobody knows."""
    with pytest.raises(PermissionError):
        commit_bytes("x://d/a", b"", storage=FsspecStorage(BrokenFileSystem(PermissionError("no"))))
    with pytest.raises(CheckpointDurabilityError, match="could not be found out"):
        commit_bytes("x://d/a", b"", storage=FsspecStorage(BrokenFileSystem(TimeoutError("late"))))
