"""Saves to a storage of objects that fails: the old or the new checkpoint in full, whatever happens."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import Any

import fsspec
import pytest

from holdfast.checkpoint.manifest import split_part_name
from holdfast.checkpoint.storage_fsspec import FsspecStorage
from holdfast.errors import CheckpointDurabilityError
from holdfast.testing.faulty_storage import CrashError, FaultyObjects
from tests.faults.saved_directory import SavedDirectory

KINDS: tuple[str | int, ...] = ("crash", "torn", errno.EIO, errno.ENOSPC, "lost answer")


def _three(directory: SavedDirectory) -> None:
    """Save three versions with a state file."""
    for version in (1, 2, 3):
        directory.save_and_publish(version, keep=3)


SCENARIOS: dict[str, tuple[Callable[[Any], None], Callable[[Any, Any], None]]] = {
    "first save": (lambda _: None, lambda d, s: d.save(4, storage=s)),
    "overwrite": (lambda d: d.save(3), lambda d, s: d.save(4, storage=s)),
    "sharded overwrite": (lambda d: d.save(3, sharded=True), lambda d, s: d.save(4, storage=s, sharded=True)),
    "save with retention": (_three, lambda d, s: d.save_and_publish(4, 1, s)),
}


def _bucket() -> FsspecStorage:
    """Return an empty storage of objects."""
    return FsspecStorage(fsspec.filesystem("memory", global_store=False, skip_instance_cache=True))


def _directory() -> SavedDirectory:
    """Return an empty directory in a storage of its own."""
    return SavedDirectory("memory://d", _bucket())


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_old_or_new_in_full(
    scenario: str, kind: str | int, caplog: pytest.LogCaptureFixture, count_cases: Callable[[str, int], None]
) -> None:
    """Whatever fails at whichever operation, the latest checkpoint is the old one or the new one, whole."""
    caplog.set_level(logging.CRITICAL)
    prepare, save = SCENARIOS[scenario]
    clean = _directory()
    prepare(clean)
    counting = FaultyObjects(clean.storage)  # type: ignore[arg-type]
    save(clean, counting)
    count_cases("failures of uploads", len(counting.operations))
    for position in range(len(counting.operations)):
        directory = _directory()
        prepare(directory)
        old = directory.latest_version()
        storage = FaultyObjects(directory.storage, position, kind)  # type: ignore[arg-type]
        raised: BaseException | None = None
        try:
            save(directory, storage)
        except (OSError, CheckpointDurabilityError, CrashError) as error:
            raised = error
        where = f"{storage.operations[-1]} ({position})"
        found = directory.latest_version()
        assert found == 4 if raised is None else found in {old, 4}, where
        if scenario != "save with retention":
            if isinstance(raised, OSError):
                assert found == old, where
            if not isinstance(raised, CrashError):
                assert _orphans(directory, old if isinstance(raised, OSError) else 4) <= _removals(storage), where
        directory.save(5)
        assert directory.version_at(directory.prefix) == 5


def _orphans(directory: SavedDirectory, version: int | None) -> int:
    """Return how many parts there are beside those of the checkpoint that is there."""
    there = [name for name in directory.names(temporary=False) if split_part_name(name) is not None]
    with_manifest = 0 if version is None else len(_files(directory)) - 1
    return len(there) - with_manifest


def _files(directory: SavedDirectory) -> tuple[str, ...]:
    """Return the files of the checkpoint."""
    from holdfast.checkpoint import open_checkpoint

    with open_checkpoint(directory.prefix, storage=directory.storage, formats=[directory.spec]) as checkpoint:
        return checkpoint.files


def _removals(storage: FaultyObjects) -> int:
    """Return how many parts may be left: those of a removal that failed, else none."""
    return 3 if storage.operations[storage._fail_at or 0] in {"remove", "status"} else 0


def test_an_answer_that_gets_lost_is_no_failure() -> None:
    """If the manifest was written although an error came back, the save has succeeded."""
    directory = _directory()
    directory.save(3)
    clean = FaultyObjects(_bucket())
    SavedDirectory("memory://d", clean).save(3)
    overwriting = FaultyObjects(directory.storage)  # type: ignore[arg-type]
    directory.save(3, storage=overwriting)
    storage = FaultyObjects(directory.storage, overwriting.operations.index("put"), "lost answer")  # type: ignore[arg-type]
    directory.save(4, storage=storage)
    assert directory.version_at(directory.prefix) == 4
    assert len(directory.names(temporary=False)) == 2


class _Unreachable(FaultyObjects):
    """A storage that cannot be reached from the put on, which was done all the same."""

    def put(self, path: str, data: Any) -> None:
        """Put, and lose the connection."""
        self._objects.put(path, data)
        self.gone = True
        raise OSError(errno.ETIMEDOUT, "Connection timed out", path)

    def open(self, path: str) -> Any:
        """Open a file, as long as the connection is there."""
        if getattr(self, "gone", False):
            raise OSError(errno.ETIMEDOUT, "Connection timed out", path)
        return super().open(path)


def test_if_nobody_knows_nothing_is_removed() -> None:
    """Where it cannot be found out whether the manifest was written the error says so, and the parts stay."""
    directory = _directory()
    directory.save(3)
    with pytest.raises(CheckpointDurabilityError, match="could not be found out"):
        directory.save(4, storage=_Unreachable(directory.storage))  # type: ignore[arg-type]
    assert directory.version_at(directory.prefix) == 4
