"""``holdfast plugins``: what is installed, where it comes from, in which state it is and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from holdfast.errors import ConfigError, PluginError
from holdfast.plugins import PluginRow, Plugins, get_plugins, load_plugins

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_COLUMNS = ("name", "kind", "used for", "plug-in", "distribution", "state", "summary")
_STYLES = {"ok": "green", "disabled": "dim", "broken": "bold red", "absent": "yellow"}
_PIPE_WIDTH = 160


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Make each backend, and show the versions of its library.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--config", type=click.Path(), help="Configuration file to use instead of the one that is found.")
def plugins(verbose: bool, as_json: bool, config: str | None) -> None:
    """List backends, formats and broken plug-ins with their distribution, version, state and cause.

    Makes the backends and formats that the configuration names, which checks their options. Exits with 1 if any
    installed plug-in is broken.
    """
    found = get_plugins() if config is None else load_plugins(config)
    found.check_options()
    facts = _version_facts(found) if verbose else {}
    rows = found.report()
    if as_json:
        click.echo(json.dumps(_as_json(found, rows, facts), indent=2))
    else:
        _print(found, rows, facts)
    if any(row.state == "broken" for row in rows):
        raise SystemExit(1)


def _version_facts(found: Plugins) -> dict[str, Mapping[str, str]]:
    """Make each backend that can be made, and ask it."""
    facts: dict[str, Mapping[str, str]] = {}
    for name in found.backends:
        try:
            facts[name] = found.backend(name).version_facts()
        except (PluginError, ConfigError):  # its row says so
            continue
    return facts


def _as_json(found: Plugins, rows: Sequence[PluginRow], facts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return everything as JSON values."""
    items = [asdict(row) for row in rows]
    for item in items:
        if item["kind"] == "backend" and item["name"] in facts:
            item["facts"] = dict(facts[item["name"]])
    return {"config": {"path": found.config.path, "origin": found.config.origin}, "plugins": items}


def _print(found: Plugins, rows: Sequence[PluginRow], facts: Mapping[str, Mapping[str, str]]) -> None:
    """Print tables for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    table = Table(*_COLUMNS, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        source = " ".join(filter(None, (row.distribution, row.version)))
        cells = (row.name, row.kind, row.used_for, row.plugin, source)
        table.add_row(*map(_text, cells), _text(row.state, _STYLES[row.state]), _text(row.summary))
    console.print(table)
    _print_causes(console, rows)
    for name, values in facts.items():
        console.print()
        console.print(_text(name, "bold"))
        for key, value in values.items():
            console.print(_text(f"  {key}: {value}"))
    console.print()
    console.print(_text(f"configuration: {found.config.path} ({found.config.origin})", "dim"), soft_wrap=True)


def _print_causes(console: Console, rows: Sequence[PluginRow]) -> None:
    """Print why each row that is not usable is not; long, hence below the table."""
    for row in rows:
        if row.cause:
            console.print()
            console.print(_text(f"{row.name} is {row.state}", _STYLES[row.state]))
            console.print(_text(f"  {row.cause}"), soft_wrap=True)


def _text(value: str, style: str = "") -> Text:
    """Return text without markup, and with control characters shown: names and causes come from other people's code."""
    from rich.text import Text

    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in value)
    return Text(shown, style=style)
