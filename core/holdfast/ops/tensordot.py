"""tensordot: the sum of products over pairs of axes, by way of one matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast import dtypes
from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.tensor import Tensor
from holdfast.ops.constants import constant
from holdfast.ops.elementwise import node
from holdfast.ops.matmul import matmul
from holdfast.ops.sequences import range as numbers
from holdfast.ops.shape_queries import rank, shape
from holdfast.ops.static import constant_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["tensordot"]


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """Return the contraction of two tensors.

    Parameters
    ----------
    a, b
        Tensors of one dtype that :func:`matmul` takes.
    axes
        A number n contracts the last n axes of ``a`` with the first n of ``b``; a pair of axes, or of lists of axes,
        contracts those of ``a`` with those of ``b``, one by one.

    Returns
    -------
    Tensor
        With the other axes of ``a``, then the other axes of ``b``.

    Raises
    ------
    ValueError
        If a number of axes is less than 1, or the lists differ in length.
    """
    with name_scope(name, "Tensordot", [a, b, axes]) as scope:
        a = conversion.convert_to_tensor(a, name="a")
        b = conversion.convert_to_tensor(b, name="b")
        a_axes, b_axes = _contracted(a, axes)
        a_matrix, a_rest = _as_matrix(a, a_axes, contracted_last=True)
        b_matrix, b_rest = _as_matrix(b, b_axes, contracted_last=False)
        product = matmul(a_matrix, b_matrix)
        return _restored(product, a_rest, b_rest, scope)


def _contracted(a: Tensor, axes: Any) -> tuple[Any, Any]:
    """Return the axes of ``a`` and of ``b`` to contract: lists of ints, or int32 vectors."""
    if isinstance(axes, int | np.integer):
        if axes < 1:
            raise ValueError("'axes' must be at least 1.")
        count = int(axes)
        last = list(range(-count, 0)) if a.shape.ndims is not None else numbers(rank(a) - count, rank(a))
        return last, list(range(count))
    if isinstance(axes, Sequence | np.ndarray):
        if len(axes) != 2:
            raise ValueError("'axes' must be an integer or have length 2.")
        a_axes, b_axes = ([one] if isinstance(one, int | np.integer) else list(one) for one in axes)
        if len(a_axes) != len(b_axes):
            raise ValueError(f"Different number of contraction axes 'a' and 'b', {len(a_axes)} != {len(b_axes)}.")
        return a_axes, b_axes
    pair = conversion.convert_to_tensor(axes, name="axes", dtype=dtypes.int32)
    return pair[0], pair[1]


def _as_matrix(x: Tensor, axes: Any, *, contracted_last: bool) -> tuple[Tensor, Any]:
    """Return ``x`` as a matrix with the contracted axes merged, and the sizes of the others: a tuple or a vector."""
    known: NDArray[Any] | None = constant_value(axes) if isinstance(axes, Tensor) else np.asarray(axes, np.int64)
    dims = x.shape.as_tuple()
    if known is None or dims is None:
        return _as_matrix_at_run_time(x, axes, contracted_last=contracted_last)
    gone = [_axis(int(axis), len(dims)) for axis in known.reshape(-1)]
    free = [i for i in range(len(dims)) if i not in gone]
    order = [*free, *gone] if contracted_last else [*gone, *free]
    turned = node("Transpose", x, order, name="transpose")
    rest = tuple(dims[i] for i in free)
    if None not in dims:
        inner, outer = _size([dims[i] for i in gone]), _size(rest)
        matrix = [outer, inner] if contracted_last else [inner, outer]
        return node("Reshape", turned, matrix), rest
    sizes = shape(x)
    inner_size, rest_sizes = node("Prod", node("Gather", sizes, gone), 0), node("Gather", sizes, free)
    return _merged(turned, node("Prod", rest_sizes, 0), inner_size, contracted_last=contracted_last), rest_sizes


def _axis(axis: int, count: int) -> int:
    """Return an axis counted from the front; ValueError if there is no such axis."""
    if not -count <= axis < count:
        raise ValueError(f"Axis {axis} to contract is not in the range [{-count}, {count}) of the tensor's axes.")
    return axis % count


def _size(dims: Any) -> int:
    """Return a product of sizes."""
    return int(np.prod(dims, dtype=np.int64))


def _as_matrix_at_run_time(x: Tensor, axes: Any, *, contracted_last: bool) -> tuple[Tensor, Tensor]:
    """As :func:`_as_matrix`, where the rank or the axes are known only when it runs."""
    sizes, count = shape(x), rank(x)
    gone = node("FloorMod", conversion.convert_to_tensor(axes, dtype=dtypes.int32, name="axes") + count, count)
    free = _others(gone, count)
    order = node("ConcatV2", [free, gone] if contracted_last else [gone, free], 0)
    rest = node("Gather", sizes, free)
    inner = node("Prod", node("Gather", sizes, gone), 0)
    turned = node("Transpose", x, order, name="transpose")
    return _merged(turned, node("Prod", rest, 0), inner, contracted_last=contracted_last), rest


def _others(gone: Tensor, count: Tensor) -> Tensor:
    """Return the axes that are not among ``gone``."""
    is_gone = node("Any", node("Equal", node("ExpandDims", gone, 1), numbers(0, count)), 0)
    found = node("Where", node("LogicalNot", is_gone))
    return node("Cast", node("Reshape", found, [-1]), DstT=dtypes.int32)


def _merged(turned: Tensor, outer: Tensor, inner: Tensor, *, contracted_last: bool) -> Tensor:
    """Merge free and contracted axes, each to one."""
    return node("Reshape", turned, node("Pack", [outer, inner] if contracted_last else [inner, outer]))


def _restored(product: Tensor, a_rest: Any, b_rest: Any, scope: str) -> Tensor:
    """Give the matrix product the free axes of both factors."""
    if isinstance(a_rest, tuple) and isinstance(b_rest, tuple):
        return node("Reshape", product, constant([*a_rest, *b_rest], dtypes.int32, name="shape"), name=scope)
    sizes = [constant(rest, dtypes.int32) if isinstance(rest, tuple) else rest for rest in (a_rest, b_rest)]
    return node("Reshape", product, node("ConcatV2", sizes, 0), name=scope)
