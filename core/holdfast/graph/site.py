"""Where in the user's program an operation was made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

_PACKAGE = str(Path(__file__).resolve().parent.parent) + "/"
_STANDARD_LIBRARY_WRAPPERS = ("contextlib.py", "functools.py")


class Site(NamedTuple):
    """A line of source."""

    filename: str
    """Path of the file, as Python knows it."""
    lineno: int
    """Line number, from 1."""
    function: str
    """Qualified name of the function, ``<module>`` at the top level."""

    def __str__(self) -> str:
        """Return ``file:line, in function``."""
        return f"{self.filename}:{self.lineno}, in {self.function}"


def creation_site() -> Site | None:
    """Return the innermost line outside of holdfast that led here, or None at the very top."""
    frame = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_PACKAGE) and not filename.endswith(_STANDARD_LIBRARY_WRAPPERS):
            return Site(filename, frame.f_lineno, frame.f_code.co_qualname)
        frame = frame.f_back  # type: ignore[assignment]  # typeshed: None ends the walk
    return None
