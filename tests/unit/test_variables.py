"""Variable: nodes, names, collections and the rest of what the graph shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.graph import get_default_graph


def _nodes() -> dict[str, tuple[str, list[str]]]:
    """Return the nodes of the default graph: name to type and inputs."""
    return {op.name: (op.type, [t.name for t in op.inputs]) for op in get_default_graph().get_operations()}


def test_a_variable_is_four_nodes() -> None:
    """Value, variable, assignment and read have TensorFlow's names, types and order."""
    tf.Variable([1.0, 2.0], name="weights")
    assert list(_nodes().items()) == [
        ("weights/initial_value", ("Const", [])),
        ("weights", ("VariableV2", [])),
        ("weights/Assign", ("Assign", ["weights:0", "weights/initial_value:0"])),
        ("weights/read", ("Identity", ["weights:0"])),
    ]


def test_a_tensor_is_used_as_the_initial_value_itself() -> None:
    """No node is added for a value that is a tensor already."""
    value = tf.zeros([2])
    v = tf.Variable(value, name="b")
    assert v.initial_value is value
    assert list(_nodes()) == ["zeros", "b", "b/Assign", "b/read"]


def test_names_of_the_parts() -> None:
    """A variable gives its nodes by property."""
    v = tf.Variable([1.0, 2.0], name="w")
    assert v.initial_value is not None
    assert (v.name, v.op.name, v.op.type) == ("w:0", "w", "VariableV2")
    assert (v.initializer.name, v.value().name, v.initial_value.name) == ("w/Assign", "w/read:0", "w/initial_value:0")
    assert repr(v) == "<tf.Variable 'w:0' shape=(2,) dtype=float32_ref>"


def test_default_names_are_made_unique() -> None:
    """Unnamed variables are Variable, Variable_1; case counts."""
    assert [tf.Variable(1).op.name for _ in range(3)] == ["Variable", "Variable_1", "Variable_2"]
    assert [tf.Variable(1, name=name).op.name for name in ("w", "W", "w")] == ["w", "W", "w_1"]
    with tf.name_scope("s"):
        assert tf.Variable(1, name="w").op.name == "s/w"


def test_a_callable_initial_value_is_built_below_initializer() -> None:
    """Its ops stay with the variable, outside of the device scope, which only the variable heeds."""
    with tf.device("/cpu:1"):
        v = tf.Variable(lambda: tf.fill([2], 3.0), name="w")
        u = tf.Variable(lambda: [1.0, 2.0], name="u")
    assert [name for name in _nodes() if name.startswith("w")] == [
        "w/Initializer/Fill/dims",
        "w/Initializer/Fill/value",
        "w/Initializer/Fill",
        "w",
        "w/Assign",
        "w/read",
    ]
    fill = get_default_graph().get_operation_by_name("w/Initializer/Fill")
    assert (fill.device, fill.colocation_groups(), v.device) == ("", [b"loc:@w"], "/device:CPU:1")
    assert u.initial_value is not None
    assert u.initial_value.name == "u/Initializer/initial_value:0"


def test_initialisation_waits_for_nothing_around_it() -> None:
    """Outer control dependencies reach neither the initializer nor the read."""
    with tf.control_dependencies([tf.no_op()]):
        v = tf.Variable([1.0], name="w")
        v.initialized_value()
    ops = [op for op in get_default_graph().get_operations() if op.type != "NoOp"]
    assert all(op.control_inputs == [] for op in ops)


def test_assign_and_read_stay_with_the_variable() -> None:
    """Both are colocated and on its device; the constant follows the scope."""
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0], name="w")
    assert v.initial_value is not None
    assert [op.device for op in (v.initializer, v.value().op, v.initial_value.op)] == ["/device:GPU:0"] * 3
    assert v.initializer.colocation_groups() == v.value().op.colocation_groups() == [b"loc:@w"]


def test_a_caching_device_takes_the_read() -> None:
    """The read is placed there and colocated with nothing."""
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0], name="w", caching_device="/cpu:0")
    assert (v.device, v.value().device) == ("/device:GPU:0", "/device:CPU:0")
    assert "_class" not in v.value().op.attrs


@pytest.mark.parametrize(
    "value, dtype",
    [
        (1.5, "float32"),
        (1, "int32"),
        (2**40, "int64"),
        (True, "bool"),
        ("text", "string"),
        (1j, "complex128"),
        (np.float64(1.0), "float64"),
        (np.array([1], np.int16), "int16"),
    ],
)
def test_dtype_comes_from_the_value(value: Any, dtype: str) -> None:
    """Python numbers have TensorFlow's default dtypes, arrays keep theirs; the variable's own is a reference."""
    v = tf.Variable(value)
    assert (v.dtype.name, v.dtype.base_dtype.name, v.value().dtype.name) == (f"{dtype}_ref", dtype, dtype)


def test_dtype_can_be_asked_for() -> None:
    """Python numbers are made of the wanted dtype, a tensor of another one is refused."""
    assert tf.Variable([1, 2], dtype=tf.float64).dtype.base_dtype == tf.float64
    with pytest.raises(ValueError, match="Tensor conversion requested dtype float32 for Tensor with dtype int32"):
        tf.Variable(tf.constant([1, 2]), dtype=tf.float32)


def test_shape_must_be_known_unless_it_is_not_validated() -> None:
    """A placeholder without shape will not do, except with validate_shape=False."""
    unknown = tf.placeholder(tf.float32, name="p")
    with pytest.raises(ValueError, match="initial_value must have a shape specified: Tensor"):
        tf.Variable(unknown)
    v = tf.Variable(unknown, validate_shape=False)
    assert (v.shape.ndims, v.get_shape().ndims, v.initializer.attrs["validate_shape"]) == (None, None, False)


def test_set_shape_narrows_the_static_shape() -> None:
    """Reference and read learn what the caller knows."""
    v = tf.Variable(tf.placeholder(tf.float32), validate_shape=False)
    v.set_shape([2, None])
    assert (v.shape.as_list(), v.value().shape.as_list()) == ([2, None], [2, None])
    with pytest.raises(ValueError, match="not compatible"):
        v.set_shape([3, 1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "initial_value must be specified."),
        ({"initial_value": None}, "initial_value must be specified."),
        (
            {"initial_value": 1, "collections": "abc"},
            "collections argument to Variable constructor must be a list, tuple, or set. Got abc of type <class 'str'>",
        ),
        ({"initial_value": 1, "constraint": 3}, "The `constraint` argument must be a callable."),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    """Each has TensorFlow's message, and no node is left behind."""
    with pytest.raises(ValueError) as info:  # noqa: PT011  (the whole text is compared)
        tf.Variable(**arguments)
    assert str(info.value) == message
    assert _nodes() == {}


def test_collections() -> None:
    """Global and trainable by default; trainable is added to custom ones; the caller's list is left alone."""
    w = tf.Variable(1.0, name="w")
    b = tf.Variable(1.0, name="b", trainable=False)
    mine = [tf.GraphKeys.LOCAL_VARIABLES, "mine"]
    c = tf.Variable(1.0, name="c", collections=mine)
    assert tf.global_variables() == [w, b]
    assert tf.trainable_variables() == [w, c]
    assert tf.local_variables() == tf.get_collection("mine") == [c]
    assert mine == ["local_variables", "mine"]
    assert tf.model_variables() == tf.moving_average_variables() == []


def test_collections_can_be_filtered_by_scope() -> None:
    """The scope is a regular expression for the beginning of the name."""
    with tf.name_scope("a"):
        v = tf.Variable(1.0, name="v")
    tf.Variable(1.0, name="b")
    assert tf.global_variables("a/") == tf.trainable_variables(scope="a") == [v]
    assert tf.global_variables(".*v") == [v]


def test_deprecated_names_warn() -> None:
    """The old names still work and say which to use."""
    v = tf.Variable(1.0)
    with pytest.warns(DeprecationWarning, match="use global_variables"):
        assert tf.all_variables() == [v]
    old: list[tuple[Callable[[], Any], str]] = [
        (tf.initialize_all_variables, "use global_variables_initializer"),
        (tf.initialize_local_variables, "use local_variables_initializer"),
        (lambda: tf.initialize_variables([v]), "use variables_initializer"),
    ]
    for function, message in old:
        with pytest.warns(DeprecationWarning, match=message):
            assert function().type == "NoOp"


def test_equality_is_identity() -> None:
    """Variables are hashable, truthy, equal to themselves only, and cannot be iterated over."""
    v, w = tf.Variable([1.0]), tf.Variable([1.0])
    assert v == v  # noqa: PLR0124  (the operator is what is tested)
    assert v != w
    assert len({v, w, v}) == 2
    assert bool(v) is True
    with pytest.raises(TypeError, match=r"^'Variable' object is not iterable\.$"):
        list(v)


def test_operators_use_the_read() -> None:
    """An operator takes the value, and nodes have the names they have for tensors."""
    v = tf.Variable([[1.0, 2.0]], name="v")
    results = [v + 1.0, 1.0 - v, -v, v > 1.5, v[0], v @ tf.constant([[1.0], [2.0]])]
    assert [r.op.name for r in results] == ["add", "sub", "Neg", "Greater", "strided_slice", "matmul"]
    assert [[t.name for t in r.op.inputs].count("v/read:0") for r in results] == [1] * 6


def test_arrays_leave_operators_to_the_variable() -> None:
    """An array on the left makes one node, not an array of nodes."""
    v = tf.Variable([1.0, 2.0], name="v")
    assert (np.array([1.0, 2.0], np.float32) * v).op.type == "Mul"


def test_conversion_gives_the_read_or_the_reference() -> None:
    """A variable stands for its value, and where a reference is needed for itself."""
    v = tf.Variable([1.0], name="v")
    assert tf.convert_to_tensor(v) is v.value()
    assert get_default_graph().as_graph_element(v) is v._ref()
    with pytest.raises(
        ValueError, match="Incompatible type conversion requested to type 'int32' for variable of type 'float32_ref'"
    ):
        tf.convert_to_tensor(v, dtype=tf.int32)


def test_read_value_is_a_new_read_each_time() -> None:
    """It heeds the control dependencies and the device around it; value() adds no node."""
    v = tf.Variable([1.0], name="v")
    barrier = tf.no_op()
    with tf.control_dependencies([barrier]), tf.device("/cpu:1"):
        read = v.read_value()
        assert v.value().op.control_inputs == []
    assert (read.op.name, read.op.control_inputs, read.device) == ("read", [barrier], "/device:CPU:1")


def test_load_needs_a_session() -> None:
    """Without a session there is nothing to load into."""
    with pytest.raises(
        ValueError, match="Either session argument should be provided or default session should be established"
    ):
        tf.Variable(1.0).load(2.0)


def test_scatter_sub_takes_indexed_slices_only() -> None:
    """Anything else is refused."""
    v = tf.Variable([1.0])
    with pytest.raises(ValueError, match="sparse_delta is not IndexedSlices"):
        v.scatter_sub(tf.constant([1.0]))
