from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import holdfast as tf
from holdfast.checkpoint import inspect, pin, unpin


def _started() -> Any:
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    return sess


def _steps(saver: tf.train.Saver) -> list[int]:
    return [int(prefix.rpartition("-")[2]) for prefix in saver.last_checkpoints]


@pytest.mark.parametrize("mode,kept", [("min", [2, 4, 5, 6]), ("max", [1, 3, 5, 6])])
def test_the_best_stay(tmp_path: Path, mode: Any, kept: list[int]) -> None:
    """Beside the latest, so many of the best by a metric; what has no such metric, or NaN, is not good."""
    tf.Variable(0.0, name="v")
    saver, sess = tf.train.Saver(max_to_keep=2, keep_best=2, metric="loss", mode=mode), _started()
    losses: list[dict[str, float]] = [{"loss": 9.0}, {"loss": 1.0}, {"loss": 8.0}, {"loss": 2.0}, {}, {"loss": 5.0}]
    for step, metrics in enumerate(losses, 1):
        saver.save(sess, tmp_path / "m", global_step=step, metrics=metrics, block=step % 2 == 0)
    sess.close()
    assert _steps(saver) == kept


def test_a_save_without_the_metric_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is a slip, most likely."""
    tf.Variable(0.0, name="v")
    saver, sess = tf.train.Saver(keep_best=1, metric="accuracy", mode="max"), _started()
    saver.save(sess, tmp_path / "m", global_step=1, metrics={"accurcy": 0.5})
    saver.save(sess, tmp_path / "m", global_step=2)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "The Saver keeps the best by 'accuracy', and this save has only ['accurcy']: give save(metrics={'accuracy': "
        "...})."
    )


def test_bad_options() -> None:
    """A number that makes no sense, a rule without a metric, another mode."""
    tf.Variable(0.0, name="v")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"keep_best": 0}, r"^keep_best must be a number from 1 on, or None to keep none for that; got 0.$"),
        ({"keep_best": 2}, r"^best=2 needs the name of a metric"),
        ({"keep_best": 2, "metric": "loss", "mode": "low"}, r"^mode is 'low', expected 'min' or 'max'.$"),
        ({"max_to_keep": True}, r"^max_to_keep must be a natural number, or None to keep all; got True.$"),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            tf.train.Saver(**arguments)


def test_what_is_pinned_stays(tmp_path: Path) -> None:
    """Until it is let go; then the next save deletes it."""
    tf.Variable(0.0, name="v")
    saver, sess = tf.train.Saver(max_to_keep=1), _started()
    pin(str(saver.save(sess, tmp_path / "m", global_step=1)))
    for step in (2, 3):
        saver.save(sess, tmp_path / "m", global_step=step)
    assert _steps(saver) == [1, 3]
    unpin(tmp_path / "m-1")
    saver.save(sess, tmp_path / "m", global_step=4)
    assert _steps(saver) == [4]


def test_going_on_with_what_is_there(tmp_path: Path) -> None:
    """With adopt, the run that saved last under that name is gone on with; others are left alone."""
    tf.Variable(0.0, name="v")
    sess = _started()
    for name, steps in (("m", (1, 2)), ("other", (1, 2)), ("m", (8, 9))):
        writer = tf.train.Saver()
        for step in steps:
            writer.save(sess, tmp_path / name, global_step=step)
    lineage = inspect(tmp_path / "m-9").metadata.lineage
    saver = tf.train.Saver(max_to_keep=2, adopt=True)
    saver.save(sess, tmp_path / "m", global_step=10)
    assert inspect(tmp_path / "m-10").metadata.lineage == lineage
    assert _steps(saver) == [9, 10]
    assert not tf.train.checkpoint_exists(f"{tmp_path}/m-8")
    for rest in ("m-1", "m-2", "other-1", "other-2"):
        assert tf.train.checkpoint_exists(f"{tmp_path}/{rest}")


def test_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    """Then a run begins; and after a restore, it is the restored one that goes on."""
    tf.Variable(0.0, name="v")
    sess = _started()
    first = tf.train.Saver(adopt=True)
    prefix = str(first.save(sess, tmp_path / "m", global_step=1))
    tf.train.Saver().save(sess, tmp_path / "m", global_step=5)
    saver = tf.train.Saver(max_to_keep=1, adopt=True)
    saver.restore(sess, prefix)
    saver.save(sess, tmp_path / "m", global_step=2)
    assert _steps(saver) == [2]
    assert tf.train.checkpoint_exists(f"{tmp_path}/m-5")
    assert not tf.train.checkpoint_exists(prefix)
