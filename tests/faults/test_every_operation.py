from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.checkpoint import local_storage
from holdfast.checkpoint.manifest import MANIFEST_SUFFIX, read_manifest, split_part_name
from holdfast.errors import CheckpointDurabilityError
from holdfast.testing.faulty_storage import CrashError, FaultyStorage

KINDS: tuple[str | int, ...] = ("crash", "torn", errno.EIO, errno.ENOSPC, errno.EINTR)


class Scenario:
    """A save into a directory that holds something, and what must hold afterwards."""

    def __init__(
        self, name: str, commits: int, prepare: Callable[[Any], None], save: Callable[[Any, FaultyStorage], None]
    ) -> None:
        self.name = name
        self.commits = commits
        self.prepare = prepare
        self.save = save

    def old(self, directory: Any) -> int | None:
        """Return the version before the save."""
        found: int | None = directory.latest_version()
        return found


def _three(directory: Any) -> None:
    """Save three versions with a state file."""
    for version in (1, 2, 3):
        directory.save_and_publish(version, keep=3)


SCENARIOS = [
    Scenario("first save", 1, lambda _: None, lambda d, s: d.save(4, storage=s)),
    Scenario("overwrite", 1, lambda d: d.save(3), lambda d, s: d.save(4, storage=s)),
    Scenario("first save with state", 2, lambda _: None, lambda d, s: d.save_and_publish(4, 3, s)),
    Scenario("save with state", 2, _three, lambda d, s: d.save_and_publish(4, 5, s)),
    Scenario("save with retention", 2, _three, lambda d, s: d.save_and_publish(4, 1, s)),
    Scenario("sharded", 1, lambda d: d.save(3, sharded=True), lambda d, s: d.save(4, storage=s, sharded=True)),
    Scenario("sharded over one file", 1, lambda d: d.save(3), lambda d, s: d.save(4, storage=s, sharded=True)),
    Scenario("one file over sharded", 1, lambda d: d.save(3, sharded=True), lambda d, s: d.save(4, storage=s)),
    Scenario("sharded with retention", 2, _three, lambda d, s: d.save_and_publish(4, 1, s, sharded=True)),
]


def _count(scenario: Scenario, make: Callable[[], Any]) -> int:
    """Return how many operations the save takes."""
    directory, storage = make(), FaultyStorage(local_storage())
    scenario.prepare(directory)
    scenario.save(directory, storage)
    return len(storage.operations)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda item: item.name)
def test_old_or_new_in_full(
    scenario: Scenario, kind: str | int, directory: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails at whichever operation, the latest checkpoint is the old one or the new one, whole."""
    caplog.set_level(logging.CRITICAL)
    template = Path(directory.path) / "template"
    number = 0

    def make() -> Any:
        nonlocal number
        number += 1
        path = template.with_name(f"run-{number}")
        path.mkdir()
        return type(directory)(path)

    total = _count(scenario, make)
    assert total > 15
    for position in range(total):
        fresh = make()
        scenario.prepare(fresh)
        old = scenario.old(fresh)
        storage = FaultyStorage(local_storage(), position, kind)
        raised: BaseException | None = None
        try:
            scenario.save(fresh, storage)
        except (OSError, CheckpointDurabilityError, CrashError) as error:
            raised = error
        where = f"{storage.operations[-1]} ({position} of {total})"
        # A save without a state file that raises has changed nothing; with one there are two commits.
        if isinstance(raised, OSError) and scenario.commits == 1:
            assert fresh.latest_version() == old, where
        _check(fresh, old, raised, where)
        shutil.rmtree(fresh.path)


def _check(directory: Any, old: int | None, raised: BaseException | None, where: str) -> None:
    """Check what a save left behind."""
    found = directory.latest_version()
    if raised is None:
        assert found == 4, where
    else:
        assert found in {old, 4}, where
    if isinstance(raised, OSError):
        assert raised.errno in KINDS, where
    for name in directory.names(temporary=False):
        if name.endswith((".npz", ".manifest")) and split_part_name(name) is None:
            directory.version_at(f"{directory.path}/{name}")
    if not isinstance(raised, CrashError):
        assert directory.names(temporary=True) == [], where
    directory.save(5)
    assert directory.version_at(directory.prefix) == 5
    assert directory.names(temporary=True) == [], where
    assert _orphans(directory) == set(), where


def _orphans(directory: Any) -> set[str]:
    """Return the parts in a directory that no manifest names."""
    names = set(directory.names(temporary=False))
    manifests = [name for name in names if name.endswith(MANIFEST_SUFFIX)]
    named = {
        name.removesuffix(MANIFEST_SUFFIX) + tail
        for name in manifests
        for tail in read_manifest(f"{directory.path}/{name}", local_storage()).tails()
    }
    return {name for name in names if split_part_name(name) is not None} - named


def test_an_exception_before_the_rename_leaves_the_old_one(directory: Any) -> None:
    """A full disk at any operation up to the rename leaves the old checkpoint, byte for byte, or does not matter."""
    clean = FaultyStorage(local_storage())
    directory.save(3)
    directory.save(3, storage=clean)
    rename = clean.operations.index("rename")
    raised = 0
    for position in range(rename + 1):
        before = Path(f"{directory.prefix}.npz").read_bytes()
        try:
            directory.save(4, storage=FaultyStorage(local_storage(), position, errno.ENOSPC))
        except OSError:
            raised += 1
            assert Path(f"{directory.prefix}.npz").read_bytes() == before, clean.operations[position]
    assert raised >= rename - 1


def test_a_failed_directory_sync_deletes_nothing(directory: Any) -> None:
    """If only the directory could not be synced the new checkpoint stays, and the error says what that means."""
    directory.save(3)
    clean = FaultyStorage(local_storage())
    directory.save(3, storage=clean)
    storage = FaultyStorage(local_storage(), clean.operations.index("sync_directory"), errno.EIO)
    with pytest.raises(CheckpointDurabilityError, match="Input/output error"):
        directory.save(4, storage=storage)
    assert directory.version_at(directory.prefix) == 4
    assert "remove" not in storage.operations


def test_a_failed_deletion_is_tried_again(directory: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What could not be deleted is a warning, and goes with the next save."""
    _three(directory)
    clean = FaultyStorage(local_storage())
    directory.save_and_publish(4, 3, clean)
    position = len(clean.operations) - 1 - clean.operations[::-1].index("remove")
    storage = FaultyStorage(local_storage(), position, errno.EIO)
    directory.save_and_publish(5, 3, storage)
    assert "could not be deleted" in caplog.text
    assert directory.version_at(f"{directory.prefix}-2") == 2
    directory.save_and_publish(6, 3)
    assert [name for name in directory.names(temporary=False) if name.endswith("npz")] == [
        "m.ckpt-4.npz",
        "m.ckpt-5.npz",
        "m.ckpt-6.npz",
    ]
