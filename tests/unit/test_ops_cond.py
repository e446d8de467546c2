from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest

from holdfast import dtypes
from holdfast.graph import GraphKeys, IndexedSlices, Operation, Tensor, control_dependencies, device, get_default_graph
from holdfast.ops.cond import cond
from holdfast.ops.constants import constant
from holdfast.ops.control_flow import merge, switch
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import identity, placeholder
from holdfast.runtime import Session
from holdfast.variables.initialization import global_variables_initializer
from holdfast.variables.variable import Variable

Pair = namedtuple("Pair", "a b")  # noqa: PYI024  (any named tuple will do)


def _pred(name: str = "p") -> Tensor:
    return placeholder(dtypes.bool, [], name=name)


def _x() -> Tensor:
    return placeholder(dtypes.float32, [], name="x")


def _nodes() -> dict[str, Operation]:
    return {op.name: op for op in get_default_graph().get_operations()}


def test_nodes_of_a_cond() -> None:
    """A cond is a switch of the predicate, switches of what it takes from outside, and a merge of the results."""
    x, pred = _x(), _pred()
    result = cond(pred, lambda: x + 1.0, lambda: x - 1.0)
    nodes = _nodes()
    assert list(nodes) == [
        "x",
        "p",
        "cond/Switch",
        "cond/switch_t",
        "cond/switch_f",
        "cond/pred_id",
        "cond/add/y",
        "cond/add/Switch",
        "cond/add",
        "cond/sub/y",
        "cond/sub/Switch",
        "cond/sub",
        "cond/Merge",
    ]
    assert result.name == "cond/Merge:0"
    assert [t.name for t in nodes["cond/add"].inputs] == ["cond/add/Switch:1", "cond/add/y:0"]
    assert [t.name for t in nodes["cond/sub"].inputs] == ["cond/sub/Switch:0", "cond/sub/y:0"]
    assert nodes["cond/add/y"].control_inputs == [nodes["cond/switch_t"]]
    assert nodes["cond/sub/y"].control_inputs == [nodes["cond/switch_f"]]
    assert nodes["cond/add/Switch"].colocation_groups() == [b"loc:@x"]
    assert [t.name for t in nodes["cond/Merge"].inputs] == ["cond/sub:0", "cond/add:0"]


def test_values() -> None:
    """The predicate of the run chooses."""
    x, pred = _x(), _pred()
    result = cond(pred, lambda: x + 1.0, lambda: x - 1.0)
    with Session() as session:
        assert session.run(result, {x: 5.0, pred: True}) == 6.0
        assert session.run(result, {x: 5.0, pred: False}) == 4.0


def test_what_is_passed_through_is_switched() -> None:
    """A tensor of outside that a function returns goes through a switch."""
    x = _x()
    result = cond(_pred(), lambda: x, lambda: x)
    assert [t.op.type for t in result.op.inputs] == ["Switch", "Switch"]


STRUCTURES: dict[str, tuple[Callable[[], Any], Any]] = {
    "number": (lambda: 1.0, 1.0),
    "list of one": (lambda: [1.0], 1.0),
    "tuple": (lambda: (1.0, [2.0]), (1.0, [2.0])),
    "dict": (lambda: {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}),
    "named tuple": (lambda: Pair(1.0, 2.0), Pair(1.0, 2.0)),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures(name: str) -> None:
    """The structure of the functions' results is that of the cond's."""
    function, expected = STRUCTURES[name]
    result = cond(constant(True), function, function)
    with Session() as session:
        found = session.run(result)
    assert found == expected
    assert type(found) is type(expected) or name in {"number", "list of one"}


def test_strict_keeps_lists_of_one() -> None:
    """With strict, a list of one element stays a list."""
    result = cond(_pred(), lambda: [1.0], lambda: [2.0], strict=True)
    assert isinstance(result, list)


def test_operations_stand_for_their_branch() -> None:
    """Functions that return operations give a boolean tensor that comes after them."""
    result = cond(_pred(), lambda: no_op("n1"), lambda: no_op("n2"))
    assert result.dtype == dtypes.bool
    assert _nodes()["cond/control_dependency"].control_inputs == [_nodes()["cond/n1"]]


@pytest.mark.parametrize(
    "make,error,message",
    [
        (lambda p: cond(True, lambda: 1, lambda: 2), TypeError, "pred must not be a Python bool"),
        (lambda p: cond(p, "f", lambda: 2), TypeError, "true_fn must be callable"),  # type: ignore[arg-type]  # tested
        (lambda p: cond(p, lambda: 2), TypeError, r"cond\(\): false_fn argument required"),
        (
            lambda p: cond(p, lambda: 1, lambda: 2, fn1=lambda: 3),
            TypeError,
            "true_fn and fn1 may not be set simultaneously",
        ),
        (lambda p: cond(p, lambda: None, lambda: 2), ValueError, "true_fn must have a return value"),
        (lambda p: cond(p, lambda: 1, lambda: None), ValueError, "false_fn must have a return value"),
        (lambda p: cond(p, list, list), ValueError, "must return at least one result"),
        (lambda p: cond(p, lambda: 1, lambda: 2.0), ValueError, "must have the same type: int32, float32"),
        (
            lambda p: cond(p, lambda: [1, 2], lambda: [1]),
            ValueError,
            "Incompatible return values of true_fn and false_fn: The two structures don't have the same number of",
        ),
        (
            lambda p: cond(p, lambda: (1, [2]), lambda: [1, 2]),
            TypeError,
            "Incompatible return types of true_fn and false_fn: The two structures don't have the same sequence type",
        ),
        (lambda p: cond([True, False], lambda: 1, lambda: 2), ValueError, "Shape must be rank 0 but is rank 1"),
        (lambda p: cond(1.0, lambda: 1, lambda: 2), TypeError, "bool"),
    ],
)
def test_conds_that_are_refused(make: Callable[[Tensor], Any], error: type[Exception], message: str) -> None:
    """What cannot be chosen between is refused while building."""
    with pytest.raises(error, match=message):
        make(_pred())


def test_a_refused_cond_leaves_its_branch() -> None:
    """After an error within a branch, new operations are outside of it."""
    pred = _pred()
    with pytest.raises(ZeroDivisionError):
        cond(pred, lambda: 1 / 0, lambda: 2.0)
    assert get_default_graph()._control_flow_context is None
    assert constant(1).op.control_inputs == []


def test_older_names() -> None:
    """fn1 and fn2 are older names of the functions."""
    result = cond(constant(False), fn1=lambda: 1.0, fn2=lambda: 2.0)
    with Session() as session:
        assert session.run(result) == 2.0


def test_nesting() -> None:
    """A cond within a branch switches what is outside twice."""
    x, p, q = _x(), _pred("p"), _pred("q")
    result = cond(p, lambda: cond(q, lambda: x + 1.0, lambda: x * 2.0), lambda: x - 1.0)
    nodes = _nodes()
    assert [t.name for t in nodes["cond/cond/add"].inputs] == ["cond/cond/add/Switch_1:1", "cond/cond/add/y:0"]
    assert nodes["cond/cond/add/Switch_1"].inputs[0].name == "cond/cond/add/Switch:1"
    assert nodes["cond/cond/mul/Switch"].inputs[0].name == "cond/cond/add/Switch:1"
    with Session() as session:
        for on, inner, expected in ((True, True, 6.0), (True, False, 10.0), (False, True, 4.0), (False, False, 4.0)):
            assert session.run(result, {x: 5.0, p: on, q: inner}) == expected


def test_variables_in_branches() -> None:
    """An update in a branch goes through a RefSwitch and happens only if the branch is taken."""
    variable, pred = Variable(1.0, name="v"), _pred()
    result = cond(pred, lambda: variable.assign(2.0), lambda: variable)
    nodes = _nodes()
    assert nodes["cond/Assign/Switch"].type == "RefSwitch"
    assert nodes["cond/Assign"].inputs[0].name == "cond/Assign/Switch:1"
    assert result.op.type == "Merge"
    with Session() as session:
        session.run(global_variables_initializer())
        assert session.run(result, {pred: False}) == 1.0
        assert session.run(variable) == 1.0
        assert session.run(result, {pred: True}) == 2.0
        assert session.run(variable) == 2.0


def test_merges_of_references() -> None:
    """If both branches return references, so does the cond."""
    variable = Variable(1.0, name="v")
    result = cond(_pred(), lambda: variable.assign_add(2.0), lambda: variable.assign(3.0))
    assert (result.op.type, result.dtype) == ("RefMerge", dtypes.float32._as_ref)


def test_control_dependencies_within_a_branch() -> None:
    """What a branch waits for of its own happens only if it is taken; what is outside happens always."""
    variable, pred, x = Variable(0.0, name="v"), _pred(), _x()
    outside = variable.assign_add(10.0)

    def taken() -> Tensor:
        with control_dependencies([variable.assign_add(1.0), outside]):
            return identity(x)

    result = cond(pred, taken, lambda: constant(0.0))
    with Session() as session:
        session.run(global_variables_initializer())
        session.run(result, {pred: False, x: 1.0})
        assert session.run(variable) == 10.0
        session.run(result, {pred: True, x: 1.0})
        assert session.run(variable) == 21.0


def test_no_dependencies_means_outside() -> None:
    """Operations made under control_dependencies(None) belong to no branch."""

    def taken() -> Tensor:
        with control_dependencies(None):
            outer = constant(3.0, name="outer")
        return identity(outer)

    cond(_pred(), taken, lambda: 1.0)
    assert _nodes()["cond/outer"].control_inputs == []
    assert _nodes()["cond/Identity"].inputs[0].name == "cond/Identity/Switch:1"


def test_switches_stay_with_their_data() -> None:
    """The switch of a tensor is on that tensor's device, whatever the scope."""
    with device("/cpu:0"):
        x = _x()
    with device("/gpu:0"):
        cond(_pred(), lambda: x + 1.0, lambda: x)
    assert _nodes()["cond/add/Switch"].device == "/device:CPU:0"
    assert _nodes()["cond/add"].device == "/device:GPU:0"


def test_indexed_slices() -> None:
    """Slices are merged part by part."""
    parts = placeholder(dtypes.float32, [2, 3]), placeholder(dtypes.int32, [2]), constant([5, 3])
    slices = IndexedSlices(*parts)
    result = cond(_pred(), lambda: slices, lambda: slices)
    assert [t.name for t in (result.values, result.indices, result.dense_shape)] == [
        "cond/Merge:0",
        "cond/Merge/indices:0",
        "cond/Merge/dense_shape:0",
    ]


def test_tensors_of_a_branch_may_not_be_fetched() -> None:
    """Whether they have a value depends on the run."""
    x = _x()
    cond(_pred(), lambda: x + 1.0, lambda: x)
    graph = get_default_graph()
    assert not graph.is_fetchable(graph.get_operation_by_name("cond/add"))
    assert graph.is_fetchable(graph.get_operation_by_name("cond/Merge"))


def test_static_shape_of_a_merge() -> None:
    """What both branches share is known."""
    result = cond(_pred(), lambda: constant([1.0, 2.0]), lambda: constant([3.0]))
    assert result.shape.as_list() == [None]


def test_contexts_are_collected_and_survive_as_messages() -> None:
    """Each branch is in the collection, and its message makes it anew."""
    from holdfast.ops.cond_context import CondContext

    x = _x()
    cond(_pred(), lambda: x + 1.0, lambda: x)
    first, second = get_default_graph().get_collection(GraphKeys.COND_CONTEXT)
    assert (first.name, first.branch, second.name, second.branch) == ("cond/cond_text", 1, "cond/cond_text_1", 0)
    message = first.to_proto()
    assert (message.pred_name, message.pivot_name) == ("cond/pred_id:0", "cond/switch_t:0")
    assert dict(message.values_def.external_values) == {"x:0": "cond/add/Switch:1"}
    assert first.to_proto("elsewhere") is None
    again = CondContext.from_proto(message)
    assert (again.pred, again.branch, again.values) == (first.pred, 1, first.values)
    assert get_default_graph().get_operation_by_name("cond/add")._control_flow_context is again


def test_switch_and_merge() -> None:
    """The parts of a cond may be used by themselves."""
    x, pred = _x(), _pred()
    off, on = switch(x, pred)
    output, index = merge([off - 1.0, on + 1.0])
    with Session() as session:
        assert session.run([output, index], {x: 5.0, pred: True}) == [6.0, 1]
        assert session.run([output, index], {x: 5.0, pred: False}) == [4.0, 0]
    with pytest.raises(ValueError, match="At least one of the merge inputs is None"):
        merge([x, None])
