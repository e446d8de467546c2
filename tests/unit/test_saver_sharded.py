"""``Saver(sharded=True)``: TensorFlow's ops, one part for each device, one checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import local_storage, open_checkpoint
from holdfast.testing.faulty_storage import CrashError, FaultyStorage
from holdfast.variables.save_slice import SaveSliceInfo

# As TensorFlow 1.4.1 builds them, for one variable without a device, two on CPU:0 and one on GPU:0.
NODES = """
save/Const
save/StringJoin/inputs_1
save/StringJoin: save/Const save/StringJoin/inputs_1
save/num_shards
save/ShardedFilename/shard
save/ShardedFilename: save/StringJoin save/ShardedFilename/shard save/num_shards
save/SaveV2/tensor_names
save/SaveV2/shape_and_slices
save/SaveV2: save/ShardedFilename save/SaveV2/tensor_names save/SaveV2/shape_and_slices c
save/control_dependency: save/ShardedFilename ^save/SaveV2
save/ShardedFilename_1/shard
save/ShardedFilename_1: save/StringJoin save/ShardedFilename_1/shard save/num_shards
save/SaveV2_1/tensor_names
save/SaveV2_1/shape_and_slices
save/SaveV2_1: save/ShardedFilename_1 save/SaveV2_1/tensor_names save/SaveV2_1/shape_and_slices a d
save/control_dependency_1: save/ShardedFilename_1 ^save/SaveV2_1
save/ShardedFilename_2/shard
save/ShardedFilename_2: save/StringJoin save/ShardedFilename_2/shard save/num_shards
save/SaveV2_2/tensor_names
save/SaveV2_2/shape_and_slices
save/SaveV2_2: save/ShardedFilename_2 save/SaveV2_2/tensor_names save/SaveV2_2/shape_and_slices b
save/control_dependency_2: save/ShardedFilename_2 ^save/SaveV2_2
save/MergeV2Checkpoints/checkpoint_prefixes: save/ShardedFilename save/ShardedFilename_1 save/ShardedFilename_2 \
^save/control_dependency ^save/control_dependency_1 ^save/control_dependency_2
save/MergeV2Checkpoints: save/MergeV2Checkpoints/checkpoint_prefixes save/Const
save/Identity: save/Const ^save/control_dependency ^save/control_dependency_1 ^save/control_dependency_2 \
^save/MergeV2Checkpoints
save/RestoreV2/tensor_names
save/RestoreV2/shape_and_slices
save/RestoreV2: save/Const save/RestoreV2/tensor_names save/RestoreV2/shape_and_slices
save/Assign: c save/RestoreV2
save/restore_shard: ^save/Assign
save/RestoreV2_1/tensor_names
save/RestoreV2_1/shape_and_slices
save/RestoreV2_1: save/Const save/RestoreV2_1/tensor_names save/RestoreV2_1/shape_and_slices
save/Assign_1: a save/RestoreV2_1
save/RestoreV2_2/tensor_names
save/RestoreV2_2/shape_and_slices
save/RestoreV2_2: save/Const save/RestoreV2_2/tensor_names save/RestoreV2_2/shape_and_slices
save/Assign_2: d save/RestoreV2_2
save/restore_shard_1: ^save/Assign_1 ^save/Assign_2
save/RestoreV2_3/tensor_names
save/RestoreV2_3/shape_and_slices
save/RestoreV2_3: save/Const save/RestoreV2_3/tensor_names save/RestoreV2_3/shape_and_slices
save/Assign_3: b save/RestoreV2_3
save/restore_shard_2: ^save/Assign_3
save/restore_all/NoOp: ^save/restore_shard
save/restore_all/NoOp_1: ^save/restore_shard_1
save/restore_all/NoOp_2: ^save/restore_shard_2
save/restore_all: ^save/restore_all/NoOp ^save/restore_all/NoOp_1 ^save/restore_all/NoOp_2
"""
SOFT = tf.ConfigProto(allow_soft_placement=True)


def variables() -> list[Any]:
    """Return variables on three devices, as they are asked for."""
    with tf.device("/cpu:0"):
        a, d = tf.Variable([1.0, 2.0], name="a"), tf.Variable([4.0], name="d")
    with tf.device("/gpu:0"):
        b = tf.Variable([2.0, 3.0], name="b")
    return [a, b, tf.Variable(3.0, name="c"), d]


def files(directory: Path, prefix: str) -> int:
    """Return how many files a checkpoint has."""
    return len(list(directory.glob(f"{prefix}.*")))


def test_the_graph_is_tensorflows() -> None:
    """Names, inputs and order of the nodes, and the SaverDef, are those of TensorFlow 1.4."""
    variables()
    before = {op.name for op in tf.get_default_graph().get_operations()}
    saver_def = tf.train.Saver(sharded=True).saver_def
    nodes = [node for node in tf.get_default_graph().as_graph_def().node if node.name not in before]
    lines = [f"{node.name}: {' '.join(node.input)}".removesuffix(": ") for node in nodes]
    assert lines == NODES.strip().split("\n")
    by_name = {node.name: node for node in nodes}
    temporary = by_name["save/StringJoin/inputs_1"].attr["value"].tensor.string_val[0]
    assert re.fullmatch(rb"_temp_[0-9a-f]{32}/part", temporary)
    assert by_name["save/num_shards"].attr["value"].tensor.int_val[:] == [3]
    assert by_name["save/MergeV2Checkpoints"].attr["delete_old_dirs"].b
    assert by_name["save/restore_shard_2"].device == "/device:GPU:0"
    assert saver_def.sharded
    assert saver_def.save_tensor_name == "save/Identity:0"
    assert saver_def.restore_op_name == "save/restore_all"
    assert saver_def.filename_tensor_name == "save/Const:0"


def test_a_part_for_each_device(tmp_path: Path) -> None:
    """Saving writes a part for each device and restoring takes all of them; without ``sharded`` it reads as well."""
    tensors = variables()
    saver = tf.train.Saver(sharded=True)
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        path = saver.save(sess, tmp_path / "m", global_step=7)
        assert files(tmp_path, "m-7") == 4
        before = [value.tolist() for value in sess.run(tensors)]
        for restoring in (saver, tf.train.Saver()):
            sess.run([tensor.assign(tensor * 0) for tensor in tensors])
            report = restoring.restore(sess, path)
            assert report is not None
            assert sorted(report.restored) == ["a", "b", "c", "d"]
            assert [value.tolist() for value in sess.run(tensors)] == before
    assert tf.train.latest_checkpoint(tmp_path) == path
    with open_checkpoint(str(path)) as checkpoint:
        assert checkpoint.parts == 3
        assert checkpoint.metadata.global_step == 7


def test_a_bare_run_saves_and_restores(tmp_path: Path) -> None:
    """Running the ops without their Saver writes and reads the same, as one checkpoint."""
    tensors = variables()
    tf.train.Saver(sharded=True)
    feeds: dict[Any, Any] = {"save/Const:0": f"{tmp_path}/m"}
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run("save/Identity:0", feeds) == f"{tmp_path}/m".encode()
        assert files(tmp_path, "m") == 4
        sess.run([tensor.assign(tensor * 0) for tensor in tensors])
        sess.run("save/restore_all", feeds)
        assert sess.run(tensors[0]).tolist() == [1.0, 2.0]


def test_a_shard_alone_is_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    """A SaveV2 op that runs without the op that merges writes where its graph says."""
    variables()
    tf.train.Saver(sharded=True)
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        sess.run("save/SaveV2_1", {"save/ShardedFilename_1:0": f"{tmp_path}/shard"})
    with open_checkpoint(tmp_path / "shard") as checkpoint:
        assert sorted(checkpoint.entries) == ["a", "d"]


def test_merging_what_was_not_saved_is_an_error(tmp_path: Path) -> None:
    """Shards of another run cannot be merged; the message says what to do."""
    variables()
    tf.train.Saver(sharded=True)
    feeds: dict[Any, Any] = {
        "save/Const:0": f"{tmp_path}/m",
        "save/MergeV2Checkpoints/checkpoint_prefixes:0": [b"elsewhere"] * 3,
    }
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="nothing to merge at 'elsewhere'"):
            sess.run("save/MergeV2Checkpoints", feeds)


def test_values_are_those_of_one_instant(tmp_path: Path) -> None:
    """A background save of several parts has the values of the call, whatever is done meanwhile."""
    tensors = variables()
    saver = tf.train.Saver(sharded=True)
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        handle = saver.save(sess, tmp_path / "m", block=False)
        sess.run([tensor.assign_add(tensor * 0 + 1) for tensor in tensors])
        path = handle.result()
        saver.restore(sess, path)
        assert [value.tolist() for value in sess.run(tensors)] == [[1.0, 2.0], [2.0, 3.0], 3.0, [4.0]]


def test_slices_on_several_devices_are_one_tensor(tmp_path: Path) -> None:
    """A partitioned variable over two devices is saved under its own name and read whole, or cut otherwise."""
    whole = np.arange(12, dtype=np.float32).reshape(6, 2)
    _slices(whole, (2, 4), ("/cpu:0", "/gpu:0"))
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver(sharded=True).save(sess, tmp_path / "m")
    assert files(tmp_path, "m") == 3
    with open_checkpoint(str(path)) as checkpoint:
        assert checkpoint.read("w").tolist() == whole.tolist()
    for rows in ((6,), (1, 3, 2)):
        with tf.Graph().as_default(), tf.Session() as sess:
            parts = _slices(np.zeros_like(whole), rows, ("/cpu:0",) * len(rows))
            tf.train.Saver().restore(sess, path)
            assert np.concatenate(sess.run(parts)).tolist() == whole.tolist()


def _slices(whole: Any, rows: Sequence[int], devices: Sequence[str]) -> list[Any]:
    """Return variables that are slices of one tensor, each on its device."""
    parts = []
    for start, count, device in zip(np.cumsum([0, *rows]).tolist(), rows, devices, strict=False):
        with tf.device(device):
            part = tf.Variable(whole[start : start + count], name=f"w/part_{start}")
        part._set_save_slice_info(SaveSliceInfo("w", [6, 2], [start, 0], [count, 2]))
        parts.append(part)
    return parts


def test_a_run_that_fails_lets_go_of_the_shards(tmp_path: Path) -> None:
    """If the save fails, whatever part of it, nothing holds the variables and nothing is left behind."""
    variables()
    saver = tf.train.Saver(sharded=True)
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        for position in range(40):
            saver._storage = FaultyStorage(local_storage(), position, 28)
            try:
                saver.save(sess, tmp_path / "m", write_state=False)
            except (OSError, tf.errors.DataLossError, CrashError):
                assert sum(slot.buffer.holders for slot in sess._slots._slots.values() if slot.buffer) == 0
            else:
                break
    assert not [path for path in tmp_path.iterdir() if ".tmp-" in path.name]


def test_retention_and_the_state_file(tmp_path: Path) -> None:
    """A sharded Saver keeps as many checkpoints as it should, whole."""
    variables()
    saver = tf.train.Saver(sharded=True, max_to_keep=2)
    with tf.Session(config=SOFT) as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(4):
            saver.save(sess, tmp_path / "m", global_step=step)
    assert {path.name.split(".")[0] for path in tmp_path.iterdir()} == {"checkpoint", "m-2", "m-3"}
    assert [Path(path).name for path in saver.last_checkpoints] == ["m-2", "m-3"]
