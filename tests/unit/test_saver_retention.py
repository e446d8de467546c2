"""What several Savers do to each other's checkpoints: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import holdfast as tf


def save(saver: tf.train.Saver, sess: tf.Session, directory: Path, *steps: int, name: str = "m") -> None:
    """Save at some steps."""
    for step in steps:
        saver.save(sess, directory / name, global_step=step)


def prefixes(directory: Path) -> set[str]:
    """Return the checkpoints of a directory."""
    return {path.name.split(".")[0] for path in directory.iterdir()} - {"checkpoint"}


@pytest.mark.parametrize("sharded", [False, True])
def test_two_savers_in_one_directory(tmp_path: Path, *, sharded: bool) -> None:
    """Each keeps as many of its own as it should, by turns and under one name, and deletes none of the other's."""
    variable = tf.Variable(1.0, name="v")
    first, second = (tf.train.Saver([variable], sharded=sharded, max_to_keep=2) for _ in range(2))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(0, 10, 2):
            save(first, sess, tmp_path, step)
            save(second, sess, tmp_path, step + 1)
    assert prefixes(tmp_path) == {"m-6", "m-8", "m-7", "m-9"}
    assert tf.train.latest_checkpoint(tmp_path) == f"{tmp_path}/m-9"


def test_a_restart_at_step_0_beside_step_10000(tmp_path: Path) -> None:
    """A run that begins anew deletes nothing of the one before, loses nothing of its own, and is the latest."""
    tf.Variable(1.0, name="v")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        save(tf.train.Saver(max_to_keep=2), sess, tmp_path, 9_998, 9_999, 10_000)
        anew = tf.train.Saver(max_to_keep=2)
        for step in range(3):
            save(anew, sess, tmp_path, step)
            assert tf.train.latest_checkpoint(tmp_path) == f"{tmp_path}/m-{step}"
    assert prefixes(tmp_path) == {"m-9999", "m-10000", "m-1", "m-2"}


def test_a_restart_from_step_10000_at_step_0(tmp_path: Path) -> None:
    """A run that restores the last step and counts from 0 keeps the order of its saves, not of its steps."""
    tf.Variable(1.0, name="v")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        save(tf.train.Saver(max_to_keep=3), sess, tmp_path, 9_999, 10_000)
        resumed = tf.train.Saver(max_to_keep=2)
        resumed.restore(sess, tf.train.latest_checkpoint(tmp_path))
        save(resumed, sess, tmp_path, 0)
        assert prefixes(tmp_path) == {"m-10000", "m-0"}
        save(resumed, sess, tmp_path, 1)
    assert prefixes(tmp_path) == {"m-0", "m-1"}


def test_the_state_file_is_lost(tmp_path: Path) -> None:
    """Without a state file the latest is the one saved last, whatever its step."""
    tf.Variable(1.0, name="v")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        save(tf.train.Saver(), sess, tmp_path, 10_000)
        save(tf.train.Saver(sharded=True), sess, tmp_path, 0)
    (tmp_path / "checkpoint").unlink()
    assert tf.train.latest_checkpoint(tmp_path) == f"{tmp_path}/m-0"
