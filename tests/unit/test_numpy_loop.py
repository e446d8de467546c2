"""The example of a loop without a graph: few lines for checkpoints, and a kill that leaves no trace."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "docs/examples/numpy_loop.py"
MARK = "# checkpoints"


def test_checkpoints_add_few_lines() -> None:
    """At most 15 lines are there for checkpoints: all that speak of them in the training loop are marked."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    marked = [line for line in lines if line.endswith(MARK)]
    assert 8 <= len(marked) <= 15
    start = next(number for number, line in enumerate(lines) if line.startswith("def train("))
    end = next(number for number in range(start + 1, len(lines)) if lines[number].startswith("def "))
    loop = [line for line in lines[start + 2 : end] if re.search(r"checkpoint|state\b", line)]
    assert [line for line in loop if not line.endswith(MARK)] == []


def test_a_killed_run_ends_at_the_same_bits(tmp_path: Path) -> None:
    """The example kills a training process at a random step, resumes it, and finds every bit equal."""
    command = [sys.executable, str(EXAMPLE), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(r"interrupted: killed at step \d+, checkpoints", done.stdout)
    leaves = re.search(r"(\d+) of (\d+) leaves are equal bit for bit", done.stdout)
    assert leaves is not None
    assert leaves[1] == leaves[2] == "16"
    assert float(done.stdout.split("mean cross entropy of all digits: ")[1]) < 0.1
