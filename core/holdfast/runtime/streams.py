"""Random streams of a session: keys, and the counters that a checkpoint saves."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from holdfast import errors


class RandomStreams:
    """Counts the executions of each random op: no two draw the same numbers, and a resumed run goes on where it was."""

    __slots__ = ("_counters", "_entropy")

    def __init__(self) -> None:
        self._entropy = secrets.randbits(64)
        self._counters: dict[str, int] = {}

    def next_key(self, op_name: str, seed: int, seed2: int) -> tuple[int, int, int]:
        """Draw the next key; see :meth:`holdfast.contracts.RunContext.random_key`."""
        execution = self._counters.get(op_name, 0)
        self._counters[op_name] = execution + 1
        if seed == 0 and seed2 == 0:
            digest = hashlib.blake2b(op_name.encode(), digest_size=8).digest()
            return self._entropy, int.from_bytes(digest, "little"), execution
        return seed & (2**64 - 1), seed2 & (2**64 - 1), execution

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint saves, as JSON values."""
        return {"entropy": f"{self._entropy:016x}", "counters": dict(self._counters)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint saved.

        Raises
        ------
        DataLossError
            If it is malformed; nothing has changed then.
        """
        try:
            entropy = int(state["entropy"], 16)
            counters = dict(state["counters"])
        except (KeyError, TypeError, ValueError) as error:
            msg = f"The random-stream state of the checkpoint is malformed: {error!r}."
            raise errors.DataLossError(None, None, msg) from error
        if not 0 <= entropy < 2**64 or not all(
            isinstance(name, str) and isinstance(n, int) and n >= 0 for name, n in counters.items()
        ):
            msg = "The random-stream state of the checkpoint is malformed: entropy or counters out of range."
            raise errors.DataLossError(None, None, msg)
        self._entropy = entropy
        self._counters = counters
