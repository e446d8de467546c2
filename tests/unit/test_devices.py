from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from holdfast.devices import DeviceSpec, canonical_name, check_valid, merge_device


@pytest.mark.parametrize(
    "spec,name",
    [
        ("", ""),
        ("/", ""),
        ("/gpu:0", "/device:GPU:0"),
        ("gpu:0", "/device:GPU:0"),
        ("/GPU:0", "/device:GPU:0"),
        ("/gpu:*", "/device:GPU:*"),
        ("/cpu", "/device:CPU:*"),
        ("/device:CPU:*", "/device:CPU:*"),
        ("/device:cpu:0", "/device:cpu:0"),
        ("/device:XLA_CPU:0", "/device:XLA_CPU:0"),
        ("/job:a/replica:0/task:1/gpu:2", "/job:a/replica:0/task:1/device:GPU:2"),
        ("/task:1/job:a", "/job:a/task:1"),
        ("job:a/task:0", "/job:a/task:0"),
        ("/job:a/job:b", "/job:b"),
        ("/job:*", "/job:*"),
        ("/job:", "/job:"),
        ("/task:-1", "/task:-1"),
    ],
)
def test_parse_and_print(spec: str, name: str) -> None:
    """A device name is printed in its standard spelling."""
    assert DeviceSpec.from_string(spec).to_string() == name
    assert canonical_name(spec) == name


@pytest.mark.parametrize(
    "spec,message",
    [
        ("/foo:bar:baz", "Unknown attribute: 'foo' in '/foo:bar:baz'"),
        ("/tpu:0", "Unknown attribute: 'tpu' in '/tpu:0'"),
        ("garbage", "Unknown attribute: 'garbage' in 'garbage'"),
        ("/device:gpu", "Unknown attribute: 'device' in '/device:gpu'"),
        ("/device:A:B:C", "Unknown attribute: 'device' in '/device:A:B:C'"),
        ("/job:a:b", "Unknown attribute: 'job' in '/job:a:b'"),
        ("/gpu:0/cpu:0", "Cannot specify multiple device types: /gpu:0/cpu:0"),
        ("/device:GPU:0/gpu:1", "Cannot specify multiple device types: /device:GPU:0/gpu:1"),
        ("/gpu:x", "invalid literal for int() with base 10: 'x'"),
        ("/device:GPU:x", "invalid literal for int() with base 10: 'x'"),
        ("/cpu:", "invalid literal for int() with base 10: ''"),
        ("/replica:*", "invalid literal for int() with base 10: '*'"),
        ("/task:x", "invalid literal for int() with base 10: 'x'"),
    ],
)
def test_bad_names(spec: str, message: str) -> None:
    """What is not a device name is refused, with TensorFlow's words."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_valid(spec)


def test_constructor() -> None:
    """The fields are converted as TensorFlow does."""
    spec = DeviceSpec(job="x", replica=0, task=1, device_type="gpu", device_index=0)

    assert (spec.job, spec.replica, spec.task, spec.device_type, spec.device_index) == ("x", 0, 1, "GPU", 0)
    assert spec.to_string() == "/job:x/replica:0/task:1/device:GPU:0"
    assert DeviceSpec(device_type="foo").to_string() == "/device:foo:*"
    assert DeviceSpec(job="x", device_index=3).to_string() == "/job:x"
    assert DeviceSpec().to_string() == ""
    assert repr(DeviceSpec(job="x")) == "DeviceSpec.from_string('/job:x')"


def test_parsing_replaces_every_field() -> None:
    """parse_from_string forgets what was there, and returns the object."""
    spec = DeviceSpec(job="x", task=1, device_type="CPU", device_index=0)

    assert spec.parse_from_string("/replica:2") is spec
    assert spec.to_string() == "/replica:2"


@pytest.mark.parametrize(
    "base,other,merged",
    [
        ("/job:a", "/gpu:1", "/job:a/device:GPU:1"),
        ("/gpu:0", "/cpu:1", "/device:CPU:1"),
        ("/job:a/task:0", "/job:b", "/job:b/task:0"),
        ("/device:GPU:0", "/device:CPU:*", "/device:CPU:0"),
        ("/gpu:0", "", "/device:GPU:0"),
    ],
)
def test_merge_from(base: str, other: str, merged: str) -> None:
    """What the other sets is taken over, field by field."""
    spec = DeviceSpec.from_string(base)
    spec.merge_from(DeviceSpec.from_string(other))

    assert spec.to_string() == merged


@pytest.mark.parametrize(
    "outer,own,merged",
    [
        ("/gpu:0", "/job:a", "/job:a/device:GPU:0"),
        ("/job:b/gpu:0", "/job:a/cpu:1", "/job:a/device:CPU:1"),
        (None, "/job:a", "/job:a"),
        ("", "/job:a", "/job:a"),
        ("/gpu:0", "", "/device:GPU:0"),
        ("/gpu:0", None, "/device:GPU:0"),
        (DeviceSpec(job="b"), "/cpu:0", "/job:b/device:CPU:0"),
    ],
)
def test_merge_device(outer: str | DeviceSpec | None, own: str | None, merged: str) -> None:
    """A device function fills what the op itself leaves open."""
    assert merge_device(outer)(SimpleNamespace(device=own)).to_string() == merged


def test_merge_device_checks_at_once_and_keeps_the_spec() -> None:
    """A bad name is an error where it is written; a good one is not changed by use."""
    with pytest.raises(ValueError, match="Unknown attribute: 'foo' in '/foo:1'"):
        merge_device("/foo:1")
    outer = DeviceSpec(job="b")
    merge_device(outer)(SimpleNamespace(device="/job:a/cpu:0"))

    assert outer.to_string() == "/job:b"


def test_canonical_name_of_other_forms() -> None:
    """None is no device; a DeviceSpec is printed."""
    assert canonical_name(None) == ""
    assert canonical_name(DeviceSpec(job="a")) == "/job:a"
