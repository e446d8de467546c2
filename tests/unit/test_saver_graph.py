from __future__ import annotations

from typing import Any

import holdfast as tf


def _new_ops(before: int = 0) -> list[Any]:
    return tf.get_default_graph().get_operations()[before:]


def test_nodes_of_a_saver() -> None:
    """TensorFlow's nodes in TensorFlow's order: one SaveV2, a RestoreV2 and an Assign a variable, sorted by name."""
    b, a = tf.Variable([1.0], name="b"), tf.Variable(1, name="a")
    count = len(_new_ops())
    tf.train.Saver()
    assert [(op.name, op.type) for op in _new_ops(count)] == [
        ("save/Const", "Const"),
        ("save/SaveV2/tensor_names", "Const"),
        ("save/SaveV2/shape_and_slices", "Const"),
        ("save/SaveV2", "SaveV2"),
        ("save/control_dependency", "Identity"),
        ("save/RestoreV2/tensor_names", "Const"),
        ("save/RestoreV2/shape_and_slices", "Const"),
        ("save/RestoreV2", "RestoreV2"),
        ("save/Assign", "Assign"),
        ("save/RestoreV2_1/tensor_names", "Const"),
        ("save/RestoreV2_1/shape_and_slices", "Const"),
        ("save/RestoreV2_1", "RestoreV2"),
        ("save/Assign_1", "Assign"),
        ("save/restore_all", "NoOp"),
    ]
    graph = tf.get_default_graph()
    save, restore = (graph.get_operation_by_name(name) for name in ("save/SaveV2", "save/restore_all"))
    assert [t.name for t in save.inputs] == [
        "save/Const:0",
        "save/SaveV2/tensor_names:0",
        "save/SaveV2/shape_and_slices:0",
        "a:0",
        "b:0",
    ]
    assert save.inputs[1].op.attrs["value"].tolist() == [b"a", b"b"]
    assert [op.name for op in restore.control_inputs] == ["save/Assign", "save/Assign_1"]
    assigns = [graph.get_operation_by_name(name) for name in ("save/Assign", "save/Assign_1")]
    assert [op.inputs[0] for op in assigns] == [a._ref(), b._ref()]


def test_a_second_saver_has_a_scope_of_its_own() -> None:
    """Names are made unique, and the SaverDef has them."""
    tf.Variable(1.0)
    tf.train.Saver()
    saver_def = tf.train.Saver().as_saver_def()
    assert saver_def.filename_tensor_name == "save_1/Const:0"
    assert saver_def.save_tensor_name == "save_1/control_dependency:0"
    assert saver_def.restore_op_name == "save_1/restore_all"
    assert (saver_def.max_to_keep, saver_def.version) == (5, 2)
    assert saver_def.keep_checkpoint_every_n_hours == 10000.0
    assert tf.train.Saver(name="other").as_saver_def().restore_op_name == "other/restore_all"


def test_files_are_read_on_the_cpu_and_assigned_on_the_variables_device() -> None:
    """RestoreV2 is on the CPU of the variable's job and task, the assignment stays with the variable."""
    with tf.device("/job:ps/task:1/gpu:2"):
        tf.Variable(1.0, name="v")
    tf.Variable(1.0, name="w")
    tf.train.Saver()
    graph = tf.get_default_graph()
    names = ("RestoreV2", "Assign", "RestoreV2_1", "Assign_1")
    devices = [graph.get_operation_by_name(f"save/{name}").device for name in names]
    assert devices == ["/job:ps/task:1/device:CPU:0", "/job:ps/task:1/device:GPU:2", "", ""]


def test_restoring_sequentially_chains_the_variables() -> None:
    """What each variable's restore op takes waits for the assignment before."""
    for name in "abc":
        tf.Variable(1.0, name=name)
    tf.train.Saver(restore_sequentially=True)
    graph = tf.get_default_graph()
    second = graph.get_operation_by_name("save/RestoreV2_1")
    assert [[op.name for op in t.op.control_inputs] for t in second.inputs[1:]] == [["save/Assign"]] * 2


def test_reshaping_goes_between() -> None:
    """With reshape, what is restored passes a Reshape to the variable's shape and is not validated again."""
    tf.Variable([1.0, 2.0], name="v")
    tf.train.Saver(reshape=True)
    assign = tf.get_default_graph().get_operation_by_name("save/Assign")
    assert assign.inputs[1].op.name == "save/Reshape"
    assert assign.attrs["validate_shape"] is False


def test_the_default_file_name() -> None:
    """Without a feed the save op writes to the name that the Saver was given."""
    tf.Variable(1.0)
    tf.train.Saver()
    tf.train.Saver(filename="elsewhere")
    graph = tf.get_default_graph()
    values = [graph.get_operation_by_name(name).attrs["value"][()] for name in ("save/Const", "save_1/Const")]
    assert values == [b"model", b"elsewhere"]


def test_local_variables_are_not_saved() -> None:
    """Only the collection of global variables is saved by default."""
    tf.Variable(1.0, name="local", collections=[tf.GraphKeys.LOCAL_VARIABLES])
    tf.Variable(1.0, name="shared")
    tf.train.Saver()
    names = tf.get_default_graph().get_operation_by_name("save/SaveV2/tensor_names").attrs["value"]
    assert names.tolist() == [b"shared"]
