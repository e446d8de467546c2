from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import open_checkpoint, write_checkpoint


def _started(*fetches: Any) -> Any:
    sess = tf.Session()
    sess.run([tf.global_variables_initializer(), *fetches])
    return sess


def _names(prefix: str) -> list[str]:
    with open_checkpoint(prefix) as checkpoint:
        return sorted(checkpoint.entries)


def test_save_and_restore(tmp_path: Path) -> None:
    """What was saved comes back in a session that initialised nothing; save returns the prefix, restore a report."""
    v, w = tf.Variable([1.0, 2.0], name="v"), tf.Variable(3, name="w")
    saver = tf.train.Saver()
    sess = _started()
    sess.run([v.assign([5.0, 6.0]), w.assign_add(1)])
    prefix = saver.save(sess, f"{tmp_path}/m.ckpt")
    assert prefix == f"{tmp_path}/m.ckpt"
    fresh = tf.Session()
    report = saver.restore(fresh, prefix)
    assert report is not None
    assert (report.restored, report.unexpected, report.prefix) == (("v", "w"), (), prefix)
    assert fresh.run(v).tolist() == [5.0, 6.0]
    assert fresh.run(w) == 4


def test_restore_overwrites(tmp_path: Path) -> None:
    """Variables that have values get the saved ones; the session goes on updating in place."""
    v = tf.Variable([1.0, 2.0])
    saver = tf.train.Saver()
    sess = _started()
    prefix = saver.save(sess, tmp_path / "m")
    sess.run(v.assign([0.0, 0.0]))
    saver.restore(sess, prefix)
    assert sess.run(v.assign_add([1.0, 1.0])).tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    "values",
    [
        [b"a", b"\xff\x00", "é".encode()],
        [True, False],
        np.array([1, -2], np.int8),
        np.array([2**63 - 1], np.int64),
        np.array([[1.5, np.nan]], np.float16),
        np.array([1.0 + 2.0j, -1j], np.complex64),
        np.zeros((0, 3), np.float64),
        np.float32(2.5),
    ],
)
def test_every_kind_of_variable(tmp_path: Path, values: Any) -> None:
    """Strings, booleans, small and large integers, half floats, complex numbers, empty and 0-d tensors."""
    v = tf.Variable(values)
    saver = tf.train.Saver()
    prefix = saver.save(_started(), tmp_path / "m")
    fresh = tf.Session()
    saver.restore(fresh, prefix)
    found = fresh.run(v)
    np.testing.assert_array_equal(found, np.asarray(values, dtype=v.dtype.as_numpy_dtype))
    assert found.dtype == v.dtype.as_numpy_dtype


def test_bfloat16(tmp_path: Path) -> None:
    """bfloat16 variables come back as such."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = tf.placeholder(tf.bfloat16, [2])
    v = tf.Variable(x, name="v")
    sess = tf.Session()
    sess.run(v.initializer, {x: np.array([1.5, -2.0], ml_dtypes.bfloat16)})
    saver = tf.train.Saver()
    prefix = saver.save(sess, tmp_path / "m")
    fresh = tf.Session()
    saver.restore(fresh, prefix)
    assert fresh.run(v).dtype == ml_dtypes.bfloat16
    assert fresh.run(v).astype(float).tolist() == [1.5, -2.0]


def test_a_variable_without_a_fixed_shape(tmp_path: Path) -> None:
    """It is saved with the shape that its value has, and restored with any."""
    v = tf.Variable([1.0], validate_shape=False, name="v")
    sess = _started(tf.assign(v, [[1.0, 2.0]], validate_shape=False))
    saver = tf.train.Saver()
    prefix = saver.save(sess, tmp_path / "m")
    fresh = _started()
    saver.restore(fresh, prefix)
    assert fresh.run(v).tolist() == [[1.0, 2.0]]


def test_a_list_saves_under_the_variables_own_names(tmp_path: Path) -> None:
    """Only the listed variables are in the checkpoint; tuples, sets and references do as well."""
    v, w, _ = (tf.Variable(float(i), name=name) for i, name in enumerate(["v", "w", "u"]))
    sess = _started()
    for i, var_list in enumerate([[w, v], (v, w), {v, w}, [v._ref(), w], [v, v, w]]):
        prefix = tf.train.Saver(var_list).save(sess, tmp_path / f"m{i}")
        assert prefix is not None
        assert _names(prefix) == ["v", "w"]


def test_a_dict_gives_other_names(tmp_path: Path) -> None:
    """What was saved as one name is restored into a variable of another."""
    weights = tf.Variable([1.0, 2.0], name="weights")
    prefix = tf.train.Saver({"renamed": weights}).save(_started(), tmp_path / "m")
    assert prefix is not None
    assert _names(prefix) == ["renamed"]
    with tf.Graph().as_default():
        params = tf.Variable([0.0, 0.0], name="params")
        sess = tf.Session()
        report = tf.train.Saver({"renamed": params}).restore(sess, prefix)
        assert report is not None
        assert report.restored == ("renamed",)
        assert sess.run(params).tolist() == [1.0, 2.0]


def test_several_savers_of_the_same_variables(tmp_path: Path) -> None:
    """Each Saver has its own names and its own list of checkpoints."""
    v, w = tf.Variable(1.0, name="v"), tf.Variable(2.0, name="w")
    sess = _started()
    both, one = tf.train.Saver(max_to_keep=1), tf.train.Saver({"x": w}, max_to_keep=1)
    for step in (1, 2):
        both.save(sess, tmp_path / "both", global_step=step)
        one.save(sess, tmp_path / "one", global_step=step)
    assert both.last_checkpoints == [f"{tmp_path}/both-2"]
    assert one.last_checkpoints == [f"{tmp_path}/one-2"]
    sess.run([v.assign(0.0), w.assign(0.0)])
    report = one.restore(sess, f"{tmp_path}/one-2")
    assert report is not None
    assert sess.run([v, w]) == [0.0, 2.0]


def test_step_numbers(tmp_path: Path) -> None:
    """A step is an integer, a NumPy one, a variable, a tensor or a name; with padding it has 8 digits."""
    step = tf.Variable(9, name="step")
    sess = _started()
    saver, padded = tf.train.Saver(), tf.train.Saver(pad_step_number=True)
    given: list[tuple[Any, str]] = [(7, "7"), (np.int64(11), "11"), (step, "9"), (step + 1, "10"), ("step:0", "9")]
    for global_step, text in given:
        assert saver.save(sess, tmp_path / "m", global_step=global_step) == f"{tmp_path}/m-{text}"
    assert padded.save(sess, tmp_path / "m", global_step=7) == f"{tmp_path}/m-00000007"
    with open_checkpoint(f"{tmp_path}/m-10") as checkpoint:
        assert checkpoint.metadata.global_step == 10


def test_a_step_that_is_no_number(tmp_path: Path) -> None:
    """A fraction cannot be fetched, an operation has no value."""
    v = tf.Variable(1.5, name="v")
    sess = _started()
    saver = tf.train.Saver()
    with pytest.raises(TypeError, match=r"^Fetch argument 7.5 has invalid type <class 'float'>"):
        saver.save(sess, tmp_path / "m", global_step=7.5)
    for global_step in ("v", v):
        with pytest.raises(TypeError, match=r"^global_step must be an integer, or a tensor, variable or name of one; "):
            saver.save(sess, tmp_path / "m", global_step=global_step)
    assert os.listdir(tmp_path) == []


def test_the_latest_checkpoint_is_found(tmp_path: Path) -> None:
    """The state file names the last save; write_state=False leaves it as it was; another name is another file."""
    tf.Variable(1.0)
    sess = _started()
    saver = tf.train.Saver()
    saver.save(sess, tmp_path / "m", global_step=1)
    saver.save(sess, tmp_path / "m", global_step=2, write_state=False)
    assert tf.train.latest_checkpoint(tmp_path) == f"{tmp_path}/m-1"
    saver.save(sess, tmp_path / "m", global_step=3, latest_filename="other")
    assert tf.train.latest_checkpoint(tmp_path) == f"{tmp_path}/m-1"
    assert tf.train.latest_checkpoint(tmp_path, "other") == f"{tmp_path}/m-3"
    assert saver.last_checkpoints == [f"{tmp_path}/m-{i}" for i in (1, 2, 3)]


def test_max_to_keep(tmp_path: Path) -> None:
    """The last n stay; saving under a prefix again makes it the newest; 0 and None keep all."""
    tf.Variable(1.0)
    sess = _started()
    saver = tf.train.Saver(max_to_keep=2)
    for step in (1, 2, 1, 3):
        saver.save(sess, tmp_path / "m", global_step=step)
    assert saver.last_checkpoints == [f"{tmp_path}/m-{i}" for i in (1, 3)]
    assert [tf.train.checkpoint_exists(f"{tmp_path}/m-{i}") for i in (1, 2, 3)] == [True, False, True]
    for i, keep in enumerate((0, None)):
        saver = tf.train.Saver(max_to_keep=keep)
        for step in range(8):
            saver.save(sess, tmp_path / f"all{i}", global_step=step)
        assert all(tf.train.checkpoint_exists(f"{tmp_path}/all{i}-{step}") for step in range(8))


def test_recovered_checkpoints_are_kept_as_ones_own(tmp_path: Path) -> None:
    """A new Saver takes over a list, leaves out what does not exist, and deletes the oldest in its turn."""
    tf.Variable(1.0)
    sess = _started()
    first = tf.train.Saver()
    prefixes = [f"{tmp_path}/m-{step}" for step in (1, 2)]
    assert [first.save(sess, tmp_path / "m", global_step=step) for step in (1, 2)] == prefixes
    second = tf.train.Saver(max_to_keep=2)
    second.recover_last_checkpoints([prefixes[0], f"{tmp_path}/nope", prefixes[1]])
    assert second.last_checkpoints == prefixes
    second.save(sess, tmp_path / "m", global_step=3)
    assert second.last_checkpoints == [f"{tmp_path}/m-2", f"{tmp_path}/m-3"]
    assert not tf.train.checkpoint_exists(prefixes[0])


def test_lists_of_checkpoints_can_be_set(tmp_path: Path) -> None:
    """set_last_checkpoints replaces the list, with or without times."""
    tf.Variable(1.0)
    saver = tf.train.Saver()
    saver.set_last_checkpoints([f"{tmp_path}/a", f"{tmp_path}/b"])
    assert saver.last_checkpoints == [f"{tmp_path}/a", f"{tmp_path}/b"]
    saver.set_last_checkpoints_with_time([(f"{tmp_path}/c", 1.0)])
    assert saver.last_checkpoints == [f"{tmp_path}/c"]


def test_reshape(tmp_path: Path) -> None:
    """With reshape a tensor of the same size fits another shape; one of another size does not."""
    v = tf.Variable([1.0, 2.0], name="v")
    prefix = tf.train.Saver().save(_started(v.initializer), tmp_path / "m")
    with tf.Graph().as_default():
        column, more = tf.Variable([[0.0], [0.0]], name="column"), tf.Variable([0.0] * 3, name="more")
        sess = tf.Session()
        tf.train.Saver({"v": column}, reshape=True).restore(sess, prefix)
        assert sess.run(column).tolist() == [[1.0], [2.0]]
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.train.Saver({"v": more}, reshape=True).restore(sess, prefix)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"^Assign requires shapes of both tensors to match"):
            tf.train.Saver({"v": column}).restore(sess, prefix)


def test_parts_of_one_tensor(tmp_path: Path) -> None:
    """Parts that know their place are one tensor in the checkpoint, and can be cut elsewhere when it is restored."""
    from holdfast.variables.save_slice import SaveSliceInfo

    def parts(sizes: list[int], fill: float | None = None) -> list[tf.Variable]:
        made, offset = [], 0
        for i, size in enumerate(sizes):
            rows = np.arange(offset * 2, (offset + size) * 2, dtype=np.float32).reshape(size, 2)
            part = tf.Variable(rows if fill is None else np.full_like(rows, fill), name=f"w/part_{i}")
            part._set_save_slice_info(SaveSliceInfo("w", [7, 2], [offset, 0], [size, 2]))
            made.append(part)
            offset += size
        return made

    parts([3, 2, 2])
    prefix = tf.train.Saver().save(_started(), tmp_path / "m")
    assert prefix is not None
    assert _names(prefix) == ["w"]
    with tf.Graph().as_default():
        other, whole = parts([4, 3], fill=0.0), tf.Variable(np.zeros((7, 2), np.float32), name="whole")
        sess = tf.Session()
        tf.train.Saver(other).restore(sess, prefix)
        tf.train.Saver({"w": whole}).restore(sess, prefix)
        expected = np.arange(14, dtype=np.float32).reshape(7, 2)
        np.testing.assert_array_equal(np.concatenate(sess.run(other)), expected)
        np.testing.assert_array_equal(sess.run(whole), expected)
        tf.train.Saver({"w": other[1:]}).restore(sess, prefix)


def test_random_streams_go_on_after_a_restore(tmp_path: Path) -> None:
    """A session that restores all draws bit for bit what the saved one went on to draw, unseeded."""
    tf.Variable(1.0, name="v")
    noise, uniform = tf.random_normal([4], name="noise"), tf.random_uniform([2], name="uniform")
    saver = tf.train.Saver()
    sess = _started(noise, noise, uniform)
    prefix = saver.save(sess, tmp_path / "m")
    expected = [sess.run([noise, uniform]) for _ in range(3)]
    fresh = tf.Session()
    fresh.run(noise)
    saver.restore(fresh, prefix)
    for pair in expected:
        for found, wanted in zip(fresh.run([noise, uniform]), pair, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_a_partial_restore_leaves_the_streams_alone(tmp_path: Path) -> None:
    """Only a restore of all that was saved sets the streams."""
    v, _ = tf.Variable(1.0, name="v"), tf.Variable(2.0, name="w")
    tf.set_random_seed(3)
    noise = tf.random_normal([4], name="noise")
    prefix = tf.train.Saver().save(_started(noise, noise), tmp_path / "m")
    fresh, other = tf.Session(), tf.Session()
    tf.train.Saver([v]).restore(fresh, prefix)
    np.testing.assert_array_equal(fresh.run(noise), other.run(noise))


def test_the_graphs_own_ops_save_and_restore(tmp_path: Path) -> None:
    """A bare run of the save and restore ops with a fed prefix does the same, without a state file."""
    v = tf.Variable([1.0, 2.0], name="v")
    tf.train.Saver()
    sess = _started()
    prefix = f"{tmp_path}/m"
    assert sess.run("save/control_dependency:0", {"save/Const:0": prefix}) == prefix.encode()
    sess.run(v.assign([0.0, 0.0]))
    sess.run("save/restore_all", {"save/Const:0": prefix})
    assert sess.run(v).tolist() == [1.0, 2.0]
    assert "checkpoint" not in os.listdir(tmp_path)


def test_others_train_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save has the values of one instant, whatever another thread does while it writes."""
    v, w = tf.Variable(np.zeros(3, np.float32), name="v"), tf.Variable(np.zeros(3, np.float32), name="w")
    saver = tf.train.Saver()
    step = [x.assign_add(np.ones(3, np.float32)).op for x in (v, w)]
    sess = _started()

    def busy_write(*args: Any, **kwargs: Any) -> Any:
        trainer = threading.Thread(target=lambda: [sess.run(step) for _ in range(5)])
        trainer.start()
        trainer.join(30)
        assert not trainer.is_alive()
        return write_checkpoint(*args, **kwargs)

    monkeypatch.setattr("holdfast.runtime.saving.write_checkpoint", busy_write)
    prefix = saver.save(sess, tmp_path / "m")
    assert [sess.run(x).tolist() for x in (v, w)] == [[5.0] * 3] * 2
    saver.restore(sess, prefix)
    assert [sess.run(x).tolist() for x in (v, w)] == [[0.0] * 3] * 2


def test_saves_of_several_threads(tmp_path: Path) -> None:
    """Savers of two threads write to one directory at the same time; all their checkpoints are whole."""
    v = tf.Variable(np.zeros(50, np.float32), name="v")
    sess = _started()
    add = v.assign_add(np.ones(50, np.float32)).op
    savers = [tf.train.Saver(max_to_keep=2) for _ in range(2)]
    errors: list[BaseException] = []

    def work(i: int) -> None:
        try:
            for step in range(5):
                sess.run(add)
                savers[i].save(sess, tmp_path / f"m{i}", global_step=step)
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    for saver in savers:
        for prefix in saver.last_checkpoints:
            saver.restore(sess, prefix)
            assert len(set(sess.run(v).tolist())) == 1
