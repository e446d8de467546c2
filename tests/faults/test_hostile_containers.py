from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_GROWTH = 64 << 20
LEAST_REFUSED = 1_500


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS and /proc are Linux's")
def test_hostile_indexes_under_a_limit_of_memory(count_cases: Callable[[str, int], None]) -> None:
    """Every field with every hostile value: read as what it then says, or a named error; neither memory nor time."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.faults.hostile_containers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["bad"] == []
    assert result["grown"] < MOST_GROWTH
    read = result["outcomes"].pop("read")
    refused = sum(result["outcomes"].values())
    assert refused >= LEAST_REFUSED
    assert read < refused / 20  # what is changed matters, nearly always
    assert set(result["outcomes"]) == {"CorruptCheckpointError", "CheckpointLimitError", "UnsupportedCheckpointError"}
    count_cases("hostile indexes of containers", refused + read)
