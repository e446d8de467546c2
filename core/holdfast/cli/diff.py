"""``holdfast diff``: what differs between two checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from holdfast.checkpoint import DiffReport, TensorDifference
from holdfast.checkpoint import diff as diff_checkpoints
from holdfast.checkpoint.wording import counted
from holdfast.cli.options import examples, json_option, tensors_option
from holdfast.cli.output import Failure, print_facts, print_json, print_line, print_table, shape_text
from holdfast.cli.progress import progress
from holdfast.errors import CorruptCheckpointError, TruncatedCheckpointError

_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}
_TOLERANCE = click.FloatRange(min=0)


@click.command(
    epilog=examples(
        "holdfast diff model.ckpt-100 model.ckpt-200",
        "holdfast diff runs/a runs/b --rtol 1e-5 --tensor 'encoder/*'",
        "holdfast diff model.ckpt-100 copy --metadata --quiet && echo same",
    )
)
@click.argument("before", metavar="A", type=click.Path())
@click.argument("after", metavar="B", type=click.Path())
@tensors_option
@click.option("--rtol", type=_TOLERANCE, default=0.0, metavar="R", help="Tolerance, as a share of the larger number.")
@click.option("--atol", type=_TOLERANCE, default=0.0, metavar="A", help="Tolerance, as a difference.")
@click.option("--metadata", is_flag=True, help="Compare step, metrics, random streams and the user's metadata too.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing: the exit status says it.")
@json_option
def diff(
    before: str,
    after: str,
    names: tuple[str, ...],
    rtol: float,
    atol: float,
    metadata: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Show which tensors were added, removed and changed from A to B, and by how much.

    A and B are checkpoints in any formats: what was given to save, files, or directories, which stand for their latest
    checkpoint. NaN is the same as NaN. Integers are compared exactly.

    Exits as diff does: with 0 if nothing differs, 1 if something does, 2 if there was trouble, damage included.
    """
    try:
        with progress(f"Comparing {before} and {after}") as report:
            found = diff_checkpoints(
                before, after, names=names or None, rtol=rtol, atol=atol, metadata=metadata, progress=report
            )
    except (CorruptCheckpointError, TruncatedCheckpointError) as error:
        raise Failure(error.message) from error
    if as_json:
        print_json("holdfast.diff/1", asdict(found) | {"equal": found.equal})
    elif not quiet:
        _print(found)
    raise SystemExit(0 if found.equal else 1)


def _print(found: DiffReport) -> None:
    """Print a table for people."""
    print_facts({"A": found.before, "B": found.after})
    rows = [_row(item) for item in (*found.removed, *found.added, *found.changed)]
    if rows:
        columns = ("", "name", "dtype", "shape", "differ", "max difference", "mean difference", "")
        print_table(columns, rows, right=("differ", "max difference", "mean difference"), styles=_STYLES)
    for item in found.metadata:
        print_line(f"metadata {item.key}: {_value(item.before)} → {_value(item.after)}")
    counts = (
        counted(len(found.removed), "tensor") + " removed",
        f"{len(found.added):,} added",
        f"{len(found.changed):,} changed",
        f"{found.same:,} the same",
    )
    print_line(", ".join(counts))


def _row(item: TensorDifference) -> tuple[str, ...]:
    """Return one tensor as text."""
    shapes = [None if shape is None else shape_text(shape) for shape in item.shapes]
    remarks = ["other parts of it are stored"] if "parts" in item.reasons else []
    if item.non_finite:
        remarks.append(f"{item.non_finite:,} not finite")
    return (
        item.kind,
        item.name,
        _both(item.dtypes),
        _both(shapes),
        f"{item.changed:,} of {item.elements:,}" if item.elements else "",
        "" if item.max_difference is None else f"{item.max_difference:.6g}",
        "" if item.mean_difference is None else f"{item.mean_difference:.6g}",
        ", ".join(remarks),
    )


def _both(values: Sequence[str | None]) -> str:
    """Return what was and what is, once if it is the same."""
    return " → ".join(dict.fromkeys(value for value in values if value is not None))


def _value(text: str | None) -> str:
    """Return a value of the metadata."""
    return "nothing" if text is None else text if len(text) <= 200 else text[:199] + "…"
