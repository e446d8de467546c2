"""RunContext of a session, one a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdfast import errors

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.graph import Graph
    from holdfast.runtime.locking import SessionLock
    from holdfast.runtime.slots import Buffer, Slot
    from holdfast.runtime.streams import RandomStreams


class Pins:
    """Buffers that one run holds because another run may go on meanwhile."""

    __slots__ = ("_buffers", "_slots")

    def __init__(self, slots: tuple[Slot, ...]) -> None:
        self._slots = slots
        self._buffers: list[tuple[Slot, Buffer]] = []

    def pin(self) -> None:
        """Hold the current values of all variables that the run reads."""
        for slot in self._slots:
            if slot.buffer is not None:
                slot.buffer.hold()
                self._buffers.append((slot, slot.buffer))

    def release(self) -> None:
        """Let go of all."""
        for slot, buffer in self._buffers:
            buffer.release()
            slot.recycle(buffer)
        self._buffers.clear()


class Context:
    """What kernels of one device may ask of the run they are part of."""

    __slots__ = ("_graph", "_lock", "_pins", "_streams", "device", "request", "run_state")

    def __init__(
        self,
        device: Device,
        graph: Graph,
        lock: SessionLock,
        streams: RandomStreams,
        pins: Pins,
        request: Any,
        run_state: dict[Any, Any],
    ) -> None:
        self.device = device
        """The device."""
        self._graph = graph
        self._lock = lock
        self._streams = streams
        self._pins = pins
        self.request = request
        """What a Saver tells its ops beyond the graph's inputs, or None in other runs."""

        self.run_state = run_state
        """What ops of one run keep for each other."""

    def random_state(self) -> dict[str, Any]:
        """Return the state of the session's random streams, as JSON values."""
        return self._streams.state()

    def restore_random_state(self, state: Mapping[str, Any]) -> None:
        """Let the session's random streams go on from a saved state."""
        self._streams.restore(state)

    def random_key(self, op_name: str, seed: int, seed2: int) -> tuple[int, int, int]:
        """Draw the next key of an op's random stream."""
        return self._streams.next_key(op_name, seed, seed2)

    def python_function(self, token: bytes) -> Callable[..., Any]:
        """Return the function that ``py_func`` registered under ``token``."""
        try:
            return self._graph.python_functions[token]
        except KeyError:
            msg = (
                f"No Python function is registered under {token!r} in this process. A graph with py_func can only run "
                "where "
                "it was built."
            )
            raise errors.InvalidArgumentError(None, None, msg) from None

    @contextmanager
    def release_session(self) -> Iterator[None]:
        """Let other threads run the session within the block."""
        self._pins.pin()
        with self._lock.released():
            yield
