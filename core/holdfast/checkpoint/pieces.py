"""Tensors that are stored in several places: which of them a region lies in, and reading it from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.names import printable
from holdfast.checkpoint.slices import covers, intersect, within
from holdfast.contracts import Entry, Index, TensorSlice
from holdfast.dtypes import string
from holdfast.errors import NotFoundError


class ReadRegion(Protocol):
    """Reads a region of one piece, given in the piece's own coordinates."""

    def __call__(self, index: Index, out: NDArray[Any] | None) -> NDArray[Any]:
        """Return the region, in `out` where that is given."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stored part of a tensor."""

    slice: TensorSlice
    """Where it lies in the tensor."""
    read: ReadRegion
    """Reads it."""


def read_pieces(
    name: str, entry: Entry, pieces: Sequence[Piece], wanted: TensorSlice, out: NDArray[Any] | None, path: str
) -> NDArray[Any]:
    """Return a region of a tensor that lies in pieces; NotFoundError if not all of it is there."""
    common = [(piece, both) for piece in pieces if (both := intersect(piece.slice, wanted)) is not None]
    if not covers([both for _, both in common], wanted.shape):
        stored = ", ".join(f"{list(piece.slice.start)}+{list(piece.slice.shape)}" for piece in pieces[:20])
        raise NotFoundError(
            None,
            None,
            f"Key {printable(name)[1:-1]} not found in checkpoint as a whole: {path} holds only the parts {stored} of "
            "it (start+extent). Restore it in those parts.",
        )
    if out is None:
        out = np.empty(wanted.shape, np.object_ if entry.dtype == string else entry.dtype.as_numpy_dtype)
    for piece, both in common:
        region = within(both, piece.slice)
        where: Any = (*within(both, wanted), ...)  # with the dots a view, also of what has no dimensions
        place = out[where]
        if place.flags.c_contiguous and entry.dtype != string:
            piece.read(region, place)  # where it belongs, without a copy in between
        else:
            place[...] = piece.read(region, None)
    return out
