"""meshgrid: coordinates of the points of a grid."""

from __future__ import annotations

from typing import Any

from holdfast.graph import conversion, default
from holdfast.graph.tensor import Tensor
from holdfast.ops.reshaping import reshape
from holdfast.ops.sequences import ones
from holdfast.ops.shape_queries import size
from holdfast.ops.stacking import stack

__all__ = ["meshgrid"]


def meshgrid(*args: Any, **kwargs: Any) -> list[Tensor]:
    """Return, for n vectors, n tensors of rank n: the coordinates of the points of their grid.

    Parameters
    ----------
    *args
        Vectors.
    indexing
        ``xy`` (default): the first two axes are exchanged, as in a picture; or ``ij``.
    name
        Name of the scope.

    Raises
    ------
    ValueError
        If ``indexing`` is neither.
    TypeError
        If there are other keyword arguments.
    """
    indexing, name = kwargs.pop("indexing", "xy"), kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError(f"'{next(iter(kwargs))}' is an invalid keyword argument for this function")
    if indexing not in {"xy", "ij"}:
        raise ValueError("indexing parameter must be either 'xy' or 'ij'")
    with default.name_scope(name, "meshgrid", args):
        count = len(args)
        line = [1] * count
        axes = [reshape(stack(vector), [*line[:i], -1, *line[i + 1 :]]) for i, vector in enumerate(args)]
        sizes = [size(vector) for vector in args]
        dtype = conversion.convert_to_tensor(args[0]).dtype.base_dtype if args else None
        if indexing == "xy" and count > 1:
            axes[0] = reshape(axes[0], [1, -1] + [1] * (count - 2))
            axes[1] = reshape(axes[1], [-1, 1] + [1] * (count - 2))
            sizes[0], sizes[1] = sizes[1], sizes[0]
        if dtype is None:
            return []
        whole = ones(sizes, dtype)
        return [axis * whole for axis in axes]
