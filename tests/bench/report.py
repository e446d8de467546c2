"""Results as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bench.machine import LOAD
from tests.bench.measuring import Statistics
from tests.bench.quantities import amount, digits
from tests.bench.results import Result, Results
from tests.bench.row import HOLDFAST

_MARKS = {True: ("reached", "green"), False: ("missed", "red"), None: ("not compared", "dim")}
_KEY = "Median, +- half the distance of the quartiles; below it holdfast divided by it, with quartiles."
_BUSY = "other work on the machine makes times uncertain; repeat the run on a quiet one"
_QUIET = 0.5
"""Load at the start from which a run is doubtful: libraries' threads wait for one that has to share its processor."""


def show_facts(console: Console, facts: Mapping[str, str], peers: Mapping[str, Mapping[str, str]]) -> None:
    """Print the machine, the libraries and the peers."""
    table = Table(title="Machine", box=None, show_header=False, title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(value))
    for peer, theirs in peers.items():
        table.add_row(peer, Text(", ".join(f"{name} {value}" for name, value in theirs.items())))
    console.print(table)
    load = facts[LOAD]
    if load.replace(".", "").isdigit() and float(load) > _QUIET:
        console.print(Text(f"the load is {load}: {_BUSY}", style="yellow"), soft_wrap=True)


def show_results(console: Console, results: Results, *, with_peers: bool) -> None:
    """Print a table for each group of rows, and what is missing, failed or uncertain."""
    console.print(Text(f"\n{_KEY}", style="italic"))
    groups = dict.fromkeys(result.group for result in results.rows)
    for group in groups:
        rows = [result for result in results.rows if result.group == group]
        peers = dict.fromkeys(peer for result in rows for peer in result.peers if with_peers)
        console.print(_table(group, rows, list(peers)))
    reasons = {(name, why) for result in results.rows for name, why in result.missing.items()}
    for peer, why in sorted(reasons):
        console.print(Text(f"missing: {peer}: {why}", style="yellow"), soft_wrap=True)
    for result in results.rows:
        if result.failure:
            console.print(Text(f"failed: {result.name}: {result.failure}", style="red"), soft_wrap=True)
    uncertain = [r.name for r in results.rows if r.headline is not None and r.headline.spread > 0.2]
    if uncertain:
        console.print(Text(f"spread above 20 %: {', '.join(uncertain)}: {_BUSY}", style="yellow"), soft_wrap=True)


def _table(group: str, rows: Sequence[Result], peers: Sequence[str]) -> Table:
    """Return a table with a line for each row: what it took, and holdfast's ratio to each other contestant."""
    table = Table(title=group, title_justify="left")
    for heading in ("row", HOLDFAST, "baseline", *peers, "target"):
        table.add_column(heading, overflow="fold")
    for result in rows:
        # With the columns of peers there is no room for titles; --list shows them.
        name = Text.assemble((result.name, "bold"), "" if peers else f"\n{result.title}")
        others = sorted(result.statistics.keys() - {HOLDFAST, *peers}, key=lambda other: other != result.baseline)
        local = Text("\n").join(_cell(result, other, named=True) for other in others) or Text("-", style="dim")
        cells = [_cell(result, HOLDFAST), local, *(_cell(result, peer) for peer in peers)]
        table.add_row(name, *cells, _targets(result), end_section=True)
    return table


def _cell(result: Result, contestant: str, *, named: bool = False) -> Text:
    """Return what a contestant took, and holdfast's ratio to it."""
    if result.failure:
        return Text("failed", style="red")
    if contestant in result.missing:
        return Text("missing", style="yellow")
    found = result.statistics.get(contestant)
    if found is None:
        return Text("-", style="dim")
    text = Text(f"{contestant}\n" if named else "", style="dim")
    text.append(amount(found.median, result.unit), style="not dim bold")
    text.append(f" +-{found.spread * 50:.0f} %", style="dim")
    ratio = result.ratios.get(contestant)
    if ratio is not None:
        text.append(f"\n{_ratio(ratio)}", style="not dim")
    return text


def _ratio(ratio: Statistics) -> str:
    """Return a ratio with its quartiles."""
    return f"{digits(ratio.median)}x ({digits(ratio.lower)} - {digits(ratio.upper)})"


def _targets(result: Result) -> Text:
    """Return what should be reached, and whether it was."""
    lines = Text()
    for text, reached in result.targets:
        mark, style = _MARKS[reached]
        lines.append(f"{text}: ").append(f"{mark}\n", style=style)
    lines.rstrip()
    return lines
