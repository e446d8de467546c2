"""Kernels on the diagonals of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contracts import KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.registry import Pure, host
from holdfast.kernels.shape_text import shape_text

_REASON = "the array API standard has diagonals only in an extension, and no assignment to them"


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, text)


@host("MatrixDiag", reason=_REASON)
def _(request: KernelRequest) -> Pure:
    def compute(diagonal: NDArray[Any]) -> NDArray[Any]:
        if diagonal.ndim < 1:
            raise _refuse(f"input must be at least 1-dim, received shape: {shape_text(diagonal.shape)}")
        size = diagonal.shape[-1]
        out = np.zeros((*diagonal.shape, size), diagonal.dtype)
        np.einsum("...ii->...i", out)[...] = diagonal
        return out

    return Pure(compute)


def _check_matrix(matrix: NDArray[Any]) -> None:
    """Raise unless an array has two axes or more."""
    if matrix.ndim < 2:
        raise _refuse(f"input must be at least 2-dim, received shape: {shape_text(matrix.shape)}")


@host("MatrixDiagPart", reason=_REASON)
def _(request: KernelRequest) -> Pure:
    def compute(matrix: NDArray[Any]) -> NDArray[Any]:
        _check_matrix(matrix)
        return np.diagonal(matrix, axis1=-2, axis2=-1).copy()

    return Pure(compute)


@host("MatrixSetDiag", reason=_REASON)
def _(request: KernelRequest) -> Pure:
    def compute(matrix: NDArray[Any], diagonal: NDArray[Any]) -> NDArray[Any]:
        _check_matrix(matrix)
        size = min(matrix.shape[-2:])
        if diagonal.shape != (*matrix.shape[:-2], size):
            raise _refuse(
                "must have diagonal.shape == input.shape[:-2] + min(input.shape[-2:]), but received input shape: "
                f"{shape_text(matrix.shape)} and diagonal shape: {shape_text(diagonal.shape)}"
            )
        out = matrix.copy()
        np.einsum("...ii->...i", out[..., :size, :size])[...] = diagonal
        return out

    return Pure(compute)


@host("Diag", reason=_REASON)
def _(request: KernelRequest) -> Pure:
    def compute(diagonal: NDArray[Any]) -> NDArray[Any]:
        if diagonal.ndim < 1:
            raise _refuse(f"Input must be at least rank 1, got {diagonal.ndim}")
        return np.diag(diagonal.reshape(-1)).reshape(diagonal.shape * 2)

    return Pure(compute)
