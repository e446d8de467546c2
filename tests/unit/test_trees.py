from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import (
    RestoreNotFoundError,
    inspect,
    load,
    open_checkpoint,
    restore_tree,
    save,
    tensor_source,
    write_checkpoint,
)
from holdfast.checkpoint.stored_tree import plain_values
from holdfast.checkpoint.tree_sources import TREE_TENSOR
from holdfast.errors import CheckpointLimitError, InvalidArgumentError, NotFoundError
from tests.property.tree_strategies import same_tree


class Moments(NamedTuple):
    """A named tuple as optimisers have them."""

    mean: Any
    square: Any


@dataclass
class Configuration:
    """No container of trees."""

    rate: float = 0.1


class Mode(IntEnum):
    """No plain value."""

    TRAIN = 1


STATE: dict[Any, Any] = {
    "layers": [{"weights": np.ones((2, 3), np.float32)}, {"weights": np.zeros(3)}],
    "moments": Moments(np.float32(0.5), 2),
    "step": 7,
    "rate": 0.1,
    "note": "ü",
    3: None,
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return a prefix in an empty directory."""
    return f"{tmp_path}/m"


def test_arrays_are_named_by_their_paths(path: str) -> None:
    """Tensors carry the keys, positions and fields that lead to them; plain values are no tensors."""
    save(path, STATE)
    with open_checkpoint(path) as checkpoint:
        assert sorted(checkpoint.entries) == ["layers/0/weights", "layers/1/weights", "moments/mean"]


def test_separators_in_keys_are_escaped(path: str) -> None:
    """A key with a slash, a tilde, nothing in it, or what no name may hold, still gives a name of its own."""
    save(path, {"a/b": {"~": np.ones(1)}, "": np.ones(2), "a": {"b": np.ones(3)}, "x\u202e\n": np.ones(4)})
    with open_checkpoint(path) as checkpoint:
        assert list(checkpoint.entries) == ["a~1b/~0", "~e", "a/b", "x~{202e}~{a}"]


def test_what_was_saved_is_returned(path: str) -> None:
    """The handle of a save says where it is and what was recorded, and the metadata says it again."""
    saved = save(path, STATE, step=np.int64(7), metrics={"loss": 0.5}, metadata={"host": ["a"]})
    assert (saved.prefix, saved.global_step, dict(saved.metrics)) == (path, 7, {"loss": 0.5})
    restored = restore_tree(path)
    said = restored.metadata
    assert (said.global_step, dict(said.metrics), dict(said.user)) == (7, {"loss": 0.5}, {"host": ["a"]})
    assert restored.report.restored == (
        "layers/0/weights",
        "layers/1/weights",
        "moments/mean",
        "moments/square",
        "step",
        "rate",
        "note",
        "3",
    )
    assert (restored.report.missing, restored.report.unexpected, restored.report.skipped) == ((), (), ())


def test_loaded_arrays_are_fresh(path: str) -> None:
    """What is loaded twice is not the same memory, and can be written to."""
    save(path, STATE)
    first, second = load(path)["layers"][0]["weights"], load(path)["layers"][0]["weights"]
    first += 1
    assert second.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_named_tuple_comes_back_with_its_fields(path: str) -> None:
    """Without a template, its type is a new one of the same name and fields, the same each time."""
    save(path, {"a": STATE["moments"], "b": STATE["moments"]})
    loaded = load(path)
    assert type(loaded["a"]).__name__ == "Moments"
    assert loaded["a"]._fields == ("mean", "square")
    assert type(loaded["a"]) is type(loaded["b"])
    assert loaded["a"].square == 2


@pytest.mark.parametrize("tree", [np.arange(3), 5, None, "a", {}, [], ()], ids=repr)
def test_a_tree_may_be_a_single_leaf_or_nothing(path: str, tree: Any) -> None:
    """An array, a plain value and an empty container are trees, too."""
    save(path, tree)
    loaded = load(path)
    assert type(loaded) is type(tree)
    assert np.array_equal(loaded, tree)


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"])
def test_generators_go_on_where_they_were(path: str, kind: str) -> None:
    """The state of each of NumPy's bit generators is a tree, and comes back exactly."""
    rng = np.random.Generator(getattr(np.random, kind)(5))
    rng.integers(0, 9, 3, np.int32)
    save(path, {"rng": rng.bit_generator.state})
    expected = rng.normal(size=5).tolist()
    again = np.random.Generator(getattr(np.random, kind)())
    again.bit_generator.state = load(path)["rng"]
    assert again.normal(size=5).tolist() == expected


def test_large_plain_values_are_tensors(path: str) -> None:
    """What would fill the metadata is stored beside it, under the leaf's own name."""
    tree = {"text": "ü" * 2000, "bytes": b"\0" * 2000, "int": -(3**9000), "small": "a" * 100}
    save(path, tree)
    with open_checkpoint(path) as checkpoint:
        assert list(checkpoint.entries) == ["text", "bytes", "int"]
    assert load(path) == tree


def test_a_large_description_is_a_tensor(path: str) -> None:
    """A tree of many leaves leaves the metadata to the user."""
    tree = {f"value {n}": n for n in range(9000)} | {"w": np.ones(2)}
    save(path, tree, metadata={"text": "x" * 900_000})
    with open_checkpoint(path) as checkpoint:
        assert list(checkpoint.entries) == ["w", TREE_TENSOR]
    loaded = load(path)
    assert loaded.pop("w").tolist() == [1, 1]
    assert loaded == {f"value {n}": n for n in range(9000)}


def test_a_description_has_a_limit(path: str) -> None:
    """What belongs into an array is refused as a list."""
    with pytest.raises(InvalidArgumentError, match=r"takes 6,\d+,\d+ bytes as JSON, expected at most 1,048,576\. Save"):
        save(path, [*range(900_000)])


@pytest.mark.parametrize(
    "names, expected",
    [
        ("step", 7),
        ("layers/1", {"weights": np.zeros(3)}),
        (["step", "3"], {"step": 7, "3": None}),
        (("layers/1/weights",), {"layers/1/weights": np.zeros(3)}),
        ([], {}),
    ],
)
def test_a_part_of_a_tree(path: str, names: Any, expected: Any) -> None:
    """One name gives what stands there, several give a dict by name; leaves and branches alike."""
    save(path, STATE)
    assert same_tree(load(path, names=names), expected)


def test_a_part_reads_nothing_else(path: str) -> None:
    """The limit on what is loaded counts what is asked for."""
    save(path, {"small": np.zeros(2), "large": np.zeros(1000)})
    assert load(path, names="small", max_bytes=16).tolist() == [0, 0]
    with pytest.raises(CheckpointLimitError, match=r"found 8,016 bytes, expected at most 8,015 bytes \(max_bytes\)"):
        load(path, max_bytes=8015)
    assert load(path, max_bytes=8016).keys() == {"small", "large"}


def test_names_that_are_not_there(path: str) -> None:
    """One error lists them all, and suggests leaves, plain values among them."""
    save(path, STATE)
    with pytest.raises(RestoreNotFoundError) as caught:
        load(path, names=["layers/1/weigths", "steps", "zzz", "note"])
    assert caught.value.message.splitlines() == [
        "Key layers/1/weigths not found in checkpoint",
        f"3 of 4 parts of the tree cannot be restored from '{path}.holdfast':",
        "  missing: layers/1/weigths; did you mean 'layers/1/weights' (float64 [3])?",
        "  missing: steps; did you mean 'step' (int)?",
        "  missing: zzz",
    ]
    assert caught.value.report.missing == ("layers/1/weigths", "steps", "zzz")
    assert load(path, names=["zzz", "note"], strict=False) == {"note": "ü"}


def test_names_may_be_mapped(path: str) -> None:
    """A mapping goes from the names that are asked for to those of the checkpoint; the result has the former."""
    save(path, STATE)
    assert load(path, names=["when"], mapping={"when": "step"}) == {"when": 7}
    assert load(path, names=["first", "note"], mapping=[(r"first", "layers/0")])["note"] == "ü"
    assert load(path, names=["a", "b"], mapping={"a": None, "b": "step"}) == {"b": 7}
    with pytest.raises(InvalidArgumentError, match="The mapping has 'other'"):
        load(path, names="step", mapping={"other": "step"})
    with pytest.raises(InvalidArgumentError, match="say with names= or like="):
        load(path, mapping={"a": "step"})


def test_arguments_that_exclude_each_other(path: str) -> None:
    """Slips in the call are told before anything is opened."""
    with pytest.raises(InvalidArgumentError, match="give one of them"):
        load(path, names="a", like={})
    with pytest.raises(ValueError, match="expected True, False or 'exact'"):
        load(path, strict="no")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="Failed to find any matching files"):
        load(path)


@pytest.mark.parametrize(
    "make, found, advice",
    [
        (lambda: {1, 2}, "builtins.set", r"Save sorted\(it\)"),
        (np.random.default_rng, "Generator", r"rng.bit_generator.state"),
        (lambda: np.random.RandomState(1), "RandomState", r"get_state\(legacy=False\)"),
        (Configuration, "Configuration", r"dataclasses.asdict\(it\)"),
        (lambda: MappingProxyType({}), "mappingproxy", r"Save dict\(it\)"),
        (lambda: defaultdict(int), "defaultdict", r"Save dict\(it\)"),
        (lambda: Mode.TRAIN, "Mode", "Save its value"),
        (lambda: bytearray(b"a"), "bytearray", r"Save bytes\(it\)"),
        (lambda: Path("a"), "PosixPath|WindowsPath", r"Save str\(it\)"),
        (lambda: date(2020, 1, 1), "date", r"isoformat\(\)"),
        (lambda: np.ma.array([1]), "a masked array", "its data and its mask"),
        (lambda: np.zeros(2, [("a", "i4")]), r"dtype \[\('a', '<i4'\)\]", "it can hold bool"),
        (lambda: np.array([1, None], object), "an object array of NoneType, int", "either str or bytes"),
        (lambda: lambda: 1, "function", "as arrays and plain values"),
        (lambda: np.float32, "type", "as arrays and plain values"),
    ],
)
def test_what_no_tree_can_hold(path: str, make: Callable[[], Any], found: str, advice: str) -> None:
    """Everything else is refused before anything is written: where it stands, what it is, what to do."""
    with pytest.raises(InvalidArgumentError, match=rf"(?s)at 'a/0' is .*({found}).*{advice}"):
        save(path, {"a": [make()]})
    assert list(Path(path).parent.iterdir()) == []


@pytest.mark.parametrize(
    "tree, message",
    [
        ({"a": {1: 0, "1": 0}}, "The dict at 'a' has both the keys 1 and '1', which get the same name"),
        ({"a": {(1, 2): 0}}, r"The dict at 'a' has the key '\(1, 2\)' of type tuple, expected str or int"),
        ({True: 0}, "The dict at the root has the key 'True' of type bool"),
        ({np.int64(1): 0}, r"has the key .*1.* of type int64"),
        ({2**63: 0}, "an int key outside of 64 bits"),
        ({"x" * 1025: np.zeros(1)}, "cannot be its name: it is longer than 1,024 bytes. Shorten the keys"),
    ],
)
def test_keys_that_no_tree_can_have(path: str, tree: Any, message: str) -> None:
    """Keys are str or int, and no two of a dict are written the same."""
    with pytest.raises(InvalidArgumentError, match=message):
        save(path, tree)


def test_a_container_that_contains_itself(path: str) -> None:
    """A cycle is an error, not an endless loop; a hundred levels are fine."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidArgumentError, match=r"nested deeper than 100 levels .*does a container contain itself"):
        save(path, loop)
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    save(path, deep)
    assert load(path) == deep


def test_order_and_kind_of_dicts(path: str) -> None:
    """Keys come back in their order, int keys as int, an OrderedDict as one."""
    save(path, OrderedDict([("b", 1), ("a", {3: 4, "x": 5})]))
    loaded = load(path)
    assert type(loaded) is OrderedDict
    assert list(loaded) == ["b", "a"]
    assert list(loaded["a"].items()) == [(3, 4), ("x", 5)]


def test_a_background_save_has_the_values_of_the_call(path: str) -> None:
    """Arrays, dicts and metadata may change as soon as the call has returned."""
    array, texts = np.ones(1000), np.array(["a", "b"], object)
    tree, said, metrics = {"array": array, "texts": texts, "list": [1]}, {"x": [1]}, {"loss": 1.0}
    pending = save(path, tree, metrics=metrics, metadata=said, block=False)
    array[:], texts[:] = 2, "z"
    tree["list"].append(2)  # type: ignore[attr-defined]
    said["x"].append(2)
    metrics["loss"] = 9.0
    assert pending.result().prefix == path
    restored = restore_tree(path)
    assert restored.tree["array"].tolist() == [1] * 1000
    assert restored.tree["texts"].tolist() == ["a", "b"]
    assert (restored.tree["list"], dict(restored.metadata.user)) == ([1], {"x": [1]})
    assert dict(restored.metadata.metrics) == {"loss": 1.0}


def test_a_background_save_refuses_at_the_call(path: str) -> None:
    """What is wrong with the tree, the metadata or the format is told at once."""
    with pytest.raises(InvalidArgumentError, match=r"a builtins\.set"):
        save(path, {"a": {1}}, block=False)
    with pytest.raises(InvalidArgumentError, match="must be JSON"):
        save(path, {}, metadata={"a": object()}, block=False)
    with pytest.raises(Exception, match="nonsense"):
        save(path, {}, format="nonsense", block=False)


def test_saves_come_in_the_order_of_their_calls(path: str) -> None:
    """A save that blocks waits for the one in the background, so that it is not overwritten by an older state."""
    pending = save(path, {"w": np.zeros(1 << 20), "version": 1}, block=False)
    save(path, {"version": 2})
    assert pending.done()
    assert load(path) == {"version": 2}


def test_a_failed_background_save_is_told_once(path: str) -> None:
    """The error comes from the handle; if nobody asks, from the next save."""
    failing = save(f"{path}/no/such/m", {}, block=False)
    with pytest.raises(FileNotFoundError):
        failing.result()
    save(f"{path}/no/such/m", {}, block=False)
    with pytest.raises(FileNotFoundError):
        save(path, {"a": 1}, block=False)
    save(path, {"a": 1}, block=False).result()
    assert load(path) == {"a": 1}


def test_inspection_shows_a_tree_as_its_tensors(path: str) -> None:
    """Tools that know nothing of trees see named tensors."""
    save(path, STATE)
    assert {tensor.name for tensor in inspect(path).tensors} == {
        "layers/0/weights",
        "layers/1/weights",
        "moments/mean",
    }


def test_plain_values_can_be_listed(path: str) -> None:
    """What is no tensor is found by its name, too."""
    save(path, STATE)
    with open_checkpoint(path) as checkpoint:
        assert plain_values(checkpoint) == {"moments/square": 2, "step": 7, "rate": 0.1, "note": "ü", "3": None}
    write_checkpoint(path, [tensor_source("w", np.ones(1))])
    with open_checkpoint(path) as checkpoint:
        assert plain_values(checkpoint) == {}


def test_trees_need_no_graph() -> None:
    """Saving and loading imports neither graph nor runtime, no protocol buffers, and none of it before it is used."""
    code = """
import sys, tempfile, holdfast
assert "holdfast.checkpoint" not in sys.modules
with tempfile.TemporaryDirectory() as directory:
    with holdfast.checkpoint.CheckpointDirectory(directory) as checkpoints:
        checkpoints.save({"a": 1}, step=1, block=False)
    holdfast.checkpoint.save(directory + "/m", {"a": 1})
    assert checkpoints.load() == holdfast.checkpoint.load(directory + "/m") == {"a": 1}
print(sorted({".".join(m.split(".")[:2]) for m in sys.modules if m.split(".")[0] in {"holdfast", "google"}}))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(
        [
            "holdfast",
            "holdfast.checkpoint",
            "holdfast.contracts",
            "holdfast.dtypes",
            "holdfast.errors",
            "holdfast.plugins",
        ]
    )


def test_the_face_has_the_room() -> None:
    """``holdfast.checkpoint`` is found without an import of its own."""
    assert tf.checkpoint.save is save
    assert tf.checkpoint.load is load
