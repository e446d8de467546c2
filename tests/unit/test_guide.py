"""Everything that TF 1.2's guide to variables shows, with ``import holdfast as tf``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import holdfast as tf


def two_variables() -> tuple[tf.Variable, tf.Variable]:
    """Return the guide's two variables."""
    weights = tf.Variable(tf.random_normal([784, 200], stddev=0.35), name="weights")
    biases = tf.Variable(tf.zeros([200]), name="biases")
    return weights, biases


def test_creation_adds_a_variable_an_initializer_and_the_initial_value() -> None:
    """A variable op holds the value, an assign op initialises it, the ops of the initial value are in the graph too."""
    weights, biases = two_variables()
    assert isinstance(weights, tf.Variable)
    assert weights.op.type == "VariableV2"
    assert weights.initializer.type == "Assign"
    assert weights.initial_value is not None
    assert biases.initial_value is not None
    assert weights.initial_value.op.name == "random_normal"
    assert biases.initial_value.op.name == "zeros"
    assert weights.get_shape().as_list() == [784, 200]


def test_variables_are_pinned_to_devices() -> None:
    """Device blocks pin variables; what changes them stays on their device whatever block it is made in."""
    with tf.device("/cpu:0"):
        on_cpu = tf.Variable([1.0], name="on_cpu")
    with tf.device("/gpu:0"):
        on_gpu = tf.Variable([2.0], name="on_gpu")
    with tf.device("/job:ps/task:7"):
        on_server = tf.Variable([3.0], name="on_server")
    assert on_cpu.device == "/device:CPU:0"
    assert on_gpu.device == "/device:GPU:0"
    assert on_server.device == "/job:ps/task:7"
    with tf.device("/cpu:0"):
        assert on_gpu.assign_add([1.0]).device == "/device:GPU:0"
    with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
        sess.run([on_cpu.initializer, on_gpu.initializer])
        assert sess.run(on_gpu.assign_add([1.0])).tolist() == [3.0]
        with pytest.raises(tf.errors.InvalidArgumentError, match="no cluster plug-in is installed"):
            sess.run(on_server.initializer)


def test_a_variable_on_a_gpu_that_is_not_there_is_an_error_by_default() -> None:
    """Without soft placement a missing device is an error of the first run."""
    with tf.device("/gpu:0"):
        variable = tf.Variable([2.0], name="w")
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError) as caught:
        sess.run(variable.initializer)
    assert caught.value.message.startswith(
        "Cannot assign a device for operation 'w': Operation was explicitly assigned to /device:GPU:0 but available "
        "devices are [ /job:localhost/replica:0/task:0/device:CPU:0 ]. Make sure the device specification refers to a "
        "valid device."
    )


def test_variables_are_initialised_on_purpose() -> None:
    """Using a variable before its initializer ran is an error that names it and the line that made it."""
    weights, biases = two_variables()
    init_op = tf.global_variables_initializer()
    with tf.Session() as sess:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value biases") as caught:
            sess.run(biases + 1.0)
        assert Path(__file__).name in str(caught.value)
        sess.run(init_op)
        assert abs(float(np.std(sess.run(weights))) - 0.35) < 0.01
        assert not sess.run(biases).any()


def test_a_variable_is_initialised_from_another() -> None:
    """``initialized_value`` gives the other variable's value whatever order the initializers are in."""
    weights, _ = two_variables()
    w2 = tf.Variable(weights.initialized_value(), name="w2")
    w_twice = tf.Variable(weights.initialized_value() * 2.0, name="w_twice")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        first, same, twice = sess.run([weights, w2, w_twice])
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(first * 2, twice)


def test_some_variables_are_initialised() -> None:
    """``variables_initializer`` initialises the variables it is given, and the others are reported."""
    weights, biases = two_variables()
    with tf.Session() as sess:
        sess.run(tf.variables_initializer([biases]))
        assert sess.run(tf.report_uninitialized_variables()).tolist() == [b"weights"]
        assert sess.run([tf.is_variable_initialized(weights), tf.is_variable_initialized(biases)]) == [False, True]


def test_variables_are_saved_and_restored(tmp_path: Path) -> None:
    """What was saved comes back in another session, without initialisation."""
    v1 = tf.Variable([1.0, 2.0], name="v1")
    v2 = tf.Variable([[3]], name="v2")
    init_op = tf.global_variables_initializer()
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(init_op)
        sess.run(v1.assign_add([1.0, 1.0]))
        save_path = saver.save(sess, str(tmp_path / "model.ckpt"))
    assert save_path == str(tmp_path / "model.ckpt")
    with tf.Session() as sess:
        saver.restore(sess, str(tmp_path / "model.ckpt"))
        assert sess.run(v1).tolist() == [2.0, 3.0]
        assert sess.run(v2).tolist() == [[3]]


def test_variables_are_saved_under_chosen_names(tmp_path: Path) -> None:
    """A dict chooses which variables are saved and their names; the rest has to be initialised."""
    v1 = tf.Variable([1.0], name="v1")
    v2 = tf.Variable([2.0], name="v2")
    saver = tf.train.Saver({"my_v2": v2})
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = saver.save(sess, str(tmp_path / "model.ckpt"))
    assert path is not None
    with tf.checkpoint.open_checkpoint(path) as checkpoint:
        assert list(checkpoint.entries) == ["my_v2"]
    with tf.Session() as sess:
        saver.restore(sess, path)
        assert sess.run(v2).tolist() == [2.0]
        assert sess.run(tf.report_uninitialized_variables()).tolist() == [b"v1"]
        sess.run(tf.variables_initializer([v1]))
        assert sess.run(v1).tolist() == [1.0]


def test_weights_are_restored_into_params(tmp_path: Path) -> None:
    """A variable saved as ``weights`` is restored into one named ``params`` of another graph."""
    tf.Variable([5.0, 6.0], name="weights")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(sess, str(tmp_path / "model.ckpt"))
    with tf.Graph().as_default(), tf.Session() as sess:
        params = tf.Variable(tf.zeros([2]), name="params")
        tf.train.Saver({"weights": params}).restore(sess, path)
        assert sess.run(params).tolist() == [5.0, 6.0]


def test_a_checkpoint_is_inspected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``print_tensors_in_checkpoint_file`` prints the names and values."""
    from holdfast.python.tools.inspect_checkpoint import print_tensors_in_checkpoint_file

    tf.Variable([5.0, 6.0], name="weights")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(sess, str(tmp_path / "model.ckpt"))
    assert path is not None
    print_tensors_in_checkpoint_file(path, None, True)
    assert capsys.readouterr().out == "tensor_name:  weights\n[5. 6.]\n"
