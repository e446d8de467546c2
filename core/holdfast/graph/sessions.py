"""The stack of default sessions, and evaluation through it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_local = threading.local()


def _stack() -> list[Any]:
    """Return this thread's stack of default sessions."""
    try:
        stack: list[Any] = _local.stack
    except AttributeError:
        stack = _local.stack = []
    return stack


def get_default_session() -> Any:
    """Return the innermost default session of this thread, or None."""
    stack = _stack()
    return stack[-1] if stack else None


@contextmanager
def default_session(session: Any) -> Iterator[Any]:
    """Make ``session`` the default one of this thread within the block."""
    stack = _stack()
    stack.append(session)
    try:
        yield session
    finally:
        # An InteractiveSession may be closed out of order.
        for i in range(len(stack) - 1, -1, -1):
            if stack[i] is session:
                del stack[i]
                break


def reset_default_sessions() -> None:
    """Forget all default sessions of this thread."""
    _stack().clear()


def _session_for(element: Any, session: Any, call: str, with_what: str) -> Any:
    """Return the session that is to evaluate a tensor or run an operation."""
    if session is None:
        session = get_default_session()
        if session is None:
            colon = "" if with_what == "eval" else ":"  # TensorFlow's two sentences differ by it
            raise ValueError(
                f"Cannot {call}: No default session is registered. Use `with sess.as_default(){colon}` or pass an "
                f"explicit session to `{with_what}(session=sess)`"
            )
        if session.graph is not element.graph:
            what = "evaluate tensor" if with_what == "eval" else "execute operation"
            noun = "tensor's" if with_what == "eval" else "operation's"
            msg = (
                f"Cannot use the default session to {what}: the {noun} graph is different from the session's graph. "
                f"Pass an explicit session to `{with_what}(session=sess)`."
            )
            raise ValueError(msg)
    elif session.graph is not element.graph:
        what, noun = ("evaluate tensor", "tensor's") if with_what == "eval" else ("execute operation", "operation's")
        msg = f"Cannot use the given session to {what}: the {noun} graph is different from the session's graph."
        raise ValueError(msg)
    return session


def evaluate(tensor: Any, feed_dict: Any, session: Any) -> Any:
    """Return the value of a tensor in the given or the default session."""
    return _session_for(tensor, session, "evaluate tensor using `eval()`", "eval").run(tensor, feed_dict)


def execute(operation: Any, feed_dict: Any, session: Any) -> None:
    """Run an operation in the given or the default session."""
    _session_for(operation, session, "execute operation using `run()`", "run").run(operation, feed_dict)
