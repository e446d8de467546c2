"""Random streams of a session: keys, and the counters that a checkpoint saves."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from holdfast import errors

_WORD = 2**64 - 1


class StreamState(NamedTuple):
    """A state of random streams that was found to be well-formed."""

    entropy: int
    """Key of the unseeded streams, 64 bits."""
    counters: dict[str, int]
    """Executions of each op so far."""


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
            return self._entropy, _digest(op_name), execution
        return seed & _WORD, seed2 & _WORD, execution

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint saves, as JSON values."""
        return {"entropy": f"{self._entropy:016x}", "counters": dict(self._counters)}

    @staticmethod
    def checked(state: Mapping[str, Any]) -> StreamState:
        """Return what a checkpoint saved, checked.

        Raises
        ------
        DataLossError
            If it is malformed.
        """
        entropy, counters = state.get("entropy"), state.get("counters")
        fits = isinstance(counters, Mapping) and all(
            isinstance(name, str) and type(count) is int and count >= 0 for name, count in counters.items()
        )
        try:
            key = int(entropy, 16) if isinstance(entropy, str) else -1
        except ValueError:
            key = -1
        if not fits or not 0 <= key <= _WORD:
            msg = (
                "The random-stream state of the checkpoint is malformed: expected 'entropy', a hexadecimal number of "
                "64 bits, and 'counters', numbers by op name. Its tensors can be restored one by one, by a Saver of "
                "some of the variables."
            )
            raise errors.DataLossError(None, None, msg)
        return StreamState(key, dict(counters or {}))

    def restore(self, state: StreamState) -> None:
        """Go on from a saved state."""
        self._entropy = state.entropy
        self._counters = dict(state.counters)


@lru_cache(maxsize=4096)
def _digest(op_name: str) -> int:
    """Return 64 bits that tell an op's name from others."""
    return int.from_bytes(hashlib.blake2b(op_name.encode(), digest_size=8).digest(), "little")
