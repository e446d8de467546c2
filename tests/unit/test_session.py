from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import holdfast as tf


def _line(op: tf.Operation) -> int:
    assert op.site is not None
    return op.site.lineno


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", maxsplit=1)[0]


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"graph": "x"}, "graph must be a tf.Graph, but got <class 'str'>"),
        ({"config": "x"}, "config must be a tf.ConfigProto, but got <class 'str'>"),
        ({"target": 3}, "target must be a string, but got <class 'int'>"),
    ],
)
@pytest.mark.parametrize("kind", [tf.Session, tf.InteractiveSession])
def test_wrong_arguments(kind: Any, arguments: dict[str, Any], message: str) -> None:
    """A graph, config or target of another type is a TypeError in TensorFlow's words."""
    with pytest.raises(TypeError) as caught:
        kind(**arguments)
    assert str(caught.value) == message
    assert tf.get_default_session() is None


@pytest.mark.parametrize("target", ["grpc://localhost:2222", "local"])
def test_a_target_needs_a_cluster(target: str) -> None:
    """Any target but the empty one is unimplemented, and the error says which plug-in is missing."""
    with pytest.raises(tf.errors.UnimplementedError) as caught:
        tf.Session(target)
    assert str(caught.value) == (
        f"Cannot connect to {target!r}: no cluster plug-in is installed. Use the empty target, which runs in this "
        "process."
    )


def test_the_empty_target_is_this_process() -> None:
    """An empty string, bytes or None is this process."""
    empty: list[Any] = ["", b"", None]
    for target in empty:
        sess = tf.Session(target)
        assert (sess.sess_str, sess.graph) == (b"", tf.get_default_graph())


def test_the_graph_is_the_default_one_or_the_given_one() -> None:
    """A session runs the graph it was made with, whatever is the default later."""
    given = tf.Graph()
    with given.as_default():
        tf.constant(1, name="c")
    sess = tf.Session(graph=given)
    assert sess.graph is given
    assert sess.run("c:0") == 1
    assert [node.name for node in sess.graph_def.node] == ["c"]


def test_an_empty_graph_is_told_before_the_fetches_are_looked_at() -> None:
    """Nothing can be run of an empty graph, not even nonsense."""
    with pytest.raises(RuntimeError) as caught:
        tf.Session().run(None)
    assert str(caught.value) == "The Session graph is empty.  Add operations to the graph before calling run()."


def test_a_closed_session_runs_nothing() -> None:
    """After close, which may come twice, runs and callables are refused."""
    c = tf.constant(1)
    sess = tf.Session()
    call = sess.make_callable(c)
    assert sess.run(c) == 1
    sess.close()
    sess.close()
    for use in (lambda: sess.run(c), call, sess.list_devices, lambda: sess.explain(c), lambda: sess.make_callable(c)):
        with pytest.raises(RuntimeError) as caught:
            use()
        assert str(caught.value) == "Attempted to use a closed Session."


def test_a_with_block_makes_session_and_graph_the_default_and_closes() -> None:
    """Within the block the session and its graph are the default ones; at its end the session is closed."""
    graph = tf.Graph()
    with tf.Session(graph=graph) as sess:
        assert tf.get_default_session() is sess
        assert tf.get_default_graph() is graph
        assert tf.constant(2).eval() == 2
    assert tf.get_default_session() is None
    with pytest.raises(RuntimeError, match=r"closed"):
        sess.run([])


def test_as_default_does_not_close() -> None:
    """as_default only makes the session the default one; the graph stays what it is."""
    c = tf.constant(3)
    sess = tf.Session()
    with sess.as_default() as inner:
        assert inner is sess
        assert c.eval() == 3
    assert tf.get_default_session() is None
    assert sess.run(c) == 3


def test_the_error_of_a_with_block_comes_out() -> None:
    """What a block raises is raised, and the session is closed."""
    with pytest.raises(KeyError, match=r"boo"), tf.Session() as sess:
        raise KeyError("boo")
    with pytest.raises(RuntimeError, match=r"closed"):
        sess.run([])


def test_sessions_are_isolated() -> None:
    """Each session has its own values; what one initialises the other has not."""
    v = tf.Variable(1.0, name="v")
    first, second = tf.Session(), tf.Session()
    first.run(v.initializer)
    first.run(v.assign_add(1.0))
    assert first.run(v) == 2.0
    with pytest.raises(tf.errors.FailedPreconditionError):
        second.run(v)


def test_an_uninitialised_variable_names_itself_and_its_line() -> None:
    """The error has TensorFlow's first line, says where the variable was made and what to do, and keeps the op."""
    v = tf.Variable(1.0, name="w")
    with pytest.raises(tf.errors.FailedPreconditionError) as caught:
        tf.Session().run(v + 1.0)
    error = caught.value
    assert _first_line(error) == "Attempting to use uninitialized value w"
    assert f"It was made at {__file__}:{_line(v.op)}, in " in error.message
    assert "tf.global_variables_initializer()" in error.message
    assert (error.error_code, error.op.name, error.node_def.name) == (9, "add", "add")


@pytest.mark.parametrize("shape,text", [(None, ""), ([], ""), ([3], " and shape [3]"), ([None, 3], " and shape [?,3]")])
@pytest.mark.parametrize("dtype,name", [("float32", "float"), ("float64", "double"), ("string", "string")])
def test_a_placeholder_that_is_not_fed(dtype: str, name: str, shape: Any, text: str) -> None:
    """TensorFlow's sentence, with the dtype's C++ name and the shape as far as it is known."""
    x = tf.placeholder(dtype, shape, name="x")
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.Session().run(tf.identity(x))
    assert _first_line(caught.value) == f"You must feed a value for placeholder tensor 'x' with dtype {name}{text}"
    assert caught.value.op is x.op


def test_a_missing_feed_is_told_before_anything_runs() -> None:
    """No update happens in a run that lacks a feed."""
    v = tf.Variable(1.0)
    x = tf.placeholder(tf.float32)
    sess = tf.Session()
    sess.run(v.initializer)
    update = v.assign_add(1.0)
    with pytest.raises(tf.errors.InvalidArgumentError):
        sess.run([update, x])
    assert sess.run(v) == 1.0


def test_a_failing_run_keeps_the_updates_it_made_and_the_session_goes_on() -> None:
    """Updates before the failing op stay, those after it do not happen; the next run is as any other."""
    v, w = tf.Variable(1.0, name="v"), tf.Variable(1.0, name="w")
    index = tf.placeholder(tf.int32, [])
    before = v.assign_add(1.0)
    row = tf.gather([5.0, 6.0], index, name="row")
    after = w.assign_add(1.0)
    sess = tf.Session()
    sess.run([v.initializer, w.initializer])
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        sess.run([after, row, before], {index: 7})
    assert caught.value.op is row.op
    assert sess.run([v, w]) == [2.0, 1.0]
    assert sess.run([after, row, before], {index: 1}) == [2.0, 6.0, 3.0]


def test_errors_say_op_site_device_and_inputs() -> None:
    """The text of a failure has the op, the line that made it, the device and dtypes and shapes of the inputs."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    index = tf.constant([9], name="index")
    row = tf.gather(x, index, name="row")
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.Session().run(row, {x: np.zeros((2, 3))})
    text = str(caught.value)
    assert f"op 'row' ({row.op.type}) on CPU:0" in text
    assert f"made at {__file__}:{_line(row.op)}, in " in text
    assert "with inputs float32[2, 3], int32[1]" in text


def test_integer_division_by_zero() -> None:
    """Integers are an error, floating-point numbers give infinities without a warning."""
    x = tf.placeholder(tf.int32, [])
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.Session().run(1 // x, {x: 0})
    assert tf.Session().run(tf.constant(1.0) / tf.constant(0.0)) == np.inf


def test_a_bug_of_a_kernel_is_internal_and_chained(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is no error of TensorFlow's comes as InternalError, with its cause."""
    sess = tf.Session()
    c = tf.exp(tf.placeholder_with_default([1.0], [1]))

    class Broken:
        def __call__(self, context: Any, *inputs: Any) -> Any:
            raise ZeroDivisionError("boo")

    monkeypatch.setattr(sess, "_kernel", lambda op, device: Broken())
    with pytest.raises(tf.errors.InternalError) as caught:
        sess.run(c)
    assert _first_line(caught.value) == "The kernel of op 'Exp' (Exp) failed with ZeroDivisionError: boo"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_running_out_of_memory_is_resource_exhausted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A MemoryError of a kernel becomes ResourceExhaustedError."""
    sess = tf.Session()
    c = tf.exp(tf.placeholder_with_default([1.0], [1]))

    class Hungry:
        def __call__(self, context: Any, *inputs: Any) -> Any:
            raise MemoryError("1 TiB")

    monkeypatch.setattr(sess, "_kernel", lambda op, device: Hungry())
    with pytest.raises(tf.errors.ResourceExhaustedError, match=r"^Out of memory in op 'Exp': 1 TiB"):
        sess.run(c)


def test_list_devices() -> None:
    """Devices have TensorFlow's names, types, and a memory limit."""
    sess = tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}))
    found = [(d.name, d.device_type) for d in sess.list_devices()]
    assert found == [
        ("/job:localhost/replica:0/task:0/device:CPU:0", "CPU"),
        ("/job:localhost/replica:0/task:0/device:CPU:1", "CPU"),
    ]
    assert sess.list_devices()[0].memory_limit_bytes >= 0


@pytest.mark.parametrize("count", [0, -1])
def test_a_session_needs_a_cpu(count: int) -> None:
    """A device_count that leaves no CPU is refused."""
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"CPU"):
        tf.Session(config=tf.ConfigProto(device_count={"CPU": count}))


def test_run_options() -> None:
    """Empty options are accepted; other types, unknown thread pools and the debugger are refused."""
    c = tf.constant(1)
    sess = tf.Session()
    assert sess.run(c, options=tf.RunOptions(), run_metadata=tf.RunMetadata()) == 1
    with pytest.raises(TypeError, match=r"^options must be a tf.RunOptions, but got <class 'int'>$"):
        sess.run(c, options=3)
    with pytest.raises(TypeError, match=r"^run_metadata must be a tf.RunMetadata, but got <class 'dict'>$"):
        sess.run(c, run_metadata={})
    for pool in (-1, 1):
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"^Invalid inter_op_thread_pool: {pool}\n"):
            sess.run(c, options=tf.RunOptions(inter_op_thread_pool=pool))
    options = tf.RunOptions()
    options.debug_options.debug_tensor_watch_opts.add(node_name="c")
    with pytest.raises(tf.errors.UnimplementedError, match=r"debugger"):
        sess.run(c, options=options)
    assert sess.run(c) == 1


def test_thread_pools_of_the_configuration_can_be_named() -> None:
    """Pools change nothing, but options may say which one of those that were configured."""
    config = tf.ConfigProto()
    config.session_inter_op_thread_pool.add(num_threads=1)
    config.session_inter_op_thread_pool.add(num_threads=2)
    sess = tf.Session(config=config)
    assert sess.run(tf.constant(1), options=tf.RunOptions(inter_op_thread_pool=1)) == 1


def test_an_existing_op_may_be_changed_between_runs() -> None:
    """New inputs and control inputs of an existing op count at the next run."""
    v = tf.Variable(1.0)
    sess = tf.Session()
    sess.run(v.initializer)
    first, second = tf.constant(1.0), tf.constant(2.0)
    out = tf.identity(first)
    assert sess.run(out) == 1.0
    out.op._update_input(0, second)
    assert sess.run(out) == 2.0
    update = v.assign_add(1.0)
    out.op._add_control_inputs([update.op])
    assert sess.run(out) == 2.0
    assert sess.run(v) == 2.0


def test_a_cycle_is_an_error() -> None:
    """Operations that wait for each other cannot run, and the error names them."""
    first = tf.identity(tf.constant(1.0), name="first")
    second = tf.identity(first, name="second")
    first.op._add_control_inputs([second.op])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"cycle among 2 operations, such as \['first', 'second'\]"
    ):
        tf.Session().run(second)


def test_a_shared_name_is_one_variable() -> None:
    """Variable ops with the same shared name have one value; of different dtypes that is an error."""
    from holdfast.ops.apply import apply_op

    def variable(dtype: Any, name: str) -> Any:
        return apply_op("VariableV2", shape=[2], dtype=dtype, shared_name=b"both", name=name).outputs[0]

    first, second, third = variable(tf.float32, "a"), variable(tf.float32, "b"), variable(tf.int32, "c")
    sess = tf.Session()
    sess.run(tf.assign(first, [1.0, 2.0]))
    assert sess.run(second).tolist() == [1.0, 2.0]
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        sess.run(tf.is_variable_initialized(third))
    assert _first_line(caught.value) == ("Trying to access variable both with wrong dtype. Expected float32 got int32")
