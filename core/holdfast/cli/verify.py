"""``holdfast verify``: whether checkpoints are intact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from holdfast.checkpoint import VerifiedCheckpoint, VerifyReport, printable
from holdfast.checkpoint import verify as verify_checkpoint
from holdfast.checkpoint.wording import counted, size_text
from holdfast.cli.options import examples, json_option
from holdfast.cli.output import print_error, print_json, print_line
from holdfast.cli.progress import progress
from holdfast.errors import OpError

_STYLES = {"intact": "green", "damaged": "bold red", "unchecked": "yellow"}


@click.command(
    epilog=examples(
        "holdfast verify model.ckpt-100",
        "holdfast verify runs/*/          # every checkpoint of every run",
        "holdfast verify runs/a --quiet && echo intact",
    )
)
@click.argument("paths", metavar="PATH...", type=click.Path(), nargs=-1, required=True)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but what is wrong.")
@json_option
def verify(paths: Sequence[str], quiet: bool, as_json: bool) -> None:
    """Read everything that checkpoints hold, compare every digest, decode every value, and list all that is damaged.

    A PATH is what was given to save, a file of a checkpoint, or a directory, which stands for all its checkpoints and
    its state file. For a format without digests only the structure can be checked, and the output says so.

    Exits with 0 if everything is intact, with 1 if anything is damaged, and else with 2 if anything could not be
    checked or is not there.
    """
    reports: list[VerifyReport] = []
    errors: list[tuple[str, str]] = []
    for path in paths:
        try:
            with progress(f"Verifying {path}") as report:
                reports.append(verify_checkpoint(path, progress=report))
        except (OpError, OSError) as error:
            errors.append((path, error.message if isinstance(error, OpError) else str(error)))
    if as_json:
        _print_json(reports, errors)
    else:
        _print(reports, errors, quiet=quiet)
    raise SystemExit(_exit_code(reports, errors))


def _exit_code(reports: Sequence[VerifyReport], errors: Sequence[tuple[str, str]]) -> int:
    """Return what the program's status is to be."""
    if any(report.damaged for report in reports):
        return 1
    return 2 if errors or not all(report.intact for report in reports) else 0


def _print_json(reports: Sequence[VerifyReport], errors: Sequence[tuple[str, str]]) -> None:
    """Print everything as JSON."""
    checkpoints = [
        asdict(item) | {"state": item.state, "caveat": item.caveat} for report in reports for item in report.checkpoints
    ]
    values = {
        "intact": not errors and all(report.intact for report in reports),
        "checkpoints": checkpoints,
        "notes": [note for report in reports for note in report.notes],
        "errors": [{"path": path, "message": message} for path, message in errors],
    }
    print_json("holdfast.verify/1", values)


def _print(reports: Sequence[VerifyReport], errors: Sequence[tuple[str, str]], *, quiet: bool) -> None:
    """Print a line a checkpoint, and below it what is wrong."""
    for report in reports:
        for item in report.checkpoints:
            _print_one(item, quiet=quiet)
        for note in report.notes if not quiet else ():
            print_line(f"note: {note}", "dim")
    for path, message in errors:
        print_error(f"not verified: {path}\n{message}")


def _print_one(item: VerifiedCheckpoint, *, quiet: bool) -> None:
    """Print one checkpoint."""
    if quiet and item.state == "intact":
        return
    what = f" ({item.format}, integrity: {item.integrity})" if item.format else ""
    held = f": {counted(item.tensors, 'tensor')}, {size_text(item.nbytes)}" if item.tensors else ""
    print_line(f"{item.state:<9} {item.path}{what}{held}", _STYLES[item.state])
    for fault in item.faults:
        where = "" if fault.tensor is None else f"tensor {printable(fault.tensor)}: "
        for line in f"{where}{fault.message}".split("\n"):
            print_line(f"    {line}")
    if item.caveat:
        print_line(f"    {item.caveat}", "dim")
