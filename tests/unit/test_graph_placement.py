"""Devices and colocation of new operations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from holdfast.devices import DeviceSpec
from holdfast.graph import colocate_with, device, get_default_graph
from holdfast.ops.constants import constant
from holdfast.ops.grouping import no_op
from holdfast.ops.identities import identity
from holdfast.ops.state_ops import assign, variable_op_v2


def _device(*scopes: Any) -> str:
    """Return the device of an operation made within these blocks, the outermost first."""
    with ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(device(scope))
        return no_op().device


@pytest.mark.parametrize(
    "scopes, expected",
    [
        (["/cpu:0"], "/device:CPU:0"),
        (["gpu:0"], "/device:GPU:0"),
        (["cpu"], "/device:CPU:*"),
        (["/device:cpu:0"], "/device:cpu:0"),
        (["/device:FOO:1"], "/device:FOO:1"),
        ([""], ""),
        (["/gpu:0", "/cpu:1"], "/device:CPU:1"),
        (["/job:a", "/gpu:1"], "/job:a/device:GPU:1"),
        (["/job:a", "/job:b/task:1"], "/job:b/task:1"),
        (["/task:0", "/replica:1", "/job:w", "/cpu:0"], "/job:w/replica:1/task:0/device:CPU:0"),
        (["/gpu:1", None], ""),
        ([None, "/gpu:1"], "/device:GPU:1"),
        (["/job:z", DeviceSpec(task=3)], "/job:z/task:3"),
        ([DeviceSpec(job="x", device_type="GPU")], "/job:x/device:GPU:*"),
    ],
)
def test_strings_and_specs_merge_inner_ones_first(scopes: list[Any], expected: str) -> None:
    """Inner blocks win, outer ones fill what is open, None cuts off what is around it."""
    assert _device(*scopes) == expected


@pytest.mark.parametrize(
    "scopes, expected",
    [
        (["/gpu:1", lambda _: "/cpu:0"], "/device:CPU:0"),
        ([lambda _: "/gpu:3", "/cpu:0"], "/gpu:3"),
        ([lambda _: DeviceSpec(job="q")], "/job:q"),
        ([lambda _: ""], ""),
        (["/job:a", lambda op: op.device + "/cpu:0", "/task:2"], "/job:a/task:2/device:CPU:0"),
        ([lambda op: f"/job:{op.name}"], "/job:NoOp"),
    ],
)
def test_a_function_replaces_the_device(scopes: list[Any], expected: str) -> None:
    """A function sees the operation with what inner blocks gave it; what it returns stands as it is."""
    assert _device(*scopes) == expected


@pytest.mark.parametrize(
    "scope, error, message",
    [
        ("/bad", ValueError, "Unknown attribute: 'bad' in '/bad'"),
        ("/gpu:0/cpu:0", ValueError, "Cannot specify multiple device types"),
        ("/gpu:x", ValueError, "invalid literal for int"),
        (3, TypeError, "Expected a device string, a DeviceSpec, a function of an operation, or None; got 3"),
        (lambda _: None, TypeError, "it returned None"),
        (lambda _: 3, TypeError, "it returned 3"),
    ],
)
def test_what_is_no_device_is_refused(scope: Any, error: type[Exception], message: str) -> None:
    """A malformed device is an error, and no operation is made."""
    with pytest.raises(error, match=message):
        _device(scope)
    assert get_default_graph().get_operations() == []


def test_a_spec_is_copied_when_its_block_is_entered() -> None:
    """What happens to the DeviceSpec later changes nothing."""
    spec = DeviceSpec(task=1)
    with device(spec):
        spec.task = 2
        assert no_op().device == "/task:1"


def test_the_device_stack_is_restored_after_a_failure() -> None:
    """An exception leaves the block."""
    with pytest.raises(KeyError), device("/gpu:0"):
        raise KeyError
    assert no_op().device == ""


def test_colocation_follows_the_other_op() -> None:
    """Device and group of the other operation count; device blocks around do not."""
    with device("/gpu:0"):
        a = constant(1, name="a")
    b = constant(2, name="b")
    with device("/cpu:3"):
        with colocate_with(a):
            on_a = no_op()
        with colocate_with(b.op):
            on_b = no_op()
    assert (on_a.device, on_a.colocation_groups()) == ("/device:GPU:0", [b"loc:@a"])
    assert (on_b.device, on_b.colocation_groups()) == ("", [b"loc:@b"])


def test_colocation_nests_and_is_transitive() -> None:
    """Several groups are sorted; being with an op that is with another one means being with that one."""
    a, b = constant(1, name="a"), constant(2, name="b")
    with colocate_with(b), colocate_with(a):
        both = no_op()
    with colocate_with(a):
        c = constant(3, name="c")
    with colocate_with(c):
        d = no_op()
    assert both.colocation_groups() == [b"loc:@a", b"loc:@b"]
    assert d.colocation_groups() == [b"loc:@a"]


def test_existing_colocation_may_be_ignored() -> None:
    """With ignore_existing only the inner block counts; None then means none at all."""
    a, b = constant(1, name="a"), constant(2, name="b")
    with colocate_with(b):
        with colocate_with(a, ignore_existing=True):
            assert no_op().colocation_groups() == [b"loc:@a"]
        with colocate_with(None, ignore_existing=True):
            assert no_op("alone").colocation_groups() == [b"loc:@alone"]
    with pytest.raises(ValueError, match="Trying to reset colocation"):
        colocate_with(None).__enter__()


def test_a_contradicting_device_within_colocation_stays_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """An explicit device inside the block wins, the group is kept, and the log says so."""
    with device("/gpu:0"):
        a = constant(1, name="a")
    with colocate_with(a), device("/cpu:0"):
        x = no_op("x")
    assert (x.device, x.colocation_groups()) == ("/device:CPU:0", [b"loc:@a"])
    assert "Tried to colocate x with an op a that had a different device" in caplog.text


def test_an_update_stays_with_its_variable() -> None:
    """Ops on a reference go where the variable is, their other inputs follow the block."""
    with device("/gpu:7"):
        v = variable_op_v2([2], "float32", name="v")
    with device("/cpu:0"):
        update = assign(v, [1.0, 2.0])
        read = identity(v)
    again = assign(update, [3.0, 4.0])
    assert [t.device for t in (update, update.op.inputs[1], read, again)] == [
        "/device:GPU:7",
        "/device:CPU:0",
        "/device:CPU:0",
        "/device:GPU:7",
    ]
    assert again.op.colocation_groups() == [b"loc:@v"]


@pytest.mark.parametrize("function", [None, lambda _: "/cpu:1"])
def test_the_stack_is_whole_again_after_colocation(function: Callable[[Any], str] | None) -> None:
    """Leaving a colocation block brings the device blocks back."""
    a = constant(1, name="a")
    with device("/cpu:0"), device(function):
        expected = no_op().device
        with colocate_with(a):
            pass
        assert no_op().device == expected
