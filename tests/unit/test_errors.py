from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast import errors


@pytest.mark.parametrize(
    "name,code",
    [
        ("CancelledError", 1),
        ("UnknownError", 2),
        ("InvalidArgumentError", 3),
        ("DeadlineExceededError", 4),
        ("NotFoundError", 5),
        ("AlreadyExistsError", 6),
        ("PermissionDeniedError", 7),
        ("ResourceExhaustedError", 8),
        ("FailedPreconditionError", 9),
        ("AbortedError", 10),
        ("OutOfRangeError", 11),
        ("UnimplementedError", 12),
        ("InternalError", 13),
        ("UnavailableError", 14),
        ("DataLossError", 15),
        ("UnauthenticatedError", 16),
    ],
)
def test_each_class_has_tensorflows_code(name: str, code: int) -> None:
    """Class and code belong together, in both directions."""
    cls = getattr(errors, name)

    assert cls(None, None, "m").error_code == code
    assert errors.exception_type_from_error_code(code) is cls
    assert errors.error_code_from_exception_type(cls) == code


def test_facts_of_an_op_error() -> None:
    """An error keeps what it was made of."""
    op = SimpleNamespace(name="w", site=None)
    error = errors.OpError("node", op, "message", 3)

    assert (error.node_def, error.op, error.message, error.error_code) == ("node", op, "message", 3)


def test_text_is_the_message_when_no_op_is_known() -> None:
    """Without an op there is only the message."""
    assert str(errors.InvalidArgumentError(None, None, "m")) == "m"
    assert repr(errors.InvalidArgumentError(None, None, "m")) == "InvalidArgumentError('m')"


def test_text_names_the_op_and_the_line_that_made_it() -> None:
    """With an op, the text says which one and where it comes from."""
    op = SimpleNamespace(name="w", site="model.py:12, in build")

    assert str(errors.FailedPreconditionError(None, op, "m")) == (
        "m\n\nCaused by op 'w', defined at: model.py:12, in build"
    )


def test_text_of_an_op_without_site() -> None:
    """An op of an imported graph has no line of the program."""
    assert str(errors.InternalError(None, SimpleNamespace(name="w"), "m")) == "m\n\nCaused by op 'w'"


def test_no_class_for_success_or_unknown_codes() -> None:
    """TensorFlow's lookup knows 1 to 16 only."""
    for code in (0, 17):
        with pytest.raises(KeyError):
            errors.exception_type_from_error_code(code)


@pytest.mark.parametrize("cls", [ValueError, errors.OpError, errors.PluginError])
def test_no_code_for_other_exceptions(cls: type[Exception]) -> None:
    """Only the classes of one code have a code."""
    with pytest.raises(KeyError):
        errors.error_code_from_exception_type(cls)


def test_exception_for_code() -> None:
    """A code from elsewhere becomes its class; an unknown one keeps its number."""
    known = errors.exception_for_code(5, "gone")
    unknown = errors.exception_for_code(99, "odd")

    assert (type(known), known.message) == (errors.NotFoundError, "gone")
    assert (type(unknown), unknown.error_code) == (errors.UnknownError, 99)


@pytest.mark.parametrize(
    "name,base,problem",
    [
        ("CorruptCheckpointError", errors.DataLossError, "corrupt checkpoint"),
        ("TruncatedCheckpointError", errors.OutOfRangeError, "truncated checkpoint"),
        ("UnsupportedCheckpointError", errors.UnimplementedError, "unsupported checkpoint"),
        ("CheckpointLimitError", errors.ResourceExhaustedError, "checkpoint over a limit"),
        ("CheckpointDurabilityError", errors.DataLossError, "checkpoint may not be durable"),
    ],
)
def test_checkpoint_errors(name: str, base: type[errors.OpError], problem: str) -> None:
    """A checkpoint error is the TensorFlow error of its kind, with facts."""
    cls: Any = getattr(errors, name)
    error = cls(path="d/m.npz", field="magic", found="zip", expected="npz", offset=4, advice="Look.")

    assert issubclass(cls, base)
    assert error.error_code == errors.error_code_from_exception_type(base)
    assert errors.error_code_from_exception_type(cls) == error.error_code
    assert (error.node_def, error.op) == (None, None)
    assert (error.path, error.field, error.found, error.expected) == ("d/m.npz", "magic", "zip", "npz")
    assert (error.offset, error.advice) == (4, "Look.")
    assert str(error) == f"d/m.npz: {problem}: magic at byte 4: found zip, expected npz. Look."


def test_checkpoint_errors_always_say_what_to_do() -> None:
    """Without special advice a class gives its own."""
    error = errors.TruncatedCheckpointError(path="m", field="footer", found=3, expected=64)

    assert str(error) == (
        "m: truncated checkpoint: footer: found 3, expected 64. "
        "The copy or download may be incomplete: copy it again, or restore an earlier checkpoint."
    )


def test_what_a_file_says_is_escaped_and_cut() -> None:
    """Names from a hostile file cannot fill or garble a terminal."""
    error = errors.CorruptCheckpointError(path="m", field="name \x1b[2J\u202e", found="a" * 5000, expected=b"\x00")

    assert "name \\x1b[2J\\u202e: found" in str(error)
    assert "a" * 200 + "… (5,000 characters), expected b'\\x00'." in str(error)
    assert "a" * 201 not in str(error)


def test_locked_error() -> None:
    """Who holds the lock, and how long it was waited for."""
    error = errors.CheckpointLockedError(path="d", holder=7, waited=10)

    assert error.error_code == errors.UNAVAILABLE
    assert (error.path, error.holder, error.waited) == ("d", 7, 10)
    assert str(error).startswith("d: checkpoint locked by process 7 after waiting 10 s. Wait for that save")
    assert str(errors.CheckpointLockedError(path="d")).startswith("d: checkpoint locked by another process. Wait")


def test_plugin_not_found() -> None:
    """What was asked for, and what there is."""
    error = errors.PluginNotFoundError(kind="backend", name="x", available=["b", "a"], advice="Install it")

    assert (error.kind, error.name, error.available) == ("backend", "x", ("a", "b"))
    assert str(error) == "No backend named 'x'. Available: a, b. Install it."
    assert "None is available." in str(errors.PluginNotFoundError(kind="format", name="x"))


def test_plugin_broken() -> None:
    """The culprit, where it comes from, and what happened to it."""
    error = errors.PluginBrokenError(
        plugin="p", stage="load", cause=ImportError("no cuda"), distribution="dist", version="1.0"
    )

    assert (error.plugin, error.stage, error.cause) == ("p", "load", "ImportError: no cuda")
    assert str(error).startswith("Plug-in 'p' (from dist 1.0) failed at load: ImportError: no cuda. Repair")
    assert "disable = ['p']" in str(error)


def test_plugin_conflict() -> None:
    """Both claimants are named."""
    error = errors.PluginConflictError(kind="format", name="npz", claimants=["a 1", "b 2"])

    assert error.claimants == ("a 1", "b 2")
    assert str(error).startswith("The format name 'npz' is claimed by a 1 and b 2. Uninstall all but one")


def test_plugin_api_version() -> None:
    """Both versions are named."""
    error = errors.PluginApiVersionError(plugin="p", found=2, expected=1)

    assert (error.found, error.expected) == (2, 1)
    assert str(error).startswith("Plug-in 'p' has api_version 2, expected 1. Install a release")


def test_config_error() -> None:
    """A typo is answered with what is known."""
    error = errors.ConfigError(path="plugins.toml", key="devces", found="CPU", known=["devices", "checkpoint"])

    assert isinstance(error, ValueError)
    assert (error.path, error.key, error.known) == ("plugins.toml", "devces", ("checkpoint", "devices"))
    assert str(error) == "plugins.toml: devces: found CPU. Known: checkpoint, devices."
    assert str(errors.ConfigError(key="level", found=99, expected="1 to 22")) == "level: found 99, expected 1 to 22."


_SAMPLES = [
    errors.OpError(None, None, "m", 3),
    errors.NotFoundError(None, None, "m"),
    errors.CorruptCheckpointError(path="p", field="f", found=1, expected=2, offset=3),
    errors.CheckpointLockedError(path="p", holder=1),
    errors.PluginNotFoundError(kind="k", name="n", available=["a"]),
    errors.PluginBrokenError(plugin="p", stage="load", cause="c"),
    errors.PluginConflictError(kind="k", name="n", claimants=["a", "b"]),
    errors.PluginApiVersionError(plugin="p", found=2, expected=1),
    errors.ConfigError(key="k", found="f", known=["a"]),
]


@pytest.mark.parametrize("error", _SAMPLES, ids=lambda error: type(error).__name__)
def test_errors_can_be_pickled(error: Exception) -> None:
    """An error crosses process boundaries with all its facts."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert {**copy.__dict__, "_origin": None} == {**error.__dict__, "_origin": None}


def test_pickling_leaves_the_operation_behind_but_says_which_it_was() -> None:
    """An operation belongs to a graph; its description travels."""
    op = SimpleNamespace(name="w", site="model.py:12, in build", graph=lambda: None)  # a lambda cannot be pickled
    copy = pickle.loads(pickle.dumps(errors.InternalError(None, op, "m")))  # noqa: S301

    assert copy.op is None
    assert str(copy) == "m\n\nCaused by op 'w', defined at: model.py:12, in build"


def test_every_error_is_in_the_tree_of_the_module_docstring() -> None:
    """The drawing is complete."""
    classes = [name for name in errors.__all__ if name.endswith("Error")]

    assert [name for name in classes if f" {name} " not in str(errors.__doc__).replace("\n", " \n")] == []
