"""Taking turns: every contestant of a row is sampled in every round, so that all see the same moods of the machine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.bench.row import HOLDFAST, Contestant

_LARGEST_STEP = 10
_SETTLE = 0.03
"""Seconds between the samples of two processes: the threads of most libraries spin for a while before they sleep."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure."""

    rounds: int
    """Samples of each contestant."""
    fewest: int
    """Samples that are taken even when the time is up."""
    sample_seconds: float
    """How long a sample of a repeatable contestant should last at least."""
    row_seconds: float
    """When this has passed, no further round begins."""


FULL = Effort(rounds=21, fewest=3, sample_seconds=0.04, row_seconds=30.0)
QUICK = Effort(rounds=5, fewest=2, sample_seconds=0.01, row_seconds=5.0)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Median and quartiles of the values of all rounds."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Statistics:
        """Return those of some values."""
        lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(float(median), float(lower), float(upper))

    @property
    def spread(self) -> float:
        """The distance of the quartiles as a share of the median."""
        return (self.upper - self.lower) / self.median if self.median else 0.0


@dataclass(slots=True)
class Measured:
    """What the rounds gave."""

    numbers: dict[str, int] = field(default_factory=dict)
    """Repetitions in one sample, by contestant."""
    values: dict[str, list[float]] = field(default_factory=dict)
    """What one repetition took, by contestant, one value a round."""

    def statistics(self, name: str) -> Statistics:
        """Return the statistics of a contestant."""
        return Statistics.of(self.values[name])

    def ratio(self, other: str) -> Statistics | None:
        """Return those of holdfast divided by another one, round by round; None where that says nothing."""
        pairs = list(zip(self.values.get(HOLDFAST, ()), self.values.get(other, ()), strict=False))
        if not pairs or not all(theirs for _, theirs in pairs):
            return None
        return Statistics.of([ours / theirs for ours, theirs in pairs])


def measure(
    contestants: Mapping[str, Contestant], remote: frozenset[str], effort: Effort, told: Callable[[int], None]
) -> Measured:
    """Sample the contestants in turns.

    Parameters
    ----------
    contestants
        By name.
    remote
        Those that run in processes of their own.
    effort
        How much to measure.
    told
        Called with the number of rounds that are done.
    """
    measured = Measured({name: _repetitions(one, effort.sample_seconds) for name, one in contestants.items()})
    measured.values = {name: [] for name in contestants}
    names = list(contestants)
    gc.collect()
    started = time.perf_counter()
    for done in range(effort.rounds):
        if done >= effort.fewest and time.perf_counter() - started > effort.row_seconds:
            break
        # Each is first in turn: who comes after whom would count otherwise.
        first = done % len(names)
        previous = ""
        for name in names[first:] + names[:first]:
            if name in remote or previous in remote:
                time.sleep(_SETTLE)
            number = measured.numbers[name]
            measured.values[name].append(contestants[name].sample(number) / number)
            previous = name
        told(done + 1)
    return measured


def _repetitions(contestant: Contestant, seconds: float) -> int:
    """Return how many repetitions make a sample of this length; warms the contestant up on the way."""
    if not contestant.repeatable:
        return 1
    contestant.sample(3)
    number = 1
    while (took := contestant.sample(number)) < seconds:
        wanted = seconds / max(took, 1e-9) * number * 1.1
        number = max(number + 1, min(int(wanted) + 1, number * _LARGEST_STEP))
    return number
