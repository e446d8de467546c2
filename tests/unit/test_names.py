"""Names of nodes: scopes, uniqueness, what is legal."""

from __future__ import annotations

import pytest

from holdfast.graph import Graph, get_default_graph, name_scope
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op


def test_a_taken_name_gets_a_number() -> None:
    """The first keeps its name, the next ones get _1, _2; a name that looks numbered counts like any other."""
    graph = Graph()
    asked = ["a", "a", "a_1", "a", "A", "x/y", "x", "x/y", "a_1", "a_1_1", "a_1", "b_1", "b", "b", "b"]
    given = [
        "a",
        "a_1",
        "a_1_1",
        "a_2",
        "A",
        "x/y",
        "x",
        "x/y_1",
        "a_1_2",
        "a_1_1_1",
        "a_1_3",
        "b_1",
        "b",
        "b_2",
        "b_3",
    ]
    assert [graph.unique_name(name) for name in asked] == given


def test_a_name_may_be_asked_for_without_being_taken() -> None:
    """With mark_as_used=False the same answer comes twice."""
    graph = Graph()
    assert [graph.unique_name("q", mark_as_used=mark) for mark in (False, False, True, False, True)] == [
        "q",
        "q",
        "q",
        "q_1",
        "q_1",
    ]


def test_scopes_nest_and_are_unique() -> None:
    """A second scope of the same name gets a number, an inner one is prefixed, a final slash re-enters exactly."""
    graph = Graph()
    seen = []
    with graph.name_scope("a") as scope:
        seen.append(scope)
    with graph.name_scope("a") as scope, graph.as_default():
        seen += [scope, no_op("n").name]
        with graph.name_scope("a") as inner:
            seen += [inner, no_op("n").name]
        with graph.name_scope("a/") as inner:
            seen += [inner, no_op("n").name]
    assert seen == ["a/", "a_1/", "a_1/n", "a_1/a/", "a_1/a/n", "a/", "a/n"]


@pytest.mark.parametrize("root", [None, ""])
def test_no_name_is_the_root(root: str | None) -> None:
    """None and the empty name leave all scopes."""
    graph = Graph()
    with graph.name_scope("a"), graph.name_scope(root) as scope:
        assert scope == ""
        assert graph.unique_name("n") == "n"


def test_the_scope_is_left_when_its_block_fails() -> None:
    """An exception restores the outer scope."""
    graph = Graph()
    with pytest.raises(KeyError), graph.name_scope("a"):
        raise KeyError
    assert graph.get_name_scope() == ""


def test_the_current_scope_has_no_final_slash() -> None:
    """get_name_scope gives the path of scopes."""
    graph = Graph()
    with graph.name_scope("p"), graph.name_scope("q"):
        assert graph.get_name_scope() == "p/q"


@pytest.mark.parametrize("name", ["a b", "_a", "-a", "/a", "a:0", "a>b", "ü", "\\a", "a\\b", "a\n", "^a", "a;b", "\0"])
def test_illegal_names_are_refused(name: str) -> None:
    """Scopes and operations take only letters, digits and a few signs, and begin with none of these at the root."""
    graph = get_default_graph()
    with pytest.raises(ValueError, match="is not a valid scope name"), graph.name_scope(name):
        pass
    with pytest.raises(ValueError, match="is not a valid node name"):
        constant(1, name=name)
    with pytest.raises(ValueError, match=r"is not a valid (scope|node) name"):
        no_op(name)
    assert graph.get_operations() == []


@pytest.mark.parametrize("name", ["_a", "-a", "/a"])
def test_an_inner_name_may_begin_with_a_sign(name: str) -> None:
    """Below a scope the stricter rule for first characters does not count."""
    with name_scope("o"):
        assert no_op(name).name == f"o/{name}"


@pytest.mark.parametrize("name", [".a", "1", "a//b", "a.b-c_d/E"])
def test_legal_names_are_taken_as_they_are(name: str) -> None:
    """Digits and dots may come first."""
    assert no_op(name).name == name


def test_an_empty_name_is_refused() -> None:
    """An operation needs a name."""
    with pytest.raises(ValueError, match="'' is not a valid node name"):
        no_op("")


def test_a_final_slash_is_a_full_name_that_must_be_free() -> None:
    """With a final slash no number is appended, so a second operation of that name is refused."""
    assert no_op("a/").name == "a"
    with pytest.raises(ValueError, match="cannot add op with name a as that name is already used"):
        no_op("a/")


def test_name_scope_takes_the_first_name_it_is_given() -> None:
    """The default name counts only where the name is None."""
    with name_scope(None, "dflt") as a, name_scope("nm", "dflt") as b, name_scope("", "dflt") as c:
        assert (a, b, c) == ("dflt/", "dflt/nm/", "")


def test_name_scope_of_values_needs_a_name() -> None:
    """Values without either name are an error, as in TensorFlow."""
    with pytest.raises(ValueError, match=r"At least one of name \(None\) and default_name \(None\) must be provided"):
        name_scope(None, None, [constant(1)]).__enter__()


def test_name_scope_enters_the_graph_of_its_values() -> None:
    """The scope is of the graph that the values belong to; mixing graphs is an error."""
    graph = Graph()
    with graph.as_default():
        theirs = constant(1, name="theirs")
    ours = constant(1, name="ours")
    with name_scope("s", values=[3, None, theirs]):
        assert get_default_graph() is graph
    with pytest.raises(ValueError, match="must be from the same graph as"):
        name_scope("s", values=[ours, theirs]).__enter__()
