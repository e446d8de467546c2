"""Initializers of several variables, and reports on what is not initialised."""

from __future__ import annotations

from typing import Any

import pytest

import holdfast as tf
from holdfast.graph import get_default_graph


def _two() -> tuple[tf.Variable, tf.Variable]:
    """Return a global and a local variable."""
    first = tf.Variable([1.0, 2.0], name="a")
    return first, tf.Variable(1, name="b", trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])


def test_initializers_are_named_groups() -> None:
    """Each waits for the initializers of its variables; of none it is a plain NoOp."""
    a, b = _two()
    made = [tf.global_variables_initializer(), tf.local_variables_initializer()]
    made += [tf.variables_initializer([a, b], name="both"), tf.variables_initializer([])]
    assert [(op.name, op.type, op.control_inputs) for op in made] == [
        ("init", "NoOp", [a.initializer]),
        ("init_1", "NoOp", [b.initializer]),
        ("both", "NoOp", [a.initializer, b.initializer]),
        ("init_2", "NoOp", []),
    ]


def test_an_initializer_covers_what_is_there_when_it_is_made() -> None:
    """Later variables are not covered."""
    tf.Variable(1.0, name="early")
    init = tf.global_variables_initializer()
    late = tf.Variable(1.0, name="late")
    with tf.Session() as session:
        session.run(init)
        assert not session.run(tf.is_variable_initialized(late))


def test_report_lists_what_is_uninitialised() -> None:
    """The names are op names, as bytes, of global and local variables."""
    a, _ = _two()
    report = tf.report_uninitialized_variables()
    assert (report.dtype, report.op.name) == (tf.string, "report_uninitialized_variables/boolean_mask/Gather")
    with tf.Session() as session:
        assert session.run(report).tolist() == [b"a", b"b"]
        session.run(a.initializer)
        assert session.run(report).tolist() == [b"b"]
        session.run(tf.local_variables_initializer())
        assert session.run(report).tolist() == []


def test_report_is_pinned_to_the_cpu() -> None:
    """Only the questions to the variables stay with them."""
    with tf.device("/gpu:0"):
        a = tf.Variable(1.0, name="a")
        report = tf.report_uninitialized_variables([a], name="report")
    devices = {op.name: op.device for op in get_default_graph().get_operations() if op.name.startswith("report/")}
    assert devices.pop("report/IsVariableInitialized") == "/device:GPU:0"
    assert set(devices.values()) == {"/device:CPU:0"}
    assert [name for name in devices if name.count("/") == 1] == ["report/stack", "report/LogicalNot", "report/Const"]
    assert report.op.name == "report/boolean_mask/Gather"


def test_report_of_nothing_is_empty() -> None:
    """Without variables there is a constant without elements."""
    report = tf.report_uninitialized_variables()
    assert (report.op.type, report.shape.as_list()) == ("Const", [0])


def test_report_finds_variables_of_imported_graphs() -> None:
    """Where no collection says what the variables are, the nodes do."""
    tf.Variable(1.0, name="a", collections=[], trainable=False)
    with tf.Session() as session:
        assert session.run(tf.report_uninitialized_variables()).tolist() == [b"a"]


def test_assert_variables_initialized_raises_until_all_are() -> None:
    """It reads every variable, although it only asks for ranks."""
    a, _ = _two()
    check = tf.assert_variables_initialized()
    single: Any = tf.assert_variables_initialized([a])
    assert single.op.type == "Rank"
    with tf.Session() as session:
        session.run(a.initializer)
        assert session.run(single) == 1
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value b"):
            session.run(check)
        session.run(tf.local_variables_initializer())
        assert session.run(check).tolist() == [1, 0]


def test_assert_of_no_variables_is_none() -> None:
    """There is nothing to check."""
    assert tf.assert_variables_initialized() is None
