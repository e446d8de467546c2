from __future__ import annotations

from typing import Any, ClassVar

import pytest

from holdfast.contracts import FormatSpec
from holdfast.testing.format_conformance import FormatConformance
from holdfast.testing.format_suite import DTYPES
from holdfast.testing.two_file_format import SPEC
from holdfast_npz import SPEC as NPZ
from holdfast_npz.members import MemberReader

_HELD = {
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "bool",
}


class TestTwoFiles(FormatConformance):
    """A format of two files without digests passes the suite too."""

    spec = SPEC
    without: ClassVar = {dtype: "raw numbers only" for dtype in DTYPES if dtype not in _HELD}


class Npz(FormatConformance):
    """The suite over npz, called by hand below."""

    spec = NPZ


def test_the_suite_sees_unchecked_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that does not compare digests fails the suite, which says at which byte."""
    monkeypatch.setattr(MemberReader, "_check", lambda *_: None)
    with pytest.raises(AssertionError, match="accepted, with other values"):
        Npz().test_every_byte_changed()


def test_the_suite_sees_errors_that_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that lets another exception out fails the suite."""

    def fail(*_: Any) -> None:
        raise KeyError("member")

    monkeypatch.setattr(MemberReader, "_check_start", fail)
    with pytest.raises(KeyError):
        Npz().test_every_byte_changed()


def test_no_test_of_the_suite_can_be_replaced() -> None:
    """A subclass that replaces a test is refused when it is made."""
    with pytest.raises(TypeError, match="test_every_truncation"):
        type("Mine", (FormatConformance,), {"spec": NPZ, "test_every_truncation": lambda _: None, "__module__": "mine"})


def test_the_format_is_what_the_spec_says() -> None:
    """The suite's own format declares that it has no digests and cannot be overwritten."""
    assert isinstance(SPEC, FormatSpec)
    assert (SPEC.integrity, SPEC.atomic_overwrite) == ("none", False)
