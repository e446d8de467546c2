"""One run of a session, and what kernels may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from holdfast import errors
from holdfast.runtime.slots import Snapshot

if TYPE_CHECKING:
    from holdfast.contracts import Device
    from holdfast.graph.graph import Graph
    from holdfast.runtime.locking import SessionLock
    from holdfast.runtime.slots import Slot
    from holdfast.runtime.streams import RandomStreams
    from holdfast.runtime.watching import Watch


class Held(Protocol):
    """Something that is held for the time of a run."""

    def release(self) -> None:
        """Let go of it. Releasing twice is allowed."""


class Run:
    """One run: what its contexts, one a device, share."""

    __slots__ = (
        "_contexts", "_finally", "_pinned", "aliased", "graph", "lock", "request", "shared", "streams", "watch",
    )  # fmt: skip

    def __init__(
        self,
        graph: Graph,
        lock: SessionLock,
        streams: RandomStreams,
        aliased: tuple[Slot, ...],
        request: Any,
        watch: Watch | None = None,
    ) -> None:
        self.graph = graph
        self.lock = lock
        self.streams = streams
        self.request = request
        """What a Saver tells its ops beyond the graph's inputs, or None in other runs."""
        self.watch = watch
        """What is told of each step, or None in most runs."""
        self.shared: dict[Any, Any] = {}
        """What ops of one run keep for each other."""
        self.aliased = aliased
        """The variables whose memory its values may share."""
        self._pinned: list[Held] = []
        self._finally: list[Callable[[], None]] = []
        self._contexts: dict[int, Context] = {}

    def context(self, device: Device) -> Context:
        """Return the context of a device, made at first need."""
        context = self._contexts.get(id(device))
        if context is None:
            context = self._contexts[id(device)] = Context(self, device)
        return context

    def on_success(self, action: Callable[[], None]) -> None:
        """Do something once all steps have run, and only then."""
        self._finally.append(action)

    def succeed(self) -> None:
        """Do what was put off until all steps had run; not if the time is over."""
        if self.watch is not None:
            self.watch.finish()
        for action in self._finally:
            action()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let other threads run the session within the block; the variables that the run reads are held."""
        pinned = Snapshot(self.aliased)
        self._pinned.append(pinned)
        with self.lock.released():
            yield
        # What other runs have moved on from, this one may still read until its end; of the rest the plan knows.
        pinned.release(only_current=True)

    def release_at_end(self, held: Held) -> None:
        """Let go of something when the run has ended, however it does."""
        self._pinned.append(held)

    def end(self) -> None:
        """Let go of everything."""
        for pinned in self._pinned:
            pinned.release()


class Context:
    """What kernels of one device may ask: the RunContext of the contracts, and more for the session's own kernels."""

    __slots__ = ("device", "run")

    def __init__(self, run: Run, device: Device) -> None:
        self.run = run
        """The run."""
        self.device = device
        """The device."""

    def random_key(self, op_name: str, seed: int, seed2: int) -> tuple[int, int, int]:
        """Draw the next key of an op's random stream."""
        return self.run.streams.next_key(op_name, seed, seed2)

    def random_state(self) -> dict[str, Any]:
        """Return the state of the session's random streams, as JSON values."""
        return self.run.streams.state()

    def restore_random_state(self, state: Mapping[str, Any]) -> None:
        """Let the session's random streams go on from a saved state once the run has succeeded."""
        streams = self.run.streams
        checked = streams.checked(state)
        self.run.on_success(lambda: streams.restore(checked))

    def python_function(self, token: bytes) -> Callable[..., Any]:
        """Return the function that ``py_func`` registered under ``token``."""
        try:
            return self.run.graph.python_functions[token]
        except KeyError:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"No Python function is registered under {token!r} in this process. A graph with py_func can only run "
                "where it was built.",
            ) from None

    def release_session(self) -> Any:
        """Return a context manager that lets other threads run the session within its block."""
        return self.run.released()
