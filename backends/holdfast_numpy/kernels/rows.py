"""Rows of large arrays: read, changed and put back for as much time as they take, whatever the size of the array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast_numpy.kernels.blocks import Floats, scratch_of

_FEW = 1024
"""Up to as many elements ``ufunc.at`` is faster than all else: it looks at nothing first."""
_TURN_ELEMENTS = 200
"""A turn takes as long as ``ufunc.at`` takes for so many elements."""
_KEY_BITS = 31
_KEY_LIMIT = 1 << _KEY_BITS


def take_rows(table: Floats, indices: NDArray[Any], number: int = 0) -> Floats:
    """Return copies of rows in scratch memory of that number; the indices are in range."""
    rows = scratch_of((len(indices), *table.shape[1:]), table.dtype, number)
    return table.take(indices, 0, rows, "clip")


def put_rows(table: Floats, indices: NDArray[Any], rows: Floats) -> None:
    """Write whole rows of an array; of equal indices the last one counts."""
    width = table.nbytes // len(table) if len(table) else 0
    alike = rows.dtype == table.dtype and rows.flags.c_contiguous and table.flags.c_contiguous
    if not width or not alike:
        table[indices] = rows
        return
    # A row as one element of so many bytes: NumPy then copies it at once, and not number by number.
    kind = _row_dtype(width)
    if table.ndim != 2:
        table, rows = table.reshape(len(table), -1), rows.reshape(len(indices), -1)
    table.view(kind).put(indices, rows.view(kind), "clip")


@cache
def _row_dtype(width: int) -> np.dtype[np.void]:
    """Return the dtype of so many bytes."""
    return np.dtype((np.void, width))


@dataclass(frozen=True, slots=True)
class Turns:
    """Equal indices, in turns: in each turn every row is named at most once."""

    indices: NDArray[Any]
    """Each index once, the most frequent first."""
    order: NDArray[Any]
    """Positions of the indices' occurrences, turn by turn."""
    sizes: list[int]
    """How many rows, counted from the first, each turn has."""


def find_turns(indices: NDArray[Any]) -> Turns | None:
    """Return the turns of a vector of indices; None where no index comes twice."""
    ordered = indices.copy()
    ordered.sort()
    if not np.count_nonzero(ordered[1:] == ordered[:-1]):
        return None
    order = _stable_order(indices)
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(starts, append=len(ordered))
    frequent = np.argsort(-counts, kind="stable")
    rank = np.empty(len(starts), np.intp)
    rank[frequent] = np.arange(len(starts))
    # The n-th occurrence of a row belongs to turn n, where the rows come in the order of their frequency: they are the
    # most frequent ones, without a gap.
    turn = np.arange(len(ordered)) - np.repeat(starts, counts)
    sizes = np.bincount(turn)
    place = (np.cumsum(sizes) - sizes)[turn] + np.repeat(rank, counts)
    turns = np.empty(len(ordered), np.intp)
    turns[place] = order
    return Turns(ordered[starts[frequent]].astype(np.intp, copy=False), turns, sizes.tolist())


def _stable_order(indices: NDArray[Any]) -> NDArray[Any]:
    """Return the order that sorts a vector; equal ones keep theirs."""
    if int(indices.max()) >= _KEY_LIMIT or len(indices) >= _KEY_LIMIT:
        return np.argsort(indices, kind="stable")
    # Index and position as one number: NumPy sorts numbers faster than it finds their order.
    keys = (indices.astype(np.int64) << _KEY_BITS) | np.arange(len(indices))
    keys.sort()
    return keys & (_KEY_LIMIT - 1)


def change_rows(table: Floats, indices: NDArray[Any], updates: Floats, ufunc: np.ufunc) -> None:
    """Change rows in place by a ufunc of rows and updates; equal indices take effect one after the other."""
    if updates.size <= _FEW or table.ndim == 1:
        ufunc.at(table, indices, updates)
        return
    turns = find_turns(indices)
    if turns is not None and len(turns.sizes) * _TURN_ELEMENTS > updates.size:
        ufunc.at(table, indices, updates)
        return
    if turns is None:
        # NumPy casts other integers to these, at each use.
        indices = indices.astype(np.intp, copy=False)
        rows = take_rows(table, indices)
        ufunc(rows, updates, rows)
        put_rows(table, indices, rows)
        return
    distinct, parts = split_by_turns(indices, updates, turns)
    rows = take_rows(table, distinct)
    for now in parts:
        changed = rows[: len(now)]
        ufunc(changed, now, changed)
    put_rows(table, distinct, rows)


def split_by_turns(
    indices: NDArray[Any], updates: Floats, turns: Turns | None
) -> tuple[NDArray[Any], Iterator[Floats]]:
    """Return each index once, and the updates of each turn: as many as there are, for the first indices of these.

    The updates of a turn lie in scratch memory number 2 until the next turn.
    """
    if turns is None:
        # NumPy casts other integers to these, at each use.
        return indices.astype(np.intp, copy=False), iter((updates,))
    ends = list(accumulate(turns.sizes, initial=0))
    return turns.indices, (take_rows(updates, turns.order[i:j], 2) for i, j in pairwise(ends))
