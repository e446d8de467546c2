from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import (
    ArraySpec,
    CheckpointDirectory,
    RestoreNotFoundError,
    SaveMetadata,
    load,
    open_checkpoint,
    restore_tree,
    save,
    tensor_source,
    write_checkpoint,
)
from holdfast.testing.two_file_format import SPEC as TWO_FILES
from tests.property.tree_strategies import same_tree


def variables() -> dict[str, Any]:
    """Return two variables of a layer and a step."""
    with tf.name_scope("layer"):
        weights = tf.Variable(tf.ones([2, 3]), name="weights")
        biases = tf.Variable(tf.zeros([3]), name="biases")
    return {"weights": weights, "biases": biases, "step": tf.Variable(7, name="step")}


@pytest.fixture
def saved(tmp_path: Path) -> str:
    """Return the prefix of what a Saver saved."""
    variables()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return str(tf.train.Saver().save(sess, tmp_path / "m", global_step=7))


def test_a_savers_checkpoint_is_a_dict_of_its_tensors(saved: str) -> None:
    """It was not saved as a tree, so its names stay what they are."""
    expected = {
        "layer/biases": np.zeros(3, np.float32),
        "layer/weights": np.ones((2, 3), np.float32),
        "step": np.array(7, np.int32),
    }
    assert same_tree(expected, load(saved))
    assert same_tree({"weights": expected["layer/weights"]}, {"weights": load(saved, names="layer")["weights"]})
    assert same_tree(expected["step"], load(saved, names="step"))
    assert sorted(load(saved, names="layer")) == ["biases", "weights"]


def test_a_savers_checkpoint_fits_a_template(saved: str) -> None:
    """The names of variables are paths, so a template makes a tree of them."""
    like = {"layer": {"weights": np.zeros((2, 3), np.float32), "biases": ArraySpec()}, "step": 0}
    restored = restore_tree(saved, like=like, strict="exact")
    assert restored.tree["step"] == 7
    assert restored.tree["layer"]["weights"].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert (restored.metadata.global_step, restored.report.unexpected) == (7, ())


def test_a_saver_restores_a_tree(tmp_path: Path) -> None:
    """Arrays are tensors of the names of variables; plain values are none."""
    layer = {"weights": np.full((2, 3), 5, np.float32), "biases": np.arange(3, dtype=np.float32)}
    save(tmp_path / "m", {"layer": layer, "step": np.int32(9), "rate": 0.1})
    graph = variables()
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, tmp_path / "m")
        assert sess.run(graph["weights"]).tolist() == [[5, 5, 5], [5, 5, 5]]
        assert sess.run(graph["biases"]).tolist() == [0, 1, 2]
        assert sess.run(graph["step"]) == 9


def test_a_saver_finds_no_plain_values(tmp_path: Path) -> None:
    """A step that was saved as an int is missing for a Saver."""
    save(tmp_path / "m", {"step": 9})
    saver = tf.train.Saver([tf.Variable(0, name="step")])
    with tf.Session() as sess, pytest.raises(RestoreNotFoundError, match="Key step not found in checkpoint"):
        saver.restore(sess, tmp_path / "m")


def test_a_saver_goes_on_with_a_directory(tmp_path: Path) -> None:
    """Either reads what the other saved last in one directory."""
    checkpoints = CheckpointDirectory(tmp_path)
    checkpoints.save({"step": np.int32(3)}, step=3)
    saver = tf.train.Saver([tf.Variable(0, name="step")])
    with tf.Session() as sess:
        saver.restore(sess, tf.train.latest_checkpoint(tmp_path))
        saver.save(sess, tmp_path / "state", global_step=4)
    assert checkpoints.load() == {"step": 3}
    assert checkpoints.restore(4).metadata.lineage == checkpoints.restore(3).metadata.lineage


def test_a_tree_in_parts(tmp_path: Path) -> None:
    """A tree whose tensors are spread over several files is loaded as any other."""
    tree = {"a": np.ones(3), "b": [np.zeros(2), 5]}
    save(tmp_path / "whole", tree)
    with open_checkpoint(tmp_path / "whole") as whole:
        sources = [tensor_source(name, whole.read(name)) for name in whole.entries]
        notes = SaveMetadata(tree=whole.metadata.tree)
    write_checkpoint(tmp_path / "parts", sources, shards=["x", "y"], metadata=notes)
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("parts")]) == 3
    assert same_tree(tree, load(tmp_path / "parts"))


def test_formats_without_strings(tmp_path: Path) -> None:
    """A format that holds numbers only holds trees of them, with texts of any length as plain values."""
    tree = {"w": np.ones((2, 3), np.float32), "text": "ü" * 5000, "nothing": None, "big": 2**70}
    save(tmp_path / "m", tree, formats=[TWO_FILES])
    assert same_tree(tree, load(tmp_path / "m", formats=[TWO_FILES]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="the format does not hold string"):
        save(tmp_path / "n", {"names": np.array(["a"])}, formats=[TWO_FILES])


def test_trees_on_remote_storage(tmp_path: Path) -> None:
    """A URL is a place like any other, for single trees and for directories."""
    pytest.importorskip("fsspec")
    url = f"memory://{tmp_path.name}"
    save(f"{url}/m", {"a": np.ones(2)})
    assert load(f"{url}/m")["a"].tolist() == [1, 1]
    with CheckpointDirectory(f"{url}/run", keep=2) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save({"step": step}, step=step, block=False)
    again = CheckpointDirectory(f"{url}/run", keep=2)
    assert again.load() == {"step": 3}
    again.save({"step": 4}, step=4)
    assert again.steps == (3, 4)
    assert again.latest() == f"{url}/run/state-4"
