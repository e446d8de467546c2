from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FORMATS = ["msgpack-zstd", "npz"]
KILLS = int(os.environ.get("HOLDFAST_KILLS", "200"))
"""How many processes are killed; a nightly run may ask for more."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")


def _run(program: str, *arguments: object) -> dict[str, int]:
    """Run one of the programs beside this file, and return the figures that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{program}", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        # Threads of the BLAS would make forking unsafe.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, int] = json.loads(done.stdout)
    return figures


@pytest.mark.timeout(600)
@pytest.mark.parametrize("format", FORMATS)
def test_processes_killed_while_they_save(format: str, tmp_path: Path, count_cases: Callable[[str, int], None]) -> None:
    """What was acknowledged is restored, or the one save that was under way; never a mixture."""
    kills = KILLS // len(FORMATS)
    figures = _run("killing", tmp_path, format, kills, 1)
    count_cases("processes killed while they save", figures["kills"])
    count_cases("... of them during a save", figures["during"])
    assert figures["kills"] == kills
    assert figures["during"] >= 0.15 * kills
    assert figures["last"] >= kills // 2  # it got on in spite of all
    assert figures["left"] <= 1  # each save removed what the one before had left


@pytest.mark.parametrize("format", FORMATS)
def test_two_writers_a_deleter_and_a_reader(
    format: str, tmp_path: Path, count_cases: Callable[[str, int], None]
) -> None:
    """A reader finds a whole checkpoint or none, and no saver deletes what is another's."""
    figures = _run("contention", tmp_path, format, 3 / len(FORMATS))
    count_cases("reads beside two writers and a deleter", figures["read"])
    assert min(figures.values()) >= 5
