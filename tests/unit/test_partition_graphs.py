from __future__ import annotations

from typing import Any

import numpy as np

import holdfast as tf

CPU = "/job:localhost/replica:0/task:0/device:CPU:{}"


def partitions(fetches: Any, feeds: Any = None, devices: int = 1) -> list[Any]:
    """Return the partition graphs of a run, after the initialisation of all variables."""
    metadata = tf.RunMetadata()
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": devices})) as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(fetches, feeds, tf.RunOptions(output_partition_graphs=True), metadata)
    assert not metadata.HasField("step_stats")
    return list(metadata.partition_graphs)


def nodes(graph: Any) -> list[tuple[str, str, list[str]]]:
    """Return name, type and inputs of each node."""
    return [(node.name, node.op, list(node.input)) for node in graph.node]


def test_one_device() -> None:
    """What the run needs, with nodes for feeds and fetches, all on the device."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.Variable(np.ones((3, 4), np.float32), name="w")
    with tf.control_dependencies([w.initializer]):
        y = tf.matmul(x, w, name="y")
    tf.exp(y, name="not needed".replace(" ", "_"))
    (graph,) = partitions([y, x], {x: np.ones((2, 3))})
    assert nodes(graph) == [
        ("_arg_x_0_0", "_Arg", []),
        ("w/initial_value", "Const", []),
        ("w", "VariableV2", []),
        ("w/Assign", "Assign", ["w", "w/initial_value"]),
        ("w/read", "Identity", ["w"]),
        ("y", "MatMul", ["_arg_x_0_0", "w/read", "^w/Assign"]),
        ("_retval_y_0_0", "_Retval", ["y"]),
        ("_retval_x_0_1", "_Retval", ["_arg_x_0_0"]),
    ]
    assert {node.device for node in graph.node} == {CPU.format(0)}
    assert graph.versions == tf.get_default_graph().as_graph_def().versions
    assert graph.node[0].attr["T"].type == tf.float32.as_datatype_enum
    assert graph.node[-1].attr["index"].i == 1
    assert graph.node[5].attr["transpose_a"].b is False


def test_two_devices() -> None:
    """Between devices a value is sent, once, and its receiver is named as TensorFlow names it."""
    with tf.device("/cpu:0"):
        a = tf.placeholder(tf.float32, [2], name="a")
        b = tf.add(a, 1.0, name="b")
    with tf.device("/cpu:1"):
        c = tf.multiply(b, b, name="c")
    with tf.device("/cpu:0"):
        d = tf.add(c, b, name="d")
    first, second = partitions([d], {a: [1, 2]}, devices=2)
    assert nodes(first) == [
        ("_arg_a_0_0", "_Arg", []),
        ("b/y", "Const", []),
        ("b", "Add", ["_arg_a_0_0", "b/y"]),
        ("b/_0", "_Send", ["b"]),
        ("c/_3", "_Recv", []),
        ("d", "Add", ["c/_3", "b"]),
        ("_retval_d_0_0", "_Retval", ["d"]),
    ]
    assert nodes(second) == [
        ("b/_1", "_Recv", []),
        ("c", "Mul", ["b/_1", "b/_1"]),
        ("c/_2", "_Send", ["c"]),
    ]
    send, receive = first.node[3].attr, second.node[0].attr
    assert send["T"].type == receive["tensor_type"].type == tf.float32.as_datatype_enum
    for attr in (send, receive):
        assert attr["tensor_name"].s == b"edge_0_b"
        assert (attr["send_device"].s, attr["recv_device"].s) == (CPU.format(0).encode(), CPU.format(1).encode())
        assert attr["send_device_incarnation"].i == 1
        assert attr["client_terminated"].b is False


def test_order_between_devices_is_an_empty_tensor() -> None:
    """A control input from another device is told by what is sent after that operation."""
    with tf.device("/cpu:0"):
        before = tf.no_op(name="before")
    x = tf.placeholder(tf.float32, [], name="x")
    with tf.device("/cpu:1"), tf.control_dependencies([before]):
        after, other = tf.exp(x, name="after"), tf.negative(x, name="other")
    first, second = partitions([after, other], {x: 1.0}, devices=2)
    assert [node for node in nodes(first) if node[1] != "_Arg"] == [
        ("before", "NoOp", []),
        ("_arg_x_0_0/_0", "_Send", ["_arg_x_0_0"]),
        ("before/_2", "Const", ["^before"]),
        ("before/_3", "_Send", ["before/_2"]),
    ]
    assert nodes(second)[:4] == [
        ("_arg_x_0_0/_1", "_Recv", []),
        ("before/_4", "_Recv", []),
        ("after", "Exp", ["_arg_x_0_0/_1", "^before/_4"]),
        ("other", "Neg", ["_arg_x_0_0/_1", "^before/_4"]),
    ]
    assert [dim.size for dim in first.node[3].attr["value"].tensor.tensor_shape.dim] == [0]


def test_with_a_trace() -> None:
    """Both can be had of one run, and of a callable."""
    metadata = tf.RunMetadata()
    options = tf.RunOptions(output_partition_graphs=True, trace_level=tf.RunOptions.FULL_TRACE)
    call = tf.Session().make_callable(tf.constant(1.0, name="c"), accept_options=True)
    assert call(options=options, run_metadata=metadata) == 1.0
    assert [node.name for node in metadata.partition_graphs[0].node] == ["c", "_retval_c_0_0"]
    assert len(metadata.step_stats.dev_stats) == 1
