"""What the commands print: text for people, JSON for programs. Nothing from a file reaches a terminal as it is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from holdfast.checkpoint import escaped

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 160
_MOST_CELL = 120


class Failure(click.ClickException):
    """Printed as ``Error: message``, with everything in it escaped that is not printable: it could not be done."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(escaped, message.split("\n"))))


class DamageFound(Failure):
    """What was to be read is damaged."""

    exit_code = 1


def print_json(schema: str, values: Mapping[str, Any]) -> None:
    """Print one JSON object in ASCII; what is not finite is a text, ``"nan"``, ``"inf"`` or ``"-inf"``."""
    click.echo(json.dumps({"schema": schema, **finite(dict(values))}, indent=2, allow_nan=False))


def finite(value: Any) -> Any:
    """Return JSON values with what is not finite as text."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def console() -> Console:
    """Return where text goes; into a pipe it is wide and plain."""
    from rich.console import Console

    found = Console(highlight=False)
    if not found.is_terminal:
        found.width = _PIPE_WIDTH
    return found


def print_line(text: str, style: str = "") -> None:
    """Print a line, escaped, however wide it is."""
    console().print(escaped(text), style=style or None, markup=False, soft_wrap=True)


def print_error(text: str) -> None:
    """Print lines on standard error, escaped, the first one unindented."""
    click.echo("\n    ".join(map(escaped, text.split("\n"))), err=True)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values; those without a value are left out."""
    where = console()
    for name, value in facts.items():
        if value:
            where.print(f"{name + ':':<16}{escaped(value)}", markup=False, soft_wrap=True)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Iterable[str] = (),
    styles: Mapping[str, str] | None = None,
) -> None:
    """Print a table; columns of numbers stand to the right, and `styles` colours cells with these texts."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    numbers = set(right)
    for column in columns:
        if column in numbers:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cut(cell), style=(styles or {}).get(cell, "")) for cell in row))
    console().print(table)


def cut(text: str) -> str:
    """Return a text for a cell: escaped, and of a bearable length."""
    shown = escaped(text[:_MOST_CELL])
    return shown if len(text) <= _MOST_CELL else shown + "…"


def shape_text(shape: Sequence[int] | None) -> str:
    """Return a shape: ``[2, 3]``."""
    return "" if shape is None else str(list(shape))
