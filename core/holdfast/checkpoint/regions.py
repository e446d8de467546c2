"""Tensors piece by piece: bounded memory for whoever looks at every value."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.contracts import Entry, Index

PIECE_BYTES = 64 << 20
"""Most bytes of a piece, where one row is not larger."""


def pieces(entry: Entry, most: int = PIECE_BYTES) -> Iterator[Index | None]:
    """Yield regions that make up a tensor in order; None for all of it at once."""
    if entry.nbytes <= most or not entry.shape or entry.shape[0] == 0:
        yield None
        return
    rows = max(1, entry.shape[0] * most // entry.nbytes)
    rest = tuple(slice(0, size) for size in entry.shape[1:])
    for start in range(0, entry.shape[0], rows):
        yield (slice(start, min(start + rows, entry.shape[0])), *rest)


def stored_regions(entry: Entry) -> Iterator[Index | None]:
    """Yield regions that make up what is stored of a tensor: its pieces, or its parts where it is not whole."""
    if not entry.slices:
        yield from pieces(entry)
        return
    for part in entry.slices:
        yield tuple(slice(start, start + size) for start, size in zip(part.start, part.shape, strict=True))


def verify_values(checkpoint: OpenCheckpoint) -> None:
    """Read every value, which checks it; the errors of :meth:`OpenCheckpoint.read`."""
    for name, entry in checkpoint.entries.items():
        for region in stored_regions(entry):
            checkpoint.read(name, index=region)
