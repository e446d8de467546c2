from __future__ import annotations

import json
import os
import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.checkpoint import load, open_checkpoint, save
from holdfast.checkpoint.leaf_names import escape_key, unescape_key
from holdfast.checkpoint.names import name_fault
from holdfast.checkpoint.tree_description import DescriptionReader, describe
from holdfast.checkpoint.tree_nodes import leaves_of, outline
from holdfast.errors import CorruptCheckpointError
from holdfast.plugins import load_plugins
from tests.property.tree_strategies import any_text, same_tree, trees

FORMATS = sorted(load_plugins().formats)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60)
@given(tree=trees)
def test_what_is_saved_is_loaded(name: str, tree: Any) -> None:
    """Any tree comes back as it was, from every format, saved in the foreground or in the background."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        save(prefix, tree, format=name)
        assert same_tree(tree, load(prefix))
        save(prefix, tree, format=name, block=False).result()
        assert same_tree(tree, load(prefix))


@settings(max_examples=60)
@given(tree=trees)
def test_a_tree_is_a_template_of_itself(tree: Any) -> None:
    """Loaded like itself a tree is the same, and each of its leaves is what its name gives."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        save(prefix, tree)
        assert same_tree(tree, load(prefix, like=tree, strict="exact"))
        leaves = dict(leaves_of(outline(tree, lambda _, value: value), ""))
        assert all(same_tree(value, load(prefix, names=name)) for name, value in leaves.items())


@given(first=any_text, second=any_text)
def test_escaping_tells_keys_apart(first: str, second: str) -> None:
    """Different keys have different names, each of which may stand in a checkpoint and gives its key back."""
    names = escape_key(first), escape_key(second)
    assert (first == second) == (names[0] == names[1])
    assert [unescape_key(name) for name in names] == [first, second]
    assert all(name_fault(name) is None and "/" not in name and name != "~" for name in names)


@given(st.text(st.sampled_from("~01e{}2af/x"), max_size=8))
def test_only_what_is_escaped_is_unescaped(text: str) -> None:
    """A text is the name of one key, or of none."""
    try:
        key = unescape_key(text)
    except ValueError:
        return
    assert escape_key(key) == text


@settings(max_examples=60)
@given(tree=trees)
def test_leaves_have_names_of_their_own(tree: Any) -> None:
    """No two leaves of a tree have the same name."""
    names = [name for name, _ in leaves_of(outline(tree, lambda name, _: name), "")]
    assert len(set(names)) == len(names)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["d", "o", "l", "t", "n", "a", "s", "i", "f", "c", "b", "u", "S", "B", "I", "0x1", "U5", "a/b"])
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)


@settings(max_examples=300)
@given(described=json_values)
def test_any_description_is_a_tree_or_a_named_error(described: Any) -> None:
    """Whatever stands where a tree is described, reading it gives a tree, which is then described so, or an error."""
    try:
        node = DescriptionReader("file").node(described)
    except CorruptCheckpointError:
        return
    again = DescriptionReader("file").node(json.loads(json.dumps(describe(node))))
    assert [*leaves_of(again, "")] == [*leaves_of(node, "")] or "nan" in repr(node)


@given(tree=trees)
def test_tensors_are_named_by_their_paths(tree: Any) -> None:
    """What a checkpoint calls its tensors are the names of the tree's leaves."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        save(prefix, {"root": tree})
        names = {name for name, _ in leaves_of(outline({"root": tree}, lambda name, _: name), "")}
        with open_checkpoint(prefix) as checkpoint:
            assert set(checkpoint.entries) <= names
