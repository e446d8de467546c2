from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint, entry_points
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.plugins import load_plugins, use_plugins
from holdfast.runtime.variants import Variant

CPU = "/job:localhost/replica:0/task:0/device:CPU:0"


@pytest.fixture(params=[10**9, 0], ids=["interpreted", "compiled"])
def sess(request: pytest.FixtureRequest) -> Iterator[tf.Session]:
    """Return a session that interprets always, or never."""
    with tf.Session() as session:
        session._interpreted_runs = request.param
        yield session


def traced(sess: tf.Session, fetches: Any, feeds: Any = None, level: int = 3) -> tuple[Any, Any]:
    """Return the values and the metadata of a traced run."""
    metadata = tf.RunMetadata()
    return sess.run(fetches, feeds, tf.RunOptions(trace_level=level), metadata), metadata


def nodes(metadata: Any, device: str = CPU) -> dict[str, Any]:
    """Return the nodes of a device by name, in the order of the trace."""
    (found,) = [d for d in metadata.step_stats.dev_stats if d.device == device]
    return {node.node_name: node for node in found.node_stats}


def shapes(node: Any) -> list[list[int]]:
    """Return the shapes of a node's outputs."""
    return [[dim.size for dim in output.tensor_description.shape.dim] for output in node.output]


def linear() -> tuple[Any, Any, Any, Any]:
    """Return a placeholder, a variable, their product and its sum."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.Variable(np.ones((3, 4), np.float32), name="w")
    y = tf.matmul(x, w, name="y")
    return x, w, y, tf.reduce_sum(y, name="z")


def test_names_and_labels_are_tensorflows(sess: tf.Session) -> None:
    """Each step is a node under its op's name; feeds, reads and fetches are nodes as TensorFlow names them."""
    x, w, y, z = linear()
    sess.run(w.initializer)
    (value, _), metadata = traced(sess, [z, y], {x: np.ones((2, 3))})
    assert value == 24.0
    assert [node.timeline_label for node in nodes(metadata).values()] == [
        "_SOURCE = NoOp()",
        "_arg_x_0_0 = _Arg()",
        "w/read = Identity(w)",
        "y = MatMul(_arg_x_0_0, w/read)",
        "z = Sum(y, Const)",
        "_retval_z_0_0 = _Retval(z)",
        "_retval_y_0_1 = _Retval(y)",
    ]


def test_outputs_have_dtype_shape_and_bytes(sess: tf.Session) -> None:
    """What a node made is described: number, dtype, shape, size, and where its elements are."""
    x, w, _, z = linear()
    sess.run(w.initializer)
    _, metadata = traced(sess, z, {x: np.ones((2, 3))})
    (output,) = nodes(metadata)["y"].output
    description = output.tensor_description
    assert (output.slot, description.dtype, shapes(nodes(metadata)["y"])) == (0, tf.float32.as_datatype_enum, [[2, 4]])
    assert description.allocation_description.requested_bytes == 32
    assert description.allocation_description.allocator_name == "cpu"
    assert description.allocation_description.ptr
    assert shapes(nodes(metadata)["z"]) == [[]]
    assert nodes(metadata)["z"].output[0].tensor_description.HasField("shape")
    assert shapes(nodes(metadata)["_arg_x_0_0"]) == [[2, 3]]


def test_times_follow_each_other(sess: tf.Session) -> None:
    """Nodes come one after another and do not overlap, in microseconds as in nanoseconds."""
    x, w, y, z = linear()
    sess.run(w.initializer)
    _, metadata = traced(sess, [z, y, w.assign_add(w)], {x: np.ones((2, 3))})
    (device,) = metadata.step_stats.dev_stats
    found = list(device.node_stats)
    for node in found:
        assert node.op_start_rel_micros == node.op_start_rel_nanos == 0
        assert 0 <= node.op_end_rel_micros <= node.all_end_rel_micros
        assert 0 <= node.op_end_rel_nanos <= node.all_end_rel_nanos
        assert node.scheduled_micros == node.all_start_micros == node.all_start_nanos // 1000
        ended = node.all_start_nanos + node.all_end_rel_nanos
        assert node.all_start_micros + node.all_end_rel_micros == ended // 1000
    for before, after in pairwise(found):
        assert before.all_start_nanos + before.all_end_rel_nanos <= after.all_start_nanos
        assert before.all_start_micros + before.all_end_rel_micros <= after.all_start_micros
    assert {node.thread_id for node in found} == {threading.get_native_id()}


@pytest.mark.parametrize("level", [1, 2, 3, 7])
def test_all_levels_but_the_lowest_trace(level: int) -> None:
    """As in TensorFlow, any level above 0 gives the steps, an unknown one as well."""
    sess = tf.Session()
    value, metadata = traced(sess, tf.constant([1.0, 2.0]) * 2, level=level)
    assert value.tolist() == [2.0, 4.0]
    assert list(nodes(metadata)) == ["_SOURCE", "_retval_mul_0_0"]  # the product of constants was computed before


def test_without_a_trace_the_metadata_is_emptied() -> None:
    """As in TensorFlow: a run overwrites what the message had; options without a trace leave it empty."""
    sess, c = tf.Session(), tf.constant(1.0)
    for options in (None, tf.RunOptions(), tf.RunOptions(trace_level=tf.RunOptions.NO_TRACE)):
        metadata = tf.RunMetadata()
        metadata.step_stats.dev_stats.add(device="old")
        assert sess.run(c, options=options, run_metadata=metadata) == 1.0
        assert metadata == tf.RunMetadata()


def test_a_run_that_fails_leaves_the_metadata_alone(sess: tf.Session) -> None:
    """What the message had is still there, and the error is that of a run without a trace."""
    x, w, y, _ = linear()
    sess.run(w.initializer)
    bad = tf.gather(y, tf.placeholder(tf.int32, [], name="i"), name="bad")
    feeds = {x: np.ones((2, 3)), "i:0": 9}
    with pytest.raises(tf.errors.InvalidArgumentError) as untraced:
        sess.run(bad, feeds)
    metadata = tf.RunMetadata()
    metadata.step_stats.dev_stats.add(device="old")
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        sess.run(bad, feeds, tf.RunOptions(trace_level=3), metadata)
    assert str(error.value) == str(untraced.value)
    assert error.value.op.name == "bad"
    assert [device.device for device in metadata.step_stats.dev_stats] == ["old"]


def test_a_trace_without_metadata_is_a_run() -> None:
    """Nobody wants the trace, so none is made."""
    c = tf.constant(2.0)
    assert tf.Session().run(c, options=tf.RunOptions(trace_level=3)) == 2.0


def test_updates_are_told_with_their_variables(sess: tf.Session) -> None:
    """The output of an assignment is the variable: its memory is kept, and taken only when it is new."""
    v = tf.Variable(np.zeros(100, np.float32), name="v")
    add = v.assign_add(np.ones(100, np.float32))
    _, metadata = traced(sess, v.initializer)
    assert nodes(metadata)["v/Assign"].memory_stats.host_persistent_memory_size == 400
    assert nodes(metadata)["v/Assign"].memory[0].total_bytes == 400
    _, metadata = traced(sess, add.op)
    assert nodes(metadata)["AssignAdd"].memory_stats.host_persistent_memory_size == 400
    assert nodes(metadata)["AssignAdd"].memory[0].total_bytes == 0  # in place
    held = sess.make_callable(v, copy=False)()
    _, metadata = traced(sess, add.op)
    assert nodes(metadata)["AssignAdd"].memory[0].total_bytes == 400  # the reader keeps what it has
    assert held[0] == 1.0
    address = nodes(metadata)["AssignAdd"].output[0].tensor_description.allocation_description.ptr
    _, metadata = traced(sess, v.op.outputs[0] + 1.0)
    assert nodes(metadata)["v"].output[0].tensor_description.allocation_description.ptr == address


def test_memory_is_counted_where_it_is_taken(sess: tf.Session) -> None:
    """A view takes none, a fetch takes a copy, and what writes into a workspace keeps its memory."""
    x = tf.placeholder(tf.float32, [None], name="x")
    double = tf.add(x, x, name="double")
    row = tf.reshape(double, [1, -1], name="row")
    out = tf.exp(row, name="out")
    same = tf.identity(x)
    for _ in range(3):
        _, metadata = traced(sess, [same, out], {x: np.zeros(50, np.float32)})
    found = nodes(metadata)
    taken, kept = found["double"].memory[0].total_bytes, found["double"].memory_stats.host_persistent_memory_size
    assert (taken, kept) == ((200, 0) if sess._interpreted_runs else (0, 200))
    assert found["row"].memory[0].total_bytes == 0
    assert found["out"].memory[0].total_bytes == 200
    assert found["out"].output[0].tensor_description.allocation_description.has_single_reference
    assert found["_retval_Identity_0_0"].memory[0].total_bytes == 200
    assert found["_retval_out_0_1"].memory[0].total_bytes == 0  # nobody else has it: it is handed out as it is


def test_only_the_branch_that_is_taken_is_in_the_trace(sess: tf.Session) -> None:
    """Operations of the other branch did not run, and are not told."""
    p, x = tf.placeholder(tf.bool, [], name="p"), tf.placeholder(tf.float32, [], name="x")
    out = tf.cond(p, lambda: tf.exp(x, name="yes"), lambda: tf.negative(x, name="no"))
    for taken, node in ((True, "cond/yes"), (False, "cond/no")):
        _, metadata = traced(sess, out, {p: taken, x: 1.0})
        assert list(nodes(metadata)) == [
            "_SOURCE",
            "_arg_p_0_0",
            "_arg_x_0_1",
            node,
            "cond/Merge",
            f"_retval_{out.op.name}_0_0",
        ]


def test_a_trace_is_of_what_would_have_run_without_it() -> None:
    """The first two runs of a plan are interpreted, later ones compiled: traced or not."""
    x = tf.placeholder(tf.float32, [None], name="x")
    out = tf.exp(tf.add(x, x, name="double"))
    sess, feeds = tf.Session(), {x: np.zeros(50, np.float32)}
    kept = []
    for _ in range(3):
        _, metadata = traced(sess, out, feeds)
        kept.append(nodes(metadata)["double"].memory_stats.host_persistent_memory_size)
    assert kept == [0, 0, 200]
    (plan,) = sess._plans.values()
    usual, watched = (form(2, list(feeds.values())) for form in (plan.form, plan.watched_form))
    assert isinstance(usual, Variant)
    assert watched is usual.watched_form()
    assert all("watch" in text for text in usual.watched_form().texts)
    assert not any("watch" in text for text in usual.texts)


def test_an_accelerator_has_nodes_of_its_own() -> None:
    """Nodes are under the device that ran them, with copies between devices; what is fetched ends on the host."""
    own = EntryPoint("strict-gpu", "tests.property.strict_gpu", "holdfast")
    plugins = load_plugins({"devices": {"GPU": "strict-gpu"}}, [*entry_points(group="holdfast"), own])
    x = tf.placeholder(tf.float32, [None], name="x")
    with tf.device("/gpu:0"):
        v = tf.Variable(np.ones(4, np.float32), name="v")
        y = tf.multiply(x, v, name="y")
        z = tf.reshape(y, [2, 2], name="z")
    with use_plugins(plugins), tf.Session() as session:
        session.run(v.initializer)
        _, metadata = traced(session, z, {x: np.ones(4, np.float32)})
    gpu = nodes(metadata, CPU.replace("CPU", "GPU"))
    assert list(nodes(metadata)) == ["_SOURCE", "_arg_x_0_0", "_retval_z_0_0"]
    assert {name: (node.memory[0].allocator_name, node.memory[0].total_bytes) for name, node in gpu.items()} == {
        "_recv__arg_x_0_0_0": ("GPU_0", 16),
        "v/read": ("GPU_0", 0),
        "y": ("GPU_0", 16),
        "z": ("GPU_0", 0),
    }
    assert gpu["_recv__arg_x_0_0_0"].timeline_label == "_recv__arg_x_0_0_0 = _Recv(_arg_x_0_0)"
    assert gpu["v/read"].memory_stats.device_persistent_memory_size == 16
    assert shapes(gpu["z"]) == [[2, 2]]


def test_a_callable_can_be_traced(sess: tf.Session) -> None:
    """With accept_options; in a run without copies nothing is taken for a variable that is fetched."""
    v = tf.Variable(np.zeros(10, np.float32), name="v")
    sess.run(v.initializer)
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.SOFTWARE_TRACE)
    for copy, taken in ((True, 40), (False, 0)):
        call = sess.make_callable(v, accept_options=True, copy=copy)
        assert call(options=options, run_metadata=metadata).tolist() == [0.0] * 10
        assert nodes(metadata)["_retval_v_0_0"].memory[0].total_bytes == taken


def test_a_run_within_a_traced_run_is_not_in_the_trace(sess: tf.Session) -> None:
    """What a Python function runs is its own affair: the trace has the function."""
    inner = tf.add(tf.placeholder(tf.float32, [], name="x"), 1.0, name="inner")
    outer = tf.py_func(lambda: sess.run(inner, {"x:0": 1.0}), [], tf.float32, name="call")
    value, metadata = traced(sess, outer)
    assert value == 2.0
    assert list(nodes(metadata)) == ["_SOURCE", "call", "_retval_call_0_0"]


def test_the_lock_is_given_back_after_a_traced_run() -> None:
    """As after any other run, also one that fails."""
    sess, one = tf.Session(), tf.constant(1.0)
    with ThreadPoolExecutor(1) as other_thread:
        traced(sess, one)
        assert other_thread.submit(sess.run, one).result(timeout=30) == 1.0
        with pytest.raises(tf.errors.InvalidArgumentError):
            traced(sess, tf.placeholder(tf.float32) + 1.0)
        assert other_thread.submit(sess.run, one).result(timeout=30) == 1.0


def test_hardware_traces_wait_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step's work counts as the step's; a software trace only tells how long it took to start it."""
    sess = tf.Session()
    x = tf.placeholder(tf.float32, [])
    waited: list[int] = []
    device = sess.list_devices()[0].device
    monkeypatch.setattr(type(device), "synchronize", lambda self: waited.append(self.index))
    traced(sess, tf.exp(x), {x: 1.0}, tf.RunOptions.SOFTWARE_TRACE)
    assert waited == []
    traced(sess, tf.exp(x), {x: 1.0}, tf.RunOptions.HARDWARE_TRACE)
    assert waited == [0, 0]  # the step and the hand-out


def test_memory_that_was_given_back_counts_anew() -> None:
    """That the allocator hands out an address again does not make two arrays one."""
    x = tf.placeholder(tf.float32, [None], name="x")
    y = tf.add(x, x, name="y")
    call = tf.py_func(lambda array: array, [y], tf.float32, name="call")
    total = tf.add(call, call, name="total")
    sess = tf.Session()
    for y_taken in (40, 40, 0, 0):  # from the third run on it has a workspace
        _, metadata = traced(sess, total, {x: np.zeros(10, np.float32)})
        taken = [node.memory[0].total_bytes for node in nodes(metadata).values()]
        assert taken == [0, 0, y_taken, 40, 40, 0]
