"""Graph: elements by name, collections, states, default graphs, seeds, versions."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

from holdfast.graph import (
    Graph,
    container,
    get_default_graph,
    get_seed,
    reset_default_graph,
    set_random_seed,
)
from holdfast.graph.default import graph_as_default, op_scope
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import identity
from holdfast.ops.state_ops import assign, variable_op_v2

FORM = 'Tensor names must be of the form "<op_name>:<output_index>".'


@pytest.mark.parametrize(
    "name, error, message",
    [
        ("c:1", KeyError, "exists but only has 1 outputs"),
        ("zz:0", KeyError, "The operation, 'zz', does not exist in the graph"),
        ("c:x", ValueError, "looks a like a Tensor name, but is not a valid one"),
        ("c:0:0", ValueError, "looks a like a Tensor name, but is not a valid one"),
        ("c:-1", ValueError, "looks a like a Tensor name, but is not a valid one"),
        ("zz", KeyError, "refers to an Operation not in the graph"),
        ("^c", KeyError, "refers to an Operation not in the graph"),
        ("", KeyError, "refers to an Operation not in the graph"),
        (3, TypeError, "Can not convert a int into a Tensor or Operation."),
        (None, TypeError, "Can not convert a NoneType into a Tensor or Operation."),
    ],
)
def test_unknown_elements(name: Any, error: type[Exception], message: str) -> None:
    """What is not in the graph is told in TensorFlow's words."""
    constant(1.0, name="c")
    with pytest.raises(error, match=message):
        get_default_graph().as_graph_element(name)


def test_elements_by_name() -> None:
    """With an index it is a tensor, without one an operation; bytes are names too."""
    graph, c = get_default_graph(), constant(1.0, name="c")
    assert graph.as_graph_element("c") is c.op
    assert graph.as_graph_element("c:0") is graph.as_graph_element(b"c:0") is graph.get_tensor_by_name("c:0") is c
    assert graph.get_operation_by_name("c") is c.op


def test_the_wrong_kind_of_element() -> None:
    """A tensor is no operation, an operation no tensor, and something must be allowed."""
    graph, c = get_default_graph(), constant(1.0, name="c")
    with pytest.raises(ValueError, match=r"Name 'c:0' appears to refer to a Tensor, not a Operation."):
        graph.get_operation_by_name("c:0")
    with pytest.raises(ValueError, match="The name 'c' refers to an Operation, not a Tensor. " + FORM):
        graph.get_tensor_by_name("c")
    with pytest.raises(ValueError, match=r"looks like an \(invalid\) Operation name, not a Tensor. " + FORM):
        graph.get_tensor_by_name("zz")
    with pytest.raises(TypeError, match=r"Can not convert a Tensor into a Operation."):
        graph.as_graph_element(c, allow_tensor=False)
    with pytest.raises(ValueError, match="can't both be False"):
        graph.as_graph_element(c, allow_tensor=False, allow_operation=False)


@pytest.mark.parametrize("name", [3, None, b"c"])
def test_lookups_by_name_want_a_string(name: Any) -> None:
    """Anything else is a TypeError."""
    with pytest.raises(TypeError, match="Tensor names are strings"):
        get_default_graph().get_tensor_by_name(name)
    with pytest.raises(TypeError, match="Operation names are strings"):
        get_default_graph().get_operation_by_name(name)


def test_an_element_of_another_graph_is_refused() -> None:
    """Its text is in the message."""
    c = constant(1.0, name="c")
    with pytest.raises(ValueError, match=r'Tensor Tensor\("c:0", shape=\(\), dtype=float32\) is not an element'):
        Graph().as_graph_element(c)
    with pytest.raises(ValueError, match="is not an element of this graph"):
        Graph().as_graph_element(c.op)


def test_objects_may_stand_for_elements() -> None:
    """``_as_graph_element`` gives an element or its name."""

    class Stands:
        def __init__(self, element: Any) -> None:
            self._element = element

        def _as_graph_element(self) -> Any:
            return self._element

    graph, c = get_default_graph(), constant(1.0, name="c")
    assert graph.as_graph_element(Stands(c)) is c
    assert graph.as_graph_element(Stands("c")) is c.op


def test_operations_are_listed_in_order_of_creation() -> None:
    """The list is the caller's; version counts them."""
    graph = get_default_graph()
    ops = [no_op("b"), no_op("a"), no_op("b")]
    graph.get_operations().clear()
    assert graph.get_operations() == ops
    assert graph.version == 3


def test_collections() -> None:
    """Values are appended in order; a missing collection is empty; scope filters by the beginning of names."""
    graph, a = get_default_graph(), constant(1, name="a")
    graph.add_to_collection("k", 1)
    graph.add_to_collection("k", a)
    graph.add_to_collections(["k", "l"], "x")
    graph.add_to_collections("m", "y")
    graph.add_to_collections(("k", "k"), 7)
    assert graph.get_collection("k") == [1, a, "x", 7]
    assert (graph.get_collection("l"), graph.get_collection("m"), graph.get_collection("none")) == (["x"], ["y"], [])
    assert graph.get_collection("k", "a") == graph.get_collection("k", "") == graph.get_collection("k", ".*:0$") == [a]
    assert graph.get_collection("k", "b") == []
    assert graph.get_all_collection_keys() == ["k", "l", "m"]


def test_a_collection_is_copied_but_for_its_ref() -> None:
    """get_collection is a snapshot, get_collection_ref the list itself, and clear empties it."""
    graph = get_default_graph()
    graph.get_collection_ref("k").append(1)
    graph.get_collection("k").append(2)
    assert graph.get_collection("k") == [1]
    graph.clear_collection("k")
    assert graph.get_collection("k") == []


def test_a_finalized_graph_takes_nothing_more() -> None:
    """Operations, collections and changes of operations are refused; names and scopes still work."""
    graph, n = get_default_graph(), no_op("n")
    graph.finalize()
    assert graph.finalized
    for change in (
        no_op,
        lambda: graph.add_to_collection("k", 1),
        lambda: graph.clear_collection("k"),
        lambda: n._set_attr("_x", 1),
        lambda: n._add_control_inputs([n]),
    ):
        with pytest.raises(RuntimeError, match=r"Graph is finalized and cannot be modified."):
            change()
    with graph.name_scope("s"), graph.device("/cpu:0"):
        assert graph.unique_name("x") == "s/x"
    graph._unsafe_unfinalize()
    assert no_op("m").name == "m"


def test_feeding_and_fetching_may_be_forbidden() -> None:
    """prevent_fetching of an operation covers its outputs."""
    graph, c = get_default_graph(), constant(1, name="c")
    assert graph.is_feedable(c)
    assert graph.is_fetchable(c)
    graph.prevent_feeding(c)
    graph.prevent_fetching(c.op)
    assert not graph.is_feedable(c)
    assert not graph.is_fetchable(c)
    assert not graph.is_fetchable(c.op)


def test_a_container_is_given_to_stateful_operations() -> None:
    """The innermost container counts, unless the operation names its own."""
    with container("outer"):
        outer = variable_op_v2([1], "float32")
        own = variable_op_v2([1], "float32", container="own")
        with container(""):
            inner = variable_op_v2([1], "float32")
        assert "container" not in no_op().attrs
    assert [t.op.attrs["container"] for t in (outer, own, inner)] == [b"outer", b"own", b""]


def test_default_graphs_nest() -> None:
    """as_default makes a graph the default within its block only, also when the block fails."""
    outer, graph = get_default_graph(), Graph()
    with graph.as_default() as entered:
        assert entered is graph is get_default_graph()
    assert get_default_graph() is outer
    with pytest.raises(KeyError), graph.as_default():
        raise KeyError
    assert get_default_graph() is outer


def test_blocks_of_default_graphs_must_nest_properly() -> None:
    """Leaving an outer block while an inner one is open is an error."""
    outer, inner = Graph().as_default(), Graph().as_default()
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(AssertionError, match="Nesting violated for default stack of"):
        outer.__exit__(None, None, None)
    inner.__exit__(None, None, None)


def test_default_graphs_of_shells_need_not_nest() -> None:
    """Without nesting each block takes its own graph away, in whatever order they end."""
    first, second, before = Graph(), Graph(), get_default_graph()
    one, two = (graph_as_default(graph, enforce_nesting=False) for graph in (first, second))
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert get_default_graph() is second
    two.__exit__(None, None, None)
    assert get_default_graph() is before


def test_reset_is_for_the_outermost_graph_only() -> None:
    """Within as_default it is refused; outside there is a new graph."""
    before = get_default_graph()
    with Graph().as_default(), pytest.raises(AssertionError, match="to clear nested graphs"):
        reset_default_graph()
    reset_default_graph()
    assert get_default_graph() is not before


def test_mixing_graphs_in_one_op_is_refused() -> None:
    """The message names both."""
    with Graph().as_default():
        theirs = constant(1, name="theirs")
    with (
        pytest.raises(ValueError, match=r'Tensor\("theirs:0".*must be from the same graph as Tensor\("ours:0"'),
        op_scope([constant(1, name="ours"), theirs], "s"),
    ):
        pass


def test_an_op_of_another_graph_s_tensor_is_made_there() -> None:
    """The inputs decide about the graph."""
    graph = Graph()
    with graph.as_default():
        c = constant(1)
    assert identity(c).graph is graph


@pytest.mark.parametrize(
    "graph_seed, op_seed, expected",
    [
        (None, None, (None, None)),
        (None, 5, (87654321, 5)),
        (None, 0, (87654321, 0)),
        (7, None, (7, 2)),
        (7, 3, (7, 3)),
        (7, 0, (7, 0)),
        (0, 0, (0, 2**31 - 1)),
        (0, 2**31 - 1, (0, 2**31 - 1)),
        (0, 2**40 + 5, (0, 517)),
        (0, -1, (0, 2**31 - 2)),
        (np.int64(7), 3, (7, 3)),
    ],
)
def test_seeds(graph_seed: int | None, op_seed: int | None, expected: tuple[int | None, int | None]) -> None:
    """The numbers are TensorFlow's, so that the same program has the same nodes; two ops were made before."""
    no_op()
    no_op()
    set_random_seed(graph_seed)
    assert get_seed(op_seed) == expected


def test_a_seed_is_an_integer() -> None:
    """Text or a float is refused at once."""
    with pytest.raises(TypeError, match="Expected an integer or None as seed, got 'a' of type 'str'"):
        set_random_seed("a")  # type: ignore[arg-type]  # what is tested


def test_gradients_may_be_overridden_by_type() -> None:
    """Operations of that type made inside carry the name of the other gradient."""
    graph = get_default_graph()
    with graph.gradient_override_map({"Identity": "Other"}):
        assert identity(1.0).op.get_attr("_gradient_op_type") == b"Other"
        assert "_gradient_op_type" not in no_op().attrs
    assert "_gradient_op_type" not in identity(1.0).op.attrs


@pytest.mark.parametrize("bad", ["x", {1: "a"}, {"a": 1}])
def test_a_gradient_override_maps_strings_to_strings(bad: Any) -> None:
    """Anything else is refused."""
    with pytest.raises(TypeError, match="op_type_map must be a dictionary mapping strings to strings"):
        get_default_graph().gradient_override_map(bad).__enter__()


def test_attributes_of_a_block() -> None:
    """Inner values win, None takes an attribute away, and own attributes stay."""
    graph = get_default_graph()
    with graph._attr_scope({"_a": 1, "_b": 2}), graph._attr_scope({"_a": 3, "_b": None}):
        assert no_op().attrs == {"_a": 3}
    assert no_op().attrs == {}


def test_a_failed_operation_leaves_no_trace_but_its_name() -> None:
    """Neither the list of operations nor the consumers of its inputs know of it."""
    graph, v = get_default_graph(), variable_op_v2([2], "float32", name="v")
    c = constant([1.0, 2.0, 3.0], name="c")
    with pytest.raises(ValueError, match="must be equal"):
        assign(v, c)
    assert [op.name for op in graph.get_operations()] == ["v", "c"]
    assert v.consumers() == []


def test_graphs_are_not_kept_alive() -> None:
    """Nothing in the library holds on to a graph that the user forgot."""
    import gc

    graph = Graph()
    with graph.as_default():
        identity(constant(1.0))
    reference = weakref.ref(graph)
    del graph
    gc.collect()
    assert reference() is None
