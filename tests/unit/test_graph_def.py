"""Graphs as messages: nodes, attributes, versions; determinism; what is stored how."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast import dtypes, protos, shapes
from holdfast.graph import Graph, colocate_with, control_dependencies, device, get_default_graph
from holdfast.graph import graph_def as graph_defs
from holdfast.graph.attr_messages import attr_message, attr_value, kind_of, public_attr, tensor_message
from holdfast.graph.graph_def import as_graph_def
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import identity, placeholder
from holdfast.ops.splitting import split
from holdfast.protos.tensor import make_ndarray


def test_a_node_tells_all_of_its_operation() -> None:
    """Name, type, device, inputs (the first output without index), control inputs and attributes."""
    first = no_op("first")
    parts = split(placeholder("float32", [4], name="p"), 2, name="s")
    with device("/gpu:0"), control_dependencies([first]):
        op = identity(parts[1], name="i").op
    node = op.node_def
    assert (node.name, node.op, node.device) == ("i", "Identity", "/device:GPU:0")
    assert list(node.input) == ["s:1", "^first"]
    assert list(parts[0].op.node_def.input) == ["s/split_dim", "p"]
    assert dict(node.attr) == {"T": protos.AttrValue(type=1)}


def test_attributes_without_definition_go_by_their_type() -> None:
    """Colocation groups and the user's own attributes are written too."""
    a = constant(1, name="a")
    with colocate_with(a), get_default_graph()._attr_scope({"_n": 3, "_t": "x", "_h": shapes.TensorShape([2, None])}):
        attr = no_op().node_def.attr
    assert list(attr["_class"].list.s) == [b"loc:@a"]
    assert (attr["_n"].i, attr["_t"].s, [d.size for d in attr["_h"].shape.dim]) == (3, b"x", [2, -1])


def test_a_graph_lists_its_nodes_in_order_of_creation() -> None:
    """With from_version only the later ones; the versions say who wrote it."""
    graph = get_default_graph()
    no_op("b")
    version = graph.version
    no_op("a")
    assert [node.name for node in graph.as_graph_def().node] == ["b", "a"]
    assert [node.name for node in graph.as_graph_def(from_version=version).node] == ["a"]
    assert (graph.as_graph_def().versions.producer, graph.graph_def_versions.min_consumer) == (24, 0)
    assert not graph.building_function


def test_static_shapes_may_be_added() -> None:
    """One shape an output, unknown ranks and sizes included; operations without outputs have none."""
    placeholder("float32", name="u")
    placeholder("float32", [None, 2], name="p")
    no_op("n")
    nodes = {node.name: node for node in get_default_graph().as_graph_def(add_shapes=True).node}
    assert nodes["u"].attr["_output_shapes"].list.shape[0].unknown_rank
    assert [d.size for d in nodes["p"].attr["_output_shapes"].list.shape[0].dim] == [-1, 2]
    assert "_output_shapes" not in nodes["n"].attr
    assert "_output_shapes" not in get_default_graph().get_operation_by_name("p").attrs


def test_the_same_program_gives_the_same_bytes() -> None:
    """Nothing in a GraphDef depends on time, addresses or hashes."""

    def build() -> bytes:
        with Graph().as_default() as graph:
            a = constant([1.0, 2.0], name="a")
            with colocate_with(a), control_dependencies([no_op("n")]):
                identity(a)
            found: bytes = graph.as_graph_def(add_shapes=True).SerializeToString(deterministic=True)
            return found

    assert build() == build()


def test_a_graph_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages end at 2 GiB; the limit is lowered here."""
    monkeypatch.setattr(graph_defs, "MAX_GRAPH_DEF_BYTES", 1000)
    constant(np.arange(100.0))
    assert get_default_graph().as_graph_def().ByteSize() < 1000
    constant(np.arange(100.0))
    with pytest.raises(ValueError, match="GraphDef cannot be larger than 2GB: keep large values in variables"):
        get_default_graph().as_graph_def()


VALUES: list[tuple[Any, str]] = [
    (dtypes.float32_ref, "type"),
    (shapes.TensorShape([2, 3]), "shape"),
    (shapes.scalar(), "shape"),
    (3, "int"),
    (-(2**63), "int"),
    (0.5, "float"),
    (True, "bool"),
    (b"\xff\x00", "string"),
    (b"", "string"),
]


@pytest.mark.parametrize("value, kind", VALUES)
def test_attributes_survive_a_message(value: Any, kind: str) -> None:
    """Each kind, alone and in a list, with and without a definition."""
    assert kind_of(value) == kind
    for given in (None, kind):
        back = attr_value(attr_message(value, given), given)
        assert (type(back), back) == (type(value), value)
    for given in (None, f"list({kind})"):
        assert attr_value(attr_message([value, value], given), given) == [value, value]


def test_unknown_shapes_survive_a_message() -> None:
    """Unknown sizes and ranks stay unknown."""
    for shape in (shapes.TensorShape([None, 3]), shapes.unknown_shape()):
        assert attr_value(attr_message(shape)).as_tuple() == shape.as_tuple()


def test_an_empty_list_is_a_list() -> None:
    """Its kind is not told; a missing value is an empty list where a list belongs."""
    assert attr_message([], "list(int)").WhichOneof("value") == "list"
    assert attr_value(attr_message([])) == []
    assert attr_value(protos.AttrValue(), "list(type)") == []


def test_what_cannot_be_an_attribute() -> None:
    """The type is named."""
    with pytest.raises(TypeError, match="An attribute cannot be of type dict"):
        attr_message({})


@pytest.mark.parametrize(
    "message, kind, text",
    [
        (protos.AttrValue(i=1), "type", "expected a value of type type, found i"),
        (protos.AttrValue(), "int", "expected a value of type int, found none"),
        (protos.AttrValue(), None, "expected a value of type known, found none"),
        (protos.AttrValue(placeholder="x"), None, "expected a value of type known, found placeholder"),
        (protos.AttrValue(list=protos.AttrValue.ListValue(i=[1])), "int", "expected a value of type int, found a list"),
        (
            protos.AttrValue(list=protos.AttrValue.ListValue(i=[1])),
            "list(float)",
            r"expected list\(float\), found list\(int\)",
        ),
        (
            protos.AttrValue(list=protos.AttrValue.ListValue(i=[1], f=[1.0])),
            None,
            r"expected one list, found list\(int\), list\(float\)",
        ),
        (protos.AttrValue(shape=protos.TensorShapeProto(dim=[{"size": -2}])), "shape", "Dimension -2 must be >= 0"),
    ],
)
def test_messages_that_are_no_such_attribute(message: protos.AttrValue, kind: str | None, text: str) -> None:
    """What was expected and what was found is told."""
    with pytest.raises(ValueError, match=text):
        attr_value(message, kind)


@pytest.mark.parametrize(
    "array",
    [
        np.float32(3.0),
        np.zeros((100, 3), np.float32),
        np.full((1000,), 7, np.int8),
        np.full((100,), -0.0),
        np.full((100,), np.nan),
        np.arange(6.0).reshape(2, 3),
        np.array([True] * 100),
        np.array([b"a", b"\xff"], object),
        np.full((50,), 1 + 2j),
        np.zeros((0, 3), np.float32),
    ],
)
def test_constants_survive_a_message(array: Any) -> None:
    """Shape, dtype and every bit."""
    back = make_ndarray(tensor_message(np.asarray(array)))
    assert (back.shape, back.dtype) == (np.shape(array), np.asarray(array).dtype)
    assert back.tobytes() == np.asarray(array).tobytes() or back.dtype == object
    np.testing.assert_array_equal(back, array)


def test_one_value_throughout_is_stored_once() -> None:
    """A large constant of zeros costs a few bytes; zeros of different sign are different."""
    zeros = np.zeros((1000, 1000), np.float32)
    assert tensor_message(zeros).ByteSize() < 40
    zeros[-1, 0] = -0.0
    assert tensor_message(zeros).ByteSize() > zeros.nbytes


def test_public_attributes_are_tensorflow_s() -> None:
    """Lists item by item; text as bytes."""
    assert public_attr([dtypes.int32, "x", 1]) == [dtypes.int32, b"x", 1]
    assert public_attr([shapes.scalar()]) == [protos.TensorShapeProto()]
    assert public_attr(np.float32(1.0)).dtype == 1


def test_messages_of_other_libraries_are_taken() -> None:
    """What counts is the message's full name; anything else is a TypeError."""
    own = protos.GraphDef()
    own.node.add(name="a", op="NoOp")

    class Foreign:
        DESCRIPTOR = protos.GraphDef.DESCRIPTOR

        def SerializeToString(self) -> bytes:  # protobuf's name
            return bytes(own.SerializeToString())

    assert as_graph_def(own) is own
    assert as_graph_def(Foreign()) == own
    for wrong in (3, None, b"", protos.NodeDef()):
        with pytest.raises(TypeError, match="graph_def must be a GraphDef proto, not"):
            as_graph_def(wrong)
