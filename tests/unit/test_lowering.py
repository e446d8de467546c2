from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.ops.apply import apply_op
from holdfast.ops.control_flow import merge, switch
from holdfast.runtime.lowering import Lowering
from holdfast.runtime.plan import AnyStep, AssignStep, CopyStep, MergeStep, Plan, ReadStep, RunStep, Step, UpdateStep
from holdfast.runtime.subgraph import needed_ops


def _plan(fetches: list[Any], fed: list[Any] | None = None, sess: Any = None) -> Plan:
    """Return the plan of a run."""
    sess = sess or tf.Session()
    tensors = tuple(f._ref() if isinstance(f, tf.Variable) else f for f in fetches if not isinstance(f, tf.Operation))
    targets = tuple(f for f in fetches if isinstance(f, tf.Operation))
    feeds = tuple(fed or ())
    lowering = Lowering(sess._devices, sess._placer, sess._slots, sess._kernel)
    return lowering.plan(needed_ops(targets, tensors, set(feeds)), feeds, tensors, targets)


def _steps(plan: Plan) -> list[Step]:
    return [step for stretch in plan.stretches for step in stretch.steps]


def _told(plan: Plan) -> list[tuple[str, str]]:
    return [(type(step).__name__, step.op.name) for step in _steps(plan)]


def test_only_what_is_needed_runs_in_the_order_of_creation() -> None:
    """Ops that no fetch needs are left out; the others keep the order in which they were made."""
    x = tf.placeholder(tf.float32, [2], name="x")
    first = tf.exp(x, name="first")
    tf.exp(x, name="unused")
    last = tf.negative(x, name="last")
    total = tf.add(last, first, name="total")
    assert _told(_plan([total], [x])) == [("RunStep", "first"), ("RunStep", "last"), ("RunStep", "total")]


def test_a_feed_cuts_off_what_is_before_it() -> None:
    """Nothing runs that only a fed tensor needs."""
    x = tf.placeholder(tf.float32, [2], name="x")
    middle = tf.exp(x, name="middle")
    assert _told(_plan([tf.negative(middle, name="last")], [middle])) == [("RunStep", "last")]


def test_identities_and_constants_are_no_steps() -> None:
    """Identities are dropped, constants stand in the frame, groups only order."""
    x = tf.placeholder(tf.float32, [2], name="x")
    y = tf.identity(tf.stop_gradient(tf.identity(x)))
    plan = _plan([tf.add(y, [1.0, 2.0], name="sum"), tf.group(y)], [x])
    assert _told(plan) == [("RunStep", "sum")]


def test_constants_are_folded() -> None:
    """What depends on small constants only is computed once; large results and random numbers are not."""
    small = tf.add([1.0, 2.0], [3.0, 4.0]) * 2.0
    plan = _plan([small])
    assert (_steps(plan), plan.folded) == ([], 2)
    assert tf.Session().run(small).tolist() == [8.0, 12.0]
    large = tf.fill([100, 100], 1.0, name="large")
    drawn = tf.random_uniform([2], name="drawn")
    kinds = _told(_plan([large, drawn]))
    assert ("RunStep", "large") in kinds
    assert ("RunStep", "drawn/RandomUniform") in kinds


def test_an_op_that_cannot_be_folded_fails_in_the_run_that_needs_it() -> None:
    """A constant expression with an error is an error of the run, with the op named."""
    bad = tf.floordiv(tf.constant(1), tf.constant(0), name="bad")
    good = tf.constant(1)
    assert tf.Session().run(good) == 1
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.Session().run(bad)
    assert caught.value.op is bad.op


def test_reads_are_shared_until_an_update() -> None:
    """Uses of a variable share one read; after an update there is a new one."""
    v = tf.Variable([1.0, 2.0], name="v")
    first, second = tf.exp(v, name="first"), tf.negative(v, name="second")
    update = tf.assign_add(v, [1.0, 1.0], name="update")
    third = tf.exp(v, name="third")
    assert _told(_plan([first, second, third, update.op])) == [
        ("ReadStep", "first"),
        ("RunStep", "first"),
        ("RunStep", "second"),
        ("UpdateStep", "update"),
        ("ReadStep", "third"),
        ("RunStep", "third"),
    ]


def test_updates_of_other_variables_void_no_reads() -> None:
    """Only the variable that is updated is read again."""
    v, w = tf.Variable([1.0], name="v"), tf.Variable([1.0], name="w")
    first = tf.exp(v, name="first")
    update = tf.assign_add(w, [1.0], name="update")
    second = tf.negative(v, name="second")
    kinds = _told(_plan([first, update.op, second]))
    assert kinds.count(("ReadStep", "second")) == 0


def test_a_python_function_voids_reads() -> None:
    """It may have run the session meanwhile: what comes after it reads again."""
    v = tf.Variable([1.0], name="v")
    first = tf.exp(v, name="first")
    call = tf.py_func(lambda: None, [], [], name="call")
    second = tf.negative(v, name="second")
    assert ("ReadStep", "second") in _told(_plan([first, call, second]))


@pytest.mark.parametrize(
    "build,expected",
    [
        # Nobody needs the old value: in place.
        (lambda v: [tf.assign_add(v, [1.0, 1.0]).op], (True,)),
        # A value that was read before is fetched: the update goes elsewhere.
        (lambda v: [v.read_value(), tf.assign_add(v, [1.0, 1.0]).op], (False,)),
        # A view of it is used later.
        (lambda v: [tf.reshape(v.read_value(), [2, 1]), tf.assign_add(v, [1.0, 1.0]).op], (False,)),
        # It was used up before.
        (lambda v: [tf.exp(v.read_value()), tf.assign_add(v, [1.0, 1.0]).op], (True,)),
        # It is the update's own input.
        (lambda v: [tf.assign_add(v, tf.reverse(v, [0])).op], (False,)),
        (lambda v: [tf.assign_add(v, v.read_value()).op], (False,)),
    ],
)
def test_updates_in_place(build: Any, expected: tuple[bool, ...]) -> None:
    """An update writes in place where no live value may alias the variable."""
    fetches = build(tf.Variable([1.0, 2.0], name="v"))
    updates = [step for step in _steps(_plan(fetches)) if isinstance(step, UpdateStep)]
    assert tuple(step.in_place for step in updates) == expected


@pytest.mark.parametrize(
    "build,expected",
    [
        # A temporary that nobody else needs.
        (lambda v, w, x: [tf.assign(v, x * 2.0).op], (True,)),
        # A feed, a constant, another variable, a view of it, what a Python function returned.
        (lambda v, w, x: [tf.assign(v, x).op], (False,)),
        (lambda v, w, x: [tf.assign(v, [1.0, 2.0]).op], (False,)),
        (lambda v, w, x: [tf.assign(v, w.read_value()).op], (False,)),
        (lambda v, w, x: [tf.assign(v, tf.reshape(w, [2])).op], (False,)),
        (lambda v, w, x: [tf.assign(v, tf.py_func(lambda a: a, [x], tf.float32)).op], (False,)),
        # A temporary that is fetched, or of which a view is.
        (lambda v, w, x: _twice(v, x * 2.0, lambda y: y), (False,)),
        (lambda v, w, x: _twice(v, x * 2.0, lambda y: tf.reshape(y, [2, 1])), (False,)),
        # One temporary for two variables: the last one takes it.
        (lambda v, w, x: _both(v, w, x * 2.0), (False, True)),
    ],
)
def test_assignments_steal(build: Any, expected: tuple[bool, ...]) -> None:
    """An assignment takes over a temporary's memory, and nothing else."""
    x = tf.placeholder(tf.float32, [2])
    fetches = build(tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0]), x)
    steps = [step for step in _steps(_plan(fetches, [x])) if isinstance(step, AssignStep)]
    assert tuple(step.steal for step in steps) == expected


def _twice(v: Any, value: Any, also: Any) -> list[Any]:
    return [also(value), tf.assign(v, value).op]


def _both(v: Any, w: Any, value: Any) -> list[Any]:
    return [tf.assign(v, value).op, tf.assign(w, value).op]


def test_registers_are_let_go_of() -> None:
    """Each value goes with its last use; what is fetched stays."""
    x = tf.placeholder(tf.float32, [2], name="x")
    middle = tf.exp(x)
    out = tf.negative(middle)
    plan = _plan([out], [x])
    first, second = _steps(plan)
    assert isinstance(first, RunStep)
    assert isinstance(second, RunStep)
    assert first.dead == plan.feeds
    assert second.dead == first.outputs
    assert plan.fetches[0].register == second.outputs[0]


def test_a_cond_is_two_stretches_and_a_merge() -> None:
    """Each branch is one stretch under the predicate, the merge stands outside."""
    p = tf.placeholder(tf.bool, [])
    x = tf.placeholder(tf.float32, [2])
    out = tf.cond(p, lambda: tf.exp(tf.negative(x)), lambda: tf.sqrt(tf.abs(x)))
    plan = _plan([out], [p, x])
    register = plan.feeds[0]
    assert [stretch.guard for stretch in plan.stretches] == [((register, True),), ((register, False),), ()]
    assert [len(stretch.steps) for stretch in plan.stretches] == [2, 2, 1]
    assert plan.predicates[register] == "cond/pred_id:0"


def test_a_merge_of_one_predicate_is_always_there() -> None:
    """The two sides of a switch leave no condition; sides of different predicates leave one."""
    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    x = tf.placeholder(tf.float32, [2])
    whole = merge(list(switch(x, p)))[0]
    assert not _plan([whole], [p, q, x]).fetches[0].guard
    part = merge([switch(x, p)[0], switch(x, q)[1]])[0]
    plan = _plan([part], [p, q, x])
    assert plan.fetches[0].guard
    assert [type(step) for step in _steps(plan)] == [AnyStep, MergeStep]


def test_a_merge_lives_on_without_its_control_inputs() -> None:
    """A control input in a branch that is not taken only orders a merge."""
    p = tf.placeholder(tf.bool, [])
    off, on = switch(tf.constant(1.0), p)
    with tf.control_dependencies([tf.identity(on)]):
        merged, index = merge([off, on])
    assert tf.Session().run([merged, index], {p: False}) == [1.0, 0]
    assert tf.Session().run([merged, index], {p: True}) == [1.0, 1]


def test_a_merge_takes_the_first_input_that_is_there() -> None:
    """With several live inputs it is the first one, always."""
    assert tf.Session().run(merge([tf.constant(1), tf.constant(2)])) == (1, 0)


def test_variables_are_chosen_by_reference() -> None:
    """A merge of references is a variable: what updates it updates the chosen one."""
    p = tf.placeholder(tf.bool, [])
    v, w = tf.Variable(1.0, name="v"), tf.Variable(10.0, name="w")
    first = apply_op("RefSwitch", v._ref(), p).outputs[0]
    second = apply_op("RefSwitch", w._ref(), p).outputs[1]
    chosen = apply_op("RefMerge", [first, second]).outputs[0]
    update = apply_op("AssignAdd", chosen, 1.0).outputs[0]
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    assert sess.run(update, {p: False}) == 2.0
    assert sess.run([v, w]) == [2.0, 10.0]
    assert sess.run([update, chosen], {p: True}) == [11.0, 11.0]
    assert sess.run([v, w]) == [2.0, 11.0]


def test_an_update_of_a_chosen_variable_leaves_old_values_of_all_alone() -> None:
    """Each of the variables that may be chosen may be the one whose old value is still needed."""
    p = tf.placeholder(tf.bool, [])
    v, w = tf.Variable([1.0]), tf.Variable([10.0])
    old_w = w.read_value()
    first = apply_op("RefSwitch", v._ref(), p).outputs[0]
    second = apply_op("RefSwitch", w._ref(), p).outputs[1]
    update = apply_op("AssignAdd", apply_op("RefMerge", [first, second]).outputs[0], [1.0])
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    assert sess.run([old_w, update], {p: True})[0] == [10.0]
    assert sess.run([v, w]) == [[1.0], [11.0]]


def test_variables_of_different_devices_cannot_be_chosen_by_reference() -> None:
    """A merge of references to variables on two devices is an error that names them."""
    p = tf.placeholder(tf.bool, [])
    with tf.device("/cpu:1"):
        v = tf.Variable(1.0, name="v")
    w = tf.Variable(1.0, name="w")
    refs = [apply_op("RefSwitch", x._ref(), p).outputs[i] for i, x in enumerate((v, w))]
    merged = apply_op("RefMerge", refs).outputs[0]
    sess = tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}))
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        sess.run(merged, {p: True})
    assert caught.value.message == (
        "'RefMerge' (RefMerge) chooses between variables on different devices: v on CPU:1, w on CPU:0. Put them on one "
        "device, or merge their values."
    )


def test_a_read_in_a_branch_is_no_read_outside() -> None:
    """What was read where a branch is taken is read again where it may not be."""
    p = tf.placeholder(tf.bool, [])
    v = tf.Variable(1.0)
    inside = tf.cond(p, lambda: tf.assign_add(v, 1.0) * 1.0, lambda: tf.constant(-1.0))
    after = v + 0.0
    sess = tf.Session()
    sess.run(v.initializer)
    assert sess.run([inside, after], {p: False}) == [-1.0, 1.0]
    assert sess.run([inside, after], {p: True}) == [2.0, 2.0]


def test_an_update_of_two_references_to_one_variable_is_not_in_place() -> None:
    """Which of two chosen variables is updated is known in the run only, so neither is overwritten."""
    p = tf.placeholder(tf.bool, [])
    v, w = tf.Variable([1.0]), tf.Variable([10.0])
    first = apply_op("RefSwitch", v._ref(), p).outputs[0]
    second = apply_op("RefSwitch", w._ref(), p).outputs[1]
    chosen = apply_op("RefMerge", [first, second]).outputs[0]
    op = apply_op("ApplyMomentum", chosen, v._ref(), 1.0, [1.0], 0.5)
    (step,) = [s for s in _steps(_plan([op], [p])) if isinstance(s, UpdateStep)]
    assert not step.in_place


def test_a_placeholder_in_a_branch_is_needed_only_where_the_branch_is_taken() -> None:
    """A placeholder that a branch makes for itself may stay unfed as long as the other branch is taken."""
    p = tf.placeholder(tf.bool, [])
    out = tf.cond(p, lambda: tf.placeholder(tf.float32, [], name="x") * 2.0, lambda: tf.constant(1.0))
    assert tf.Session().run(out, {p: False}) == 1.0
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"^You must feed a value for placeholder tensor 'cond/x'"):
        tf.Session().run(out, {p: True})


def test_a_predicate_may_be_a_variable_that_its_branch_changes() -> None:
    """The predicate is read once, before the branches."""
    flag = tf.Variable(True, name="flag")
    count = tf.Variable(0.0, name="count")

    def taken() -> Any:
        with tf.control_dependencies([tf.assign(flag, False)]):
            return tf.assign_add(count, 1.0) * 1.0

    out = tf.cond(flag, taken, lambda: tf.constant(-1.0))
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    assert [sess.run(out) for _ in range(3)] == [1.0, -1.0, -1.0]


def test_a_variables_own_read_stands_for_the_variable() -> None:
    """Whoever takes w/read reads at its own place; read_value is a value of its place; a fetch reads at the end."""
    v = tf.Variable(1.0, name="v")
    early = v.read_value()
    before = v + 0.0
    update = v.assign_add(1.0)
    with tf.control_dependencies([update]):
        after = tf.identity(v)
    sess = tf.Session()
    sess.run(v.initializer)
    assert sess.run([early, before, after, v, v.value(), update]) == [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_running_a_variables_read_needs_a_value() -> None:
    """As an operation, a variable does nothing, and its read fails without a value, as in TensorFlow."""
    v = tf.Variable(1.0, name="v")
    sess = tf.Session()
    sess.run(v.op)
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"^Attempting to use uninitialized value v"):
        sess.run(v.value().op)


def test_copies_between_devices_are_made_once() -> None:
    """A value that several ops of another device take is copied once, and again only after an update."""
    with tf.device("/cpu:1"):
        v = tf.Variable([1.0, 2.0], name="v")
    first, second = tf.exp(v), tf.negative(v)
    sess = tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}))
    plan = _plan([first, second], sess=sess)
    kinds = [type(step) for step in _steps(plan)]
    assert kinds == [ReadStep, CopyStep, RunStep, RunStep]
    sess.run(v.initializer)
    np.testing.assert_array_equal(sess.run(second), [-1.0, -2.0])


def test_assign_checks_shapes_when_it_runs() -> None:
    """TensorFlow's sentence, with the shapes of the variable and of the value."""
    v = tf.Variable([1.0, 2.0], name="v")
    x = tf.placeholder(tf.float32)
    assign = tf.assign(v, x)
    sess = tf.Session()
    for _ in range(2):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            sess.run(assign, {x: [1.0, 2.0, 3.0]})
        assert caught.value.message == "Assign requires shapes of both tensors to match. lhs shape= [2] rhs shape= [3]"
        sess.run(v.initializer)
    sess.run(tf.assign(v, x, validate_shape=False), {x: [1.0, 2.0, 3.0]})
    assert sess.run(assign, {x: [4.0, 5.0, 6.0]}).tolist() == [4.0, 5.0, 6.0]
