from __future__ import annotations

import pytest

from holdfast.checkpoint.state_text import StateText, format_state, parse_state

LATEST = b'model_checkpoint_path: "a" '
KEPT = b'all_model_checkpoint_paths: "b" all_model_checkpoint_paths: "a"'


@pytest.mark.parametrize(
    "text",
    [
        b'model_checkpoint_path: "a"\nall_model_checkpoint_paths: "b"\nall_model_checkpoint_paths: "a"\n',
        b"model_checkpoint_path:'a' all_model_checkpoint_paths:'b';all_model_checkpoint_paths:'a'",
        b'# by hand\nmodel_checkpoint_path: "\\141" # a\n' + KEPT,
        b'model_checkpoint_path: "" "a",' + KEPT,
        b'all_model_checkpoint_paths: "b"\r\nmodel_checkpoint_path: "\\x61"\r\nall_model_checkpoint_paths: "a"',
        LATEST + b"last_preserved_timestamp: -inf all_model_checkpoint_timestamps: 1.5e9 " + KEPT,
    ],
)
def test_forms_of_the_text(text: bytes) -> None:
    """Comments, both quotes, escapes, adjacent texts and fields of later versions are read."""
    assert parse_state(text) == StateText("a", ("b", "a"))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"model_checkpoint_path",
        b"model_checkpoint_path:",
        b'model_checkpoint_path "a"',
        b'model_checkpoint_path: "a',
        b'model_checkpoint_path: "a\n"',
        b'model_checkpoint_path: "a" }',
        b'"model_checkpoint_path": "a"',
        b"model_checkpoint_path: a",
    ],
)
def test_what_is_no_state(text: bytes) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match=r"path|value|expected|no text"):
        parse_state(text)


def test_paths_are_escaped_as_protocol_buffers_do() -> None:
    """Quotes, backslashes, line ends and what is not ASCII are escaped."""
    assert format_state(StateText('a"b\\c\n\u00fc', ())) == b'model_checkpoint_path: "a\\"b\\\\c\\n\\303\\274"\n'


def test_protocol_buffers_read_it() -> None:
    """The text is the text format of the CheckpointState message, in both directions."""
    from google.protobuf import text_format

    from holdfast import protos

    state = StateText("m-\u00fc'\"\\\t2", ("m-1", "m-\u00fc'\"\\\t2"))
    message = text_format.Parse(format_state(state), protos.CheckpointState())
    assert (message.model_checkpoint_path, tuple(message.all_model_checkpoint_paths)) == (state.latest, state.all)
    assert parse_state(text_format.MessageToString(message).encode()) == state
