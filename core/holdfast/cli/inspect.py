"""``holdfast inspect``: what a checkpoint holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from holdfast.checkpoint import CheckpointSummary, TensorSummary, escaped, open_checkpoint, printable
from holdfast.checkpoint import inspect as inspect_checkpoint

if TYPE_CHECKING:
    from rich.console import Console

_BARS = " ▁▂▃▄▅▆▇█"
_PIPE_WIDTH = 160
_MOST_NAME = 100
_MOST_SHOWN = 1000


@click.command()
@click.argument("prefix", type=click.Path())
@click.option("--tensor", metavar="NAME", help="Describe this tensor only, and print its values.")
@click.option("--all", "all_values", is_flag=True, help="Print the values of all tensors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(prefix: str, tensor: str | None, all_values: bool, as_json: bool) -> None:
    """Show the tensors of a checkpoint with dtype, shape, size, range and a small histogram.

    PREFIX is what was given to save, a file of a checkpoint, or a directory, which stands for its latest checkpoint.
    Every value is read, so
    damage is found: exits with 1 then.
    """
    summary = inspect_checkpoint(prefix, names=None if tensor is None else [tensor])
    shown = [item.name for item in summary.tensors] if all_values or tensor is not None else []
    if as_json:
        click.echo(json.dumps(_as_json(summary, shown), indent=2))
        return
    console = _console()
    _print_head(console, summary)
    _print_table(console, summary)
    for name, text in _values(summary, shown, as_json=False).items():
        console.print(f"\n{printable(name, _MOST_NAME)}", markup=False, highlight=False)
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _console() -> Console:
    """Return where output goes; into a pipe it is wide and plain."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _print_head(console: Console, summary: CheckpointSummary) -> None:
    """Print what is known of the checkpoint as a whole."""
    said = summary.metadata
    facts = {
        "file": f"{escaped(summary.path)} ({_size(summary.nbytes)})",
        "format": f"{summary.format}, integrity: {summary.integrity}",
        "written by": said.writer and escaped(said.writer),
        "global step": said.global_step,
        "saved": said.time and _time(said.time),
        "lineage": said.lineage and escaped(said.lineage),
        "metrics": ", ".join(f"{escaped(name)} = {value:g}" for name, value in said.metrics.items()),
        "random streams": "saved" if said.random_streams else None,
        "metadata": escaped(json.dumps(dict(said.user)))[:_MOST_SHOWN] if said.user else None,
    }
    for name, value in facts.items():
        if value not in (None, ""):
            console.print(f"{name + ':':<16}{value}", markup=False, highlight=False, soft_wrap=True)


def _print_table(console: Console, summary: CheckpointSummary) -> None:
    """Print a row a tensor."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "dtype", "shape"):
        table.add_column(column, overflow="fold")
    for column in ("bytes", "min", "mean", "max"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("histogram", no_wrap=True)
    for item in summary.tensors:
        name = printable(item.name, _MOST_NAME)[1:-1]
        shape = f"{list(item.shape)}{'' if item.whole else ' in parts'}"
        table.add_row(*map(Text, (name, item.dtype, shape, f"{item.nbytes:,}", *_figures(item))))
    console.print(table)
    total = sum(item.nbytes for item in summary.tensors)
    noun = "tensor" if len(summary.tensors) == 1 else "tensors"
    console.print(f"{len(summary.tensors):,} {noun}, {_size(total)}", highlight=False)


def _figures(item: TensorSummary) -> tuple[str, str, str, str]:
    """Return minimum, mean, maximum and histogram of a tensor as text."""
    figures = item.statistics
    if figures is None:
        return "", "", "", ""
    most = max(figures.histogram, default=0)
    bars = "".join(_BARS[math.ceil(8 * count / most)] for count in figures.histogram)
    if figures.non_finite:
        bars += f" {figures.non_finite:,} not finite"
    return f"{figures.minimum:.4g}", f"{figures.mean:.4g}", f"{figures.maximum:.4g}", bars


def _values(summary: CheckpointSummary, names: list[str], *, as_json: bool) -> Mapping[str, Any]:
    """Return the values of tensors: as text, or as JSON."""
    if not names:
        return {}
    with open_checkpoint(summary.path) as checkpoint:
        if as_json:
            return {name: _json_values(checkpoint.read(name).tolist()) for name in names}
        return {name: str(checkpoint.read(name)) for name in names}


def _json_values(value: Any) -> Any:
    """Return values as JSON: bytes as text, complex numbers as pairs, what is not finite as text."""
    if isinstance(value, list):
        return [_json_values(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, complex):
        return [_json_values(value.real), _json_values(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


def _as_json(summary: CheckpointSummary, shown: list[str]) -> dict[str, Any]:
    """Return everything as JSON values."""
    result: dict[str, Any] = _finite(asdict(summary))
    values = _values(summary, shown, as_json=True)
    for item in result["tensors"]:
        if item["name"] in values:
            item["values"] = values[item["name"]]
    return result


def _finite(value: Any) -> Any:
    """Return JSON values with what is not finite as text."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _size(nbytes: int) -> str:
    """Return a number of bytes for people."""
    size, unit = float(nbytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{nbytes:,} bytes" if unit == "bytes" else f"{size:.1f} {unit}"


def _time(seconds: float) -> str:
    """Return a time in UTC, or the number where it is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s"
