from __future__ import annotations

import pytest

from holdfast.checkpoint import base_name, local_storage, printable, split_prefix
from holdfast.checkpoint.names import check_name, name_fault
from holdfast.errors import InvalidArgumentError


@pytest.mark.parametrize("name", ["w", "layer/w", "ü/日本", "a b", "../x", "x" * 1024, "😀"])
def test_names_that_are_allowed(name: str) -> None:
    """Ordinary names, in any script, are allowed."""
    check_name(name)


@pytest.mark.parametrize(
    "name, fault",
    [
        ("", "empty"),
        ("x" * 1025, "longer than 1,024 bytes"),
        ("ü" * 513, "longer than 1,024 bytes"),
        ("a\nb", "control character"),
        ("a\0", "control character"),
        ("ü\x7f", "control character"),
        ("a\u202eb", "changes the direction"),
        ("a\u200f", "changes the direction"),
        ("a\ud800", "surrogate"),
        ("a\u2028b", "line break"),
    ],
)
def test_names_that_are_refused(name: str, fault: str) -> None:
    """Each kind of bad name is refused, and the message says why and what to do."""
    assert fault in str(name_fault(name))
    with pytest.raises(InvalidArgumentError, match=r"Give it another name") as caught:
        check_name(name)
    assert caught.value.message.isprintable()


def test_names_are_shown_escaped_and_cut() -> None:
    """What comes from a file cannot move the cursor, turn the text around or fill the screen."""
    assert printable("a\x1b[2Jb\u202e") == r"'a\x1b[2Jb\u202e'"
    assert printable("x" * 200) == "'" + "x" * 119 + "…'"
    assert printable("\ud800") == r"'\ud800'"


@pytest.mark.parametrize(
    "prefix, base",
    [("/tmp/m.ckpt-12", "m.ckpt"), ("m.ckpt", "m.ckpt"), ("a/m-1-00000007", "m-1"), ("m-", "m-"), ("m-x7", "m-x7")],  # noqa: S108
)
def test_base_names(prefix: str, base: str) -> None:
    """The base name is the last component without the step."""
    assert base_name(prefix) == base


@pytest.mark.parametrize("prefix", ["", "a/", "/", ".", "..", "a/.."])
def test_prefixes_without_a_name(prefix: str) -> None:
    """A prefix that is a directory is refused."""
    with pytest.raises(InvalidArgumentError, match="needs a name in it"):
        split_prefix(prefix, local_storage())
