"""What a run found, and its file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.measuring import Statistics
from tests.bench.row import HOLDFAST

_SCHEMA = 1


@dataclass(slots=True)
class Result:
    """What a run found about one row."""

    name: str
    title: str
    group: str
    unit: str
    baseline: str
    """Empty where the row has none."""
    peers: list[str]
    """Those that can do it, there or not."""
    statistics: dict[str, Statistics] = field(default_factory=dict)
    """What one repetition took, by contestant."""
    ratios: dict[str, Statistics] = field(default_factory=dict)
    """Holdfast divided by the contestant, in the same round."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Repetitions in one sample."""
    rounds: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    """Contestants that are not there, with the reason."""
    targets: list[tuple[str, bool | None]] = field(default_factory=list)
    """What holdfast should reach, and whether it did; None where the other contestant is missing."""
    failure: str = ""
    """Why the row could not be measured."""

    @property
    def headline(self) -> Statistics | None:
        """The ratio to the baseline; without one, what holdfast took."""
        return self.ratios.get(self.baseline) or self.statistics.get(HOLDFAST)


@dataclass(slots=True)
class Results:
    """What a run found."""

    facts: dict[str, str]
    """The machine and the libraries."""
    settings: dict[str, Any]
    """How it was measured."""
    rows: list[Result] = field(default_factory=list)


class ResultsFileError(Exception):
    """A file is not one that this harness wrote."""


def write(results: Results, path: Path) -> None:
    """Write the results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": _SCHEMA, **asdict(results)}, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """Read results.

    Raises
    ------
    ResultsFileError
        If the file is not one of this harness.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != _SCHEMA:
            raise ResultsFileError(f"{path} has schema {content['schema']}, this harness reads {_SCHEMA}")
        rows = [_result(row) for row in content["rows"]]
        return Results(content["facts"], content["settings"], rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsFileError(f"{path} cannot be read as results of make bench: {error}") from error


def _result(row: dict[str, Any]) -> Result:
    """Return a result from what JSON has of it."""
    for name in ("statistics", "ratios"):
        row[name] = {contestant: Statistics(**values) for contestant, values in row[name].items()}
    row["targets"] = [(text, reached) for text, reached in row["targets"]]
    return Result(**row)
