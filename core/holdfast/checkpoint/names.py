"""Names of tensors and of checkpoints: which are allowed, and how they are shown."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TypeAlias

from holdfast.contracts import Storage
from holdfast.errors import InvalidArgumentError

Path: TypeAlias = str | os.PathLike[str]
"""What a path may be given as."""

MAX_NAME_BYTES = 1024
"""Most bytes that the name of a tensor may take in UTF-8."""

# Characters that change the direction of text: a name with them can look like another one.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED_CATEGORIES = {"Cc": "a control character", "Cs": "a surrogate", "Zl": "a line break", "Zp": "a line break"}
_STEP = re.compile(r"-\d+$")


def name_fault(name: str) -> str | None:
    """Say what is wrong with the name of a tensor, or None."""
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES:,} bytes"
    if name.isascii():
        return None if name.isprintable() else "it contains a control character"
    for character in name:
        if character in _BIDI:
            return "it contains a character that changes the direction of text"
        if fault := _REFUSED_CATEGORIES.get(unicodedata.category(character)):
            return f"it contains {fault}"
    return f"it is longer than {MAX_NAME_BYTES:,} bytes" if len(name.encode()) > MAX_NAME_BYTES else None


def check_name(name: str) -> None:
    """Refuse a name that no checkpoint may hold."""
    if fault := name_fault(name):
        raise InvalidArgumentError(
            None,
            None,
            f"A tensor cannot be saved under the name {printable(name)}: {fault}. Give it another name, for example "
            f"with "
            "Saver({'name': variable}).",
        )


def printable(text: str, limit: int = 120) -> str:
    """Text that came from a file, in quotes, escaped and cut, for a message or a terminal."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return repr(escaped(cut))[:1] + escaped(cut) + repr(escaped(cut))[-1:]


def escaped(text: str) -> str:
    """Text with everything escaped that is not printable or changes the direction of text."""
    return "".join(
        character
        if character.isprintable() and character not in _BIDI
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z][A-Za-z0-9+.-]*)*://")
_CUT_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")


def is_url(path: str) -> bool:
    """Whether a path is a URL, such as ``s3://bucket/run``, and not a path on the local disk."""
    return "://" in path and _URL.match(path) is not None


def path_text(path: Path) -> str:
    """Return a path as text; InvalidArgumentError for a URL that was made a :class:`pathlib.Path`, which changes it."""
    text = os.fspath(path)
    if isinstance(path, os.PathLike) and _CUT_URL.match(text):
        raise InvalidArgumentError(
            None,
            None,
            f"{printable(text)} looks like a URL that was made a pathlib.Path, by which it lost a slash. Give the URL "
            "as a str.",
        )
    return text


def split_prefix(prefix: Path, storage: Storage) -> tuple[str, str]:
    """Return the directory of a prefix and its last component; InvalidArgumentError if that is empty."""
    directory, base = storage.split(path_text(prefix))
    if base in {"", ".", ".."}:
        raise InvalidArgumentError(
            None,
            None,
            f"{printable(os.fspath(prefix))} names a directory, and a checkpoint needs a name in it, such as "
            f"{printable(storage.join(os.fspath(prefix), 'model.ckpt'))}.",
        )
    return directory, base


def base_name(prefix: Path) -> str:
    """Return a checkpoint's name without directory and step: ``model.ckpt`` for ``/tmp/model.ckpt-12``."""
    return _STEP.sub("", os.path.basename(os.fspath(prefix)))
