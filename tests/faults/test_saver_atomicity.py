"""A Saver that fails: the directory holds the old or the new checkpoint, the session what it held before."""

from __future__ import annotations

import errno
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import CheckpointHistory, RetentionPolicy, local_storage
from holdfast.testing.faulty_storage import CrashError, FaultyStorage

NAMES = ("a", "b", "c", "d")


class Model:
    """Four variables, a random op, a session and a Saver."""

    def __init__(self, directory: Path, format: str | None = None) -> None:
        self.prefix = f"{directory}/m"
        self.directory = str(directory)
        self.variables = [tf.Variable(np.full(4, i, np.float32), name=name) for i, name in enumerate(NAMES)]
        self.noise = tf.random_normal([2], name="noise")
        self.saver = tf.train.Saver(max_to_keep=2, format=format)
        self.sess = tf.Session()
        self.sess.run(tf.global_variables_initializer())

    def set(self, value: float) -> None:
        """Give all variables values that tell the version."""
        self.sess.run([v.assign(np.full(4, value + i, np.float32)) for i, v in enumerate(self.variables)])

    def state(self, sess: Any = None) -> list[list[float]]:
        """Return the values of all variables."""
        return [array.tolist() for array in (sess or self.sess).run(self.variables)]

    def with_storage(self, storage: Any) -> None:
        """Let the Saver write to a storage that fails."""
        self.saver._storage = storage
        history = CheckpointHistory(RetentionPolicy(latest=2), storage=storage)
        history.replace(self.saver._history.records)
        self.saver._history = history

    def holders(self) -> int:
        """Return how many holds there are on variables."""
        return sum(slot.buffer.holders for slot in self.sess._slots._slots.values() if slot.buffer is not None)


def _version(value: float) -> list[list[float]]:
    return [[value + i] * 4 for i in range(len(NAMES))]


def _operations(tmp_path: Path) -> int:
    """Return how many operations of the storage one save takes."""
    with tf.Graph().as_default():
        model = Model(tmp_path)
        model.saver.save(model.sess, model.prefix, global_step=1)
        model.saver.save(model.sess, model.prefix, global_step=2)
        storage = FaultyStorage(local_storage())
        model.with_storage(storage)
        model.saver.save(model.sess, model.prefix, global_step=3)
        return len(storage.operations)


@pytest.mark.parametrize("kind", ["crash", "torn", errno.EIO, errno.ENOSPC])
def test_a_save_that_fails_anywhere(tmp_path: Path, kind: str | int) -> None:
    """Whatever operation fails, the latest checkpoint is whole, and the session trains and saves on."""
    (tmp_path / "count").mkdir()
    count = _operations(tmp_path / "count")
    assert count > 10
    for k in range(count):
        directory = tmp_path / f"at{k}"
        directory.mkdir()
        with tf.Graph().as_default():
            model = Model(directory)
            for step in (1, 2):
                model.set(step * 10.0)
                model.saver.save(model.sess, model.prefix, global_step=step)
            model.set(30.0)
            model.with_storage(FaultyStorage(local_storage(), k, kind))
            try:
                saved = model.saver.save(model.sess, model.prefix, global_step=3)
            except (CrashError, OSError, tf.errors.OpError):
                saved = None
            assert model.state() == _version(30.0)
            assert model.holders() == 0
            latest = tf.train.latest_checkpoint(model.directory)
            assert latest is not None
            fresh = tf.Session()
            tf.train.Saver().restore(fresh, latest)
            found = model.state(fresh)
            assert found == _version(30.0) if saved else found in (_version(20.0), _version(30.0))
            model.with_storage(local_storage())
            model.set(40.0)
            model.saver.save(model.sess, model.prefix, global_step=4)
            tf.train.Saver().restore(fresh, tf.train.latest_checkpoint(model.directory))
            assert model.state(fresh) == _version(40.0)


def _damage(path: Path, member: str) -> None:
    """Flip one bit of the values of one member of a file."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
        values = archive.read(member)
    data = bytearray(path.read_bytes())
    # The values end the member: its last four bytes stand nowhere else but in the file's digests.
    place = data.index(values, info.header_offset) + len(values) - 2
    data[place] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bare", [False, True], ids=["saver", "bare"])
@pytest.mark.parametrize("initialised", [False, True], ids=["fresh", "initialised"])
def test_a_restore_that_fails_at_any_tensor(tmp_path: Path, name: str, *, bare: bool, initialised: bool) -> None:
    """A damaged tensor, whichever it is, leaves all variables and random streams as they were."""
    model = Model(tmp_path, format="npz")  # where each of them can be damaged alone
    prefix = model.saver.save(model.sess, model.prefix)
    (file,) = tmp_path.glob("m.*")
    _damage(file, f"{name}.npy")
    sess = tf.Session()
    if initialised:
        sess.run(tf.global_variables_initializer())
        sess.run([v.assign_add(np.full(4, 50.0, np.float32)) for v in model.variables])
    sess.run(model.noise)
    before = [sess._streams.state(), model.state(sess) if initialised else None]
    restore = sess.run if bare else model.saver.restore
    arguments = ("save/restore_all", {"save/Const:0": prefix}) if bare else (sess, prefix)
    with pytest.raises(tf.errors.DataLossError):
        restore(*arguments)
    assert [sess._streams.state(), model.state(sess) if initialised else None] == before
    if not initialised:
        assert all(slot.buffer is None for slot in sess._slots._slots.values())


@pytest.mark.parametrize("position", range(len(NAMES)))
def test_a_restore_that_fails_at_any_assignment(tmp_path: Path, position: int) -> None:
    """A variable whose present shape is not its static one refuses the value: the others get back what they had."""
    model = Model(tmp_path)
    prefix = model.saver.save(model.sess, model.prefix)
    odd = model.variables[position]
    model.sess.run(model.noise)
    model.set(50.0)
    model.sess.run(tf.assign(odd, [1.0, 2.0], validate_shape=False))
    before = [model.state(), model.sess._streams.state()]
    for restore in (
        lambda: model.saver.restore(model.sess, prefix),
        lambda: model.sess.run("save/restore_all", {"save/Const:0": prefix}),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"^Assign requires shapes of both tensors to match"):
            restore()
        assert [model.state(), model.sess._streams.state()] == before
        assert model.holders() == 0


def test_a_restore_is_undone_with_the_run_that_it_is_part_of(tmp_path: Path) -> None:
    """Another op of the run that fails after the restore takes it back, updates of the run included."""
    model = Model(tmp_path)
    prefix = model.saver.save(model.sess, model.prefix)
    model.set(50.0)
    index = tf.placeholder(tf.int32, [])
    with tf.control_dependencies([tf.get_default_graph().get_operation_by_name("save/restore_all")]):
        update = model.variables[0].assign_add(np.ones(4, np.float32))
    with tf.control_dependencies([update]):
        bad = tf.gather([1.0, 2.0], index)
    feeds: dict[Any, Any] = {"save/Const:0": prefix, index: 9}
    with pytest.raises(tf.errors.InvalidArgumentError):
        model.sess.run(bad, feeds)
    assert model.state() == _version(50.0)
    model.sess.run(bad, {**feeds, index: 0})
    assert model.state() == [[1.0] * 4, *_version(0.0)[1:]]


def test_values_that_someone_holds_survive_a_restore(tmp_path: Path) -> None:
    """An array handed out without a copy keeps its values when the variable is restored, or nearly was."""
    model = Model(tmp_path)
    prefix = model.saver.save(model.sess, model.prefix)
    model.set(50.0)
    held = model.sess.make_callable(model.variables, copy=False)()
    model.saver.restore(model.sess, prefix)
    assert [array.tolist() for array in held] == _version(50.0)
    assert model.state() == _version(0.0)
