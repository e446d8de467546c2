from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.runtime.slots import Slot, SlotStore, Snapshot


def _slot(sess: Any, variable: tf.Variable) -> Slot:
    slot: Slot = sess._slots.slot(variable.op, sess._devices.host.device)
    return slot


def _array(sess: Any, variable: tf.Variable) -> Any:
    return _slot(sess, variable).require().array


def _started(*variables: tf.Variable) -> Any:
    sess = tf.Session()
    sess.run([v.initializer for v in variables])
    return sess


def test_updates_happen_in_place() -> None:
    """A steady loop of updates keeps one array, and no second one."""
    v = tf.Variable([1.0, 2.0])
    sess = _started(v)
    update, assign = v.assign_add([1.0, 1.0]), tf.assign(v, tf.placeholder_with_default([5.0, 6.0], [2]))
    array = _array(sess, v)
    for _ in range(3):
        sess.run([update.op, assign.op])
    assert _array(sess, v) is array
    assert _slot(sess, v).spare is None


def test_a_slot_owns_its_array() -> None:
    """Whatever is assigned, the variable's array is C-contiguous, native and shared with nobody."""
    x = tf.placeholder(tf.float32, [2, 3])
    v = tf.Variable(np.zeros((3, 2), np.float32))
    w = tf.Variable(np.zeros((3, 2), np.float32))
    feed = np.arange(6, dtype=np.float32).reshape(2, 3)
    sess = tf.Session()
    sess.run([v.assign(tf.transpose(x)), w.assign(v)], {x: feed})
    for variable in (v, w):
        array = _array(sess, variable)
        assert array.flags.c_contiguous
        assert array.flags.owndata
        assert not np.shares_memory(array, feed)
    assert not np.shares_memory(_array(sess, v), _array(sess, w))


def test_a_temporary_becomes_the_variable() -> None:
    """A computed value that nobody else needs is taken over, not copied."""
    x = tf.placeholder(tf.float32, [1000])
    v = tf.Variable(np.zeros(1000, np.float32))
    sess = _started(v)
    made: list[Any] = []
    kernel = sess._kernel

    def watched(op: Any, device: Any) -> Any:
        inner = kernel(op, device)
        if op.type != "Mul":
            return inner

        def compute(context: Any, *inputs: Any) -> Any:
            made.extend(inner(context, *inputs))
            return (made[-1],)

        return compute

    sess._kernel = watched
    sess.run(v.assign(x * 2.0).op, {x: np.ones(1000)})
    assert _array(sess, v) is made[0]


def test_a_snapshot_keeps_its_values() -> None:
    """An update beside a snapshot moves the variable; once released, the memory serves the next one."""
    v = tf.Variable([1.0, 2.0])
    sess = _started(v)
    update = v.assign_add([1.0, 1.0]).op
    snapshot = Snapshot([_slot(sess, v)])
    (old,) = snapshot.arrays()
    sess.run(update)
    assert old.tolist() == [1.0, 2.0]
    moved = _array(sess, v)
    assert moved.tolist() == [2.0, 3.0]
    sess.run(update)
    assert _array(sess, v) is moved
    snapshot.release()
    snapshot.release()
    with_spare = Snapshot([_slot(sess, v)])
    sess.run(update)
    assert _array(sess, v) is old
    with_spare.release()


def test_an_assignment_leaves_a_snapshot_alone() -> None:
    """A fed value, which would be copied into the variable's array, goes to another one."""
    v = tf.Variable([1.0, 2.0])
    x = tf.placeholder(tf.float32, [2])
    assign = v.assign(x).op
    sess = _started(v)
    snapshot = Snapshot([_slot(sess, v)])
    sess.run(assign, {x: [3.0, 4.0]})
    assert snapshot.arrays()[0].tolist() == [1.0, 2.0]
    assert sess.run(v).tolist() == [3.0, 4.0]
    snapshot.release()


def test_snapshots_of_one_instant() -> None:
    """Several snapshots of a value hold it until the last one goes."""
    v = tf.Variable([1.0])
    sess = _started(v)
    slot = _slot(sess, v)
    first, second = Snapshot([slot]), Snapshot([slot])
    assert first.arrays()[0] is second.arrays()[0]
    first.release()
    sess.run(v.assign_add([1.0]))
    assert second.arrays()[0].tolist() == [1.0]
    second.release()


def test_a_snapshot_of_an_uninitialised_variable() -> None:
    """It can be taken and put back; only its values are an error."""
    v = tf.Variable([1.0], name="v")
    sess = tf.Session()
    slot = _slot(sess, v)
    snapshot = Snapshot([slot])
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"^Attempting to use uninitialized value v"):
        snapshot.arrays()
    sess.run(v.initializer)
    snapshot.put_back()
    snapshot.release()
    assert slot.buffer is None


def test_memory_is_reused_once() -> None:
    """Two holders that let go of one former value give its memory to one new value, not to two."""
    v = tf.Variable(np.zeros(2, np.float32))
    sess = _started(v)
    add = v.assign_add(np.ones(2, np.float32)).op
    slot = _slot(sess, v)
    snapshots: list[Snapshot] = []

    def meanwhile() -> None:
        # The outer run has left the first buffer behind and holds it; its snapshot goes, and the inner run updates.
        snapshots.pop().release()
        held = Snapshot([slot])
        sess.run(add)
        held.release()

    with tf.control_dependencies([add]):
        call = tf.py_func(meanwhile, [], [])
    snapshots.append(Snapshot([slot]))
    sess.run(call)
    for expected in (3.0, 4.0, 5.0):
        held = Snapshot([slot])
        before = held.arrays()[0].copy()
        sess.run(add)
        assert sess.run(v).tolist() == [expected] * 2
        np.testing.assert_array_equal(held.arrays()[0], before)
        held.release()


def test_values_that_a_run_has_left_behind_stay_until_its_end() -> None:
    """A run reads an old value after it updated the variable and let others in: nobody may have reused the memory."""
    v = tf.Variable(np.zeros(2, np.float32))
    sess = _started(v)
    add = v.assign_add(np.ones(2, np.float32))
    old = v.read_value()
    inner = v.assign_add(np.full(2, 10.0, np.float32)).op
    with tf.control_dependencies([old]):
        first = v.assign_add(np.full(2, 100.0, np.float32))

    def meanwhile() -> None:
        for _ in range(3):
            held = Snapshot([_slot(sess, v)])
            sess.run(inner)
            held.release()

    with tf.control_dependencies([first]):
        call = tf.py_func(meanwhile, [], [])
    with tf.control_dependencies([call]):
        late = old * 1.0
    assert sess.run([late, old])[0].tolist() == [0.0, 0.0]
    assert sess.run(v).tolist() == [130.0, 130.0]
    sess.run(add)
    assert sess.run(v).tolist() == [131.0, 131.0]


def test_values_that_others_have_moved_on_from_stay_until_the_end_of_a_run() -> None:
    """What another run updates while this one waits, this one may still read after it has waited again."""
    v = tf.Variable(np.zeros(2, np.float32))
    sess = _started(v)
    inner = v.assign_add(np.ones(2, np.float32)).op

    def meanwhile() -> None:
        held = Snapshot([_slot(sess, v)])
        sess.run(inner)
        held.release()

    old = v.read_value()
    last: Any = old.op
    for _ in range(3):
        with tf.control_dependencies([last]):
            last = tf.py_func(meanwhile, [], [])
    with tf.control_dependencies([last]):
        late = old + 0.0
    assert sess.run([late, old])[0].tolist() == [0.0, 0.0]
    assert sess.run(v).tolist() == [3.0, 3.0]


def test_a_value_of_another_shape_takes_other_memory() -> None:
    """A variable without a fixed shape moves, and the spare memory of another size is not used."""
    v = tf.Variable([1.0, 2.0], validate_shape=False)
    x = tf.placeholder(tf.float32)
    sess = _started(v)
    snapshot = Snapshot([_slot(sess, v)])
    sess.run(tf.assign(v, x, validate_shape=False), {x: [1.0, 2.0, 3.0]})
    assert snapshot.arrays()[0].tolist() == [1.0, 2.0]
    snapshot.release()
    snapshot = Snapshot([_slot(sess, v)])
    sess.run(tf.assign(v, x, validate_shape=False), {x: [4.0]})
    assert snapshot.arrays()[0].tolist() == [1.0, 2.0, 3.0]
    assert sess.run(v).tolist() == [4.0]


def test_a_store_keeps_variables_by_container_and_shared_name() -> None:
    """Names that are not UTF-8 are names like others."""
    v, w = tf.Variable([1.0]), tf.Variable([1.0])
    w.op.attrs["shared_name"] = b"\xff"
    store = SlotStore()
    device = tf.Session()._devices.host.device
    assert store.slot(v.op, device) is store.slot(v.op, device)
    assert store.slot(v.op, device) is not store.slot(w.op, device)
    store.clear()
    assert store.slot(v.op, device).buffer is None
