"""Contestants must compute the same before it means anything how long they take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.row import Proof

_MOST = 1000
"""Elements of an array that travel between processes."""


class DisagreementError(Exception):
    """Two contestants of a row computed different things."""

    def __init__(self, row: str, first: str, second: str, found: str) -> None:
        super().__init__(f"{row}: {second} does not compute what {first} does: {found}")


def excerpt(proof: Proof) -> list[NDArray[Any]]:
    """Return of each array at most some elements, evenly spread, and before them their number."""
    flat = [np.asarray(array).ravel() for array in proof]
    return [np.append(float(a.size), a[:: -(-a.size // _MOST) or 1].astype(np.float64)) for a in flat]


def check(row: str, first: str, second: str, expected: Proof, found: Iterable[Any], tolerance: float) -> None:
    """Raise DisagreementError unless all arrays are close: relative to the largest element, since sums cancel."""
    arrays = [np.asarray(array) for array in found]
    if len(arrays) != len(expected):
        raise DisagreementError(row, first, second, f"{len(arrays)} results instead of {len(expected)}")
    for index, (wanted, got) in enumerate(zip(expected, arrays, strict=True)):
        if wanted.shape != got.shape:
            raise DisagreementError(row, first, second, f"result {index} is {got.shape} instead of {wanted.shape}")
        scale = float(np.max(np.abs(wanted), initial=0.0))
        if not np.allclose(got, wanted, rtol=tolerance, atol=tolerance * scale):
            apart = float(np.max(np.abs(got - wanted)))
            raise DisagreementError(row, first, second, f"result {index} differs by up to {apart:.3g} of {scale:.3g}")
