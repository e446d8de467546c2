"""The harness of `make bench` runs, writes its file and reads it again. What it measures is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> str:
    """Run the harness and return what it prints."""
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_row_is_measured_and_written(tmp_path: Path) -> None:
    """The file has times of each contestant, and holdfast's ratio to the others."""
    file = tmp_path / "results.json"
    bench("--quick", "--only", "run-fed-add", "--output", str(file))
    (row,) = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert row["failure"] == ""
    assert sorted(row["statistics"]) == ["holdfast", "numpy"]
    assert list(row["ratios"]) == ["numpy"]


def test_a_run_is_compared_with_another_and_missing_peers_are_named(tmp_path: Path) -> None:
    """A peer whose environment is not there is said to be missing; the row is compared all the same."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    bench("--quick", "--only", "run-no-op", "--output", str(first))
    nowhere = str(tmp_path / "python")
    said = bench("--quick", "--only", "run-no-op", "--compare", str(first), "--peers", nowhere, "--output", str(second))
    assert f"missing: tf1: {nowhere} cannot be started" in said
    assert "ratio to python" in said


def test_the_rows_are_listed() -> None:
    """Every row of the catalogue has a name and a title."""
    lines = bench("--list").splitlines()
    assert any(line.startswith("sgd-step-32: SGD step of a perceptron") for line in lines)
