"""Names of the leaves of a tree: the keys that lead to one, escaped and joined by ``/``.

``~`` and ``/`` in a key become ``~0`` and ``~1``, as in JSON pointers (RFC 6901); an empty key becomes ``~e``, and a
character that no name may hold ``~{202e}``, by its number in hexadecimal. So different paths have different names.
"""

from __future__ import annotations

import re

from holdfast.checkpoint.names import name_fault, printable

ROOT = "~"
"""Name of a tree that is a single leaf; no key is escaped so."""

_MEANINGS = {"~0": "~", "~1": "/"}
_ESCAPE = re.compile(r"~(?:[01]|\{([0-9a-f]{1,6})\})")


def escape_key(key: str) -> str:
    """Return a key as it stands in names."""
    if not key:
        return "~e"
    if key.isascii() and key.isprintable() and "~" not in key and "/" not in key:
        return key
    return "".join(map(_escaped_character, key))


def _escaped_character(character: str) -> str:
    """Return one character of a key as it stands in names."""
    if character == "~":
        return "~0"
    if character == "/":
        return "~1"
    return f"~{{{ord(character):x}}}" if name_fault(character) else character


def unescape_key(text: str) -> str:
    """Return the key that stands in a name; ValueError if no key is escaped so."""
    if text == "~e":
        return ""
    key = _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _MEANINGS[match[0]], text)
    if escape_key(key) != text:
        raise ValueError("it is not escaped as keys are")
    return key


def join_name(parent: str, component: str) -> str:
    """Return the name of what lies under a branch; the root of a tree is named by the empty text."""
    return f"{parent}/{component}" if parent else component


def show_name(name: str) -> str:
    """Return the name of a branch or leaf for messages."""
    return printable(name) if name not in {"", ROOT} else "the root"
