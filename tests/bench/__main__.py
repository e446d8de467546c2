"""``python -m tests.bench``: see README.md beside this file."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.row import Row

_FOLDER = Path("bench-results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; returns 1 if a row could not be measured."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.threads < 1:
        parser.error(f"--threads is {options.threads}, and has to be at least 1")
    threads.pin(options.threads)
    # From here on, since NumPy reads the number of threads when it is imported.
    from rich.console import Console

    from tests.bench import report, results
    from tests.bench.catalogue import ROWS
    from tests.bench.comparison import show_comparison
    from tests.bench.machine import machine_facts
    from tests.bench.measuring import FULL, QUICK
    from tests.bench.peer_process import peers
    from tests.bench.running import Runner

    console = Console(width=None if sys.stdout.isatty() else 160)
    rows = _chosen(ROWS, options.only, quick=options.quick)
    if options.list:
        for row in rows:
            console.print(f"{row.name}: {row.title}", highlight=False, soft_wrap=True)
        return 0
    if not rows:
        parser.error(f"no row is named like {options.only}; --list shows the names")
    try:
        before = results.read(options.compare) if options.compare else None
    except results.ResultsFileError as error:
        parser.error(str(error))
    effort = QUICK if options.quick else FULL
    found = results.Results(machine_facts(), {"threads": options.threads, **asdict(effort)})
    wanted = {peer for row in rows for peer in row.peers} if options.peers else set()
    with peers(str(Path(options.peers or "").absolute()), wanted) as (there, missing):
        theirs = {name: peer.facts for name, peer in there.items()}
        report.show_facts(console, found.facts, theirs)
        found.facts.update({f"{name}: {fact}": text for name, facts in theirs.items() for fact, text in facts.items()})
        runner = Runner(effort, there, missing)
        with console.status("") as status:
            found.rows += [runner.run(row, status.update) for row in rows]
        report.show_results(console, found, with_peers=bool(options.peers))
    if before is not None:
        show_comparison(console, before, found)
    output = options.output or _FOLDER / time.strftime("%Y%m%d-%H%M%S.json")
    results.write(found, output)
    console.print(f"written to {output}; compare a later run with it: make bench COMPARE={output}", soft_wrap=True)
    return int(any(result.failure for result in found.rows))


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure holdfast's speed and memory.")
    parser.add_argument("--only", action="append", metavar="PATTERN", help="rows with such names: 'sgd*'; repeatable")
    parser.add_argument("--quick", action="store_true", help="few rounds, and no slow rows unless --only names them")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show what changed since the run of this file")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write; else a new file in bench-results")
    parser.add_argument("--threads", type=int, default=threads.DEFAULT, help="threads of all libraries (default 2)")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter of the environment with the peers")
    parser.add_argument("--list", action="store_true", help="show the rows and stop")
    return parser


def _chosen(rows: Sequence[Row], patterns: Sequence[str] | None, *, quick: bool) -> list[Row]:
    """Return the rows to run."""
    if patterns:
        return [row for row in rows if any(fnmatchcase(row.name, pattern) for pattern in patterns)]
    return [row for row in rows if not (quick and row.slow)]


if __name__ == "__main__":
    sys.exit(main())
