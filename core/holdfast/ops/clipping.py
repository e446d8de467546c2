"""Clipping of values and of norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast.graph import conversion
from holdfast.graph.default import colocate_with, name_scope
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.ops.casting import cast
from holdfast.ops.constants import constant
from holdfast.ops.elementwise import node
from holdfast.ops.reductions import reduce_sum
from holdfast.ops.sequences import range as numbers
from holdfast.ops.shape_queries import rank, size
from holdfast.ops.stacking import stack

if TYPE_CHECKING:
    from holdfast.graph.tensor import Tensor

__all__ = ["clip_by_average_norm", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm"]


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Tensor:
    """Return ``t`` with what is less than one bound, or more than the other, replaced by that bound.

    Parameters
    ----------
    t
        Real numbers.
    clip_value_min, clip_value_max
        Scalars, or of shapes that broadcast to that of ``t``.

    Raises
    ------
    ValueError
        If a bound has more axes, or larger ones, than ``t``.
    """
    with name_scope(name, "clip_by_value", [t, clip_value_min, clip_value_max]) as scope:
        t = conversion.convert_to_tensor(t, name="t")
        below = node("Minimum", t, clip_value_max)
        t.shape.merge_with(below.shape)
        clipped = node("Maximum", below, clip_value_min, name=scope)
        t.shape.merge_with(clipped.shape)
        return clipped


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """Return ``t``, scaled down where its Euclidean norm along ``axes`` is more than ``clip_norm``."""
    with name_scope(name, "clip_by_norm", [t, clip_norm]) as scope:
        t = conversion.convert_to_tensor(t, name="t")
        inverse = node("Rsqrt", reduce_sum(t * t, axes, keep_dims=True))
        intermediate = t * clip_norm
        t.shape.merge_with(intermediate.shape)
        smaller = node("Minimum", inverse, constant(1.0, t.dtype.base_dtype) / clip_norm)
        return node("Identity", intermediate * smaller, name=scope)


def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Tensor:
    """Return ``t``, scaled down if its Euclidean norm per element is more than ``clip_norm``."""
    with name_scope(name, "clip_by_average_norm", [t, clip_norm]) as scope:
        t = conversion.convert_to_tensor(t, name="t")
        count = cast(size(t), t.dtype.base_dtype)
        inverse = node("Rsqrt", reduce_sum(t * t, numbers(rank(t)), keep_dims=True))
        intermediate = t * clip_norm
        smaller = node("Minimum", inverse * count, constant(1.0, t.dtype.base_dtype) / clip_norm)
        return node("Identity", intermediate * smaller, name=scope)


def _check_list(t_list: Any) -> list[Any]:
    """Return a list of tensors; TypeError if it is no sequence."""
    if not isinstance(t_list, Sequence) or isinstance(t_list, str):
        raise TypeError("t_list should be a sequence")
    return list(t_list)


def _values_of(t_list: list[Any]) -> list[Any]:
    """Return the tensors among the items, of IndexedSlices their values; None stays."""
    return [
        t.values
        if isinstance(t, IndexedSlices)
        else None
        if t is None
        else conversion.convert_to_tensor(t, name=f"t_{i}")
        for i, t in enumerate(t_list)
    ]


def global_norm(t_list: Any, name: str | None = None) -> Tensor:
    """Return the Euclidean norm of all elements of several tensors together.

    Parameters
    ----------
    t_list
        Tensors, IndexedSlices (whose values count) and None, which counts nothing; of one floating dtype.

    Raises
    ------
    TypeError
        If it is no sequence.
    """
    tensors = _check_list(t_list)
    with name_scope(name, "global_norm", [t for t in tensors if t is not None]):
        values = _values_of(tensors)
        halves = []
        for value in values:
            if value is not None:
                with colocate_with(value):
                    halves.append(node("L2Loss", value))
        half = reduce_sum(stack(halves))
        return node("Sqrt", half * constant(2.0, half.dtype), name="global_norm")


def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None) -> Any:
    """Scale tensors down together, if their norm together is more than ``clip_norm``.

    Parameters
    ----------
    t_list
        Tensors, IndexedSlices and None; of one floating dtype.
    clip_norm
        The largest norm that is left alone: a scalar.
    use_norm
        Their norm together, if it is there already; :func:`global_norm` by default.

    Returns
    -------
    tuple
        The list of scaled tensors, of the same kinds, and the norm before scaling.

    Raises
    ------
    TypeError
        If ``t_list`` is no sequence.
    """
    tensors = _check_list(t_list)
    if use_norm is None:
        use_norm = global_norm(tensors, name)
    with name_scope(name, "clip_by_global_norm", [t for t in [*tensors, clip_norm] if t is not None]) as scope:
        inverse = 1.0 / use_norm
        scale = clip_norm * node("Minimum", inverse, constant(1.0, use_norm.dtype.base_dtype) / clip_norm)
        clipped: list[Any] = []
        for i, (item, value) in enumerate(zip(tensors, _values_of(tensors), strict=True)):
            if value is None:
                clipped.append(None)
                continue
            with colocate_with(value):
                scaled = node("Identity", value * scale, name=f"{scope}_{i}")
            is_slices = isinstance(item, IndexedSlices)
            clipped.append(IndexedSlices(scaled, item.indices, item.dense_shape) if is_slices else scaled)
        return clipped, use_norm
