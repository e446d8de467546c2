"""Norms of vectors and matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.ops.arithmetic import abs as absolute
from holdfast.ops.complex_numbers import conj
from holdfast.ops.elementwise import node
from holdfast.ops.reductions import reduce_max, reduce_sum

if TYPE_CHECKING:
    from holdfast.graph.tensor import Tensor

__all__ = ["norm"]

_MATRIX_NORMS = ["euclidean", "fro", 1, np.inf]


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keep_dims: bool = False, name: str | None = None
) -> Tensor:
    """Return the norm of vectors or matrices.

    Parameters
    ----------
    tensor
        Floating point or complex.
    ord
        ``"euclidean"``, 1, 2, infinity or any positive number; of matrices ``"euclidean"``, ``"fro"``, 1 or infinity.
    axis
        The axis of the vectors, a pair of axes of the matrices, or None for all elements as one vector.
    keep_dims
        Keep reduced axes with size 1.

    Raises
    ------
    ValueError
        If there is no such norm, or the axes are something else.
    """
    of_matrices = isinstance(axis, tuple | list | np.ndarray) and len(axis) == 2
    if of_matrices:
        axis = [int(one) for one in axis]
        if axis[0] == axis[1]:
            raise ValueError("'axis' must be None, an integer, or a tuple of 2 unique integers")
        if ord not in _MATRIX_NORMS:
            raise ValueError(f"'ord' must be a supported matrix norm in {_MATRIX_NORMS}, got {ord}")
    else:
        axis = _vector_axis(axis)
        if ord != "euclidean" if isinstance(ord, str) else not ord > 0:
            raise ValueError(f"'ord' must be a supported vector norm, got {ord}")
    with name_scope(name, "norm", [tensor]):
        tensor = conversion.convert_to_tensor(tensor)
        kept = _norm(tensor, ord, axis, of_matrices=of_matrices)
        return kept if keep_dims else _squeezed(kept, axis)


def _vector_axis(axis: Any) -> Any:
    """Return one axis as a list, or None."""
    if axis is None:
        return None
    if isinstance(axis, tuple | list | np.ndarray) and len(axis) == 1:
        axis = axis[0]
    if not isinstance(axis, int | np.integer):
        raise ValueError("'axis' must be None, an integer, or a tuple of 2 unique integers")
    return [int(axis)]


def _norm(tensor: Tensor, ord: Any, axis: Any, *, of_matrices: bool) -> Tensor:
    """Return a norm with the reduced axes kept."""
    if ord in {"fro", "euclidean"} or (ord == 2 and not of_matrices):
        return node("Sqrt", reduce_sum(tensor * conj(tensor), axis, keep_dims=True))
    magnitude = absolute(tensor)
    if of_matrices:
        # The largest sum of a column for 1, of a row for infinity.
        summed, compared = axis if ord == 1 else reversed(axis)
        return reduce_max(reduce_sum(magnitude, summed, keep_dims=True), compared, keep_dims=True)
    if ord == 1:
        return reduce_sum(magnitude, axis, keep_dims=True)
    if ord == np.inf:
        return reduce_max(magnitude, axis, keep_dims=True)
    return node("Pow", reduce_sum(node("Pow", magnitude, ord), axis, keep_dims=True), 1.0 / ord)


def _squeezed(kept: Tensor, axis: Any) -> Tensor:
    """Drop the reduced axes."""
    return node("Squeeze", kept) if axis is None else node("Squeeze", kept, squeeze_dims=axis)
