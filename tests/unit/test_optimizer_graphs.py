"""Optimisers: names, slots, devices, collections and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.graph import Graph, get_default_graph


def _names(prefix: str) -> list[str]:
    """Return the names of the nodes below a scope."""
    return [op.name for op in get_default_graph().get_operations() if op.name.startswith(prefix)]


def _slot(optimizer: Any, variable: tf.Variable, name: str) -> tf.Variable:
    """Return a slot that there is."""
    slot = optimizer.get_slot(variable, name)
    assert isinstance(slot, tf.Variable)
    return slot


def _sgd() -> Any:
    """Return the simplest optimiser."""
    return tf.train.GradientDescentOptimizer(0.5)


def test_nodes_of_gradient_descent() -> None:
    """Updates lie below update_<variable>; the returned operation has the optimiser's name."""
    w = tf.Variable([1.0, 2.0], name="w")
    first, second = _sgd().minimize(tf.reduce_sum(w * w)), _sgd().minimize(tf.reduce_sum(w * w))
    assert _names("GradientDescent/") == [
        "GradientDescent/learning_rate",
        "GradientDescent/update_w/ApplyGradientDescent",
    ]
    assert [(op.name, op.type) for op in (first, second)] == [
        ("GradientDescent", "NoOp"),
        ("GradientDescent_1", "NoOp"),
    ]
    assert tf.get_collection(tf.GraphKeys.TRAIN_OP) == [first, second]


def test_with_a_global_step_the_operation_is_its_increment() -> None:
    """It waits for the updates, and stays with the counter."""
    w = tf.Variable([1.0, 2.0], name="w")
    step = _sgd().minimize(tf.reduce_sum(w * w), global_step=tf.train.create_global_step())
    assert (step.name, step.type, step.colocation_groups()) == ("GradientDescent", "AssignAdd", [b"loc:@global_step"])
    value = step.inputs[1].op
    assert (value.name, [op.name for op in value.control_inputs]) == (
        "GradientDescent/value",
        ["GradientDescent/update"],
    )


def test_a_name_can_be_given() -> None:
    """The operation's by minimize, the optimiser's by its constructor."""
    w = tf.Variable(1.0)
    assert _sgd().minimize(w * w, name="train").name == "train"
    optimizer = tf.train.GradientDescentOptimizer(0.5, name="Mine")
    assert (optimizer.minimize(w * w).name, optimizer.get_name()) == ("Mine", "Mine")
    with pytest.raises(ValueError, match="Must specify the optimizer name"):
        tf.train.GradientDescentOptimizer(0.5, name="")


def test_slots_of_momentum() -> None:
    """They are global, not trainable, named after variable and optimiser, and found by name."""
    w = tf.Variable([1.0, 2.0], name="w")
    with tf.name_scope("train"):
        optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
        step = optimizer.minimize(tf.reduce_sum(w))
    slot = _slot(optimizer, w, "momentum")
    assert (step.name, optimizer.get_slot_names(), slot.name) == ("train/Momentum", ["momentum"], "w/Momentum:0")
    assert _names("w/Momentum") == [
        "w/Momentum/Initializer/zeros",
        "w/Momentum",
        "w/Momentum/Assign",
        "w/Momentum/read",
    ]
    assert (tf.global_variables(), tf.trainable_variables()) == ([w, slot], [w])
    assert optimizer.get_slot(w, "other") is None
    assert optimizer.get_slot(tf.Variable(1.0), "momentum") is None


def test_slots_are_made_once_an_optimiser() -> None:
    """A second step of the same optimiser shares them, another optimiser has its own."""
    w = tf.Variable([1.0, 2.0], name="w")
    first, second = tf.train.MomentumOptimizer(0.1, 0.9), tf.train.MomentumOptimizer(0.1, 0.9)
    for optimizer in (first, first, second):
        optimizer.minimize(tf.reduce_sum(w))
    assert [v.name for v in tf.global_variables()] == ["w:0", "w/Momentum:0", "w/Momentum_1:0"]


def test_a_slot_gives_way_to_a_node_of_its_name() -> None:
    """A variable that is called like a slot keeps its name and its nodes."""
    w = tf.Variable([1.0, 2.0], name="w")
    with tf.name_scope("w/"):
        other = tf.Variable(1.0, name="Momentum")
    optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
    optimizer.minimize(tf.reduce_sum(w))
    assert (other.name, _slot(optimizer, w, "momentum").name) == ("w/Momentum:0", "w/Momentum_1:0")
    assert get_default_graph().get_operation_by_name("w/Momentum") is other.op


def test_variables_of_adam() -> None:
    """Two slots a variable, and the powers of the betas beside the first of them by name."""
    with tf.device("/gpu:0"):
        w, b = tf.Variable([1.0, 2.0], name="w"), tf.Variable(1.0, name="b")
    optimizer = tf.train.AdamOptimizer()
    step = optimizer.minimize(tf.reduce_sum(w) + b)
    assert (step.name, optimizer.get_slot_names()) == ("Adam", ["m", "v"])
    assert [v.name for v in tf.global_variables()] == [
        "w:0",
        "b:0",
        "beta1_power:0",
        "beta2_power:0",
        "w/Adam:0",
        "w/Adam_1:0",
        "b/Adam:0",
        "b/Adam_1:0",
    ]
    powers = [get_default_graph().get_operation_by_name(name) for name in ("beta1_power", "beta2_power")]
    assert [(op.device, op.colocation_groups()) for op in powers] == [("/device:GPU:0", [b"loc:@b"])] * 2
    assert [op.name for op in step.control_inputs] == [
        "Adam/update_w/ApplyAdam",
        "Adam/update_b/ApplyAdam",
        "Adam/Assign",
        "Adam/Assign_1",
    ]


def test_adam_makes_its_powers_anew_in_another_graph() -> None:
    """One optimiser may serve several graphs."""
    optimizer = tf.train.AdamOptimizer()
    for _ in range(2):
        with Graph().as_default():
            w = tf.Variable(1.0, name="w")
            optimizer.minimize(w * w)
            assert [v.name for v in tf.global_variables()][1:3] == ["beta1_power:0", "beta2_power:0"]


def test_updates_run_where_their_variable_is() -> None:
    """Slots and update ops follow it, whatever device scope the optimiser is called in."""
    with tf.device("/job:ps/task:7"):
        w = tf.Variable([1.0, 2.0], name="w")
    with tf.device("/cpu:1"):
        optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
        optimizer.minimize(tf.reduce_sum(w * w))
    update = get_default_graph().get_operation_by_name("Momentum/update_w/ApplyMomentum")
    assert update.device == w.device == "/job:ps/task:7"
    assert update.colocation_groups() == [b"loc:@w"]
    assert [op.device for op in map(get_default_graph().get_operation_by_name, _names("w/Momentum"))] == [w.device] * 4


def test_a_slot_of_unknown_shape_takes_the_shape_of_the_variable() -> None:
    """It is made of zeros in the shape that the variable turns out to have."""
    value = tf.placeholder(tf.float64)
    w = tf.Variable(value, name="w", validate_shape=False)
    optimizer = tf.train.MomentumOptimizer(0.5, 0.5)
    step = optimizer.minimize(tf.reduce_sum(w * w))
    slot = _slot(optimizer, w, "momentum")
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init, {value: [[1.0, 2.0]]})
        np.testing.assert_array_equal(session.run(slot), [[0.0, 0.0]])
        session.run(step)
        np.testing.assert_array_equal(session.run(w), [[0.0, 0.0]])


def test_a_slot_of_a_part_is_the_same_part() -> None:
    """In a checkpoint the slot of a slice of a variable is a slice of a slot."""
    w = tf.Variable([1.0, 2.0], name="w/part_0")
    w._set_save_slice_info(tf.Variable.SaveSliceInfo("w", [4], [0], [2]))
    optimizer = tf.train.MomentumOptimizer(0.5, 0.5)
    optimizer.minimize(tf.reduce_sum(w))
    info = _slot(optimizer, w, "momentum")._get_save_slice_info()
    assert info is not None
    assert (info.full_name, info.spec) == ("w/Momentum", "4 0,2")


def test_compute_gradients_of_all_or_given_variables() -> None:
    """By default of all trainable ones; lists may be nested; what has no gradient comes with None."""
    w, b = tf.Variable(1.0, name="w"), tf.Variable(1.0, name="b")
    loss = w * w
    assert [(grad is None, v) for grad, v in _sgd().compute_gradients(loss)] == [(False, w), (True, b)]
    assert [v for _, v in _sgd().compute_gradients(loss, var_list=[b, (w,)])] == [b, w]


@pytest.mark.parametrize(
    "gate", [tf.train.Optimizer.GATE_NONE, tf.train.Optimizer.GATE_OP, tf.train.Optimizer.GATE_GRAPH]
)
def test_gates_change_the_order_only(gate: int) -> None:
    """Whatever waits for what, the gradients are the same."""
    w, b = tf.Variable(3.0, name="w"), tf.Variable(1.0, name="b")
    pairs = _sgd().compute_gradients(w * b + b, gate_gradients=gate)
    gated = {tf.train.Optimizer.GATE_OP: "gradients/mul_grad/tuple/", tf.train.Optimizer.GATE_GRAPH: "tuple/"}
    assert pairs[0][0].op.name.startswith(gated.get(gate, "gradients/mul_grad/"))
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init)
        assert session.run([grad for grad, _ in pairs]) == [1.0, 4.0]


def test_what_minimize_refuses() -> None:
    """Each has TensorFlow's message."""
    with pytest.raises(ValueError, match=r"^No variables to optimize\.$"):
        _sgd().minimize(tf.constant(1.0))
    w = tf.Variable(1.0, name="w")
    with pytest.raises(
        ValueError, match="No gradients provided for any variable, check your graph for ops that do not"
    ):
        _sgd().minimize(tf.constant(1.0))
    with pytest.raises(ValueError, match=r"Invalid type tf.int32 for Const.*, expected: \[tf.float32"):
        _sgd().minimize(tf.constant(1))
    with pytest.raises(ValueError, match=r"gate_gradients must be one of: .* Not 5"):
        _sgd().compute_gradients(w * w, gate_gradients=5)
    with pytest.raises(NotImplementedError, match="Trying to optimize unsupported type"):
        _sgd().compute_gradients(w * w, var_list=[w.value()])


def test_what_apply_gradients_refuses() -> None:
    """Empty lists, lists of None and what is no gradient."""
    w = tf.Variable(1.0, name="w")
    with pytest.raises(ValueError, match=r"^No variables provided\.$"):
        _sgd().apply_gradients([])
    with pytest.raises(ValueError, match=r"No gradients provided for any variable: .*'w:0'"):
        _sgd().apply_gradients([(None, w)])
    with pytest.raises(TypeError, match="Gradient must be convertible to a Tensor or IndexedSlices, or None"):
        _sgd().apply_gradients([(object(), w)])


def test_a_constraint_and_a_sparse_gradient_exclude_each_other() -> None:
    """Only the rows that were touched would be constrained."""
    w = tf.Variable([1.0, 2.0], constraint=lambda v: v)
    with pytest.raises(RuntimeError, match="Cannot use a constraint function on a sparse variable"):
        _sgd().minimize(tf.reduce_sum(tf.gather(w, [0])))


def test_a_subclass_without_its_methods() -> None:
    """It says which method is missing."""

    class Empty(tf.train.Optimizer):
        pass

    w = tf.Variable([1.0, 2.0], name="w")
    with pytest.raises(NotImplementedError, match="Empty needs a method _apply_dense to update w:0"):
        Empty(use_locking=False, name="Empty").minimize(tf.reduce_sum(w))
    with pytest.raises(NotImplementedError, match="Empty needs a method _apply_sparse to update w:0"):
        Empty(use_locking=False, name="Empty").minimize(tf.reduce_sum(tf.gather(w, [0])))


def test_a_subclass_with_slots_of_its_own() -> None:
    """The methods that subclasses are told to use make slots once, by tensor, by initialiser or of zeros."""

    class Slots(tf.train.Optimizer):
        def _create_slots(self, var_list: Any) -> None:
            for var in var_list:
                self._get_or_make_slot(var, tf.constant([5.0, 5.0]), "tensor", "Tensor")
                self._get_or_make_slot_with_initializer(var, tf.ones, var.shape, tf.float32, "ones", "Ones")
                self._zeros_slot(var, "zeros", "Zeros")

        def _apply_dense(self, grad: Any, var: Any) -> Any:
            return var.assign_add(_slot(self, var, "tensor") + _slot(self, var, "ones")).op

    w = tf.Variable([1.0, 2.0], name="w")
    optimizer = Slots(use_locking=False, name="Slots")
    step = optimizer.minimize(tf.reduce_sum(w))
    optimizer.minimize(tf.reduce_sum(w))
    assert optimizer.get_slot_names() == ["ones", "tensor", "zeros"]
    assert [v.op.name for v in tf.global_variables()] == ["w", "w/Tensor", "w/Ones", "w/Zeros"]
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init)
        session.run(step)
        assert session.run(w).tolist() == [7.0, 8.0]
