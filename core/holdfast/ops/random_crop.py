"""Random cropping."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes
from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.tensor import Tensor
from holdfast.ops.assertions import Assert
from holdfast.ops.grouping import with_dependencies
from holdfast.ops.random_ops import random_uniform
from holdfast.ops.reductions import reduce_all
from holdfast.ops.shape_queries import shape
from holdfast.ops.slicing import slice

__all__ = ["random_crop"]


def random_crop(value: Any, size: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """Return a part of ``value`` of the given size, at a place that is drawn with equal probabilities.

    Parameters
    ----------
    value
        Any tensor.
    size
        Vector with the size along each dimension; a larger one than that of ``value`` raises InvalidArgumentError
        when it runs.
    seed
        Seed of the op, see ``set_random_seed``.
    """
    with name_scope(name, "random_crop", [value, size]) as scope:
        value = convert_to_tensor(value, name="value")
        size = convert_to_tensor(size, dtype=dtypes.int32, name="size")
        found = shape(value)
        check = Assert(reduce_all(found >= size), ["Need value.shape >= size, got ", found, size], summarize=1000)
        found = with_dependencies([check], found)
        limit = found - size + 1
        offset = random_uniform(shape(found), dtype=size.dtype, maxval=size.dtype.max, seed=seed) % limit
        return slice(value, offset, size, name=scope)
