"""Rows are run one after the other: set up, compared, measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench import agreement
from tests.bench.measuring import Effort, Measured, measure
from tests.bench.peer_process import Peer, PeerError
from tests.bench.quantities import amount
from tests.bench.results import Result
from tests.bench.row import HOLDFAST, Contestant, Proof, Row

Told = Callable[[str], None]
"""Called with what is being done."""


@dataclass(slots=True)
class _Ready:
    """The contestants of a row that are set up."""

    contestants: dict[str, Contestant] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Those that are not there, each with the reason."""


class Runner:
    """Runs rows.

    Parameters
    ----------
    effort
        How much to measure.
    there, missing
        The peers' processes, and why others are not there; both empty in a run without peers.
    """

    def __init__(self, effort: Effort, there: Mapping[str, Peer], missing: Mapping[str, str]) -> None:
        self._effort = effort
        self._there = there
        self._missing = missing

    def run(self, row: Row, told: Told) -> Result:
        """Measure a row; what goes wrong is in the result."""
        result = Result(row.name, row.title, row.group, row.unit, row.baseline, list(row.peers))
        try:
            with ExitStack() as held:
                told(f"{row.name}: setting up")
                ready = self._set_up(row, held)
                result.missing = ready.missing
                told(f"{row.name}: comparing the contestants' results")
                self._compare(row, ready)
                told(f"{row.name}: calibrating")
                remote = frozenset(self._there)
                of = f"of {self._effort.rounds}"
                measured = measure(
                    ready.contestants, remote, self._effort, lambda done: told(f"{row.name}: round {done} {of}")
                )
        except Exception as error:  # noqa: BLE001  (a row that fails is reported, the others are measured)
            result.failure = f"{type(error).__name__}: {error}"
        else:
            _fill(result, row, measured)
        return result

    def _set_up(self, row: Row, held: ExitStack) -> _Ready:
        """Set all contestants up."""
        ready = _Ready()
        for name, factory in row.contestants.items():
            ready.contestants[name] = held.enter_context(factory())
        for name in row.peers:
            if name in self._missing:
                ready.missing[name] = self._missing[name]
            elif name in self._there:
                try:
                    ready.contestants[name] = held.enter_context(self._there[name].contestant(row.name))
                except PeerError as error:
                    ready.missing[name] = str(error)
        return ready

    def _compare(self, row: Row, ready: _Ready) -> None:
        """Raise DisagreementError unless all contestants compute the same."""
        local = [name for name in row.contestants if ready.contestants[name].proof is not None]
        if not local:
            return
        first, *others = local
        expected = _proof(ready.contestants[first])
        for name in others:
            found = _proof(ready.contestants[name])
            agreement.check(row.name, first, name, expected, found, row.tolerance)
        short = agreement.excerpt(expected)
        for name in ready.contestants.keys() - row.contestants.keys():
            agreement.check(row.name, first, name, short, _proof(ready.contestants[name]), row.tolerance)


def _proof(contestant: Contestant) -> Proof:
    """Return what a contestant computes."""
    return contestant.proof() if contestant.proof is not None else []


def _fill(result: Result, row: Row, measured: Measured) -> None:
    """Put what was measured into the result."""
    result.numbers = measured.numbers
    result.rounds = len(measured.values[HOLDFAST])
    result.statistics = {name: measured.statistics(name) for name in measured.values}
    others: Iterable[str] = (name for name in measured.values if name != HOLDFAST)
    result.ratios = {name: ratio for name in others if (ratio := measured.ratio(name)) is not None}
    for target in row.targets:
        if target.of:
            found, text = result.ratios.get(target.of), f"{target.most:g}x {target.of}"
        else:
            found, text = result.statistics[HOLDFAST], amount(target.most, row.unit)
        result.targets.append((f"<= {text}", None if found is None else found.median <= target.most))
