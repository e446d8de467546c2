"""How far long work has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Is told now and then how many bytes are done, and how many there are in all. What it raises ends the work."""


class Meter:
    """Counts what is done.

    Parameters
    ----------
    progress
        Who is told; None for nobody.
    total
        Bytes that there are in all.
    """

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self.total = total
        self.done = 0

    def reach(self, done: int) -> None:
        """Say that so many bytes are done."""
        self.done = done
        if self._progress is not None:
            self._progress(self.done, self.total)
