from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import holdfast as tf
from holdfast.checkpoint import RestoreNotFoundError
from holdfast.protos import SaverDef

DICT = "names_to_saveables must be a dict mapping string names"


def _started() -> Any:
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    return sess


def _variables() -> tuple[tf.Variable, tf.Variable]:
    return tf.Variable([1.0, 2.0], name="a"), tf.Variable([3.0, 4.0, 5.0], name="b")


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", maxsplit=1)[0]


def test_nothing_to_save(tmp_path: Path) -> None:
    """A graph without variables is a ValueError; with allow_empty a save gives None and a restore does nothing."""
    nothing: list[Any] = [None, [], {}]
    for var_list in nothing:
        with pytest.raises(ValueError, match=r"^No variables to save$"):
            tf.train.Saver(var_list)
    saver = tf.train.Saver(allow_empty=True)
    tf.constant(1.0)
    assert saver.save(tf.Session(), tmp_path / "m") is None
    assert saver.restore(tf.Session(), None) is None
    assert saver.restore(tf.Session(), tmp_path / "m") is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "make,error,message",
    [
        (lambda a, b: {"a": a, "b": a}, ValueError, "The same saveable will be restored with two names: b"),
        (lambda a, b: [a, a._ref()], ValueError, "At least two variables have the same name: a"),
        (
            lambda a, b: [tf.constant(1.0)],
            TypeError,
            'Variable to save is not a Variable: Tensor("Const:0", shape=(), dtype=float32)',
        ),
        (
            lambda a, b: {"c": tf.constant(1.0)},
            TypeError,
            f'{DICT} to Tensors/Variables. Not a variable: Tensor("Const:0", shape=(), dtype=float32)',
        ),
        (
            lambda a, b: {3: a},
            TypeError,
            f"{DICT} to checkpointable operations. Name is not a string: 3",
        ),
        (lambda a, b: "abc", TypeError, "Variables to save should be passed in a dict or a list: abc"),
        (
            lambda a, b: a,
            TypeError,
            "Variables to save should be passed in a dict or a list: <tf.Variable 'a:0' shape=(2,) dtype=float32_ref>",
        ),
        (
            lambda a, b: {"x": [a, b]},
            ValueError,
            "Slices must all be slices: <tf.Variable 'a:0' shape=(2,) dtype=float32_ref>",
        ),
        (lambda a, b: {"x": [3]}, ValueError, "Slices must all be Variables: 3"),
    ],
)
def test_what_cannot_be_saved(make: Callable[[Any, Any], Any], error: type[Exception], message: str) -> None:
    """TensorFlow's classes and sentences."""
    a, b = _variables()
    with pytest.raises(error) as caught:
        tf.train.Saver(make(a, b))
    assert str(caught.value) == message


def test_parts_of_different_tensors() -> None:
    """Parts of two tensors are no one tensor, and a part and a whole of one name do not go together."""
    from holdfast.variables.save_slice import SaveSliceInfo

    a, b = _variables()
    a._set_save_slice_info(SaveSliceInfo("w", [4], [0], [2]))
    b._set_save_slice_info(SaveSliceInfo("u", [4], [0], [3]))
    with pytest.raises(ValueError, match=r"^Slices must all be from the same tensor: u != w$"):
        tf.train.Saver({"x": [a, b]})
    b._set_save_slice_info(None)
    whole = tf.Variable([1.0], name="w")
    for var_list in ([a, whole], [whole, a]):
        with pytest.raises(ValueError, match=r"^Mixing slices and non-slices with the same name: w$"):
            tf.train.Saver(var_list)


def test_building_later(tmp_path: Path) -> None:
    """With defer_build the ops come later; a list of variables, or a use before, is an error."""
    a, _ = _variables()
    with pytest.raises(ValueError, match=r"^If `var_list` is provided then build cannot be deferred. Either set "):
        tf.train.Saver([a], defer_build=True)
    saver = tf.train.Saver(defer_build=True)
    assert saver.as_saver_def() is None
    for use in (saver.save, saver.restore):
        with pytest.raises(RuntimeError, match=r"^`build\(\)` should be called before save if defer_build==True$"):
            use(tf.Session(), tmp_path / "m")
    later = tf.Variable(1.0, name="later")
    saver.build()
    saver.build()
    prefix = saver.save(_started(), tmp_path / "m")
    fresh = tf.Session()
    saver.restore(fresh, prefix)
    assert fresh.run(later) == 1.0


def test_what_is_not_there_yet() -> None:
    """Other builders are unimplemented, and say so."""
    _variables()
    with pytest.raises(tf.errors.UnimplementedError, match=r"^Saver\(builder=...\) is not implemented"):
        tf.train.Saver(builder=object())


def test_meta_graphs_are_not_written_yet(tmp_path: Path) -> None:
    """Asked for, a meta graph is an error before anything is written; the default writes none."""
    _variables()
    saver = tf.train.Saver()
    sess = _started()
    with pytest.raises(tf.errors.UnimplementedError, match=r"^Saver.save\(write_meta_graph=True\) is not implemented"):
        saver.save(sess, tmp_path / "m", write_meta_graph=True)
    assert os.listdir(tmp_path) == []
    saver.save(sess, tmp_path / "m")
    assert not (tmp_path / "m.meta").exists()


def test_a_saver_def(tmp_path: Path) -> None:
    """A Saver made from the SaverDef of another uses its ops, limits and all; anything else is refused."""
    a, _ = _variables()
    first = tf.train.Saver(max_to_keep=3)
    count = len(tf.get_default_graph().get_operations())
    second = tf.train.Saver(saver_def=first.as_saver_def())
    assert len(tf.get_default_graph().get_operations()) == count
    assert second.as_saver_def().max_to_keep == 3
    sess = _started()
    prefix = second.save(sess, tmp_path / "m")
    first.restore(sess, prefix)
    assert sess.run(a).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"^saver_def must be a saver_pb2.SaverDef: x$"):
        tf.train.Saver(saver_def="x")
    incomplete = SaverDef(save_tensor_name="save/control_dependency:0")
    with pytest.raises(ValueError, match=r"^saver_def must specify the restore_op_name: "):
        tf.train.Saver(saver_def=incomplete)


def test_a_saver_def_within_an_import_scope() -> None:
    """With a name, the SaverDef's names are those of a graph that was imported into that scope."""
    saver_def = SaverDef(
        filename_tensor_name="save/Const:0", save_tensor_name="save/s:0", restore_op_name="save/restore_all"
    )
    scoped = tf.train.Saver(saver_def=saver_def, name="imp").as_saver_def()
    assert scoped.filename_tensor_name == "imp/save/Const:0"
    assert (scoped.save_tensor_name, scoped.restore_op_name) == ("imp/save/s:0", "imp/save/restore_all")
    assert saver_def.restore_op_name == "save/restore_all"


def test_a_save_op_that_saves_nothing(tmp_path: Path) -> None:
    """A SaverDef that names an op which writes nothing is told."""
    _variables()
    saver_def = tf.train.Saver().as_saver_def()
    saver_def.save_tensor_name = tf.constant("x", name="other").name
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"^'other:0' does not wait for an op that saves.$"):
        tf.train.Saver(saver_def=saver_def).save(_started(), tmp_path / "m")


def test_arguments_of_save(tmp_path: Path) -> None:
    """No session, no directory, a state file that collides or has a path."""
    _variables()
    saver = tf.train.Saver()
    sess = _started()
    cases: list[tuple[Any, str, dict[str, Any], type[Exception], str]] = [
        ("x", "m", {}, TypeError, "'sess' must be a Session; x"),
        (sess, "a/b/m", {}, ValueError, f"Parent directory of {tmp_path}/a/b/m doesn't exist, can't save."),
        (
            sess,
            "q",
            {"latest_filename": "q"},
            ValueError,
            f"'latest_filename' collides with 'save_path': 'q' and '{tmp_path}/q'",
        ),
        (
            sess,
            "q",
            {"latest_filename": "x/q"},
            ValueError,
            "'latest_filename' must not contain path components",
        ),
    ]
    for session, name, arguments, error, message in cases:
        with pytest.raises(error) as caught:
            saver.save(session, f"{tmp_path}/{name}", **arguments)
        assert str(caught.value) == message
    assert os.listdir(tmp_path) == []
    assert saver.save(sess, f"{tmp_path}/q", latest_filename="q", global_step=3) == f"{tmp_path}/q-3"


def test_a_bare_name_is_saved_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix without a directory means the working directory."""
    a, _ = _variables()
    monkeypatch.chdir(tmp_path)
    saver = tf.train.Saver()
    sess = _started()
    assert saver.save(sess, "m") == "m"
    sess.run(a.assign([0.0, 0.0]))
    saver.restore(sess, "m")
    assert sess.run(a).tolist() == [1.0, 2.0]


def test_an_uninitialised_variable_leaves_the_directory_untouched(tmp_path: Path) -> None:
    """Nothing is written if one of the variables has no value."""
    a, b = _variables()
    sess = tf.Session()
    sess.run(a.initializer)
    with pytest.raises(tf.errors.FailedPreconditionError) as caught:
        tf.train.Saver().save(sess, tmp_path / "m")
    assert _first_line(caught.value) == f"Attempting to use uninitialized value {b.op.name}"
    assert os.listdir(tmp_path) == []


def test_restoring_what_is_not_there(tmp_path: Path) -> None:
    """No path is a ValueError, a path without a checkpoint NotFoundError."""
    _variables()
    saver = tf.train.Saver()
    with pytest.raises(ValueError, match=r"^Can't load save_path when it is None.$"):
        saver.restore(tf.Session(), None)
    with pytest.raises(tf.errors.NotFoundError) as caught:
        saver.restore(tf.Session(), tmp_path / "nope")
    assert _first_line(caught.value) == (
        f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {tmp_path}/nope"
    )


def test_a_missing_key(tmp_path: Path) -> None:
    """A variable that the checkpoint does not have is NotFoundError, with TensorFlow's first line."""
    a, _ = _variables()
    prefix = tf.train.Saver().save(_started(), tmp_path / "m")
    with pytest.raises(tf.errors.NotFoundError) as caught:
        tf.train.Saver({"zzz": a}).restore(tf.Session(), prefix)
    assert _first_line(caught.value) == "Key zzz not found in checkpoint"


def test_a_dtype_that_does_not_fit(tmp_path: Path) -> None:
    """Another dtype is an error, never other values."""
    tf.Variable([1.0, 2.0], name="a")
    prefix = tf.train.Saver().save(_started(), tmp_path / "m")
    with tf.Graph().as_default():
        i = tf.Variable([1, 2], name="a")
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            tf.train.Saver([i]).restore(tf.Session(), prefix)
    assert _first_line(caught.value) == "tensor_name = a; expected dtype int32 does not equal original dtype float"


def test_every_mismatch_is_told_at_once(tmp_path: Path) -> None:
    """One error lists all that is missing, misshapen and mistyped; nothing is restored."""
    _variables()
    tf.Variable([1.0], name="c")
    tf.Variable([1.0], name="d")
    prefix = tf.train.Saver().save(_started(), tmp_path / "m")
    with tf.Graph().as_default():
        a = tf.Variable([0.0, 0.0], name="a")
        tf.Variable([0.0], name="b")
        tf.Variable([0], name="c")
        tf.Variable([0.0], name="missing")
        sess = _started()
        with pytest.raises(RestoreNotFoundError) as caught:
            tf.train.Saver().restore(sess, prefix)
        assert sess.run(a).tolist() == [0.0, 0.0]
    assert _first_line(caught.value) == "Key missing not found in checkpoint"
    report = caught.value.report
    assert report.missing == ("missing",)
    assert [mismatch.name for mismatch in report.mismatched] == ["b", "c"]
    assert report.unexpected == ("d",)
    for name in ("missing", "b", "c"):
        assert name in str(caught.value)


def test_a_session_of_another_graph(tmp_path: Path) -> None:
    """Its graph has none of the Saver's ops."""
    _variables()
    saver = tf.train.Saver()
    with tf.Graph().as_default():
        tf.Variable(1.0)
        sess = _started()
    for use in (saver.save, saver.restore):
        with pytest.raises(TypeError) as caught:
            use(sess, tmp_path / "m")
        assert str(caught.value) == (
            "Cannot interpret feed_dict key as Tensor: The name 'save/Const:0' refers to a Tensor which does not "
            "exist. The operation, 'save/Const', does not exist in the graph."
        )
    assert os.listdir(tmp_path) == []


def test_a_closed_session(tmp_path: Path) -> None:
    """Neither saves nor restores."""
    _variables()
    saver = tf.train.Saver()
    sess = _started()
    sess.close()
    for use in (saver.save, saver.restore):
        with pytest.raises(RuntimeError, match=r"^Attempted to use a closed Session.$"):
            use(sess, tmp_path / "m")
