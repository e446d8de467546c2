"""``holdfast convert``: a checkpoint in another format, under other names, in other dtypes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from holdfast.checkpoint import CONVERT_LIMIT, ConvertReport
from holdfast.checkpoint import convert as convert_checkpoint
from holdfast.checkpoint.wording import counted, size_text
from holdfast.cli.options import examples, json_option, tensors_option
from holdfast.cli.output import print_json, print_line, print_table
from holdfast.cli.progress import progress

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d+)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)


def _pairs(ctx: click.Context, param: click.Parameter, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Take texts apart at the last ``=`` of each: regular expressions may hold others."""
    found = []
    for text in texts:
        first, sign, second = text.rpartition("=")
        if not sign or not first:
            raise click.BadParameter(f"{text!a} is not {param.metavar}.", ctx, param)
        found.append((first, second))
    return found


def _size(ctx: click.Context, param: click.Parameter, text: str | None) -> int | None:
    """Read a number of bytes; None for no limit."""
    match = _SIZE.fullmatch(text or "")
    if text is None or match is None:
        if text in {None, "none"}:
            return CONVERT_LIMIT if text is None else None
        raise click.BadParameter(f"{text!a} is no size: write 500M, 2T or none.", ctx, param)
    return int(match[1]) * _UNITS[match[2].upper()]


@click.command(
    epilog=examples(
        "holdfast convert model.ckpt-100 model.npz",
        "holdfast convert model.ckpt-100 small --cast float32=bfloat16 --drop '*/Adam*'",
        "holdfast convert model.ckpt-100 new --map 'layer(\\d+)/w=block\\1/kernel'",
        "holdfast convert model.ckpt-100 packed.npz --option compression=deflate",
    )
)
@click.argument("source", metavar="SRC", type=click.Path())
@click.argument("target", metavar="DST", type=click.Path())
@click.option("--format", metavar="NAME", help="Format to write, as `holdfast plugins` lists them.")
@click.option(
    "--option", "options", metavar="KEY=VALUE", multiple=True, callback=_pairs, help="An option of that format."
)
@click.option(
    "--map", "rules", metavar="REGEX=NAME", multiple=True, callback=_pairs,
    help="Rename tensors: a regular expression for the whole name, and the new name, with \\1 for groups. The first "
    "that matches counts.",
)  # fmt: skip
@click.option(
    "--cast", "casts", metavar="WHAT=DTYPE", multiple=True, callback=_pairs,
    help="Cast tensors: all of a dtype (float32=bfloat16), or those of a name ('encoder/*=float16'). The first that "
    "matches counts.",
)  # fmt: skip
@tensors_option
@click.option("--drop", metavar="PATTERN", multiple=True, help="Leave out tensors of this name; * and ? work.")
@click.option("--allow-overflow", is_flag=True, help="Let values that do not fit into their new dtype be cut to it.")
@click.option("--force", is_flag=True, help="Replace a checkpoint that DST has already.")
@click.option("--limit", metavar="SIZE", callback=_size, help="Most bytes of values to write (1T); none for no limit.")
@json_option
def convert(
    source: str,
    target: str,
    format: str | None,
    options: Sequence[tuple[str, str]],
    rules: Sequence[tuple[str, str]],
    casts: Sequence[tuple[str, str]],
    names: Sequence[str],
    drop: Sequence[str],
    allow_overflow: bool,
    force: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Copy the checkpoint SRC to DST, in another format, under other names, or in other dtypes.

    SRC is what was given to save, a file, or a directory, which stands for its latest checkpoint; it is never changed.
    DST is the new checkpoint's prefix, or its file, whose suffix then says the format. Every value is verified as it is
    read; tensors larger than the memory are no problem. Step, metrics and metadata are carried over.

    Exits with 1 if SRC is damaged, and with 2 if it could not be done; then there is nothing new at DST.
    """
    with progress(f"Converting {source}") as report:
        found = convert_checkpoint(
            source,
            target,
            format=format,
            format_options={key: _option(value) for key, value in options} or None,
            names=names or None,
            drop=drop,
            mapping=list(rules) or None,
            cast=list(casts) or None,
            allow_overflow=allow_overflow,
            overwrite=force,
            limit=limit,
            progress=report,
        )
    if as_json:
        print_json("holdfast.convert/1", asdict(found))
    else:
        _print(found)


def _option(text: str) -> Any:
    """Return the value of an option: a number, true or false, or a text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _print(found: ConvertReport) -> None:
    """Print what was done, for people."""
    before, after = (
        f"{path} ({size_text(nbytes)})"
        for path, nbytes in ((found.source, found.source_nbytes), (found.path, found.nbytes))
    )
    changes = [counted(found.tensors, "tensor")]
    changes += [f"{len(found.renamed):,} renamed"] if found.renamed else []
    changes += [f"{len(found.dropped):,} left out"] if found.dropped else []
    print_line(f"{before} → {after}, format {found.format}: {', '.join(changes)}")
    rows = [
        (
            item.name,
            f"{item.before} → {item.after}",
            f"{item.inexact:,} of {item.elements:,}",
            f"{item.max_error:.3g}",
            f"{item.overflowed:,}",
            f"{item.underflowed:,}",
        )
        for item in found.casts
    ]
    if rows:
        columns = ("name", "cast", "inexact", "largest error", "did not fit", "became zero")
        print_table(columns, rows, right=columns[2:])
