"""``holdfast inspect``: what a checkpoint holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from holdfast.checkpoint import CheckpointSummary, Statistics, TensorSummary, open_checkpoint, printable
from holdfast.checkpoint import inspect as inspect_checkpoint
from holdfast.checkpoint.wording import counted, metadata_facts, size_text
from holdfast.cli.options import examples, json_option, tensors_option
from holdfast.cli.output import finite, print_facts, print_json, print_line, print_table, shape_text
from holdfast.cli.progress import progress

_BARS = " ▁▂▃▄▅▆▇█"
_BAR_WIDTH = 50
_MOST_NAME = 100
_MOST_PRINTED = 64 << 20


@click.command(
    epilog=examples(
        "holdfast inspect model.ckpt-100",
        "holdfast inspect model.ckpt-100 --stats --tensor 'layer1/*'",
        "holdfast inspect model.ckpt-100 --histogram --tensor layer1/kernel",
        "holdfast inspect model.ckpt-100 --json | jq '.tensors[].name'",
    )
)
@click.argument("path", type=click.Path())
@tensors_option
@click.option("-s", "--stats", is_flag=True, help="Read the values: least, mean, largest, deviation, small histogram.")
@click.option("--histogram", is_flag=True, help="Read the values, and print a histogram of each tensor.")
@click.option("--bins", type=click.IntRange(1, 200), default=10, show_default=True, help="Bars of a histogram.")
@click.option("--values", is_flag=True, help="Print the values.")
@json_option
def inspect(
    path: str, names: tuple[str, ...], stats: bool, histogram: bool, bins: int, values: bool, as_json: bool
) -> None:
    """Show what a checkpoint says about itself, and its tensors with dtype, shape, size, codec and ratio.

    PATH is what was given to save, a file of a checkpoint, or a directory, which stands for its latest checkpoint.
    Values are read only if --stats, --histogram or --values ask for them; `holdfast verify` checks all of them.

    Exits with 1 if the checkpoint is damaged, as far as it was read, and with 2 if it cannot be read.
    """
    with progress(f"Reading {path}") as report:
        summary = inspect_checkpoint(
            path, names=names or None, statistics=stats or histogram, bins=bins, progress=report
        )
    shown = [item.name for item in summary.tensors] if values else []
    if as_json:
        print_json("holdfast.inspect/1", _as_json(summary, shown))
        return
    _print_head(summary)
    _print_table(summary, stats=stats or histogram)
    if histogram:
        _print_histograms(summary)
    _print_values(summary, shown)


def _print_head(summary: CheckpointSummary) -> None:
    """Print what is known of the checkpoint as a whole."""
    ratio = "" if summary.ratio is None else f", ratio {summary.ratio:.3f}"
    parts = f" in {summary.parts} parts" if summary.parts > 1 else ""
    print_facts(
        {
            "file": f"{summary.path} ({size_text(summary.nbytes)}{parts}{ratio})",
            "format": summary.format,
            "integrity": f"{summary.integrity}. {summary.caveat}" if summary.caveat else summary.integrity,
            **metadata_facts(summary.metadata),
        }
    )


def _print_table(summary: CheckpointSummary, *, stats: bool) -> None:
    """Print a row a tensor."""
    figures = ("min", "mean", "max", "deviation", "zeros", "histogram") if stats else ()
    rows = [
        (
            item.name,
            item.dtype,
            f"{shape_text(item.shape)}{'' if item.whole else ' in parts'}",
            f"{item.nbytes:,}",
            item.codec,
            "" if item.ratio is None else f"{item.ratio:.3f}",
            *(_figures(item) if stats else ()),
        )
        for item in summary.tensors
    ]
    columns = ("name", "dtype", "shape", "bytes", "codec", "ratio", *figures)
    print_table(columns, rows, right=("bytes", "ratio", *figures[:-1]))
    total = sum(item.nbytes for item in summary.tensors)
    print_line(f"{counted(len(rows), 'tensor')}, {size_text(total)}")


def _figures(item: TensorSummary) -> tuple[str, ...]:
    """Return the figures of a tensor as text."""
    found = item.statistics
    if found is None:
        return ("",) * 6
    bars = _small(found)
    if found.non_finite:
        bars += f" {found.non_finite:,} not finite"
    numbers = (found.minimum, found.mean, found.maximum, found.deviation)
    return (*(f"{number:.4g}" for number in numbers), f"{found.zeros:,}", bars)


def _small(found: Statistics) -> str:
    """Return a histogram of one line."""
    most = max(found.histogram, default=0)
    return "".join(_BARS[math.ceil(8 * count / most)] for count in found.histogram)


def _print_histograms(summary: CheckpointSummary) -> None:
    """Print a bar for each part of the range of each tensor."""
    for item in summary.tensors:
        found = item.statistics
        if found is None or not found.histogram:
            continue
        print_line("")
        print_line(printable(item.name, _MOST_NAME))
        counts = found.histogram if found.maximum > found.minimum else (sum(found.histogram),)
        for number, count in enumerate(counts):
            share = number / len(counts)
            edge = found.minimum * (1 - share) + found.maximum * share
            bar = "█" * math.ceil(_BAR_WIDTH * count / max(counts))
            print_line(f"{edge:>12.4g}  {bar:<{_BAR_WIDTH}}  {count:,}")
        print_line(f"{found.maximum:>12.4g}")


def _print_values(summary: CheckpointSummary, names: list[str]) -> None:
    """Print the values of tensors, of long ones the first and the last."""
    if not names:
        return
    with open_checkpoint(summary.path) as checkpoint:
        for name in names:
            print_line("")
            print_line(printable(name, _MOST_NAME))
            nbytes = checkpoint.entries[name].nbytes
            if nbytes > _MOST_PRINTED:
                print_line(f"{size_text(nbytes)}: too much to be printed; --stats and --histogram tell of it.")
                continue
            for line in str(checkpoint.read(name)).split("\n"):
                print_line(line)


def _as_json(summary: CheckpointSummary, shown: list[str]) -> dict[str, Any]:
    """Return everything as JSON values."""
    result = asdict(summary) | {"ratio": summary.ratio, "caveat": summary.caveat}
    values = _json_values(summary, shown)
    for item, tensor in zip(result["tensors"], summary.tensors, strict=True):
        item["ratio"] = tensor.ratio
        if tensor.name in values:
            item["values"] = values[tensor.name]
    return result


def _json_values(summary: CheckpointSummary, names: list[str]) -> Mapping[str, Any]:
    """Return the values of tensors as JSON."""
    if not names:
        return {}
    with open_checkpoint(summary.path) as checkpoint:
        return {name: _plain(checkpoint.read(name).tolist()) for name in names}


def _plain(value: Any) -> Any:
    """Return values as JSON: bytes as text, complex numbers as pairs, what is not finite as text."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, complex):
        return [finite(value.real), finite(value.imag)]
    if isinstance(value, float):
        return finite(value)
    return value if isinstance(value, bool | int | str) else str(value)
