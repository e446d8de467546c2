"""Laws of graphs: names are unique, graphs survive being written and read, order does not matter."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from holdfast import dtypes, protos, shapes
from holdfast.graph import Graph, Operation
from holdfast.graph.attr_messages import attr_message, attr_value, tensor_message
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import identity, placeholder
from holdfast.ops.importer import import_graph_def
from holdfast.protos.tensor import make_ndarray

NAMES = st.sampled_from(["a", "b", "a_1", "a_2", "a_1_1", "a/b", "b_1"])


@given(st.lists(st.tuples(NAMES, st.booleans())))
def test_a_unique_name_never_repeats(asked: list[tuple[str, bool]]) -> None:
    """Whatever is asked for; asking without taking tells what taking would give."""
    graph, taken = Graph(), set[str]()
    for name, mark in asked:
        found = graph.unique_name(name, mark_as_used=mark)
        assert found not in taken
        assert found.startswith(name)
        assert graph.unique_name(name, mark_as_used=False) not in taken | ({found} if mark else set())
        if mark:
            taken.add(found)
        else:
            assert graph.unique_name(name, mark_as_used=False) == found


@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=3)), max_size=8))
def test_operations_of_all_scopes_have_names_of_their_own(made: list[tuple[str, list[str]]]) -> None:
    """Each operation is found under its name, which begins with its scope."""
    with Graph().as_default() as graph:
        for name, scopes in made:
            _make_below(graph, name, scopes)
        ops = graph.get_operations()
        assert [graph.get_operation_by_name(op.name) for op in ops] == ops
        assert len(ops) == len(made)


def _make_below(graph: Graph, name: str, scopes: list[str]) -> None:
    """Make an operation below scopes."""
    if not scopes:
        op = no_op(name)
        assert op.name.startswith(graph.get_name_scope())
        return
    with graph.name_scope(scopes[0]):
        _make_below(graph, name, scopes[1:])


DIMS = st.none() | st.lists(st.none() | st.integers(0, 2**62), max_size=4)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "bool": st.booleans(),
    "string": st.binary(),
    "type": st.sampled_from([dtypes.float32, dtypes.string, dtypes.int64, dtypes.bool, dtypes.resource]),
    "shape": DIMS.map(shapes.TensorShape),
}


@given(st.sampled_from(sorted(SCALARS)).flatmap(lambda k: st.tuples(st.just(k), st.lists(SCALARS[k], min_size=1))))
def test_attributes_survive_a_message(drawn: tuple[str, list[Any]]) -> None:
    """Alone and as a list, with their kind known or not."""
    kind, values = drawn

    def plain(value: Any) -> Any:
        return value.as_tuple() if isinstance(value, shapes.TensorShape) else value

    for given_kind in (None, kind):
        assert plain(attr_value(attr_message(values[0], given_kind), given_kind)) == plain(values[0])
    for given_kind in (None, f"list({kind})"):
        back = attr_value(attr_message(values, given_kind), given_kind)
        assert [plain(value) for value in back] == [plain(value) for value in values]


@given(
    arrays.arrays(
        st.sampled_from([np.dtype(t) for t in ("f4", "f8", "i4", "i8", "u1", "?", "c8", "f2")]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40),
        fill=st.nothing() | st.just(0),
    )
)
@settings(max_examples=50)
def test_constants_survive_a_message(array: Any) -> None:
    """Shape, dtype and values; NaN stays NaN."""
    back = make_ndarray(tensor_message(array))
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(back, array)


def _random_graph(steps: list[tuple[int, list[int], list[int]]]) -> Graph:
    """Build a graph of constants, placeholders and identities, with control inputs and colocation."""
    with Graph().as_default() as graph:
        ops: list[Operation] = [placeholder("float32", [None, 2], name="p").op]
        tensors = [ops[0].outputs[0]]
        for kind, data, control in steps:
            controls = [ops[i % len(ops)] for i in control]
            with graph.control_dependencies(controls), graph.device(f"/cpu:{kind}" if kind else None):
                if kind == 0:
                    op = constant([float(len(ops))] * 20, name="c").op
                elif data:
                    with graph.colocate_with(ops[data[0] % len(ops)]):
                        op = identity(tensors[data[0] % len(tensors)]).op
                else:
                    op = no_op()
            ops.append(op)
            tensors += op.outputs
    return graph


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.integers(0, 50), max_size=1), st.lists(st.integers(0, 50), max_size=2)),
    max_size=12,
)


@given(STEPS)
@settings(max_examples=60)
def test_graphs_survive_being_written_and_read(steps: list[tuple[int, list[int], list[int]]]) -> None:
    """The same message, byte for byte, and the same operations in the same order."""
    graph = _random_graph(steps)
    message = graph.as_graph_def(add_shapes=True)
    with Graph().as_default() as again:
        import_graph_def(protos.GraphDef.FromString(message.SerializeToString()), name="")
    back = again.as_graph_def(add_shapes=True)
    assert back.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    assert [op.name for op in again.get_operations()] == [op.name for op in graph.get_operations()]


@given(STEPS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_nodes_does_not_matter(
    steps: list[tuple[int, list[int], list[int]]], chance: random.Random
) -> None:
    """Shuffled nodes make the same operations, each after its inputs."""
    message = _random_graph(steps).as_graph_def()
    nodes = list(message.node)
    chance.shuffle(nodes)
    with Graph().as_default() as graph:
        import_graph_def(protos.GraphDef(node=nodes), name="")
    assert {n.name: n for n in graph.as_graph_def().node} == {n.name: n for n in message.node}
    seen: set[str] = set()
    for op in graph.get_operations():
        assert {t.op.name for t in op.inputs} | {c.name for c in op.control_inputs} <= seen
        seen.add(op.name)
