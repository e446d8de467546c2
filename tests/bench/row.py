"""What is measured: a row, its contestants, and what it should reach. Needs NumPy alone, since peers import it too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from numpy.typing import NDArray

HOLDFAST = "holdfast"
"""The contestant that the others are compared with."""

Proof = Sequence[NDArray[Any]]
"""What a contestant computed, for comparison with the others."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of doing a row's work, set up and ready."""

    sample: Callable[[int], float]
    """Does the work so many times and returns what it took altogether, in the row's unit."""
    proof: Callable[[], Proof] | None = None
    """Does the work a few times and returns the results. Called once, before the first sample."""
    repeatable: bool = True
    """Whether a sample may be of many repetitions; otherwise each is of one."""


Factory = Callable[[], AbstractContextManager[Contestant]]
"""Sets a contestant up; what it holds is released at the end of the ``with`` block."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that holdfast should not exceed. Reported, never asserted."""

    most: float
    """Largest ratio, or largest value in the row's unit."""
    of: str = ""
    """The contestant that it is a ratio to; empty where it is a value."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    name: str
    """Short, for ``--only`` and the file of results."""
    title: str
    """What is measured."""
    contestants: Mapping[str, Factory]
    """By name; each is set up before the first sample, and all take turns."""
    baseline: str = ""
    """The contestant of this process that the row is compared with first; empty where there is none."""
    peers: Sequence[str] = ()
    """Other libraries that can do the same work, by the names in ``peers/serve.py``."""
    targets: Sequence[Target] = ()
    unit: str = "s"
    """``s`` or ``B``."""
    tolerance: float = 1e-4
    """Largest relative difference between the proofs of two contestants."""
    slow: bool = False
    """Left out of quick runs, unless it is asked for by name."""
    group: str = "Graphs and sessions"
    """Rows of one group share a table, with a column for each peer of any of them."""

    def __post_init__(self) -> None:
        known = {*self.contestants, *self.peers}
        named = {HOLDFAST, *filter(None, (self.baseline, *(target.of for target in self.targets)))}
        if not named <= known:
            raise ValueError(f"{self.name}: no contestant is {sorted(named - known)}, there are {sorted(known)}")


def stepping(step: Callable[[], object], proof: Callable[[], Proof] | None = None) -> Contestant:
    """Return a contestant that calls ``step`` again and again and takes the time."""

    def sample(number: int) -> float:
        clock = time.perf_counter
        times = repeat(None, number)
        start = clock()
        for _ in times:
            step()
        return clock() - start

    return Contestant(sample, proof)


def single(value: Callable[[], float]) -> Contestant:
    """Return a contestant that measures itself: ``value`` does the work once and returns what it took."""
    return Contestant(lambda _: value(), repeatable=False)


def ready(contestant: Callable[[], Contestant]) -> Factory:
    """Return the factory of a contestant that has nothing to release."""

    @contextmanager
    def factory() -> Iterator[Contestant]:
        yield contestant()

    return factory
