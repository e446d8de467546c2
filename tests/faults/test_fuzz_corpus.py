from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.__main__ import NAMES
from tests.fuzz.catalogue import TARGETS
from tests.fuzz.target import FOLDER, Target

ATTEMPTS = {"container": 1500, "npz": 1000, "manifest": 700, "state": 250, "metadata": 350, "graph": 700}
"""How many random changes of each target's corpus are tried; together they take a few seconds."""


@pytest.fixture(autouse=True)
def without_warnings() -> Iterator[None]:
    """Silence what readers log about the damage that they found."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def _kept(kind: str) -> list[tuple[Target, Path]]:
    """Return all files in ``corpus`` or ``crashes``, with their targets."""
    return [(target, path) for target in TARGETS.values() for path in target.files(kind)]


def test_the_names_of_targets() -> None:
    """The command knows all targets; no folder is of none; each has its sound files."""
    assert set(TARGETS) == set(NAMES) == set(ATTEMPTS)
    folders = {path.name for kind in ("corpus", "crashes") for path in (FOLDER / kind).iterdir()}
    assert folders <= set(TARGETS)
    for target in TARGETS.values():
        assert {path.name for path in target.files("corpus")} >= set(target.seeds())


def test_sound_files_are_read() -> None:
    """What every corpus begins with is read: what the changes change is good before."""
    for target in TARGETS.values():
        for name, data in target.seeds().items():
            assert target.attempt(data) == "read", f"{target.name}: {name}"


@pytest.mark.parametrize(
    "target, path",
    [pytest.param(*item, id=f"{item[0].name}-{item[1].name}") for item in _kept("corpus") + _kept("crashes")],
)
def test_what_was_found_before(target: Target, path: Path) -> None:
    """A file of the corpus, or one that once failed, is read or refused by a named error."""
    target.attempt(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_random_changes(name: str, tmp_path: Path, count_cases: Callable[[str, int], None]) -> None:
    """Random structured changes, with digests made right again, are read or refused by a named error."""
    target, random = TARGETS[name], Random(name)  # noqa: S311  # no secrets here
    files = [path.read_bytes() for path in target.files("corpus")]
    outcomes = set()
    for _ in range(ATTEMPTS[name]):
        changed = target.changed(random.choice(files), random)
        if random.random() < 0.3:
            changed = target.changed(changed, random)
        try:
            outcomes.add(target.attempt(changed))
        except BaseException as error:
            (tmp_path / "input").write_bytes(changed)
            error.add_note(f"The input is {tmp_path / 'input'}; keep it in {FOLDER / 'crashes' / name}.")
            raise
    assert len(outcomes) > 1 or not target.refusals
    count_cases(f"random changes for the target {name}", ATTEMPTS[name])
