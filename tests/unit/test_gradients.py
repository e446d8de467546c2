"""The reverse pass: names, aggregation, errors, conditionals. The gradients of single ops are tested with these."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.graph import get_default_graph
from holdfast.graph.op_def import define_op, register_gradient
from holdfast.ops.apply import apply_op
from holdfast.ops.shape_rules import first_input


def _names(prefix: str) -> list[str]:
    """Return the names of the nodes below a scope."""
    return [op.name for op in get_default_graph().get_operations() if op.name.startswith(prefix)]


def _values(tensors: Any, feed: dict[Any, Any] | None = None) -> Any:
    """Return values in a new session, all variables initialised."""
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init)
        return session.run(tensors, feed)


def test_gradients_lie_below_their_scope() -> None:
    """Ones come first, then each op's gradient below its name; a second call has a scope of its own."""
    x = tf.Variable(3.0, name="x")
    y = tf.square(x, name="y")
    first, second = tf.gradients(y, x)[0], tf.gradients(y, x)[0]
    assert _names("gradients/")[:3] == ["gradients/Shape", "gradients/Const", "gradients/Fill"]
    assert first.op.name.startswith("gradients/y_grad/")
    assert second.op.name.startswith("gradients_1/y_grad/")
    assert _values(first) == 6.0


def test_lists_and_single_tensors() -> None:
    """Ys and xs may be one or several; the result is a list with one gradient an x, of the sum of the ys."""
    x, u = tf.constant(2.0), tf.constant(5.0)
    assert _values(tf.gradients([x * u, tf.square(x)], [x, u])) == [9.0, 2.0]
    assert _values(tf.gradients(x * u, x)) == [5.0]


def test_variables_and_references_and_reads_are_xs_alike() -> None:
    """A variable's gradient is that of its read."""
    v = tf.Variable([1.0, 2.0], name="v")
    y = tf.square(v)
    for x in (v, v._ref(), v.value()):
        np.testing.assert_array_equal(_values(tf.gradients(y, x)[0]), [2.0, 4.0])


def test_what_y_does_not_depend_on_has_no_gradient() -> None:
    """The gradient is None, not zeros."""
    x, other = tf.constant(1.0), tf.constant(1.0)
    assert tf.gradients(tf.square(x), other) == [None]
    assert tf.gradients(tf.cast(tf.cast(x, tf.int32), tf.float32), x) == [None]
    assert tf.gradients(tf.stop_gradient(x) * 2.0, x) == [None]


def test_the_gradient_of_a_tensor_by_itself_is_one() -> None:
    """X is a y too."""
    x = tf.constant([1.0, 2.0])
    np.testing.assert_array_equal(_values(tf.gradients(x, x)[0]), [1.0, 1.0])


def test_xs_on_one_path() -> None:
    """A gradient with respect to an intermediate does not stop those further back."""
    x = tf.constant(2.0)
    middle = tf.square(x)
    y = middle * 3.0
    assert _values(tf.gradients(y, [x, middle])) == [12.0, 3.0]


def test_grad_ys_weigh_the_ys() -> None:
    """They stand for the gradient that reaches y; Python values are converted."""
    x = tf.constant([1.0, 2.0])
    np.testing.assert_array_equal(_values(tf.gradients(tf.square(x), x, grad_ys=[[10.0, 1.0]])[0]), [20.0, 4.0])
    both = tf.gradients([tf.square(x), x], x, grad_ys=[None, tf.constant([5.0, 5.0])])[0]
    np.testing.assert_array_equal(_values(both), [7.0, 9.0])


def test_grad_ys_must_fit() -> None:
    """Their number and kind are checked."""
    x = tf.constant([1.0])
    with pytest.raises(ValueError, match="Passed 2 grad_ys for 1 ys"):
        tf.gradients(x, x, grad_ys=[None, None])
    with pytest.raises(TypeError, match="Gradient type complex128 generated for real or integer-valued tensor"):
        tf.gradients(x, x, grad_ys=[np.array([1j])])
    z = tf.constant([1j])
    with pytest.raises(TypeError, match=r"Gradients of complex tensors must set grad_ys \(y.dtype = tf.complex128\)"):
        tf.gradients(z, z)
    with pytest.raises(TypeError, match="must be complex"):
        tf.gradients(z, z, grad_ys=[tf.constant([1.0])])


def test_stop_gradients_are_constants() -> None:
    """Derivatives become partial: what passes through a stopped tensor does not count."""
    a = tf.constant(2.0)
    b = a * 2.0
    assert _values(tf.gradients(a + b, [a, b])) == [3.0, 1.0]
    assert _values(tf.gradients(a + b, [a, b], stop_gradients=[a, b])) == [1.0, 1.0]
    assert _values(tf.gradients(a + b, a, stop_gradients=b)) == [1.0]


def test_gradients_that_meet_are_added_up() -> None:
    """One AddN, near the first of them."""
    x = tf.constant(3.0, name="x")
    total = tf.gradients([tf.square(x), x * 4.0, tf.negative(x)], x)[0]
    assert (total.op.name, total.op.type, len(total.op.inputs)) == ("gradients/AddN", "AddN", 3)
    assert _values(total) == 9.0


def test_the_tree_method_adds_two_at_a_time() -> None:
    """Its sums lie in a scope of their own, and are the same."""
    x = tf.constant(3.0, name="x")
    ys = [tf.square(x), x * 4.0, tf.negative(x)]
    total = tf.gradients(ys, x, aggregation_method=tf.AggregationMethod.EXPERIMENTAL_TREE)[0]
    assert total.op.name == "gradients/x_gradient_sum/AddN_1"
    accumulated = tf.gradients(ys, x, aggregation_method=tf.AggregationMethod.EXPERIMENTAL_ACCUMULATE_N)[0]
    assert _values([total, accumulated]) == [9.0, 9.0]


def test_an_unknown_aggregation_method() -> None:
    """It is refused before anything is built."""
    x = tf.constant(3.0)
    with pytest.raises(ValueError, match=r"Invalid aggregation_method specified 7\."):
        tf.gradients(x, x, aggregation_method=7)
    assert _names("gradients") == []


def test_sums_are_made_on_the_device_of_their_terms() -> None:
    """Terms of one device are added up there first."""
    x = tf.constant([1.0, 2.0])
    ys = []
    for device in ("/cpu:0", "/cpu:1", "/cpu:1"):
        with tf.device(device):
            ys.append(tf.square(x))
    total = tf.gradients(ys, x, colocate_gradients_with_ops=True)[0]
    assert [len(t.op.inputs) for t in total.op.inputs if t.op.type == "AddN"] == [2]
    assert "/device:CPU:1" in [t.device for t in total.op.inputs]


def test_colocation_puts_gradients_where_their_ops_are() -> None:
    """Each op's gradient is on its device; without it, nowhere in particular."""
    x = tf.constant(2.0, name="x")
    with tf.device("/cpu:1"):
        y = tf.square(x, name="y")
    plain = tf.gradients(y, x, name="plain")[0]
    near = tf.gradients(y, x, name="near", colocate_gradients_with_ops=True)[0]
    assert (plain.device, near.device) == ("", "/device:CPU:1")
    assert near.op.colocation_groups() == [b"loc:@y"]


def test_gated_gradients_wait_for_each_other() -> None:
    """The gradients of one op are given on together."""
    a, b = tf.constant(2.0), tf.constant(3.0)
    y = tf.multiply(a, b, name="y")
    grads = tf.gradients(y, [a, b], gate_gradients=True)
    assert [g.op.name for g in grads] == [
        "gradients/y_grad/tuple/control_dependency",
        "gradients/y_grad/tuple/control_dependency_1",
    ]
    assert grads[0].op.control_inputs == grads[1].op.control_inputs
    assert _values(grads) == [3.0, 2.0]


def test_integers_have_gradients_of_their_own_dtype() -> None:
    """TensorFlow differentiates integer products too."""
    x = tf.constant(3)
    grad = tf.gradients(x * 2, x)[0]
    assert (grad.dtype, _values(grad)) == (tf.int32, 2)


def test_an_op_without_gradient_is_an_error() -> None:
    """The message names the op and its type."""
    v = tf.Variable([1.0, 2.0])
    updated = tf.scatter_update(v, [0], [3.0])
    with pytest.raises(
        LookupError, match=r"No gradient defined for operation 'ScatterUpdate' \(op type: ScatterUpdate\)"
    ):
        tf.gradients(updated * 1.0, v)


def test_a_gradient_can_be_overridden() -> None:
    """Ops made within gradient_override_map use the gradient registered under the other name."""
    register_gradient("TestTenfold")(lambda op, grad: grad * 10.0)
    x = tf.constant(2.0)
    with get_default_graph().gradient_override_map({"Square": "TestTenfold"}):
        y = tf.square(x)
    assert _values(tf.gradients(y, x)) == [10.0]


def test_what_a_gradient_function_returns_is_checked() -> None:
    """One gradient an input, each of its input's shape."""
    define_op("TestBadGradient", "x: float -> y: float", shape=first_input)
    answers: dict[str, Any] = {}
    register_gradient("TestBadGradient")(lambda op, grad: answers["next"])
    x = tf.constant([1.0, 2.0], name="x")
    y = apply_op("TestBadGradient", x, name="bad").outputs[0]
    answers["next"] = [x, x]
    with pytest.raises(ValueError, match=r"(?s)Num gradients 2 generated for op .*bad.* do not match num inputs 1"):
        tf.gradients(y, x)
    answers["next"] = tf.constant([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="Incompatible shapes between op input and calculated input gradient"):
        tf.gradients(y, x)


def test_the_gradient_of_gather_is_indexed_slices() -> None:
    """It names the rows; several are joined, dense ones among them as all their rows."""
    x = tf.Variable(np.zeros((3, 2), np.float32), name="x")
    one = tf.gradients(tf.gather(x, [1, 1]), x)[0]
    assert isinstance(one, tf.IndexedSlices)
    several = tf.gradients([tf.gather(x, [0]), tf.gather(x, [2, 0]), tf.reduce_sum(x)], x)[0]
    assert (several.values.op.name, several.indices.op.name) == ("gradients_1/concat", "gradients_1/concat_1")
    rows, dense = _values([one.indices, tf.convert_to_tensor(several)])
    assert rows.tolist() == [1, 1]
    np.testing.assert_array_equal(dense, [[3.0, 3.0], [1.0, 1.0], [2.0, 2.0]])


def test_indexed_slices_flow_on_through_other_ops() -> None:
    """Where an op in between needs a tensor, the rows are spread out."""
    x = tf.Variable(np.ones((3, 2)), name="x")
    grad = tf.gradients(tf.gather(x * 2.0, [0, 0]), x)[0]
    np.testing.assert_array_equal(_values(tf.convert_to_tensor(grad)), [[4.0, 4.0], [0.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("taken, expected", [(True, [3.0, 0.0]), (False, [4.0, 5.0])])
def test_through_a_conditional(taken: bool, expected: list[float]) -> None:
    """The gradient is that of the branch that was taken; what only the other one uses has zeros."""
    x, u = tf.Variable(2.0, name="x"), tf.Variable(5.0, name="u")
    pred = tf.placeholder(tf.bool, [])
    y = tf.cond(pred, lambda: x * 3.0, lambda: tf.square(x) + u * u / 2.0)
    grads = tf.gradients(y, [x, u])
    assert _names("gradients/cond/Merge_grad/") == ["gradients/cond/Merge_grad/cond_grad"]
    assert _values(grads, {pred: taken}) == expected


@pytest.mark.parametrize("outer, inner, expected", [(True, True, 12.0), (True, False, 5.0), (False, True, 7.0)])
def test_through_nested_conditionals(outer: bool, inner: bool, expected: float) -> None:
    """Branches within branches."""
    x = tf.Variable(2.0, name="x")
    first, second = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    y = tf.cond(first, lambda: tf.cond(second, lambda: x * x * x, lambda: x * 5.0), lambda: x * 7.0)
    assert _values(tf.gradients(y, x), {first: outer, second: inner}) == [expected]


@pytest.mark.parametrize("taken", [True, False])
def test_sparse_gradients_through_a_conditional(taken: bool) -> None:
    """Rows of the branch that was taken, zeros from the other."""
    v = tf.Variable([1.0, 2.0], name="v")
    pred = tf.placeholder(tf.bool, [])
    y = tf.cond(pred, lambda: tf.gather(v, [0]), lambda: tf.gather(v, [1]))
    dense = tf.convert_to_tensor(tf.gradients(y, v)[0])
    assert _values(dense, {pred: taken}).tolist() == ([1.0, 0.0] if taken else [0.0, 1.0])


def test_through_the_initialized_value_of_a_variable() -> None:
    """A switch of a reference passes gradients like one of a value."""
    v = tf.Variable([1.0, 2.0], name="v")
    grad = tf.gradients(v.initialized_value() * 2.0, v)[0]
    assert _values(grad).tolist() == [2.0, 2.0]


def test_second_derivatives() -> None:
    """Gradients of gradients."""
    x = tf.constant(2.0)
    first = tf.gradients(x * x * x, x)[0]
    assert _values([first, tf.gradients(first, x)[0]]) == [12.0, 12.0]


def test_deep_graphs_need_no_deep_stack() -> None:
    """A chain longer than Python's recursion limit is no problem."""
    x = tf.constant(1.0)
    y = x
    for _ in range(3000):
        y = tf.identity(y)
    assert len(tf.gradients(y, x)) == 1
