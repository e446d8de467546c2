"""A Saver that restored deletes nothing but what the run it goes on with has saved."""

from __future__ import annotations

from pathlib import Path

import pytest

import holdfast as tf


def train(directory: Path, name: str, steps: range) -> None:
    """Save some checkpoints of a run."""
    directory.mkdir(exist_ok=True)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable([1.0, 2.0], name="v")
        saver = tf.train.Saver(max_to_keep=10)
        sess.run(tf.global_variables_initializer())
        for step in steps:
            saver.save(sess, directory / name, global_step=step)


def restore_and_save(restored: Path, *saved: tuple[Path, int | None]) -> list[str]:
    """Restore in a new Saver that keeps one checkpoint, save, and return what it thinks it keeps."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable([0.0, 0.0], name="v")
        saver = tf.train.Saver(max_to_keep=1)
        saver.restore(sess, restored)
        for path, step in saved:
            path.parent.mkdir(exist_ok=True)
            saver.save(sess, path, global_step=step)
        return [Path(prefix).name for prefix in saver.last_checkpoints]


def prefixes(directory: Path) -> set[str]:
    """Return the checkpoints of a directory."""
    return {path.stem for path in directory.glob("*.holdfast")}


def test_an_evaluation_that_exports_deletes_nothing(tmp_path: Path) -> None:
    """Restoring a run's checkpoint and saving below its directory leaves the run alone."""
    train(tmp_path / "run", "m", range(4))
    restore_and_save(tmp_path / "run" / "m-3", (tmp_path / "run" / "export" / "model", None))
    assert prefixes(tmp_path / "run") == {"m-0", "m-1", "m-2", "m-3"}
    assert tf.train.latest_checkpoint(tmp_path / "run") == str(tmp_path / "run" / "m-3")


def test_a_run_in_another_directory_deletes_nothing(tmp_path: Path) -> None:
    """Restoring from one directory and saving to another, under the same name, leaves the first alone."""
    train(tmp_path / "a", "m", range(4))
    restore_and_save(tmp_path / "a" / "m-3", (tmp_path / "b" / "m", 4), (tmp_path / "b" / "m", 5))
    assert prefixes(tmp_path / "a") == {"m-0", "m-1", "m-2", "m-3"}
    assert prefixes(tmp_path / "b") == {"m-5"}


@pytest.mark.parametrize("name", ["pretrained.ckpt", "best.ckpt-1"])
def test_fine_tuning_deletes_nothing(tmp_path: Path, name: str) -> None:
    """Restoring a checkpoint and saving beside it under another name leaves it alone."""
    base, _, step = name.partition("-")
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable([1.0, 2.0], name="v")
        sess.run(tf.global_variables_initializer())
        tf.train.Saver().save(sess, tmp_path / base, global_step=int(step) if step else None)
    restore_and_save(tmp_path / name, (tmp_path / "tuned.ckpt", 1), (tmp_path / "tuned.ckpt", 2))
    assert prefixes(tmp_path) == {name, "tuned.ckpt-2"}


def test_a_named_checkpoint_is_no_part_of_a_series(tmp_path: Path) -> None:
    """A checkpoint without a step stays when a series of its name goes on from it."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable([1.0, 2.0], name="v")
        sess.run(tf.global_variables_initializer())
        tf.train.Saver().save(sess, tmp_path / "m.ckpt")
    restore_and_save(tmp_path / "m.ckpt", (tmp_path / "m.ckpt", 1), (tmp_path / "m.ckpt", 2))
    assert prefixes(tmp_path) == {"m.ckpt", "m.ckpt-2"}


def test_a_run_that_goes_on_keeps_to_its_limit(tmp_path: Path) -> None:
    """A resumed run takes over what it saved before, and deletes it as its limit says."""
    train(tmp_path, "m", range(4))
    assert restore_and_save(tmp_path / "m-3", (tmp_path / "m", 4)) == ["m-4"]
    assert prefixes(tmp_path) == {"m-4"}


def test_an_error_of_the_disk_is_an_os_error(tmp_path: Path) -> None:
    """What the operating system says reaches the caller as it is, with the op as a note."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable([1.0, 2.0], name="v")
        saver = tf.train.Saver()
        sess.run(tf.global_variables_initializer())
        (tmp_path / "m.holdfast").mkdir()
        (tmp_path / "m.holdfast" / "something").touch()
        with pytest.raises(OSError, match="Is a directory") as caught:
            saver.save(sess, tmp_path / "m")
    assert caught.value.errno is not None
    assert any("save/SaveV2" in note for note in caught.value.__notes__)


def test_a_mistake_in_the_format_is_told_when_the_saver_is_made() -> None:
    """An unknown format or option does not wait for the first save."""
    tf.Variable([1.0, 2.0], name="v")
    with pytest.raises(tf.errors.PluginNotFoundError, match="npx"):
        tf.train.Saver(format="npx")
    with pytest.raises(tf.errors.ConfigError, match="compresion"):
        tf.train.Saver(format="npz", format_options={"compresion": 1})


@pytest.mark.parametrize("value", [-1, 1.5, "3"])
def test_a_bad_number_of_checkpoints_is_refused(value: object) -> None:
    """``max_to_keep`` is a natural number or None."""
    tf.Variable([1.0, 2.0], name="v")
    with pytest.raises((ValueError, TypeError), match="max_to_keep"):
        tf.train.Saver(max_to_keep=value)  # type: ignore[arg-type]


def test_restoring_into_no_session_is_a_type_error(tmp_path: Path) -> None:
    """``restore`` says what it wants instead of a session."""
    tf.Variable([1.0, 2.0], name="v")
    with pytest.raises(TypeError, match="'sess' must be a Session; None"):
        tf.train.Saver().restore(None, tmp_path / "m")  # type: ignore[arg-type]
