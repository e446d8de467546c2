"""Where in the user's program an operation was made."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep
_STANDARD_LIBRARY_WRAPPERS = (f"{os.sep}contextlib.py", f"{os.sep}functools.py")

_internal: dict[str, bool] = {}
"""Whether code of a file is passed over, by the file's name."""


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


def _is_internal(filename: str) -> bool:
    """Whether a file is holdfast's own, or one that only passes calls on."""
    return filename.startswith(_PACKAGE) or filename.endswith(_STANDARD_LIBRARY_WRAPPERS)


def creation_site() -> Site | None:
    """Return the innermost line outside of holdfast that led here, or None at the very top."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        filename = code.co_filename
        internal = _internal.get(filename)
        if internal is None:
            internal = _internal[filename] = _is_internal(filename)
        if not internal:
            return Site(filename, frame.f_lineno, code.co_qualname)
        frame = frame.f_back  # type: ignore[assignment]  # typeshed: None ends the walk
    return None
