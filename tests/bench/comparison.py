"""Two runs side by side."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bench.machine import LOAD
from tests.bench.quantities import amount, digits
from tests.bench.results import Result, Results
from tests.bench.row import HOLDFAST

_STYLES = {"better": "green", "worse": "red", "within the spread": "dim"}
_CHANGING = {LOAD, "holdfast"}
"""Facts that may differ between two runs that are to be compared."""


def show_comparison(console: Console, before: Results, now: Results) -> None:
    """Print how each row that both runs have has changed, and what differs between the machines."""
    table = Table(title="Compared with the other run: ratio to the baseline, or what holdfast took where there is none")
    for heading in ("row", "in", "then", "now", "now / then", ""):
        table.add_column(heading)
    earlier = {result.name: result for result in before.rows}
    for result in now.rows:
        other = earlier.pop(result.name, None)
        if other is not None:
            table.add_row(result.name, *_change(other, result))
    console.print(table if table.row_count else "No row is in both runs.")
    if earlier:
        console.print(Text(f"only in the other run: {', '.join(earlier)}", style="dim"))
    for first, second in ((before.facts, now.facts), (before.settings, now.settings)):
        for name in sorted((first.keys() & second.keys()) - _CHANGING):
            if first[name] != second[name]:
                text = f"differs: {name}: then {first[name]}, now {second[name]}"
                console.print(Text(text, style="yellow"))


def _change(before: Result, now: Result) -> list[Text]:
    """Return the cells of one row."""
    name = now.baseline
    if name in before.ratios and name in now.ratios:
        then, here, of = before.ratios[name], now.ratios[name], f"ratio to {name}"
        texts = [f"{digits(figure.median)}x" for figure in (then, here)]
    elif HOLDFAST in before.statistics and HOLDFAST in now.statistics:
        then, here, of = before.statistics[HOLDFAST], now.statistics[HOLDFAST], "absolute"
        texts = [amount(figure.median, now.unit) for figure in (then, here)]
    else:
        return [Text("not measured in both", style="dim")]
    if here.lower > then.upper:
        verdict = "worse"
    elif here.upper < then.lower:
        verdict = "better"
    else:
        verdict = "within the spread"
    change = f"{digits(here.median / then.median)}x" if then.median else "-"
    return [Text(of), *map(Text, texts), Text(change), Text(verdict, style=_STYLES[verdict])]
