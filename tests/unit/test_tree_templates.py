from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import array_api_strict
import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import (
    ArraySpec,
    RestoreMismatchError,
    RestoreNotFoundError,
    load,
    restore_tree,
    save,
    tensor_source,
    write_checkpoint,
)
from holdfast.errors import InvalidArgumentError
from tests.property.tree_strategies import same_tree


class Moments(NamedTuple):
    """A named tuple as optimisers have them."""

    mean: Any
    square: Any

    def total(self) -> Any:
        """Return what a tuple made from a file could not."""
        return self.mean + self.square


STATE: dict[str, Any] = {
    "layers": [{"w": np.ones((2, 3), np.float32)}, {"w": np.zeros(3)}],
    "moments": Moments(np.float32(0.5), 2.0),
    "step": 7,
    "names": np.array(["a", "bc"]),
    "since": np.array(["2020-01-01"], "M8[D]"),
    "best": None,
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return a prefix with the state saved."""
    save(f"{tmp_path}/m", STATE)
    return f"{tmp_path}/m"


def test_values_go_into_the_templates_containers(path: str) -> None:
    """Containers, and the types of named tuples, are the template's; leaves are what was saved."""
    like: Any = OrderedDict(
        step=0, moments=Moments(np.float32(0), 0.0), layers=({"w": ArraySpec()}, {"w": ArraySpec()})
    )
    loaded = load(path, like=like)
    assert type(loaded) is OrderedDict
    assert list(loaded) == ["step", "moments", "layers"]
    assert type(loaded["moments"]) is Moments
    assert loaded["moments"].total() == 2.5
    assert type(loaded["layers"]) is tuple
    assert loaded["layers"][0]["w"].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_the_template_is_left_alone(path: str) -> None:
    """Loading writes to none of its arrays, and the result has none of them."""
    like: Any = {"layers": [{"w": np.full((2, 3), 9, np.float32)}, {"w": np.full(3, 9.0)}]}
    loaded = load(path, like=like)
    loaded["layers"][1]["w"] += 1
    assert like["layers"][1]["w"].tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    "leaf",
    [
        np.zeros((2, 3), np.float32),
        array_api_strict.zeros((2, 3), dtype=array_api_strict.float32),
        ArraySpec((2, 3), np.float32),
        ArraySpec([2, 3], "float32"),
        ArraySpec((2, 3), tf.float32),
        ArraySpec((2, 3)),
        ArraySpec(dtype=tf.float32),
        ArraySpec(),
        None,
    ],
    ids=str,
)
def test_arrays_and_what_describes_them(path: str, leaf: Any) -> None:
    """An array of any library, its shape and dtype, or a part of that asks for an array."""
    loaded = load(path, like={"layers": [{"w": leaf}, None]})
    assert same_tree(loaded, {"layers": STATE["layers"]})


def test_none_takes_whatever_is_there(path: str) -> None:
    """A leaf None stands for a branch, an array or a plain value, as in the state of a run that has just begun."""
    loaded = load(path, like={"layers": None, "step": None, "best": None})
    assert same_tree(loaded, {"layers": STATE["layers"], "step": 7, "best": None})


def test_everything_that_does_not_fit_is_in_one_error(path: str) -> None:
    """Missing leaves first, with suggestions; then dtypes, shapes, types and lengths."""
    like = {
        "layers": [{"w": np.ones((3, 2), np.float32)}, {"w": np.zeros(3, np.float32)}, {"w": np.zeros(1)}],
        "momentum": 0,
        "stepp": 0,
        "names": 1,
        "moments": {"mean": 1, "square": np.zeros(2)},
        "since": np.array(["2020"], "M8[s]"),
    }
    with pytest.raises(RestoreNotFoundError) as caught:
        load(path, like=like)
    assert caught.value.message.splitlines() == [
        "Key layers/2/w not found in checkpoint",
        f"10 of 10 parts of the tree cannot be restored from '{path}.holdfast':",
        "  missing: layers/2/w float64 [1]; did you mean 'layers/1/w' (float64 [3])?",
        "  missing: momentum",
        "  missing: stepp; did you mean 'step' (int)?",
        "  structure differs: layers is list of 2 in the checkpoint, wanted was list of 3",
        "  shape differs: layers/0/w is float32 [2, 3] in the checkpoint, wanted was float32 [3, 2]",
        "  dtype differs: layers/1/w is float64 [3] in the checkpoint, wanted was float32 [3]",
        "  type differs: names is string [2] in the checkpoint, wanted was int",
        "  type differs: moments/mean is float32 [] in the checkpoint, wanted was int",
        "  type differs: moments/square is float in the checkpoint, wanted was float64 [2]",
        "  dtype differs: since is datetime64[D] [1] in the checkpoint, wanted was datetime64[s] [1]",
    ]
    kinds = [mismatch.kind for mismatch in caught.value.report.mismatched]
    assert kinds == ["structure", "shape", "dtype", "type", "type", "type", "dtype"]


@pytest.mark.parametrize("wrong", [True, 1.0, "a", b"a", 1j])
def test_types_of_plain_values_are_not_converted(path: str, wrong: Any) -> None:
    """An int that is wanted as something else is an error, also as a bool or a float."""
    with pytest.raises(RestoreMismatchError, match=rf"type differs: step is int .* wanted was {type(wrong).__name__}"):
        load(path, like={"step": wrong})


def test_a_branch_is_no_leaf(path: str) -> None:
    """A leaf where the checkpoint has a container says so."""
    with pytest.raises(RestoreMismatchError, match=r"structure differs: layers is list of 2 in the .* wanted was int"):
        load(path, like={"layers": 0})


def test_a_shorter_list_loses_nothing_silently(path: str) -> None:
    """A list of another length is an error, whatever it holds; a dict with fewer keys asks for those only."""
    with pytest.raises(RestoreMismatchError, match="layers is list of 2 in the checkpoint, wanted was list of 1"):
        load(path, like={"layers": [None]})
    restored = restore_tree(path, like={"step": 0})
    assert restored.tree == {"step": 7}
    assert "layers/0/w" in restored.report.unexpected
    with pytest.raises(RestoreMismatchError, match="holds 7 leaves that nobody asked for"):
        load(path, like={"step": 0}, strict="exact")


def test_not_strict_keeps_the_template(path: str) -> None:
    """What is missing or does not fit stays as it is in the template, and the report says so."""
    head = np.full(4, 5.0)
    restored = restore_tree(path, like={"step": 0, "head": head, "names": 3}, strict=False)
    assert restored.tree == {"step": 7, "head": head, "names": 3}
    assert restored.tree["head"] is head
    assert restored.report.restored == ("step",)
    assert (restored.report.missing, restored.report.skipped) == (("head",), ("head", "names"))
    with pytest.raises(RestoreNotFoundError):
        load(path, like={"head": head}, strict=False)


def test_names_are_mapped(path: str) -> None:
    """A dict, rules and a function rename what the template asks for; None leaves the template's own."""
    like: dict[str, Any] = {"net": [{"w": ArraySpec()}, {"w": np.zeros(0)}], "step": 0}
    expected = {"net": STATE["layers"], "step": 7}
    rules = [(r"net/(.*)", r"layers/\1")]
    for mapping in (rules, lambda name: name.replace("net", "layers")):
        loaded = load(path, like={**like, "net": [{"w": ArraySpec()}, {"w": ArraySpec()}]}, mapping=mapping)
        assert same_tree(loaded, expected)
    partial = restore_tree(path, like=like, mapping={"net/0/w": "layers/0/w", "net/1/w": None})
    assert partial.tree["net"][1]["w"] is like["net"][1]["w"]
    assert partial.report.renamed == (("net/0/w", "layers/0/w"),)
    assert partial.report.skipped == ("net/1/w",)


def test_scalars_of_a_saver_are_plain_values(tmp_path: Path) -> None:
    """A tensor without dimensions is the int, float, bool or str that a template asks for."""
    values = {"i": np.array(3), "f": np.array(0.5, np.float32), "b": np.array(True), "s": np.array("ü")}
    write_checkpoint(f"{tmp_path}/m", [tensor_source(name, value) for name, value in values.items()])
    like: dict[str, Any] = {"i": 0, "f": 0.0, "b": False, "s": ""}
    assert same_tree(load(f"{tmp_path}/m", like=like), {"i": 3, "f": 0.5, "b": True, "s": "ü"})
    assert load(f"{tmp_path}/m", like={"s": b""}) == {"s": "ü".encode()}
    assert same_tree(load(f"{tmp_path}/m", like={"i": np.int64(0)}), {"i": np.int64(3)})
    with pytest.raises(RestoreMismatchError, match=r"type differs: f is float32 \[\] .* wanted was int"):
        load(f"{tmp_path}/m", like={"f": 1})


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """Asking for a str where there are other bytes is an error that says what to ask for."""
    write_checkpoint(f"{tmp_path}/m", [tensor_source("s", np.array(b"\xff", object))])
    with pytest.raises(InvalidArgumentError, match="'s' holds bytes that are no text in UTF-8; ask for bytes"):
        load(f"{tmp_path}/m", like={"s": ""})


@pytest.mark.parametrize(
    "leaf, message",
    [
        ({1, 2}, r"The template cannot be used: at 'a' is a builtins\.set"),
        (np.zeros(2, np.longdouble), "The template cannot be used: at 'a' is an array of dtype float128"),
        (ArraySpec((1,), "nonsense"), "at 'a' is .*nonsense"),
    ],
)
def test_templates_that_are_none(path: str, leaf: Any, message: str) -> None:
    """A template holds what a tree holds, and specs."""
    with pytest.raises(InvalidArgumentError, match=message):
        load(path, like={"a": leaf})
