from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.checkpoint import SaveMetadata, load, restore_tree, save, tensor_source, write_checkpoint
from holdfast.checkpoint.tree_sources import MAX_DESCRIPTION_BYTES, TREE_TENSOR
from holdfast.errors import CheckpointLimitError, CorruptCheckpointError, UnsupportedCheckpointError

TENSORS: dict[str, Any] = {
    "w": np.zeros(2, np.float32),
    "s": np.array([b"ab", b"\xff"], object),
    "d": np.zeros(2, np.int64),
    "u": np.frombuffer(b"\xff\xfe", np.uint8),
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return a prefix in an empty directory."""
    return f"{tmp_path}/m"


def write(path: str, tree: Any, **more: Any) -> str:
    """Write tensors with whatever is said to be their tree."""
    tensors = [tensor_source(name, array) for name, array in (TENSORS | more).items()]
    write_checkpoint(path, tensors, metadata=SaveMetadata(tree=tree))
    return path


def nested(levels: int) -> Any:
    """Return lists in lists."""
    described: Any = 1
    for _ in range(levels):
        described = ["l", [described]]
    return described


@pytest.mark.parametrize(
    "root",
    [
        [],
        {},
        {"d": 1},
        2**60,
        ["z"],
        ["d"],
        ["d", ["a"], []],
        ["d", "a", [1]],
        ["d", ["a", "a"], [1, 2]],
        ["d", ["1", 1], [1, 2]],
        ["d", ["a/b"], [1]],
        ["d", ["~"], [1]],
        ["d", ["a\nb"], [1]],
        ["d", [2**63], [1]],
        ["d", [True], [1]],
        ["d", [None], [1]],
        ["d", [["a"]], [1]],
        ["l", [1], [2]],
        ["t", 5],
        ["n", "T", ["a", "a"], [1, 2]],
        ["n", "T", ["class"], [1]],
        ["n", "T", ["__init__"], [1]],
        ["n", "T", [1], [1]],
        ["n", "x; import os", ["a"], [1]],
        ["n", "T", ["a=print(1)"], [1]],
        nested(101),
        ["i", "12"],
        ["i", "0x"],
        ["f", "7ff"],
        ["f", "7FF0000000000000"],
        ["c", "7ff0000000000000"],
        ["b", "no base64"],
        ["u", "////"],
        ["a", "f4"],
        ["a", "O"],
        ["a", "V8"],
        ["a", "M8[x]"],
        ["a", "U5", "U5"],
        ["s", 3],
        ["S", ""],
    ],
    ids=lambda root: json.dumps(root)[:40],
)
def test_no_such_tree(path: str, root: Any) -> None:
    """What describes no tree is a named error that says where it stands."""
    with pytest.raises(CorruptCheckpointError, match="description of the tree"):
        load(write(path, {"version": 1, "root": root}))


@pytest.mark.parametrize(
    "leaf, tensor",
    [
        (["a"], "missing"),
        (["s"], "w"),
        (["a", "U5"], "w"),
        (["a", "str"], "d"),
        (["a", "M8[s]"], "w"),
        (["s", "M8[s]"], "d"),
        (["B"], "w"),
        (["S"], "s"),
        (["S"], "u"),
        (["a", "str"], "s"),
        (["a", "S1"], "s"),
    ],
)
def test_a_tensor_that_is_not_the_leafs(path: str, leaf: Any, tensor: str) -> None:
    """A leaf whose tensor is missing, is another, or holds what such a leaf cannot be, is a named error."""
    with pytest.raises(CorruptCheckpointError, match=f"description of the tree at '{tensor}'"):
        load(write(path, {"version": 1, "root": ["d", [tensor], [leaf]]}))


@pytest.mark.parametrize(
    "tree",
    [
        {"root": 1},
        {"version": "1", "root": 1},
        {"version": True, "root": 1},
        {"version": 1},
        {"version": 1, "tensor": "w"},
        {"version": 1, "tensor": TREE_TENSOR},
        {"version": 1, "tensor": 5},
    ],
)
def test_metadata_that_names_no_description(path: str, tree: Any) -> None:
    """So is metadata that says where a description is, and there is none."""
    with pytest.raises(CorruptCheckpointError, match="tree"):
        load(write(path, tree))


@pytest.mark.parametrize("text", [b"", b"[", b"\xff", b"[" * 100_000, b"1 2", b" " * (MAX_DESCRIPTION_BYTES + 1)])
def test_a_tensor_that_describes_nothing(path: str, text: bytes) -> None:
    """A description that is no JSON, too deep or too large is a named error."""
    tensor = {TREE_TENSOR: np.frombuffer(text, np.uint8)}
    with pytest.raises(CorruptCheckpointError, match="tree"):
        load(write(path, {"version": 1, "tensor": TREE_TENSOR}, **tensor))


def test_a_later_version(path: str) -> None:
    """A tree that a later holdfast described says so."""
    with pytest.raises(UnsupportedCheckpointError, match="version of the tree: found 2, expected at most 1"):
        load(write(path, {"version": 2, "root": 1}))


def test_a_dtype_that_would_fill_the_memory(path: str) -> None:
    """A width of strings counts for the limit, before anything is allocated."""
    with pytest.raises(CheckpointLimitError, match="found 800,000,123 bytes"):
        load(write(path, {"version": 1, "root": ["d", ["s"], [["a", "U99999999"]]]}), max_bytes=1 << 29)


def test_tensors_that_no_leaf_names(path: str) -> None:
    """Tensors beside the tree are left alone, and only reported."""
    restored = restore_tree(write(path, {"version": 1, "root": ["d", ["w"], [["a"]]]}))
    assert list(restored.tree) == ["w"]
    assert restored.report.restored == ("w",)


def test_a_damaged_array_gives_nothing(path: str, tmp_path: Path) -> None:
    """A flipped bit in one array is a named error of the whole load, and a part without it still loads."""
    save(path, {"a": np.arange(4000.0), "b": np.arange(3)}, format="npz")
    data = bytearray((tmp_path / "m.npz").read_bytes())
    data[9000] ^= 1
    (tmp_path / "m.npz").write_bytes(data)
    with pytest.raises(CorruptCheckpointError):
        load(path)
    assert load(path, names="b").tolist() == [0, 1, 2]
