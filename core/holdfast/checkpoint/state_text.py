"""The text of the state file ``checkpoint``: TensorFlow's CheckpointState in the text format of protocol buffers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""[\s;,]*(?:\#[^\n]*\n?[\s;,]*)*        # blanks, separators, comments
    (?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)
      |(?P<colon>:)
      |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      |(?P<number>[-+]?[0-9A-Za-z.][0-9A-Za-z.+-]*)
      |(?P<end>\Z))""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


@dataclass(frozen=True, slots=True)
class StateText:
    """What a state file says."""

    latest: str
    """The latest checkpoint's path."""
    all: tuple[str, ...]
    """Paths of all checkpoints that its writer keeps, oldest first."""


def format_state(state: StateText) -> bytes:
    """Return the text, as TensorFlow writes it."""
    lines = [("model_checkpoint_path", state.latest), *(("all_model_checkpoint_paths", path) for path in state.all)]
    return "".join(f'{field}: "{_escape(path)}"\n' for field, path in lines).encode("ascii")


def parse_state(text: bytes) -> StateText:
    """Read the text; ValueError where it is damaged. Fields that later TensorFlows write are skipped."""
    latest: str | None = None
    paths: list[str] = []
    for field, value in _fields(text):
        if field == b"model_checkpoint_path":
            latest = _required_text(field, value)
        elif field == b"all_model_checkpoint_paths":
            paths.append(_required_text(field, value))
    if not latest:
        raise ValueError("it names no model_checkpoint_path")
    return StateText(latest, tuple(paths))


def _required_text(field: bytes, value: bytes | None) -> str:
    """Return the value of a text field as a path."""
    if value is None or b"\0" in value:
        raise ValueError(f"{field.decode('ascii')} is not a path")
    return os.fsdecode(value)


def _fields(text: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield each field with its text, or None where it is a number."""
    tokens = _tokens(text)
    kind, token = next(tokens)
    while kind != "end":
        field = token
        if kind != "name" or next(tokens)[0] != "colon":
            raise ValueError("a field name and a colon were expected")
        kind, token = next(tokens)
        if kind in {"number", "name"}:
            yield field, None
            kind, token = next(tokens)
            continue
        if kind != "text":
            raise ValueError(f"{field.decode('ascii')} has no value")
        value = b""
        while kind == "text":  # adjacent texts are one
            value += _unescape(token[1:-1])
            kind, token = next(tokens)
        yield field, value


def _tokens(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield kind and text of each token; the last is ``end``."""
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"byte {position} and on are no text of a CheckpointState")
        kind = match.lastgroup or "end"
        yield kind, match[kind]
        if kind == "end":
            return
        position = match.end()


def _unescape(text: bytes) -> bytes:
    """Resolve escapes."""

    def replace(match: re.Match[bytes]) -> bytes:
        escape = match[1]
        if escape[:1] == b"x" and len(escape) > 1:
            return bytes([int(escape[1:], 16)])
        if escape.isdigit() and escape < b"8":
            return bytes([int(escape, 8) & 0xFF])
        return _SIMPLE.get(escape, escape)

    return _ESCAPE.sub(replace, text)


def _escape(path: str) -> str:
    """Escape a path as the protocol buffer library does: bytes outside printable ASCII in octal."""
    special = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x22: '\\"', 0x27: "\\'", 0x5C: "\\\\"}
    return "".join(
        special.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}") for byte in os.fsencode(path)
    )
