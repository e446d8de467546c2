"""Where in the user's program an operation was made."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import CodeType, FrameType

_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep
_STANDARD_LIBRARY_WRAPPERS = (f"{os.sep}contextlib.py", f"{os.sep}functools.py")


class _Internal(dict[str, bool]):
    """Whether code of a file is passed over, by the file's name: holdfast's own, and what only passes calls on."""

    def __missing__(self, filename: str) -> bool:
        internal = filename.startswith(_PACKAGE) or filename.endswith(_STANDARD_LIBRARY_WRAPPERS)
        self[filename] = internal
        return internal


_internal = _Internal()


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


class Sites:
    """The lines that the operations of one graph were made at: a loop of a thousand variables has one."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # By instruction, which is at hand, where a line number must be looked up. The code is kept, and with it its id.
        self._known: dict[tuple[int, int], tuple[CodeType, Site]] = {}

    def innermost(self) -> Site | None:
        """Return the innermost line outside of holdfast that led to the caller, or None at the very top."""
        frame: Any = sys._getframe(2)
        try:
            # As short as can be: every frame between the user and each new operation comes by here.
            while _internal[frame.f_code.co_filename]:
                frame = frame.f_back
        except AttributeError:
            return None  # past the outermost frame
        return self._at(frame)

    def _at(self, frame: FrameType) -> Site:
        """Return the line that a frame is at."""
        code = frame.f_code
        key = id(code), frame.f_lasti
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = code, Site(code.co_filename, frame.f_lineno, code.co_qualname)
        return known[1]
