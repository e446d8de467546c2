"""What a target is, and one attempt at it. Nothing here needs atheris."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from holdfast.testing.format_suite import NAMED_ERRORS
from tests.fuzz.mutations import other_bytes

FOLDER = Path(__file__).parent

MOST_SECONDS = 2.0
"""Processor time that one input may take."""


@dataclass(frozen=True)
class Target:
    """A reader of files that strangers made."""

    name: str
    """What it is called, and its folder in ``corpus`` and ``crashes``."""
    seeds: Callable[[], Mapping[str, bytes]]
    """Returns sound files by name, the beginning of its corpus."""
    read: Callable[[bytes], None]
    """Reads all of a file, and asserts what has to hold of anything that was read."""
    change: Callable[[bytes, Random], bytes]
    """Returns a file with something changed and, mostly, its digests right; ValueError, RecursionError or struct.error
    where the changed thing cannot be written."""
    refusals: tuple[type[Exception], ...] = NAMED_ERRORS
    """The only exceptions that may leave the reader."""

    def attempt(self, data: bytes) -> str:
        """Read a file; return how that ended. Raises what must not be, and AssertionError for what takes too long."""
        start = time.process_time()
        try:
            self.read(data)
            outcome = "read"
        except self.refusals as error:
            outcome = type(error).__name__
        spent = time.process_time() - start
        assert spent < MOST_SECONDS, f"{spent:.1f} s for {len(data):,} bytes"
        return outcome

    def changed(self, data: bytes, random: Random) -> bytes:
        """Return a file with something changed, whatever the file was."""
        try:
            return self.change(data, random)
        except (ValueError, RecursionError, struct.error):
            return other_bytes(data, random)

    def files(self, kind: str) -> list[Path]:
        """Return its files in ``corpus`` or ``crashes``."""
        return sorted(path for path in (FOLDER / kind / self.name).glob("*") if path.is_file())
