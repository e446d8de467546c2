from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import (
    CheckpointHistory,
    CheckpointRecord,
    RetentionPolicy,
    SaveMetadata,
    latest_checkpoint,
    plan_retention,
    tensor_source,
    write_checkpoint,
)
from holdfast_npz import SPEC

HOUR = 3600.0


def records(*times: float, **more: Any) -> list[CheckpointRecord]:
    """Return checkpoints named by their position."""
    return [CheckpointRecord(str(number), time, **more) for number, time in enumerate(times)]


def kept(found: list[CheckpointRecord], policy: RetentionPolicy, **more: Any) -> str:
    """Return the names of those that stay."""
    plan = plan_retention(found, {record.prefix for record in found}, policy, **more)
    assert not plan.gone
    assert sorted(plan.keep + plan.delete, key=found.index) == found
    return "".join(record.prefix for record in plan.keep)


@pytest.mark.parametrize(
    "latest, expected", [(1, "4"), (2, "34"), (5, "01234"), (9, "01234"), (None, "01234"), (0, "01234")]
)
def test_the_latest(latest: int | None, expected: str) -> None:
    """The latest n stay, by order of the list whatever the times say; None and 0 keep all."""
    assert kept(records(9, 8, 7, 6, 5), RetentionPolicy(latest=latest)) == expected


def test_one_for_each_hour() -> None:
    """Besides the latest, the first after each interval stays."""
    found = records(*(number * HOUR / 2 for number in range(8)))
    assert kept(found, RetentionPolicy(latest=1, every_n_hours=1.0), origin=0.0) == "367"


def test_the_rule_of_hours_is_stable() -> None:
    """What it kept at one save it keeps at every later one, when the others are gone."""
    policy = RetentionPolicy(latest=2, every_n_hours=1.0)
    found: list[CheckpointRecord] = []
    picked: set[str] = set()
    for number in range(60):
        found.append(CheckpointRecord(str(number), number * HOUR / 4))
        plan = plan_retention(found, {record.prefix for record in found}, policy, origin=0.0)
        found = list(plan.keep)
        names = {record.prefix for record in found}
        assert picked <= names
        picked = names - {str(number), str(number - 1)}
    assert len(picked) == 11


def test_an_infinite_time_is_always_kept() -> None:
    """Checkpoints that were put on the list without a time stay under the rule of hours, and move no interval."""
    assert kept(records(math.inf, HOUR * 2, HOUR * 2.5), RetentionPolicy(latest=1, every_n_hours=1.0)) == "012"


def test_the_best() -> None:
    """The best n by a metric stay; NaN and no value are not good, and of equals the later one wins."""
    values = [0.5, math.nan, 0.1, 0.1, None, 0.9]
    found = [
        CheckpointRecord(str(n), n, metrics={} if value is None else {"loss": value}) for n, value in enumerate(values)
    ]
    assert kept(found, RetentionPolicy(latest=1, best=1, metric="loss")) == "35"
    assert kept(found, RetentionPolicy(latest=1, best=2, metric="loss")) == "235"
    assert kept(found, RetentionPolicy(latest=1, best=2, metric="loss", mode="max")) == "05"


def test_the_best_by_nothing() -> None:
    """Best n without the name of a metric is a mistake."""
    with pytest.raises(ValueError, match="needs the name of a metric"):
        RetentionPolicy(best=1)


def test_pinned() -> None:
    """What is pinned stays."""
    assert kept(records(1, 2, 3), RetentionPolicy(latest=1, pinned=frozenset("0"))) == "02"


def test_the_newest_intact_one_stays() -> None:
    """If the latest are damaged, the newest that is not stays as well."""
    found = [CheckpointRecord(str(n), n, intact=n < 2) for n in range(5)]
    assert kept(found, RetentionPolicy(latest=2)) == "134"


def test_what_is_gone_counts_for_nothing() -> None:
    """Checkpoints that someone else removed take no place."""
    plan = plan_retention(records(1, 2, 3), {"0", "1"}, RetentionPolicy(latest=2))
    assert [record.prefix for record in plan.keep] == ["0", "1"]
    assert [record.prefix for record in plan.gone] == ["2"]
    assert plan.delete == ()


def save(path: str, lineage: str | None = "one") -> Any:
    """Write a checkpoint."""
    return write_checkpoint(
        path, [tensor_source("w", np.zeros(1))], metadata=SaveMetadata(lineage=lineage), formats=[SPEC]
    )


def names(directory: Path) -> list[str]:
    """Return what is in a directory."""
    return sorted(os.listdir(directory))


def test_a_history_keeps_the_latest_and_the_state_file(tmp_path: Path) -> None:
    """After each save the state file names what stays, and the rest is deleted with its meta graph."""
    history = CheckpointHistory(RetentionPolicy(latest=2), formats=[SPEC])
    deleted: list[str] = []
    for step in range(4):
        history.add(save(f"{tmp_path}/m-{step}"))
        (tmp_path / f"m-{step}.meta").write_bytes(b"graph")
        deleted += history.publish(tmp_path)
    assert [os.path.basename(prefix) for prefix in deleted] == ["m-0", "m-1"]
    assert names(tmp_path) == ["checkpoint", "m-2.meta", "m-2.npz", "m-3.meta", "m-3.npz"]
    assert (tmp_path / "checkpoint").read_text().count("all_model_checkpoint_paths") == 2
    assert [record.prefix for record in history.records] == [f"{tmp_path}/m-2", f"{tmp_path}/m-3"]


def test_saving_again_moves_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix that is overwritten is the newest, however it is spelt, and is not deleted as an old one."""
    monkeypatch.chdir(tmp_path)
    history = CheckpointHistory(RetentionPolicy(latest=1), formats=[SPEC])
    for prefix in (f"{tmp_path}/m-1", "m-2", "./m-1", f"{tmp_path}/../{tmp_path.name}/m-1"):
        history.add(save(prefix))
        history.publish(tmp_path)
    assert names(tmp_path) == ["checkpoint", "m-1.npz"]


def test_only_what_is_on_the_list_is_deleted(tmp_path: Path) -> None:
    """Files of others, of the same directory and even the same base name, are left alone."""
    save(f"{tmp_path}/m-9", "another")
    (tmp_path / "m-8.npz").write_bytes(b"x")
    history = CheckpointHistory(RetentionPolicy(latest=1), formats=[SPEC])
    for step in range(3):
        history.add(save(f"{tmp_path}/m-{step}"))
        history.publish(tmp_path)
    assert names(tmp_path) == ["checkpoint", "m-2.npz", "m-8.npz", "m-9.npz"]


def test_adoption_goes_by_base_name_and_lineage(tmp_path: Path) -> None:
    """What is of the same base name and lineage is taken over, in the order of its saves, before the own ones."""
    for step, lineage in ((7, "one"), (1, "one"), (2, "two"), (3, "one")):
        save(f"{tmp_path}/m-{step}", lineage)
    save(f"{tmp_path}/other-1", "one")
    (tmp_path / "m-5.npz").write_bytes(b"PK\x03\x04")
    history = CheckpointHistory(RetentionPolicy(latest=2), formats=[SPEC])
    history.add(save(f"{tmp_path}/m-0", "one"))
    assert history.adopt(f"{tmp_path}/m-3", lineage=None) == 0
    assert history.adopt(f"{tmp_path}/m-3", lineage="one") == 3
    assert [record.prefix[-3:] for record in history.records] == ["m-7", "m-1", "m-3", "m-0"]
    history.publish(tmp_path)
    assert names(tmp_path) == ["checkpoint", "m-0.npz", "m-2.npz", "m-3.npz", "m-5.npz", "other-1.npz"]
    assert latest_checkpoint(tmp_path, formats=[SPEC]) == f"{tmp_path}/m-0"


def test_an_adopting_history_inherits_the_origin(tmp_path: Path) -> None:
    """The rule of hours goes on from when the run began, so that nothing it kept before is deleted."""
    saved = save(f"{tmp_path}/m-1")
    history = CheckpointHistory(RetentionPolicy(), formats=[SPEC])
    history.adopt(saved.prefix, lineage="one")
    assert history.origin == saved.origin


def test_publishing_nothing(tmp_path: Path) -> None:
    """An empty list cannot be published."""
    with pytest.raises(ValueError, match="no checkpoint to publish"):
        CheckpointHistory(RetentionPolicy(), formats=[SPEC]).publish(tmp_path)
