"""Why checkpoints stay or go, which are pinned, and what retention would do in a directory."""

from __future__ import annotations

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
    explain_retention,
    is_pinned,
    pin,
    plan_retention,
    records_in,
    tensor_source,
    unpin,
    write_checkpoint,
)
from holdfast.errors import FailedPreconditionError, NotFoundError
from holdfast_npz import SPEC


def save(prefix: str, lineage: str = "one", shards: Any = None, **notes: Any) -> Any:
    """Write a checkpoint."""
    metadata = SaveMetadata(lineage=lineage, **notes)
    return write_checkpoint(prefix, [tensor_source("w", np.zeros(1))], shards=shards, metadata=metadata, formats=[SPEC])


def series(directory: Path, losses: list[float], policy: RetentionPolicy) -> CheckpointHistory:
    """Save a series of checkpoints with a loss each."""
    history = CheckpointHistory(policy, formats=[SPEC])
    for step, loss in enumerate(losses):
        history.add(save(f"{directory}/m-{step}", metrics={"loss": loss}, global_step=step))
        history.publish(directory)
    return history


def steps(directory: Path) -> list[str]:
    """Return the checkpoints in a directory."""
    return sorted(path.stem for path in directory.glob("m-*.npz"))


def test_every_reason_is_told() -> None:
    """Each checkpoint has all the reasons for which it stays, or what it would have had to be."""
    times = [0.0, 3600.0, 7300.0, 7400.0, 7500.0]
    found = [
        CheckpointRecord(str(n), time, metrics={"loss": loss}, intact=n < 4)
        for n, (time, loss) in enumerate(zip(times, [0.9, 0.1, 0.5, 0.4, 0.3], strict=True))
    ]
    policy = RetentionPolicy(latest=1, every_n_hours=2.0, best=1, metric="loss", pinned=frozenset("1"))
    plan = plan_retention(found, set("01234") - {"0"}, policy)
    assert plan.reasons == {
        "0": ("it is not there any more",),
        "1": ("one of the best 1 by loss (min)", "pinned"),
        "2": ("one for each 2 hours",),
        "3": ("the newest intact one",),
        "4": ("one of the latest 1",),
    }
    fewer = plan_retention(found, set("01234"), RetentionPolicy(latest=2, best=1, metric="loss"))
    assert [record.prefix for record in fewer.delete] == ["0", "2"]
    assert fewer.reasons["2"] == ("not one of the latest 2", "not one of the best 1 by loss")
    assert plan_retention(found, set("0"), RetentionPolicy(latest=None)).reasons["0"] == (
        "all are kept", "the newest intact one",
    )  # fmt: skip


def test_the_best_by_a_metric_stay(tmp_path: Path) -> None:
    """Over a run, the best ones stay beside the latest."""
    series(tmp_path, [0.5, 0.2, 0.9, 0.1, 0.8, 0.7], RetentionPolicy(latest=1, best=2, metric="loss"))
    assert steps(tmp_path) == ["m-1", "m-3", "m-5"]


@pytest.mark.parametrize("shards", [None, ["x"]])
def test_a_pin_holds_for_every_process(tmp_path: Path, shards: Any) -> None:
    """What is pinned is not deleted, by nobody, until it is unpinned; then the next save deletes it."""
    first = save(f"{tmp_path}/m-0", shards=shards)
    pin(first.prefix, "in the paper", formats=[SPEC])
    assert is_pinned(first.prefix)
    assert "in the paper" in (tmp_path / "m-0.pinned").read_text()
    for step in range(1, 4):
        history = CheckpointHistory(RetentionPolicy(latest=1), formats=[SPEC])
        history.adopt(f"{tmp_path}/m-{step - 1}", lineage="one")
        history.add(save(f"{tmp_path}/m-{step}", shards=shards))
        history.publish(tmp_path)
        assert {name.split(".")[0] for name in os.listdir(tmp_path)} == {"checkpoint", "m-0", f"m-{step}"}
    assert unpin(first.prefix)
    assert not unpin(first.prefix)
    history.add(save(f"{tmp_path}/m-4", shards=shards))
    assert history.publish(tmp_path) == (f"{tmp_path}/m-0", f"{tmp_path}/m-3")


def test_what_is_pinned_is_not_replaced(tmp_path: Path) -> None:
    """A save to the prefix of a pinned checkpoint is refused, and says how to go on."""
    save(f"{tmp_path}/m")
    pin(f"{tmp_path}/m", formats=[SPEC])
    before = (tmp_path / "m.npz").read_bytes()
    with pytest.raises(FailedPreconditionError, match=r"is pinned, so it is not replaced.*unpin"):
        save(f"{tmp_path}/m")
    assert (tmp_path / "m.npz").read_bytes() == before


def test_only_a_checkpoint_can_be_pinned(tmp_path: Path) -> None:
    """A prefix without a checkpoint cannot be pinned."""
    with pytest.raises(NotFoundError, match=r"no checkpoint .*to be pinned"):
        pin(f"{tmp_path}/m", formats=[SPEC])
    assert os.listdir(tmp_path) == []


def test_records_are_in_the_order_of_commits(tmp_path: Path) -> None:
    """Steps say nothing of the order; what cannot be read comes first and is not intact."""
    for step, shards in ((10_000, None), (0, ["x"]), (1, None)):
        save(f"{tmp_path}/m-{step}", shards=shards, global_step=step, metrics={"loss": step / 2})
    (tmp_path / "m-5.npz").write_bytes((tmp_path / "m-1.npz").read_bytes()[:-9])
    found = records_in(tmp_path, formats=[SPEC])
    assert [(os.path.basename(record.prefix), record.intact) for record in found] == [
        ("m-5", False), ("m-10000", True), ("m-0", True), ("m-1", True),
    ]  # fmt: skip
    assert [record.global_step for record in found] == [None, 10_000, 0, 1]
    assert found[3].metrics == {"loss": 0.5}


def test_retention_is_explained_before_anything_goes(tmp_path: Path) -> None:
    """The survey says what would go of the latest one's series and why, and touches nothing of others."""
    series(tmp_path, [0.5, 0.2, 0.9, 0.1], RetentionPolicy(latest=None))
    save(f"{tmp_path}/m-9", "another")
    save(f"{tmp_path}/best", "one")
    pin(f"{tmp_path}/m-0", formats=[SPEC])
    policy = RetentionPolicy(latest=1, best=1, metric="loss")
    survey = explain_retention(tmp_path, policy, prefix=f"{tmp_path}/m-3", formats=[SPEC])
    assert [os.path.basename(record.prefix) for record in survey.plan.delete] == ["m-1", "m-2"]
    assert survey.plan.reasons[f"{tmp_path}/m-0"] == ("pinned",)
    assert [os.path.basename(record.prefix) for record in survey.others] == ["m-9", "best"]
    assert explain_retention(tmp_path, policy, formats=[SPEC]).plan == survey.plan
    assert len(steps(tmp_path)) == 5


def test_a_directory_without_checkpoints(tmp_path: Path) -> None:
    """There is nothing to explain."""
    survey = explain_retention(tmp_path, RetentionPolicy(), formats=[SPEC])
    assert (survey.plan.keep, survey.plan.delete, survey.others) == ((), (), ())
