from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast import protos
from holdfast.python.client import timeline

CPU = "/job:localhost/replica:0/task:0/device:CPU:{}"


def events(timeline_: timeline.Timeline, **options: bool) -> list[dict[str, Any]]:
    """Return the events of a timeline's file."""
    trace = json.loads(timeline_.generate_chrome_trace_format(**options))
    assert list(trace) == ["traceEvents"]
    found: list[dict[str, Any]] = trace["traceEvents"]
    return found


def traced(fetches: Any, feeds: Any = None, config: Any = None) -> Any:
    """Return the step stats of a run, after the initialisation of all variables."""
    metadata = tf.RunMetadata()
    with tf.Session(config=config) as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(fetches, feeds, tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), metadata)
    return metadata.step_stats


def made(*nodes: tuple[str, int, int], bytes_: int = 0, device: str = "cpu") -> protos.StepStats:
    """Return step stats as TensorFlow 1.4 writes them: labels with beginnings and ends in microseconds."""
    stats = protos.StepStats()
    found = stats.dev_stats.add(device=device)
    for label, began, ended in nodes:
        node = found.node_stats.add(node_name=label.partition(" = ")[0], timeline_label=label)
        node.all_start_micros, node.all_end_rel_micros = began, ended - began
        description = node.output.add().tensor_description
        description.dtype = 1
        memory = description.allocation_description
        memory.requested_bytes = memory.allocated_bytes = bytes_
        memory.allocator_name, memory.has_single_reference = "cpu", True
    return stats


def test_the_file_of_a_run_has_a_row_for_each_device() -> None:
    """Processes are devices; operations of one device follow each other on one row, within the whole."""
    with tf.device("/cpu:0"):
        x = tf.placeholder(tf.float32, [2], name="x")
        first = tf.exp(x, name="first")
    with tf.device("/cpu:1"):
        second = tf.multiply(first, first, name="second")
    found = events(timeline.Timeline(traced(second, {x: [1, 2]}, tf.ConfigProto(device_count={"CPU": 2}))))
    assert [event["args"]["name"] for event in found if event["ph"] == "M"] == [
        CPU.format(0) + " Compute",
        CPU.format(1) + " Compute",
    ]
    rows: dict[int, list[dict[str, Any]]] = {}
    for event in found:
        if event["ph"] == "X":
            assert event["tid"] == 0
            rows.setdefault(event["pid"], []).append(event)
    assert [[event["args"]["name"] for event in row] for row in rows.values()] == [
        ["_SOURCE", "_arg_x_0_0", "first", "_retval_second_0_0"],
        ["_recv_first_0", "second"],
    ]
    for row in rows.values():
        for before, after in pairwise(row):
            assert before["ts"] + before["dur"] <= after["ts"]


def test_what_a_viewer_shows_of_an_operation() -> None:
    """Its bar has the type; a click shows name, type, inputs, and dtype and shape of outputs."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.Variable(np.ones((3, 4), np.float32), name="w")
    y = tf.matmul(x, w, name="y")
    found = events(timeline.Timeline(traced(tf.reduce_sum(y), {x: np.ones((2, 3))})))
    (event,) = [event for event in found if event.get("args", {}).get("name") == "y"]
    assert (event["cat"], event["name"], event["pid"]) == ("Op", "MatMul", 1)
    assert event["args"] == {
        "name": "y",
        "op": "MatMul",
        "input0": "_arg_x_0_0",
        "input1": "w/read",
        "output0": "float32 [2, 4]",
        "allocated_bytes": 32,
    }


def test_arrows_go_to_other_rows() -> None:
    """A tensor that another device takes is an arrow from the end of the one to the beginning of the other."""
    with tf.device("/cpu:0"):
        first = tf.exp(tf.placeholder(tf.float32, [2], name="x"), name="first")
    with tf.device("/cpu:1"):
        second = tf.exp(tf.identity(first), name="second")
    stats = traced(second, {"x:0": [1, 2]}, tf.ConfigProto(device_count={"CPU": 2}))
    known = timeline.Timeline(stats, tf.get_default_graph())
    found = events(known)
    by_name = {event["args"]["name"]: event for event in found if event["ph"] == "X"}
    arrows = [event for event in found if event["ph"] in "st"]
    began = by_name["first"]["ts"] + by_name["first"]["dur"]
    assert [(event["ph"], event["id"], event["pid"], event["ts"]) for event in arrows] == [
        ("s", 0, 1, began),
        ("t", 0, 3, by_name["_recv_first_0"]["ts"]),
        ("s", 1, 1, began),
        ("t", 1, 3, by_name["second"]["ts"]),
        ("s", 2, 3, by_name["second"]["ts"] + by_name["second"]["dur"]),
        ("t", 2, 1, by_name["_retval_second_0_0"]["ts"]),
    ]
    assert [(event["cat"], event["name"]) for event in arrows[::2]] == [
        ("DataFlow", "first"),
        ("DataFlow", "first"),
        ("DataFlow", "second"),
    ]
    # Without the graph nobody knows that the identity, which did not run, is between the two.
    assert [event["id"] for event in events(timeline.Timeline(stats)) if event["ph"] in "st"] == [0, 0, 1, 1]
    assert {event["ph"] for event in events(known, show_dataflow=False)} == {"M", "X"}


def test_traces_of_tensorflow() -> None:
    """A message without nanoseconds, with nodes that overlap and received tensors under names of their own."""
    stats = made(
        ("a = NoOp()", 10, 20), ("b = Add(a, ^c)", 15, 40), ("d = Mul(a/_3, b:1)", 20, 30), ("e = X()", 40, 41)
    )
    found = [event for event in events(timeline.Timeline(stats)) if event["ph"] != "M"]
    assert [(e["args"]["name"], e["tid"], e["ts"], e["dur"]) for e in found if e["ph"] == "X"] == [
        ("a", 0, 10, 10),
        ("b", 1, 15, 25),
        ("d", 0, 20, 10),
        ("e", 0, 40, 1),
    ]
    assert found[1]["args"] == {
        "name": "b",
        "op": "Add",
        "input0": "a",
        "input1": "^c",
        "output0": "float32 []",
    }
    assert [(e["ph"], e["name"], e["tid"], e["ts"]) for e in found if e["ph"] in "st"] == [
        ("s", "a", 0, 20),
        ("t", "a", 1, 15),
    ]


def test_memory_over_time() -> None:
    """A counter has what operations took and nobody has used for the last time; the maximum names the tensors."""
    stats = made(("a = A()", 10, 20), ("b = B(a)", 20, 30), ("c = C(b)", 40, 50), bytes_=100)
    analysis = timeline.Timeline(stats).analyze_step_stats()
    trace = json.loads(analysis.chrome_trace.format_to_string())["traceEvents"]
    assert [(e["ts"], e["args"]) for e in trace if e["ph"] == "C"] == [
        (10, {"cpu": 100}),
        (20, {"cpu": 200}),
        (30, {"cpu": 100}),
        (40, {"cpu": 200}),
        (50, {"cpu": 0}),
    ]
    maximum = analysis.allocator_maximums["cpu"]
    assert (maximum.timestamp, maximum.num_bytes, {tensor.name for tensor in maximum.tensors}) == (20, 200, {"a", "b"})
    assert [e["args"]["name"] for e in trace if e["ph"] == "M"] == ["Allocators", "cpu Compute", "cpu Tensors"]
    assert Counter(e["ph"] for e in trace if e.get("cat") == "Tensor") == {"N": 3, "O": 3, "D": 3}


def test_memory_that_is_shared_counts_once() -> None:
    """An output at the address of another one, and not its only user, is the same memory, which lives longer for it."""
    stats = made(("a = A()", 10, 20), ("b = B(a)", 20, 30), ("c = C(b)", 40, 50), bytes_=100)
    for node, own in zip(stats.dev_stats[0].node_stats, (True, False, True), strict=True):
        memory = node.output[0].tensor_description.allocation_description
        memory.ptr, memory.has_single_reference = 4096, own
    analysis = timeline.Timeline(stats).analyze_step_stats()
    (first, second) = sorted(
        ((t.name, t.create_time, t.last_unref) for t in analysis.allocator_maximums["cpu"].tensors), key=str
    )
    assert (first, second) == (("a", 10, 50), ("c", 40, 50))


def test_memory_of_a_run() -> None:
    """What a run reports adds up: an intermediate, and the copy that the caller gets of a variable."""
    v = tf.Variable(np.zeros(100, np.float32), name="v")
    x = tf.placeholder(tf.float32, [100], name="x")
    total = tf.reduce_sum(tf.exp(x, name="exp"), name="total")
    stats = traced([v, total], {x: np.zeros(100, np.float32)})
    maximum = timeline.Timeline(stats).analyze_step_stats().allocator_maximums["cpu"]
    assert maximum.num_bytes == 404
    assert {(tensor.name, tensor.num_bytes) for tensor in maximum.tensors} == {("exp", 400), ("total", 4)}
    assert timeline.Timeline(stats).analyze_step_stats(show_memory=False).allocator_maximums == {}


def test_an_empty_trace() -> None:
    """Nothing has run: a file without events, and nothing allocated."""
    analysis = timeline.Timeline(protos.StepStats()).analyze_step_stats()
    assert json.loads(analysis.chrome_trace.format_to_string()) == {
        "traceEvents": [{"name": "process_name", "ph": "M", "pid": 0, "args": {"name": "Allocators"}}]
    }
    assert analysis.allocator_maximums == {}


@pytest.mark.parametrize("label", ["", "x", "a = ", "a = Add", "a = Add(b", "other = Add(b)", "a = (b)"])
def test_labels_that_say_nothing(label: str) -> None:
    """A label of another form than TensorFlow's is no error."""
    stats = protos.StepStats()
    stats.dev_stats.add(device="cpu").node_stats.add(node_name="a", timeline_label=label)
    (event,) = [event for event in events(timeline.Timeline(stats)) if event["ph"] == "X"]
    assert (event["name"], event["args"]["name"]) == ("" if label == "a = (b)" else "unknown", "a")
