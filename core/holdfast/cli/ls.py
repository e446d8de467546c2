"""``holdfast ls``: the checkpoints of a directory, and what retention would make of them."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import click

from holdfast.checkpoint import CheckpointListing, ListedCheckpoint, RetentionPolicy
from holdfast.checkpoint import ls as list_checkpoints
from holdfast.checkpoint.wording import age_text, counted, size_text
from holdfast.cli.options import examples, json_option
from holdfast.cli.output import print_json, print_line, print_table

_STYLES = {"delete": "red", "keep": "green", "latest": "bold", "damaged": "bold red"}
_KEEP = 5
_HOURS = click.FloatRange(min=0, min_open=True)


@click.command(
    epilog=examples(
        "holdfast ls runs/a",
        "holdfast ls runs/a --dry-run --keep 3 --keep-best 2 --metric loss",
        "holdfast ls runs/a --json | jq -r .latest",
    )
)
@click.argument("directory", default=".", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Show what retention would delete, by the rules below. Deletes nothing.")
@click.option(
    "--keep", type=click.IntRange(min=0), metavar="N", help="Rule: the latest N stay (5; 0: all). As max_to_keep."
)
@click.option(
    "--keep-every-n-hours",
    type=click.FloatRange(min=0, min_open=True),
    metavar="H",
    help="Rule: one for each H hours stays.",
)
@click.option("--keep-best", type=click.IntRange(min=1), metavar="N", help="Rule: the best N by --metric stay.")
@click.option("--metric", metavar="NAME", help="The metric by which checkpoints are good.")
@click.option("--mode", type=click.Choice(["min", "max"]), help="Whether small or large values of it are good (min).")
@json_option
def ls(
    directory: str,
    dry_run: bool,
    keep: int | None,
    keep_every_n_hours: float | None,
    keep_best: int | None,
    metric: str | None,
    mode: str | None,
    as_json: bool,
) -> None:
    """List the checkpoints of DIRECTORY, the oldest first: step, age, size, format and metrics.

    With --dry-run, or with a rule, it shows which of them a saver with these rules would delete, and why; it deletes
    nothing. Only what checkpoints say about themselves is read: `holdfast verify` checks their values.

    Exits with 0 also if some checkpoints are damaged, and with 2 if there is no such directory.
    """
    rules = (keep, keep_every_n_hours, keep_best, metric, mode)
    policy = None
    if dry_run or any(rule is not None for rule in rules):
        try:
            policy = RetentionPolicy(
                latest=_KEEP if keep is None else keep,
                every_n_hours=keep_every_n_hours,
                best=keep_best,
                metric=metric,
                mode="max" if mode == "max" else "min",
            )
        except ValueError as error:
            raise click.UsageError(f"--keep-best needs --metric NAME: {error}") from error
    found = list_checkpoints(directory, policy=policy)
    if as_json:
        print_json("holdfast.ls/1", _as_json(found))
    else:
        _print(found)


def _as_json(found: CheckpointListing) -> dict[str, Any]:
    """Return everything as JSON values."""
    policy = found.policy
    rules = None if policy is None else asdict(policy) | {"pinned": sorted(policy.pinned)}
    latest = None if found.latest is None else found.latest.prefix
    return {
        "directory": found.directory,
        "latest": latest,
        "policy": rules,
        "checkpoints": [asdict(item) for item in found.checkpoints],
        "notes": found.notes,
    }


def _print(found: CheckpointListing) -> None:
    """Print a table for people."""
    now = time.time()
    planned = found.policy is not None
    rows = [_row(item, now, planned=planned) for item in found.checkpoints]
    columns = ("name", "step", "age", "size", "format", "metrics", "", *(("retention", "why") if planned else ()))
    if rows:
        print_table(columns, rows, right=("step", "age", "size"), styles=_STYLES)
    for item in found.checkpoints:
        if item.fault:
            print_line(f"damaged: {item.path}: {item.fault}")
    for note in found.notes:
        print_line(f"note: {note}")
    summary = f"{counted(len(rows), 'checkpoint')}, {size_text(sum(item.nbytes for item in found.checkpoints))}"
    if planned:
        freed = size_text(sum(item.nbytes for item in found.to_delete))
        summary += f"; {len(found.to_delete):,} of them would be deleted, which frees {freed}"
    print_line(summary)


def _row(item: ListedCheckpoint, now: float, *, planned: bool) -> tuple[str, ...]:
    """Return one checkpoint as text."""
    states = (("damaged", item.fault), ("latest", item.latest), ("pinned", item.pinned))
    return (
        item.prefix.replace("\\", "/").rsplit("/", 1)[-1],
        "" if item.global_step is None else str(item.global_step),
        age_text(now - item.saved),
        size_text(item.nbytes),
        item.format or "",
        ", ".join(f"{name} {value:.4g}" for name, value in item.metrics.items()),
        ", ".join(word for word, said in states if said),
        *((item.retention or "left alone", ", ".join(item.reasons)) if planned else ()),
    )
