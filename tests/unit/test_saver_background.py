from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import PendingSave, TensorRequest, inspect, restore_tensors, write_checkpoint
from holdfast.runtime.saving import SaveRequest


class _Gate:
    """Holds back the writing of checkpoints until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()
        monkeypatch.setattr("holdfast.runtime.saving.write_checkpoint", self._write)

    def open_when_reached(self) -> None:
        """Let a save that others wait for go on once it has begun to write."""

        def open_it() -> None:
            assert self.reached.wait(60)
            self.open.set()

        threading.Thread(target=open_it).start()

    def _write(self, *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        assert self.open.wait(60)
        return write_checkpoint(*args, **kwargs)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> _Gate:
    """Nothing is written until the test says so."""
    return _Gate(monkeypatch)


def _started(config: Any = None) -> Any:
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    return sess


def _saved(prefix: str, name: str) -> Any:
    (value,) = restore_tensors(prefix, [TensorRequest(name)]).values
    assert value is not None
    return value.tolist()


def test_the_values_are_those_of_the_call(tmp_path: Path, gate: _Gate) -> None:
    """Training goes on while a checkpoint is written, and does not show in it; nor does it in the step's number."""
    v = tf.Variable([1.0, 2.0], name="v")
    step = tf.Variable(7, name="step")
    train = tf.group(v.assign_add([1.0, 1.0]), step.assign_add(1))
    saver, sess = tf.train.Saver(), _started()
    pending = saver.save(sess, tmp_path / "m", global_step=step, block=False)
    for _ in range(3):
        sess.run(train)
    assert not pending.done()
    assert saver.last_checkpoints == []
    gate.open.set()
    prefix = pending.result()
    assert prefix == f"{tmp_path}/m-7"
    assert saver.last_checkpoints == [prefix]
    assert tf.train.latest_checkpoint(tmp_path) == prefix
    assert (_saved(prefix, "v"), _saved(prefix, "step")) == ([1.0, 2.0], 7)
    assert inspect(prefix).metadata.global_step == 7
    assert sess.run([v, step])[0].tolist() == [4.0, 5.0]


def test_a_handle_is_typed() -> None:
    """What a save that does not block gives is a handle, also where there is nothing to save."""
    saver = tf.train.Saver(allow_empty=True)
    tf.constant(1.0)
    pending = saver.save(tf.Session(), "m", block=False)
    assert isinstance(pending, PendingSave)
    assert pending.result() is None


def test_strings_numbers_and_values_without_memory(tmp_path: Path, gate: _Gate) -> None:
    """All kinds of variables are as they were: strings, numbers, empty ones, and those whose shape changes."""
    s, n = tf.Variable([b"a", b"b"], name="s"), tf.Variable(3.5, name="n")
    e, u = tf.Variable(np.zeros((0, 2)), name="e"), tf.Variable([1.0], name="u", validate_shape=False)
    others = [s.assign([b"c", b"d"]), n.assign(1.0), tf.assign(u, [5.0, 6.0], validate_shape=False)]
    saver, sess = tf.train.Saver([s, n, e, u]), _started()
    pending = saver.save(sess, tmp_path / "m", block=False)
    sess.run([o.op for o in others])
    gate.open.set()
    prefix = pending.result()
    assert prefix is not None
    assert [_saved(prefix, name) for name in "sneu"] == [[b"a", b"b"], 3.5, [], [1.0]]
    assert sess.run(u).tolist() == [5.0, 6.0]


def test_the_random_streams_are_those_of_the_call(tmp_path: Path, gate: _Gate) -> None:
    """What was drawn while the checkpoint was written is drawn again after it was restored."""
    tf.Variable(0.0, name="v")
    draw = tf.random_normal([3])
    saver, sess = tf.train.Saver(), _started()
    sess.run(draw)
    pending = saver.save(sess, tmp_path / "m", block=False)
    drawn = sess.run(draw).tolist()
    gate.open.set()
    with tf.Session() as fresh:
        saver.restore(fresh, str(pending.result()))
        assert fresh.run(draw).tolist() == drawn


def test_the_metadata_is_that_of_the_call(tmp_path: Path, gate: _Gate) -> None:
    """What becomes of the caller's dicts afterwards does not matter; metrics and metadata are read back."""
    tf.Variable(0.0, name="v")
    saver, sess = tf.train.Saver(), _started()
    metadata: dict[str, Any] = {"data": {"position": [1, 2]}}
    metrics: dict[str, Any] = {"loss": np.float32(0.5)}
    pending = saver.save(sess, tmp_path / "m", metadata=metadata, metrics=metrics, block=False)
    metadata["data"]["position"].append(3)
    metrics.clear()
    gate.open.set()
    prefix = str(pending.result())
    found = inspect(prefix).metadata
    assert (found.user, found.metrics) == ({"data": {"position": [1, 2]}}, {"loss": 0.5})
    report = saver.restore(sess, prefix)
    assert report is not None
    assert (report.metadata, report.metrics, report.global_step) == (found.user, {"loss": 0.5}, None)


@pytest.mark.parametrize("block", [True, False])
def test_bad_metadata_is_told_at_once(tmp_path: Path, block: bool) -> None:
    """What is no JSON, too large, or no number; nothing is written and nothing is under way."""
    tf.Variable(0.0, name="v")
    saver, sess = tf.train.Saver(), _started()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"metadata": {"x": np.zeros(2)}}, r"^The metadata of a checkpoint must be JSON: .*ndarray"),
        ({"metadata": {1: 2}}, r"^A key in metadata\['user'\] of a checkpoint is 1, expected a str"),
        ({"metadata": {"x": "a" * (1 << 20)}}, r"^The metadata of a checkpoint takes 1,0\d\d,\d\d\d bytes"),
        ({"metrics": {"loss": "low"}}, r"^The metric 'loss' is 'low', expected a number"),
    ]
    for arguments, message in cases:
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            saver.save(sess, tmp_path / "m", block=block, **arguments)
    assert not sess.background_saves.busy()
    assert os.listdir(tmp_path) == []


def test_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """What can be known at the call is raised by it: no directory, no value; later saves are not hindered."""
    v = tf.Variable(1.0, name="v")
    saver, sess = tf.train.Saver(), tf.Session()
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"^Attempting to use uninitialized value v"):
        saver.save(sess, tmp_path / "m", block=False)
    sess.run(v.initializer)
    with pytest.raises(ValueError, match=r"^Parent directory of .* doesn't exist, can't save.$"):
        saver.save(sess, tmp_path / "a" / "m", block=False)
    saver.save(sess, tmp_path / "m", block=False).result()


def _obstructed(directory: Path) -> str:
    """Return a prefix under which nothing can be saved."""
    for suffix in (".npz", ".holdfast", ".manifest"):
        (directory / f"x{suffix}" / "something").mkdir(parents=True)
    return str(directory / "x")


def test_an_error_while_writing(tmp_path: Path) -> None:
    """The result raises it, with the op and what was saved; the session and the saver go on."""
    v = tf.Variable(1.0, name="v")
    saver, sess = tf.train.Saver(), _started()
    pending = saver.save(sess, _obstructed(tmp_path), block=False)
    with pytest.raises(OSError, match=r"irectory") as caught:
        pending.result()
    assert any("save/SaveV2" in note for note in caught.value.__notes__)
    assert f"The background save of {tmp_path}/x failed." in caught.value.__notes__
    assert saver.last_checkpoints == []
    saver.save(sess, tmp_path / "m")
    slot = sess._slots.slot(v.op, sess._devices.host.device)
    assert slot.require().holders == 0


@pytest.mark.parametrize("block", [True, False])
def test_the_next_save_raises_an_error_that_nobody_knows_of(tmp_path: Path, block: bool) -> None:
    """Blocking or not; the one after that saves."""
    tf.Variable(1.0, name="v")
    saver, sess = tf.train.Saver(), _started()
    saver.save(sess, _obstructed(tmp_path), block=False)
    with pytest.raises(OSError, match=r"irectory"):
        saver.save(sess, tmp_path / "m", block=block)
    assert saver.save(sess, tmp_path / "m") == f"{tmp_path}/m"


def test_closing_waits_and_raises(tmp_path: Path, gate: _Gate) -> None:
    """A session that is closed finishes its save; its error is raised by close, and the session is closed."""
    tf.Variable(1.0, name="v")
    saver, sess = tf.train.Saver(), _started()
    pending = saver.save(sess, tmp_path / "m", block=False)
    gate.open_when_reached()
    sess.close()
    assert pending.done()
    failing = _started()
    saver.save(failing, _obstructed(tmp_path), block=False)
    with pytest.raises(OSError, match=r"irectory"):
        failing.close()
    with pytest.raises(RuntimeError, match=r"^Attempted to use a closed Session.$"):
        failing.run(saver.saver_def.filename_tensor_name)
    failing.close()


def test_a_block_does_not_lose_its_own_exception(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Leaving a with block raises the save's error, or, if something is raised already, notes it there."""
    tf.Variable(1.0, name="v")
    saver, prefix = tf.train.Saver(), _obstructed(tmp_path)
    with pytest.raises(OSError, match=r"irectory"), _started() as sess:
        saver.save(sess, prefix, block=False)
    with pytest.raises(KeyError) as caught, _started() as sess:  # noqa: PT012  (the block is what is tested)
        saver.save(sess, prefix, block=False)
        raise KeyError("mine")
    assert caught.value.__notes__[0].startswith("A background save had failed, too: IsADirectoryError")
    assert caplog.messages == ["A background save failed."]
    shell = tf.InteractiveSession()
    shell.run(tf.global_variables_initializer())
    saver.save(shell, prefix, block=False)
    with pytest.raises(OSError, match=r"irectory"):
        shell.close()
    assert tf.get_default_session() is None


def test_retention_and_state_in_the_background(tmp_path: Path) -> None:
    """Each save is followed by its own state file and deletions, in the order of the saves."""
    v = tf.Variable(0, name="v")
    saver, sess = tf.train.Saver(max_to_keep=2), _started()
    advance = v.assign_add(1)
    for _ in range(5):
        sess.run(advance)
        pending = saver.save(sess, tmp_path / "m", global_step=v, block=False)
    pending.result()
    kept = [f"{tmp_path}/m-{step}" for step in (4, 5)]
    assert saver.last_checkpoints == kept
    state = tf.train.get_checkpoint_state(tmp_path)
    assert list(state.all_model_checkpoint_paths) == kept
    assert not tf.train.checkpoint_exists(f"{tmp_path}/m-3")
    assert {inspect(path).metadata.lineage for path in kept} == {saver._lineage.of_save(kept[0])[0]}


def test_a_restore_waits_for_the_save(tmp_path: Path, gate: _Gate) -> None:
    """What is being written can be restored."""
    v = tf.Variable(1.0, name="v")
    saver, sess = tf.train.Saver(), _started()
    saver.save(sess, tmp_path / "m", block=False)
    sess.run(v.assign(2.0))
    gate.open_when_reached()
    saver.restore(sess, tmp_path / "m")
    assert sess.run(v) == 1.0


def test_memory_is_copied_once_and_used_again(tmp_path: Path, gate: _Gate) -> None:
    """The first update beside a save goes elsewhere, the next ones in place; two arrays do for all saves."""
    v = tf.Variable(np.zeros(1000, np.float32), name="v")
    saver, sess = tf.train.Saver(), _started()
    add = v.assign_add(np.ones(1000, np.float32)).op
    slot = sess._slots.slot(v.op, sess._devices.host.device)
    arrays = set()
    for _ in range(4):
        gate.open.clear()
        pending = saver.save(sess, tmp_path / "m", block=False)
        before = slot.require().array
        sess.run(add)
        during = slot.require().array
        sess.run(add)
        assert slot.require().array is during is not before
        arrays |= {id(before), id(during)}
        gate.open.set()
        pending.result()
        assert slot.spare is before
    assert len(arrays) == 2


def test_a_variable_is_let_go_as_soon_as_it_is_written() -> None:
    """What has been written may be updated in place again, while the rest is still held."""
    first, second = tf.Variable([1.0, 1.0], name="a"), tf.Variable([2.0, 2.0], name="b")
    sess = _started()
    slots = [sess._slots.slot(v.op, sess._devices.host.device) for v in (first, second)]
    saver_def = tf.train.Saver().as_saver_def()
    request = SaveRequest()
    sess.run_with_request(saver_def.save_tensor_name, {saver_def.filename_tensor_name: "m"}, request)
    assert [slot.require().holders for slot in slots] == [1, 1]
    sources = request.gathered[0].sources()
    values = sources[0].read()
    assert values.tolist() == [1.0, 1.0]
    assert not values.flags.writeable
    assert np.shares_memory(values, slots[0].require().array)
    part = values[1:]
    del values
    assert [slot.require().holders for slot in slots] == [1, 1]
    del part
    assert [slot.require().holders for slot in slots] == [0, 1]
    with pytest.raises(RuntimeError, match=r"^A format read a tensor twice"):
        sources[0].read()
    request.release()
    request.release()
    assert [slot.require().holders for slot in slots] == [0, 0]


def test_a_value_that_is_no_variable_is_copied(tmp_path: Path, gate: _Gate) -> None:
    """What a graph of one's own saves, such as a value that a run feeds or computes, is as it was, too."""
    v = tf.Variable([1.0, 2.0], name="v")
    fed = tf.placeholder(tf.float32, [2])
    saver = tf.train.Saver([v])
    save = next(op for op in v.graph.get_operations() if op.type == "SaveV2")
    save._update_input(3, tf.identity(fed))
    array = np.array([5.0, 6.0], np.float32)
    sess = _started()
    request = SaveRequest()
    names = saver.saver_def
    feeds = {names.filename_tensor_name: "m", fed: array}
    sess.run_with_request(names.save_tensor_name, feeds, request)
    array[:] = 0.0
    assert request.gathered[0].sources()[0].read().tolist() == [5.0, 6.0]


def test_two_savers_and_two_sessions(tmp_path: Path, gate: _Gate) -> None:
    """A session has one save in flight, whichever saver begins it; sessions do not wait for each other."""
    v = tf.Variable(1.0, name="v")
    one, two = tf.train.Saver(), tf.train.Saver()
    sess, other = _started(), _started()
    other.run(v.assign(2.0))
    pending = one.save(sess, tmp_path / "a", block=False)
    assert gate.reached.wait(60)
    gate.reached.clear()
    (tmp_path / "b").mkdir()
    beside = one.save(other, tmp_path / "b" / ".." / "c", block=False)
    waiting = threading.Thread(target=lambda: two.save(sess, tmp_path / "d"))
    waiting.start()
    gate.open.set()
    waiting.join(60)
    assert pending.done()
    assert beside.result() == f"{tmp_path}/b/../c"
    assert [_saved(f"{tmp_path}/{name}", "v") for name in "acd"] == [1.0, 2.0, 1.0]


def test_saves_begun_together_belong_together(tmp_path: Path, gate: _Gate) -> None:
    """Two first saves of one saver, in two sessions, have one lineage."""
    tf.Variable(1.0, name="v")
    saver = tf.train.Saver()
    handles = [saver.save(_started(), tmp_path / name, block=False) for name in ("a", "b")]
    gate.open.set()
    lineages = {inspect(str(handle.result())).metadata.lineage for handle in handles}
    assert len(lineages) == 1


def test_a_step_that_is_computed(tmp_path: Path) -> None:
    """A fetch that trains gives the step after it, and the values saved are those of that step."""
    v = tf.Variable(5, name="v")
    saver, sess = tf.train.Saver(), _started()
    prefix = saver.save(sess, tmp_path / "m", global_step=v.assign_add(1), block=False).result()
    assert prefix == f"{tmp_path}/m-6"
    assert _saved(prefix, "v") == 6
