"""All rows, in the order of the report. A new family of rows is a module in ``rows/`` and a line here."""

from __future__ import annotations

from tests.bench.row import Row
from tests.bench.rows import (
    building,
    checkpoint_memory,
    checkpoints,
    convnets,
    imports,
    memory,
    perceptrons,
    products,
    sessions,
    updates,
    weights,
)

ROWS: list[Row] = [
    *sessions.ROWS,
    *perceptrons.ROWS,
    *products.ROWS,
    *convnets.ROWS,
    *updates.ROWS,
    *building.ROWS,
    *memory.ROWS,
    *imports.ROWS,
    *checkpoints.ROWS,
    *weights.ROWS,
    *checkpoint_memory.ROWS,
]

if len({row.name for row in ROWS}) < len(ROWS):
    raise ValueError("two rows have one name")
