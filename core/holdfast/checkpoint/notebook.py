"""Tables for notebooks: the one place where HTML is made. Nothing gets into it unescaped, and there are no scripts."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from holdfast.checkpoint.names import escaped

MOST_ROWS = 200
"""Most rows of a table; of more, the number is said."""

_MOST_TEXT = 300


def table(
    title: str,
    facts: Mapping[str, object],
    columns: Sequence[str] = (),
    rows: Iterable[Sequence[object]] = (),
) -> str:
    """Return a title, some facts and a table as HTML.

    Parameters
    ----------
    title
        What it is about.
    facts
        Name and value of what there is to say of the whole; values that are None or empty are left out.
    columns, rows
        The table. Whatever stands in it, control characters and markup included, is shown as text.
    """
    said = "".join(
        f"<tr><th style='text-align:left'>{_text(name)}</th><td style='text-align:left'>{_text(value)}</td></tr>"
        for name, value in facts.items()
        if value is not None and value != ""  # zero and False are facts
    )
    lines = list(rows)
    head = "".join(f"<th style='text-align:left'>{_text(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td style={chr(39)}text-align:left{chr(39)}>{_text(cell)}</td>' for cell in line)}</tr>"
        for line in lines[:MOST_ROWS]
    )
    more = f"<p>and {len(lines) - MOST_ROWS:,} more</p>" if len(lines) > MOST_ROWS else ""
    table_of_rows = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}" if lines else ""
    return f"<div><p><b>{_text(title)}</b></p><table><tbody>{said}</tbody></table>{table_of_rows}</div>"


def _text(value: object) -> str:
    """Return a value as HTML text: control characters shown, cut, and with nothing left that HTML would read."""
    shown = escaped("" if value is None else str(value)[: _MOST_TEXT + 1])
    return html.escape(shown if len(shown) <= _MOST_TEXT else shown[: _MOST_TEXT - 1] + "…")
