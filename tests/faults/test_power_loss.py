from __future__ import annotations

import logging
import random
from collections.abc import Callable

import pytest

from holdfast.contracts import FormatSpec
from holdfast.testing.power_loss import PowerLoss
from holdfast.testing.simulated_disk import SimulatedDisk
from holdfast_msgpack import SPEC as CONTAINER
from holdfast_npz import SPEC as NPZ
from tests.faults.mutants import MUTANTS, ManifestBeforeParts, StateBeforeData, StateInPlace
from tests.faults.power_cuts import OVERWRITE, PUBLISHED, SERIES, SHARDED_OVERWRITE, Series, cut_everywhere

FORMATS = {CONTAINER: 1_000, NPZ: 60}
"""With the number of disks that are drawn for an instant: the container is written at once, and has fewer of those."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep warnings about what a crash left behind out of the way: there are thousands."""
    caplog.set_level(logging.CRITICAL, "holdfast")


@pytest.mark.parametrize("spec", FORMATS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_a_power_cut_at_any_instant_loses_nothing(
    series: Series, spec: FormatSpec, count_cases: Callable[[str, int], None]
) -> None:
    """Every disk that may be left has the last version that was acknowledged, or the one being saved, in full."""
    outcome = cut_everywhere(series, spec, most=FORMATS[spec])
    count_cases("disks after a power cut", outcome.states)
    assert outcome.violations == []
    assert outcome.states > 500


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_recipe_with_a_wrong_step_is_caught(mutant: type[SimulatedDisk]) -> None:
    """Each mutant of the recipe breaks the promise somewhere, which shows that the tests have teeth."""
    needs_state = mutant in {StateBeforeData, StateInPlace}
    series_of_parts = [SHARDED_OVERWRITE]
    whole = PUBLISHED if needs_state else [OVERWRITE, *PUBLISHED]
    for series in series_of_parts if mutant is ManifestBeforeParts else whole:
        assert cut_everywhere(series, CONTAINER, most=20, disk=mutant()).violations, series.name


def _states(files: dict[str, bytes], disk: SimulatedDisk) -> set[frozenset[tuple[str, bytes]]]:
    """Return all states that a power cut may leave now."""
    loss = PowerLoss(files, disk.journal)
    return {frozenset(state.items()) for state in loss.states(10_000, random.Random(1))}  # noqa: S311


def test_what_may_become_of_one_write() -> None:
    """A write that was not synced may be there, be missing, be there by half or be zeros; its name may be missing."""
    disk = SimulatedDisk()
    disk.create("d/a").write(b"abcd")
    contents: list[bytes] = [b"abcd", b"", b"ab", bytes(4)]
    assert _states({}, disk) == {frozenset(), *(frozenset({("d/a", data)}) for data in contents)}


def test_what_was_synced_stays() -> None:
    """A file and its name, both synced, are there whatever comes after."""
    disk = SimulatedDisk()
    file = disk.create("d/a")
    file.write(b"ab")
    file.sync()
    disk.sync_directory("d")
    file.write(b"cd")
    assert _states({}, disk) == {frozenset({("d/a", data)}) for data in (b"ab", b"abcd", b"abc", b"ab\0\0")}


def test_a_later_write_may_be_there_without_an_earlier_one() -> None:
    """A hole that a lost write leaves reads as zeros."""
    disk = SimulatedDisk()
    file = disk.create("d/a")
    disk.sync_directory("d")
    file.write(b"ab")
    file.write(b"cd")
    assert frozenset({("d/a", b"\0\0cd")}) in _states({}, disk)


def test_a_renaming_happens_as_a_whole() -> None:
    """Until the directory is synced the target is the old file or the new one, and never missing."""
    old = {"d/a": b"old", "d/b": b"new"}
    disk = SimulatedDisk(old)
    disk.rename("d/b", "d/a")
    assert _states(old, disk) == {frozenset(old.items()), frozenset({("d/a", b"new")})}
    disk.sync_directory("d")
    assert _states(old, disk) == {frozenset({("d/a", b"new")})}
