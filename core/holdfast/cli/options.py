"""What several commands share of their command lines."""

from __future__ import annotations

import click

tensors_option = click.option(
    "-t",
    "--tensor",
    "names",
    metavar="PATTERN",
    multiple=True,
    help="Only tensors of this name; * and ? work. May be given several times.",
)
"""Which tensors are meant."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
"""Output for programs."""


def examples(*lines: str) -> str:
    """Return command lines for the end of a help text, kept as they are."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
