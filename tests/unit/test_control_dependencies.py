"""Control dependencies: what runs before a new operation, and what is left out because it does anyway."""

from __future__ import annotations

import pytest

from holdfast.graph import Graph, IndexedSlices, Operation, control_dependencies, get_default_graph
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import identity


def _names(op: Operation) -> list[str]:
    return [control.name for control in op.control_inputs]


def test_operations_inside_run_after_the_block_s_inputs() -> None:
    """Tensors, operations and names may be given; each input counts once."""
    a, b = constant(1, name="a"), constant(2, name="b")
    with control_dependencies([a, b.op, "a", "b:0"]):
        assert _names(no_op()) == ["a", "b"]


def test_an_op_that_depends_already_gets_no_further_edge() -> None:
    """Inputs made inside dominate the block; a direct input is no control input too."""
    a, b = constant(1, name="a"), constant(2, name="b")
    with control_dependencies([a, b]):
        c = constant(3, name="c")
        d = identity(c)
        e = identity(a)
        f = identity(d)
    assert [_names(t.op) for t in (c, d, e, f)] == [["a", "b"], [], ["b"], []]


def test_blocks_nest() -> None:
    """Inner operations run after all blocks around them; dominance counts block by block."""
    a, n = constant(1, name="a"), no_op("n")
    with control_dependencies([a]):
        c = constant(3, name="c")
        with control_dependencies([n]):
            assert _names(identity(c).op) == ["n"]
            assert _names(no_op()) == ["a", "n"]
        with control_dependencies([]):
            assert _names(no_op()) == ["a"]


def test_none_leaves_all_blocks() -> None:
    """Within control_dependencies(None) outer blocks do not count, inner ones do."""
    a, b = constant(1, name="a"), constant(2, name="b")
    with control_dependencies([a]):
        with control_dependencies(None):
            assert _names(no_op()) == []
            with control_dependencies([b]):
                assert _names(no_op()) == ["b"]
        assert _names(no_op()) == ["a"]


def test_a_block_may_be_entered_again() -> None:
    """The same object works twice, one after the other."""
    block = control_dependencies([constant(1, name="a")])
    for _ in range(2):
        with block:
            assert _names(no_op()) == ["a"]
    assert _names(no_op()) == []


def test_indexed_slices_stand_for_their_values() -> None:
    """The operation that makes the values is waited for."""
    slices = IndexedSlices(constant([1.0], name="values"), constant([0]))
    with control_dependencies([slices]):
        assert _names(no_op()) == ["values"]


@pytest.mark.parametrize("item", [3, None, [1]])
def test_other_things_are_refused(item: object) -> None:
    """What is no element of a graph is a TypeError."""
    with pytest.raises(TypeError, match=f"Can not convert a {type(item).__name__} into a Tensor or Operation"):
        control_dependencies([item])


def test_a_name_or_element_that_is_not_in_the_graph_is_refused() -> None:
    """Unknown names are a KeyError, elements of another graph a ValueError."""
    with Graph().as_default():
        stranger = constant(1, name="stranger")
    with pytest.raises(KeyError, match="refers to an Operation not in the graph"):
        control_dependencies(["zz"])
    with pytest.raises(ValueError, match="is not an element of this graph"):
        control_dependencies([stranger])


def test_control_inputs_may_be_added_later() -> None:
    """An added control input counts once, and voids plans of the graph."""
    a, n = constant(1, name="a"), no_op("n")
    before = get_default_graph().mutations
    n._add_control_inputs([a.op, a.op])
    n._add_control_inputs([a.op])
    assert _names(n) == ["a"]
    assert get_default_graph().mutations == before + 2


def test_control_inputs_are_handed_out_as_a_copy() -> None:
    """Changing the returned list changes nothing."""
    with control_dependencies([constant(1, name="a")]):
        n = no_op("n")
    n.control_inputs.clear()
    assert _names(n) == ["a"]
