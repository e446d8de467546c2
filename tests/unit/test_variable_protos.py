"""VariableDef and SaveSliceInfo: out of a graph and back."""

from __future__ import annotations

import pytest

import holdfast as tf
from holdfast import protos
from holdfast.variables.export_scope import prepend_name_scope, strip_name_scope


def test_to_proto_names_the_nodes() -> None:
    """All nodes of the variable are in the message."""
    with tf.name_scope("a"):
        v = tf.Variable([1.0], name="v")
    assert v.to_proto() == protos.VariableDef(
        variable_name="a/v:0",
        initializer_name="a/v/Assign",
        snapshot_name="a/v/read:0",
        initial_value_name="a/v/initial_value:0",
    )


def test_an_export_scope_is_taken_off() -> None:
    """Names lose the scope; a variable outside of it gives None."""
    with tf.name_scope("a"):
        v = tf.Variable([1.0], name="v")
    message = v.to_proto("a")
    assert (message.variable_name, message.initializer_name) == ("v:0", "v/Assign")
    assert v.to_proto("b") is None


def test_from_proto_finds_the_nodes_again() -> None:
    """The variable of a message is the same nodes, in no collection of its own."""
    with tf.name_scope("a"):
        v = tf.Variable([1.0], name="v")
    again = tf.Variable.from_proto(v.to_proto("a"), import_scope="a")
    assert again is not v
    assert (again.op, again.initializer, again.value(), again.initial_value) == (
        v.op,
        v.initializer,
        v.value(),
        v.initial_value,
    )
    assert tf.global_variables() == [v]


def test_a_message_without_initial_value() -> None:
    """Graphs of older versions do not name it."""
    v = tf.Variable([1.0], name="v")
    message = v.to_proto()
    message.ClearField("initial_value_name")
    assert tf.Variable.from_proto(message).initial_value is None


def test_a_message_and_a_value_exclude_each_other() -> None:
    """One or the other makes a variable."""
    v = tf.Variable([1.0], name="v")
    with pytest.raises(ValueError, match="variable_def and initial_value are mutually exclusive"):
        tf.Variable(1.0, variable_def=v.to_proto())
    with pytest.raises(TypeError, match="variable_def must be a VariableDef, got str"):
        tf.Variable(variable_def="v")
    with pytest.raises(KeyError, match="does not exist"):
        tf.Variable(variable_def=v.to_proto(), import_scope="nowhere")


def test_save_slice_info_spells_the_slice() -> None:
    """The spec is the full shape, then offset and size of each axis."""
    info = tf.Variable.SaveSliceInfo("w", [7, 2], [3, 0], [2, 2])
    assert info.spec == "7 2 3,2:0,2"


def test_save_slice_info_goes_with_the_variable() -> None:
    """It is in the message, without the export scope, and comes back."""
    with tf.name_scope("a"):
        v = tf.Variable([1.0], name="v")
    v._set_save_slice_info(tf.Variable.SaveSliceInfo("a/full", [4], [1], [1]))
    message = v.to_proto("a")
    assert message.save_slice_info_def == protos.SaveSliceInfoDef(
        full_name="full", full_shape=[4], var_offset=[1], var_shape=[1]
    )
    info = tf.Variable.from_proto(message, import_scope="a")._get_save_slice_info()
    assert info is not None
    assert (info.full_name, info.spec) == ("full", "4 1,1")
    prefixed = tf.Variable.SaveSliceInfo(save_slice_info_def=message.save_slice_info_def, import_scope="b/")
    assert prefixed.full_name == "b/full"
    assert info.to_proto("elsewhere") is None


@pytest.mark.parametrize(
    "full, scope, bare",
    [("a/v:0", "a", "v:0"), ("^a/b/v", "a/b", "^v"), ("loc:@a/v", "a/", "loc:@v"), ("v", None, "v"), ("v", "", "v")],
)
def test_scopes_go_on_and_off_all_kinds_of_names(full: str, scope: str | None, bare: str) -> None:
    """Nodes, control inputs and colocation groups keep their mark."""
    assert strip_name_scope(full, scope) == bare
    assert prepend_name_scope(bare, scope) == full


def test_names_outside_of_the_scope_stay() -> None:
    """A scope is a whole part of the path."""
    assert strip_name_scope("ab/v", "a") == "ab/v"
    assert strip_name_scope("b/a/v", "a") == "b/a/v"
