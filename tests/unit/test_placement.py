from __future__ import annotations

import logging
from typing import Any

import pytest

import holdfast as tf
from holdfast.ops.apply import apply_op

CPU0 = "/job:localhost/replica:0/task:0/device:CPU:0"


def _session(**config: Any) -> tf.Session:
    return tf.Session(config=tf.ConfigProto(**config))


def _device(sess: Any, element: Any) -> str:
    op = element if isinstance(element, tf.Operation) else element.op
    return str(sess._placer.device(op).name).rsplit("/", 1)[-1]


def _error(fetch: Any, sess: Any) -> str:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        sess.run(fetch)
    return str(caught.value.message)


@pytest.mark.parametrize("device,shown", [("/gpu:0", "/device:GPU:0"), ("/cpu:100", "/device:CPU:100")])
def test_a_device_that_is_not_there(device: str, shown: str) -> None:
    """Without soft placement it is TensorFlow's error, with the reason and the way out."""
    with tf.device(device):
        w = tf.Variable(1.0, name="w")
    first, *rest = _error(w.initializer, tf.Session()).split("\n")
    assert first == (
        f"Cannot assign a device for operation 'w': Operation was explicitly assigned to {shown} but available devices "
        f"are [ {CPU0} ]. Make sure the device specification refers to a valid device."
    )
    assert "allow_soft_placement=True" in rest[-1]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("device", ["/job:ps", "/job:worker/task:3", "/task:1"])
def test_other_jobs_and_tasks_need_a_cluster(device: str, *, soft: bool) -> None:
    """Jobs and tasks are never given up, not even by soft placement; the error says what is missing."""
    with tf.device(device):
        c = tf.constant(1.0, name="c")
    message = _error(c, _session(allow_soft_placement=soft))
    assert message.startswith(
        f"Cannot assign a device for operation 'c': Operation was explicitly assigned to {c.device} but available "
        f"devices are [ {CPU0} ]. Make sure the device specification refers to a valid device."
    )
    assert "no cluster plug-in is installed" in message


def test_this_job_and_task_are_there() -> None:
    """The full name of a local device, in any case of letters, is that device."""
    for device in (CPU0, "/job:localhost/cpu:0", "/CPU:0", "/device:CPU:*"):
        with tf.device(device):
            assert tf.Session().run(tf.constant(1.0)) == 1.0


def test_soft_placement_runs_elsewhere_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """The graph keeps the device that was asked for; one warning says what fell back and why, explain the rest."""
    with tf.device("/gpu:0"):
        v = tf.Variable(1.0, name="v")
        doubled = tf.multiply(v, 2.0, name="doubled")
    sess = _session(allow_soft_placement=True)
    with caplog.at_level(logging.WARNING, logger="holdfast.placement"):
        sess.run(v.initializer)
        assert sess.run(doubled) == 2.0
    assert v.device == "/device:GPU:0"
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert f"was asked to run on /device:GPU:0 and runs on {CPU0} instead (" in message
    notes = sess._placer.notes([v.op, doubled.op])
    assert notes["v"].startswith(f"asked for /device:GPU:0, runs on {CPU0}: ")
    assert set(notes) == {"v", "doubled"}


def test_devices_of_one_type() -> None:
    """Ops run on the device that they name; without one, on the first."""
    ops = {}
    for i in range(3):
        with tf.device(f"/cpu:{i}"):
            ops[i] = tf.constant(float(i)) * 2.0
    free = tf.constant(1.0) + 1.0
    sess = _session(device_count={"CPU": 3})
    assert sess.run([*ops.values(), free]) == [0.0, 2.0, 4.0, 2.0]
    assert [_device(sess, op) for op in (*ops.values(), free)] == [
        "device:CPU:0",
        "device:CPU:1",
        "device:CPU:2",
        "device:CPU:0",
    ]


def test_updates_stay_with_their_variable() -> None:
    """Initialiser, read and later updates run where the variable is, whatever device is around them."""
    with tf.device("/cpu:1"):
        v = tf.Variable(1.0, name="v")
    with tf.device("/cpu:2"):
        update = v.assign_add(1.0)
        elsewhere = v + 1.0
    sess = _session(device_count={"CPU": 3})
    sess.run(v.initializer)
    assert sess.run([update, elsewhere]) == [2.0, 3.0]
    assert [_device(sess, t) for t in (v, v.initializer, v.value(), update)] == ["device:CPU:1"] * 4
    assert _device(sess, elsewhere) == "device:CPU:2"


def test_an_update_without_colocation_follows_its_variable_too() -> None:
    """In a graph from elsewhere only the reference tells where an update belongs."""
    with tf.device("/cpu:1"):
        ref = apply_op("VariableV2", shape=[], dtype=tf.float32, name="v").outputs[0]
    assign = apply_op("Assign", ref, 1.0, name="assign")
    assign.attrs.pop("_class")
    assign._set_device("/device:CPU:2")
    sess = _session(device_count={"CPU": 3})
    assert sess.run(assign.outputs[0]) == 1.0
    assert _device(sess, assign) == "device:CPU:1"


def test_colocation_follows_groups_to_their_end() -> None:
    """What is colocated with something colocated runs where the first one does; circles and gaps do no harm."""
    with tf.device("/cpu:1"):
        a = tf.constant(1.0, name="a")
    with tf.colocate_with(a):
        b = tf.constant(2.0, name="b")
    b._op.attrs["_class"] = [b"loc:@a"]
    c = tf.constant(3.0, name="c")
    c.op.attrs["_class"] = [b"loc:@b"]
    lost = tf.constant(4.0, name="lost")
    lost.op.attrs["_class"] = [b"loc:@nobody", b"loc:@\xff"]
    first, second = tf.constant(5.0, name="first"), tf.constant(6.0, name="second")
    first.op.attrs["_class"], second.op.attrs["_class"] = [b"loc:@second"], [b"loc:@first"]
    sess = _session(device_count={"CPU": 2})
    assert sess.run([a, b, c, lost, first, second]) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert [_device(sess, t) for t in (b, c, lost)] == ["device:CPU:1", "device:CPU:1", "device:CPU:0"]


def test_a_device_string_that_cannot_be_read() -> None:
    """Only a graph from elsewhere has one: an error that names the op."""
    c = tf.constant(1.0, name="c")
    c.op._set_device("/foo:bar")
    assert _error(c, tf.Session()) == (
        "Malformed device specification '/foo:bar' of operation 'c': Unknown attribute: 'foo' in '/foo:bar'"
    )


def test_an_op_without_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """An op that no device can run is an error with the dtypes and the devices."""
    x = tf.exp(tf.placeholder_with_default([1.0], [1]), name="x")
    sess = tf.Session()
    monkeypatch.setattr(sess._placer, "_supports", lambda device, op: op.type != "Exp")
    assert _error(x, sess) == (
        "Cannot assign a device for operation 'x': No device that it may run on has a kernel for Exp with input dtypes "
        f"['float32']. Asked for: any device. Available: [ {CPU0} ]."
    )


@pytest.mark.parametrize("soft", [False, True])
def test_a_variables_device_that_lacks_a_kernel(monkeypatch: pytest.MonkeyPatch, *, soft: bool) -> None:
    """An op cannot follow its variable to a device without a kernel; soft placement runs it elsewhere."""
    with tf.device("/cpu:1"):
        v = tf.constant(1.0, name="v")
    with tf.colocate_with(v):
        x = tf.exp(tf.placeholder_with_default([1.0], [1]), name="x")
    sess = _session(device_count={"CPU": 2}, allow_soft_placement=soft)
    supports = sess._placer._supports
    monkeypatch.setattr(
        sess._placer, "_supports", lambda d, op: supports(d, op) and not (op.type == "Exp" and "CPU:1" in d.name)
    )
    if soft:
        assert sess.run(x)[0] == pytest.approx(2.7182817)
        assert "asked for" in sess._placer.notes([x.op])["x"]
    else:
        assert "CPU:1 (as 'v')" in _error(x, sess)


def test_log_device_placement(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each placement is told, on standard error where nobody set up logging; other sessions stay silent."""
    monkeypatch.setattr(logging.getLogger("holdfast.placement"), "hasHandlers", lambda: False)
    c = tf.constant(1.0, name="c")
    _session(log_device_placement=True).run(c)
    assert capfd.readouterr().err == f"c: (Const): {CPU0}\n"
    tf.Session().run(c)
    assert capfd.readouterr().err == ""


def test_log_device_placement_by_logging(caplog: pytest.LogCaptureFixture) -> None:
    """Where logging is set up, placements are records."""
    c = tf.constant(1.0, name="c")
    with caplog.at_level(logging.INFO, logger="holdfast.placement"):
        _session(log_device_placement=True).run(c)
        tf.Session().run(c)
    assert [record.getMessage() for record in caplog.records] == [f"c: (Const): {CPU0}"]
