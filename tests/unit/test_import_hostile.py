"""GraphDefs of strangers: each kind of nonsense is a ValueError that names the node, and nothing is left behind."""

from __future__ import annotations

import random

import pytest
from google.protobuf import text_format

from holdfast import protos
from holdfast.graph import Graph, get_default_graph
from holdfast.ops.importer import import_graph_def

DTYPE = 'attr { key: "dtype" value { type: DT_FLOAT } }'
A = f'node {{ name: "a" op: "Placeholder" {DTYPE} }}'
T = 'attr { key: "T" value { type: DT_FLOAT } }'


def _node(op: str, inputs: str = "", attrs: str = "", name: str = "b") -> str:
    listed = " ".join(f'input: "{item}"' for item in inputs.split())
    return f'node {{ name: "{name}" op: "{op}" {listed} {attrs} }}'


def _const(dtype: str, shape: str, values: str = "", name: str = "c") -> str:
    value = f'attr {{ key: "value" value {{ tensor {{ dtype: {dtype} tensor_shape {{ {shape} }} {values} }} }} }}'
    return _node("Const", attrs=f'attr {{ key: "dtype" value {{ type: {dtype} }} }} {value}', name=name)


def _attr(key: str, value: str) -> str:
    return f'attr {{ key: "{key}" value {{ {value} }} }}'


def _import(text: str) -> None:
    message = protos.GraphDef()
    text_format.Parse(text, message)
    import_graph_def(message)


@pytest.mark.parametrize(
    "text, message",
    [
        (_node("Identity", "a", T), "invalid at node 'b': Input tensor 'a:0' not found in graph_def."),
        (A + _node("Identity", "a:1", T), "invalid at node 'b': Input tensor 'a:1' not found in graph_def."),
        (_node("NoOp", "^a"), r"invalid at node 'b': Control input '\^a' not found in graph_def."),
        (A + _node("Identity", "a a", T), r"invalid at node 'b': More inputs specified \('a:0'\) than the op expects."),
        (A + _node("Identity", "", T), "invalid at node 'b': Input types mismatch"),
        (A + _node("Identity", "^a a", T), "invalid at node 'b': Its control inputs do not come last"),
        (A + _node("Identity", "a:x", T), "invalid at node 'b': Cannot convert 'a:x' to a tensor name."),
        (A + _node("Identity", "a:-1", T), "invalid at node 'b': Cannot convert 'a:-1' to a tensor name."),
        (A + _node("Identity", f"a:{'9' * 40}", T), "to a tensor name."),
        (
            A + _node("Identity", "a", _attr("T", "type: DT_INT32")),
            "Input tensor 'a:0' Cannot convert a tensor of type float32 to an input of type int32.",
        ),
        (
            A + _node("Assign", "a a", T),
            "Input tensor 'a:0' Cannot convert a tensor of type float32 to an input of type float32_ref.",
        ),
        (_node("Frobnicate"), "No op named Frobnicate in defined operations. Node 'b' is of that type."),
        (_node("Foo") + _node("Bar", name="c"), r"not defined: Bar \(1 nodes\), Foo \(1 nodes\)."),
        (A + _node("Enter", "a", T), "a part of a while loop; graphs with loops cannot be imported."),
        (_node("f") + 'library { function { signature { name: "f" } } }', "graphs with functions cannot be imported."),
        (_node("Placeholder"), "Expected one attr with name 'dtype' in name: \"b\""),
        (_node("NoOp", attrs=_attr("x", "i: 1")), "NodeDef mentions attr 'x' not in Op NoOp"),
        (_node("Placeholder", attrs=_attr("dtype", "i: 1")), "attr 'dtype': expected a value of type type, found i"),
        (_node("Placeholder", attrs=_attr("dtype", "type: DT_INVALID")), "attr 'dtype': Cannot convert value 0"),
        (_node("Placeholder", attrs=_attr("dtype", "type: 999")), "attr 'dtype': Cannot convert value 999"),
        (A + _node("MatMul", "a a", _attr("T", "type: DT_STRING")), "attr 'T': .* not in list of allowed values"),
        (_node("NoOp", name="n") * 2, "Duplicate name 'n' in GraphDef."),
        (_node("Identity", "b", T), "graph_def has a cycle: 'b' cannot be computed before one another."),
        (_node("NoOp", "^c") + _node("NoOp", "^b", name="c"), "graph_def has a cycle: 'b', 'c' cannot"),
        (_node("NoOp", attrs=_attr("_class", 'list { s: "loc:@zz" }')), "does not exist during import: zz in b"),
        (_node("NoOp", attrs=_attr("_class", r'list { s: "loc:@\\377" }')), "does not exist during import"),
        ('node { name: "b" op: "NoOp" device: "/bogus" }', "Unknown attribute: 'bogus' in '/bogus'"),
        (A + _node("Identity", "a", T + _attr("_output_shapes", "list { }")), 'attr "_output_shapes" is of 0'),
        (A + _node("Identity", "a", T + _attr("_output_shapes", "list { shape { } shape { } }")), "is of 2"),
        (
            A + _node("Identity", "a", T + _attr("_output_shapes", "i: 3")),
            r"expected a value of type list\(shape\), found i",
        ),
        (
            _node("NoOp", attrs=_attr("_class", "i: 3")),
            r"attr '_class': expected a value of type list\(string\), found i",
        ),
        (_node("NoOp", attrs=_attr("_class", "list { i: 3 }")), r"expected list\(string\), found list\(int\)"),
        (_node("NoOp", attrs=_attr("_gradient_op_type", "list { }")), "expected a value of type string, found a list"),
        (
            _const("DT_FLOAT", "")
            + _node("Identity", "c", T + _attr("_output_shapes", "list { shape { dim { size: 3 } } }")),
            r"invalid at node 'b': Shapes \(\) and \(3,\) are not compatible",
        ),
    ],
)
def test_nonsense_is_told(text: str, message: str) -> None:
    """Edges, types, attributes, names, colocation, shapes."""
    with pytest.raises(ValueError, match=message):
        _import(text)
    assert get_default_graph().get_operations() == []


@pytest.mark.parametrize("name", ["", "a b", "a/", "a:0", "^a", "a\\n", "../a;rm", "a\\000", "ä", "__import__('os')"])
def test_names_are_checked(name: str) -> None:
    """A name that could not have been given here is refused."""
    with pytest.raises(ValueError, match="is not a valid node name"):
        _import(_node("NoOp", name=name))


@pytest.mark.parametrize(
    "text, message",
    [
        (_const("DT_FLOAT", "dim { size: 4611686018427387904 }"), "attr 'value': .* bytes, expected at most"),
        (_const("DT_FLOAT", "dim { size: 1048576 } dim { size: 1048576 } dim { size: 0 }"), "expected at most"),
        (_const("DT_FLOAT", "dim { size: -5 }"), "attr 'value': .* has a negative size"),
        (_const("DT_FLOAT", "dim { size: 1 } " * 70), "attr 'value': .* rank 70"),
        (_const("DT_FLOAT", "dim { size: 2 }", 'tensor_content: "abc"'), "attr 'value': .* 3 bytes, expected 8"),
        (
            _const("DT_FLOAT", "dim { size: 1 }", "float_val: 1 float_val: 2"),
            "attr 'value': .* 2 values, expected at most 1",
        ),
        (_const("DT_RESOURCE", ""), "attr 'value': Unsupported tensor type"),
        (
            A + _node("Split", "c a", _attr("num_split", "i: 9007199254740992") + T) + _const("DT_INT32", ""),
            "9007199254740992 outputs, expected at most 65536",
        ),
        (A + _node("Pack", "a", _attr("N", "i: 9007199254740992") + T), "Input types mismatch"),
        (A + _node("Pack", "a", _attr("N", "i: -3") + T), "attr 'N': .* less than minimum 1"),
        (
            A
            + _const("DT_INT32", "dim { size: 2147483647 }", name="i").replace("2147483647", "536870911")
            + _node("Fill", "i a", T),
            "expected at most|must be|at most rank",
        ),
    ],
)
def test_huge_numbers_cost_nothing(text: str, message: str) -> None:
    """Sizes and counts are checked before memory is taken for them."""
    with pytest.raises(ValueError, match=message):
        _import(text)


def test_many_constants_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small messages that repeat one value cannot add up to more memory than one large message could."""
    from holdfast.ops import import_attrs

    monkeypatch.setattr(import_attrs, "MAX_TENSOR_BYTES", 10_000)
    constants = [_const("DT_FLOAT", "dim { size: 1000 }", "float_val: 1", name=f"c{i}") for i in range(3)]
    _import("".join(constants[:2]))
    with pytest.raises(ValueError, match=r"invalid at node 'c2': attr 'value': .* expected at most 2,000"):
        _import("".join(constants))


def test_attributes_that_a_shape_rule_does_not_expect() -> None:
    """A list that is too short for the rule is told as such, not as an IndexError."""
    filter_attrs = "".join(
        [
            T,
            _attr("strides", "list { i: 1 }"),
            _attr("padding", 's: "SAME"'),
            _attr("data_format", 's: "NHWC"'),
            _attr("use_cudnn_on_gpu", "b: true"),
        ]
    )
    with pytest.raises(ValueError, match=r"node 'b'|for 'import/b'"):
        _import(A + _node("Conv2D", "a a", filter_attrs))


def test_nothing_runs_or_opens(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing nodes that would write files or call functions when run does neither."""
    called: list[str] = []
    monkeypatch.setattr("builtins.open", lambda *args, **_: called.append(str(args)))
    get_default_graph().python_functions[b"pyfunc_0"] = lambda: called.append("function")
    py_func = _attr("token", 's: "pyfunc_0"') + _attr("Tin", "list { }") + _attr("Tout", "list { type: DT_FLOAT }")
    save = _attr("dtypes", "list { type: DT_FLOAT }")
    _import(
        _node("PyFunc", attrs=py_func, name="f")
        + _const("DT_STRING", "", f'string_val: "{tmp_path}/x"', name="p")
        + _const("DT_STRING", "dim { size: 1 }", 'string_val: ""', name="s")
        + _const("DT_FLOAT", "", name="v")
        + _node("SaveV2", "p s s v", save)
    )
    assert called == []


def test_damaged_messages_never_do_worse() -> None:
    """Random damage to a small graph is either imported or a ValueError."""
    base = protos.GraphDef()
    text = (
        A
        + _const("DT_INT32", "dim { size: 2 }", "int_val: 1 int_val: 2")
        + _node("Reshape", "a c", T + _attr("Tshape", "type: DT_INT32"))
    )
    text_format.Parse(text, base)
    data, chance = base.SerializeToString(deterministic=True), random.Random(0)  # noqa: S311  # no secrets here
    for _ in range(500):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        message = protos.GraphDef()
        try:
            message.ParseFromString(bytes(damaged))
        except Exception:  # noqa: BLE001, S112  # protobuf's own refusal
            continue
        with Graph().as_default() as graph:
            try:
                import_graph_def(message)
            except ValueError:
                assert graph.get_operations() == []
