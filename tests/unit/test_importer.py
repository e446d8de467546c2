"""import_graph_def: names, order, mapping, placement, shapes, versions, and what cannot be imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from holdfast import protos
from holdfast.graph import (
    Graph,
    Operation,
    colocate_with,
    control_dependencies,
    device,
    get_default_graph,
    name_scope,
)
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import placeholder
from holdfast.ops.importer import import_graph_def
from holdfast.protos.tensor import make_ndarray

FLOAT = 'attr { key: "T" value { type: DT_FLOAT } }'


def _graph(*nodes: str, rest: str = "") -> protos.GraphDef:
    """Return a GraphDef of nodes in text form."""
    message = protos.GraphDef()
    text_format.Parse("".join(f"node {{ {node} }}" for node in nodes) + rest, message)
    return message


def _placeholder(name: str, extra: str = "") -> str:
    return f'name: "{name}" op: "Placeholder" attr {{ key: "dtype" value {{ type: DT_FLOAT }} }} {extra}'


def _inputs(inputs: str) -> str:
    return " ".join(f'input: "{name}"' for name in inputs.split())


def _identity(name: str, inputs: str, extra: str = "") -> str:
    return f'name: "{name}" op: "Identity" {_inputs(inputs)} {FLOAT} {extra}'


def _no_op(name: str, inputs: str = "", extra: str = "") -> str:
    return f'name: "{name}" op: "NoOp" {_inputs(inputs)} {extra}'


def _classes(*groups: str) -> str:
    items = " ".join(f's: "{group}"' for group in groups)
    return f'attr {{ key: "_class" value {{ list {{ {items} }} }} }}'


ABN = _graph(_placeholder("a"), _identity("b", "a"), _no_op("n", "^b"))


def _nodes(graph: Graph | None = None) -> list[tuple[str, list[str], list[str]]]:
    """Return name, inputs and control inputs of each operation."""
    ops: list[Operation] = (graph or get_default_graph()).get_operations()
    return [(op.name, [t.name for t in op.inputs], [c.name for c in op.control_inputs]) for op in ops]


@pytest.mark.parametrize(
    "name, prefix", [(None, "import/"), ("x", "x/"), ("x/", "x/"), ("", "")], ids=["default", "name", "slash", "empty"]
)
def test_nodes_are_imported_below_a_scope(name: str | None, prefix: str) -> None:
    """By default the scope is called import; an empty name is none."""
    assert import_graph_def(ABN, name=name) is None
    assert _nodes() == [
        (f"{prefix}a", [], []),
        (f"{prefix}b", [f"{prefix}a:0"], []),
        (f"{prefix}n", [], [f"{prefix}b"]),
    ]


def test_a_second_import_gets_names_of_its_own() -> None:
    """The scope gets a number; without scope each node does."""
    for name in (None, None, "", ""):
        import_graph_def(ABN, name=name)
    assert [op.name for op in get_default_graph().get_operations()][3:] == [
        "import_1/a",
        "import_1/b",
        "import_1/n",
        "a",
        "b",
        "n",
        "a_1",
        "b_1",
        "n_1",
    ]
    assert _nodes()[-1] == ("n_1", [], ["b_1"])


def test_nodes_may_come_in_any_order() -> None:
    """Each is made after its inputs, else in the order of the message."""
    import_graph_def(
        _graph(_identity("d", "c"), _identity("c", "b"), _identity("b", "a"), _placeholder("z"), _placeholder("a")),
        name="",
    )
    assert [op.name for op in get_default_graph().get_operations()] == ["z", "a", "b", "c", "d"]


def test_a_round_trip_changes_nothing() -> None:
    """What was written and read is written the same."""
    with device("/job:w/gpu:1"), control_dependencies([no_op("first")]):
        c = constant([1.0, 2.0], name="c")
    with colocate_with(c):
        placeholder("float32", [None, 2], name="p")
    before = get_default_graph().as_graph_def(add_shapes=True)
    with Graph().as_default() as graph:
        import_graph_def(before, name="")
    assert graph.as_graph_def(add_shapes=True) == before


def test_return_elements() -> None:
    """Operations and tensors by their names in the GraphDef, in the order they were asked for."""
    b, tensor, n = import_graph_def(ABN, return_elements=["b", b"b:0", "n"]) or []  # type: ignore[list-item]  # bytes too
    graph = get_default_graph()
    assert b is graph.get_operation_by_name("import/b")
    assert tensor is graph.get_tensor_by_name("import/b:0")
    assert n is graph.get_operation_by_name("import/n")
    assert import_graph_def(ABN, return_elements=[]) == []


@pytest.mark.parametrize("name", ["zz", "b:1", "b:x", "b:-1", "n:0", "^n", "b:", f"b:{9**30}"])
def test_unknown_return_elements(name: str) -> None:
    """What is not in the GraphDef is told, and nothing is imported."""
    with pytest.raises(ValueError, match=r"Requested return_element '.*' not found in graph_def."):
        import_graph_def(ABN, return_elements=[name])
    assert _nodes() == []


def test_inputs_may_be_mapped() -> None:
    """With or without index; the mapped node itself is imported all the same."""
    for key in ("a", "a:0", b"a"):
        with Graph().as_default() as graph:
            import_graph_def(ABN, {key: placeholder("float32", name="mine")})  # type: ignore[dict-item]  # bytes too
        assert _nodes(graph)[1:3] == [("import/a", [], []), ("import/b", ["mine:0"], [])]


def test_values_are_converted_to_be_mapped() -> None:
    """They become constants below the import's scope, which is needed for them."""
    import_graph_def(ABN, {"a": 1.5})
    assert _nodes()[0] == ("import/_inputs/Const", [], [])
    assert _nodes()[2] == ("import/b", ["import/_inputs/Const:0"], [])
    with pytest.raises(ValueError, match="requires a non-empty `name` if `input_map` contains non-Tensor values"):
        import_graph_def(ABN, {"a": 1.5}, name="")


def test_control_inputs_may_be_mapped() -> None:
    """To operations, or to tensors, whose operations count."""
    import_graph_def(ABN, {"^b": no_op("mine")}, name="x")
    import_graph_def(ABN, {"^b": constant(1, name="c")}, name="y")
    assert [node for node in _nodes() if node[0].endswith("/n")] == [("x/n", [], ["mine"]), ("y/n", [], ["c"])]


def test_a_mapping_may_break_a_cycle() -> None:
    """Edges that are mapped do not count for the order."""
    import_graph_def(_graph(_identity("a", "b"), _identity("b", "a")), {"b": placeholder("float32", name="p")}, name="")
    assert _nodes()[1:] == [("a", ["p:0"], []), ("b", ["a:0"], [])]


@pytest.mark.parametrize(
    "input_map, error, message",
    [
        (["a"], TypeError, "input_map must be a dictionary mapping strings to Tensor objects."),
        ({1: 2.0}, TypeError, "input_map must be a dictionary mapping strings to Tensor objects."),
        (
            {"zz": 1.0, "a:1": 1.0, "^a": "import/_inputs/Const"},
            ValueError,
            r"not found in graph_def: \[\^a, a:1, zz:0\]",
        ),
        ({"a:x": 1.0}, ValueError, "Cannot convert 'a:x' to a tensor name."),
        (
            {"a": 1},
            ValueError,
            "at node 'b': Input tensor 'a:0' Cannot convert a tensor of type int32 to an input of type float32.",
        ),
    ],
)
def test_maps_that_cannot_be_used(input_map: Any, error: type[Exception], message: str) -> None:
    """Wrong types, names that are not there, wrong dtypes."""
    with pytest.raises(error, match=message):
        import_graph_def(ABN, input_map)
    assert [op.type for op in get_default_graph().get_operations()] in ([], ["Const"], ["Const", "Const"])


def test_mapped_tensors_must_be_of_the_default_graph() -> None:
    """A tensor of another graph is refused."""
    with Graph().as_default():
        stranger = placeholder("float32")
    with pytest.raises(ValueError, match="The tensors of `input_map` must be of the default graph"):
        import_graph_def(ABN, {"a": stranger})


def test_return_elements_are_a_list_of_strings() -> None:
    """A single string, which is a list of letters too, is refused as well."""
    for wrong in ("b", [3], 5):
        with pytest.raises(TypeError, match="return_elements must be a list of strings"):
            import_graph_def(ABN, return_elements=wrong)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize(
    "scope, expected",
    [
        ("/cpu:0", ["/device:GPU:1", "/job:w/device:CPU:0", "/device:CPU:0", "/device:GPU:1"]),
        ("/job:x", ["/job:x/device:GPU:1", "/job:w", "/job:x", "/job:x/device:GPU:1"]),
        (lambda _: "/job:f", ["/job:f"] * 4),
        (None, ["/device:GPU:1", "/job:w", "", "/device:GPU:1"]),
    ],
)
def test_device_blocks_apply_to_imported_nodes(scope: Any, expected: list[str]) -> None:
    """A node's own device comes first; then it goes where the node is that it is colocated with."""
    nodes = _graph(
        _no_op("a", extra='device: "/gpu:1"'),
        _no_op("b", extra='device: "/job:w"'),
        _no_op("c"),
        _no_op("d", extra=_classes("loc:@a")),
    )
    with device(scope):
        import_graph_def(nodes, name="")
    assert [op.device for op in get_default_graph().get_operations()] == expected


def test_colocation_is_renamed() -> None:
    """Groups speak of the imported operations, whatever they are called now; other classes stay."""
    no_op("a")
    nodes = _graph(_no_op("n", extra=_classes("loc:@a", "other")), _no_op("a", extra='device: "/gpu:1"'))
    import_graph_def(nodes, name="")
    n = get_default_graph().get_operation_by_name("n")
    assert (n.attrs["_class"], n.device) == ([b"loc:@a_1", b"other"], "/device:GPU:1")


def test_blocks_around_an_import_apply() -> None:
    """Name scopes, control dependencies and colocation."""
    k = no_op("k")
    with name_scope("s"), control_dependencies([k]), colocate_with(None, ignore_existing=True):
        import_graph_def(ABN)
    with colocate_with(k):
        import_graph_def(_graph(_no_op("m"), _no_op("n", extra=_classes("loc:@m"))), name="")
    assert _nodes()[1:4] == [
        ("s/import/a", [], ["k"]),
        ("s/import/b", ["s/import/a:0"], []),
        ("s/import/n", [], ["s/import/b"]),
    ]
    assert get_default_graph().get_operation_by_name("n").colocation_groups() == [b"loc:@k", b"loc:@m"]


def test_shapes_in_the_message_are_merged() -> None:
    """_output_shapes adds to what is known, and is no attribute of the operation."""
    shapes = 'attr { key: "_output_shapes" value { list { shape { dim { size: 2 } dim { size: -1 } } } } }'
    import_graph_def(_graph(_placeholder("a"), _identity("b", "a", shapes)), name="")
    b = get_default_graph().get_tensor_by_name("b:0")
    assert b.shape.as_list() == [2, None]
    assert "_output_shapes" not in b.op.attrs


def test_defaults_are_filled_in_and_own_attributes_kept() -> None:
    """Attributes that begin with an underscore need no definition."""
    import_graph_def(_graph(_placeholder("a", 'attr { key: "_mine" value { i: 3 } }')), name="")
    op = get_default_graph().get_operation_by_name("a")
    assert (op.attrs["shape"].ndims, op.attrs["_mine"]) == (None, 3)


def test_an_unknown_attribute_may_have_its_producer_s_default() -> None:
    """Then it means nothing new; any other value is refused."""
    ops = protos.OpList()
    ops.op.add(name="NoOp").attr.add(name="novel", default_value=protos.AttrValue(i=1))
    attr = 'attr {{ key: "novel" value {{ i: {} }} }}'
    import_graph_def(_graph(_no_op("n", extra=attr.format(1))), name="", producer_op_list=ops)
    assert get_default_graph().get_operation_by_name("n").attrs == {}
    for value, op_list in ((2, ops), (1, None)):
        with pytest.raises(ValueError, match="NodeDef mentions attr 'novel' not in Op NoOp"):
            import_graph_def(_graph(_no_op("n", extra=attr.format(value))), producer_op_list=op_list)


def test_versions_are_taken_over() -> None:
    """A graph says who made it, also after another import that says nothing."""
    import_graph_def(_graph(_no_op("n"), rest="versions { producer: 21 min_consumer: 3 bad_consumers: 7 }"))
    import_graph_def(_graph(_no_op("n")))
    versions = get_default_graph().graph_def_versions
    assert (versions.producer, versions.min_consumer, list(versions.bad_consumers)) == (21, 3, [7])


@pytest.mark.parametrize("versions", ["producer: 9999 min_consumer: 9999", "producer: 30 bad_consumers: 24"])
def test_graphs_that_cannot_be_read_here_say_so(versions: str) -> None:
    """min_consumer and bad_consumers are respected."""
    with pytest.raises(ValueError, match="cannot be read here"):
        import_graph_def(_graph(_no_op("n"), rest=f"versions {{ {versions} }}"))


def test_old_placeholders_of_scalar_shape_have_an_unknown_one() -> None:
    """Up to version 21 an unknown shape was written so."""
    scalar = _placeholder("p", 'attr { key: "shape" value { shape { } } }')
    for producer, rank in ((21, None), (24, 0)):
        (p,) = import_graph_def(
            _graph(scalar, rest=f"versions {{ producer: {producer} }}"), return_elements=["p:0"]
        ) or [None]
        assert p is not None
        assert p.shape.ndims == rank


def test_a_finalized_graph_takes_no_import() -> None:
    """The usual error."""
    get_default_graph().finalize()
    with pytest.raises(RuntimeError, match=r"Graph is finalized and cannot be modified."):
        import_graph_def(ABN)


def test_a_failed_import_leaves_the_graph_as_it_was() -> None:
    """Operations, consumers and names; a second, better attempt gets the names of the first."""
    p = placeholder("float32", name="p")
    bad = _graph(_placeholder("a"), _identity("b", "a"), _identity("c", "b:7"))
    with pytest.raises(ValueError, match="Input tensor 'b:7' not found"):
        import_graph_def(bad, {"a": p}, name="")
    assert (_nodes(), p.consumers()) == ([("p", [], [])], [])
    import_graph_def(ABN, name="")
    assert [node[0] for node in _nodes()] == ["p", "a", "b", "n"]


def test_a_graph_of_the_real_tensorflow_trains_here() -> None:
    """A network with cond, dependent initial values and Adam takes the same way as in TensorFlow 1.4.1."""
    from holdfast.runtime import Session

    message = protos.GraphDef()
    message.ParseFromString((Path(__file__).parent / "data" / "tf-1.4.1-training.pb").read_bytes())
    import_graph_def(message, name="")
    x = np.array([[1, 2], [3, 4], [-1, 0]], np.float32)
    feed = {"x:0": x, "labels:0": np.array([0, 1, 2])}
    with Session() as session:
        session.run("init", {"random_normal:0": np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]])})
        np.testing.assert_array_equal(session.run("twin:0"), session.run("w:0") * 2)
        losses = [session.run("loss:0", feed)]
        for _ in range(100):
            session.run("train", feed)
        losses.append(session.run("loss:0", feed))
        assert session.run("global_step:0") == 100
        np.testing.assert_array_equal(session.run("features/Merge:0", {**feed, "training:0": True}), x / 2)
    # What TensorFlow 1.4.1 printed.
    np.testing.assert_allclose(losses, [1.0235895, 0.402856], rtol=1e-5)


def test_a_graph_of_the_real_tensorflow_survives_a_round_trip() -> None:
    """All nodes come back with inputs and attributes as they were."""
    message = protos.GraphDef()
    message.ParseFromString((Path(__file__).parent / "data" / "tf-1.4.1-training.pb").read_bytes())
    import_graph_def(message, name="")
    back = {node.name: node for node in get_default_graph().as_graph_def().node}
    assert back.keys() == {node.name for node in message.node}
    for node in message.node:
        if "_output_shapes" in node.attr:
            del node.attr["_output_shapes"]
        found, attrs = back[node.name], dict(back[node.name].attr)
        assert (found.op, list(found.input), attrs.keys()) == (node.op, list(node.input), dict(node.attr).keys())
        if node.op == "Const":
            # One value may be stored in several ways.
            value = make_ndarray(node.attr["value"].tensor)
            np.testing.assert_array_equal(make_ndarray(attrs["value"].tensor), value)
        else:
            assert attrs == dict(node.attr)
