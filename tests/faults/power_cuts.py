"""Cutting the power at every instant of a series of saves, and looking at all that may be on the disk then."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.checkpoint import STATE_FILE
from holdfast.checkpoint.state import named_latest
from holdfast.contracts import FormatSpec
from holdfast.errors import OpError
from holdfast.testing.power_loss import PowerLoss
from holdfast.testing.simulated_disk import SimulatedDisk
from tests.faults.saved_directory import SavedDirectory

DIRECTORY = "disk"


@dataclass(frozen=True, slots=True)
class Series:
    """Versions that are saved one after the other."""

    name: str
    save: Callable[[SavedDirectory, int], object]
    """Saves one version."""
    kept: Callable[[int], dict[int, str]]
    """The versions that are there after a version was saved, and their prefixes."""
    publishes: bool = True
    """Whether a state file names the latest."""
    versions: int = 4
    """The last version; the first one is 1."""


def _one_prefix(version: int) -> dict[int, str]:
    """Return what stays where each save replaces the one before."""
    return {version: f"{DIRECTORY}/m.ckpt"}


def _last(count: int) -> Callable[[int], dict[int, str]]:
    """Return what stays where the last few are kept."""
    return lambda version: {v: f"{DIRECTORY}/m.ckpt-{v}" for v in range(max(1, version - count + 1), version + 1)}


def _save_twice(directory: SavedDirectory, version: int) -> None:
    """Save a version twice under its prefix, so that the second one replaces the first."""
    directory.save_and_publish(version, keep=2)
    directory.save_and_publish(version, keep=2)


OVERWRITE = Series("overwrite", lambda d, v: d.save(v), _one_prefix, publishes=False)
SHARDED_OVERWRITE = Series(
    "sharded overwrite", lambda d, v: d.save(v, sharded=True), _one_prefix, publishes=False, versions=2
)
MIXED_OVERWRITE = Series(
    "either layout", lambda d, v: d.save(v, sharded=v % 2 == 0), _one_prefix, publishes=False, versions=3
)
PUBLISHED = [
    Series("keep 1", lambda d, v: d.save_and_publish(v, keep=1), _last(1)),
    Series("keep 2", lambda d, v: d.save_and_publish(v, keep=2), _last(2)),
    Series("keep all", lambda d, v: d.save_and_publish(v, keep=9), _last(9), versions=3),
    Series("save twice", _save_twice, _last(2), versions=3),
    Series("sharded keep 1", lambda d, v: d.save_and_publish(v, keep=1, sharded=True), _last(1), versions=2),
]
SERIES = [OVERWRITE, SHARDED_OVERWRITE, MIXED_OVERWRITE, *PUBLISHED]


@dataclass(slots=True)
class Outcome:
    """What came of all power cuts of a series."""

    states: int
    """How many different disks were looked at."""
    violations: list[str]
    """What was wrong with them."""


def cut_everywhere(
    series: Series, spec: FormatSpec, most: int, disk: SimulatedDisk | None = None, seed: int = 1
) -> Outcome:
    """Save a series of versions, cut the power after each step, and check what may be found: at most `most` a step."""
    disk = disk or SimulatedDisk()
    directory = SavedDirectory(DIRECTORY, disk, spec)
    acknowledged = [0]  # for each step of the journal, the last version whose save had returned before it
    for version in range(1, series.versions + 1):
        series.save(directory, version)
        acknowledged += [version - 1] * (len(disk.journal) - len(acknowledged)) + [version]
    rng = random.Random(seed)  # noqa: S311
    seen: set[tuple[int, frozenset[tuple[str, bytes]]]] = set()
    violations = []
    for step, version in enumerate(acknowledged):
        for files in PowerLoss({}, disk.journal[:step]).states(most, rng):
            state = version, frozenset(files.items())
            if state in seen:
                continue
            seen.add(state)
            fault = _fault(series, version, SavedDirectory(DIRECTORY, SimulatedDisk(files), spec))
            if fault is not None:
                violations.append(f"{series.name}, version {version} saved, power cut after step {step}: {fault}")
    return Outcome(len(seen), violations)


def _fault(series: Series, version: int, directory: SavedDirectory) -> str | None:
    """Say what is wrong with a disk on which a version was saved and the next one may have been; None if nothing is."""
    allowed = {version or None, version + 1} if version < series.versions else {version}
    try:
        found = directory.latest_version()
        if found not in allowed:
            return f"the latest checkpoint is version {found}"
        # A scan would find the checkpoint without it; those who trust the state file must find it as well.
        if series.publishes and (version or STATE_FILE in directory.storage.list_directory(DIRECTORY)):
            named = named_latest(DIRECTORY, STATE_FILE, directory.storage)
            if named is None or directory.version_at(named) not in allowed:
                return f"the state file names {named}"
        after = series.kept(version + 1) if version < series.versions else series.kept(version)
        for old, prefix in series.kept(version).items() if version else ():
            if old in after and directory.version_at(prefix) != old:
                return f"version {old} is not what it was"
    except (OpError, OSError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return None
