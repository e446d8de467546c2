"""The meaning of strided slices: masks, ellipses and new axes resolved against an input's dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Dims = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """A strided slice as an op states it: numbers an item, and bit masks over the items."""

    begin: Sequence[int | None]
    """First index of each item; None where it is not known statically."""
    end: Sequence[int | None]
    """Index after the last one."""
    strides: Sequence[int | None]
    """Step, not 0."""
    begin_mask: int = 0
    """Items that begin where the axis does, whatever ``begin`` says."""
    end_mask: int = 0
    """Items that end where the axis does."""
    ellipsis_mask: int = 0
    """The item, at most one, that stands for as many full axes as are left."""
    new_axis_mask: int = 0
    """Items that insert an axis of size 1."""
    shrink_axis_mask: int = 0
    """Items that take one index and drop the axis."""

    @classmethod
    def from_attrs(cls, attrs: Any, begin: Any, end: Any, strides: Any) -> SliceSpec:
        """Return the spec of a StridedSlice node."""
        masks = (attrs[f"{kind}_mask"] for kind in ("begin", "end", "ellipsis", "new_axis", "shrink_axis"))
        return cls(begin, end, strides, *masks)


@dataclass(slots=True)
class _Axis:
    """What happens to one axis of the input."""

    item: int | None
    """Index of the item that says so; None for a full axis."""


NEW = object()
"""Marks an inserted axis in a resolved order of axes."""


def _layout(spec: SliceSpec, rank: int) -> list[Any]:
    """Return, in the order of the output, the input's axes with their items, and NEW for inserted axes."""
    items = range(len(spec.begin))
    if spec.ellipsis_mask & (spec.ellipsis_mask - 1):
        raise ValueError("Multiple ellipses in slice spec not allowed")
    ellipsis = next((i for i in items if spec.ellipsis_mask >> i & 1), None)
    taken = sum(1 for i in items if i != ellipsis and not spec.new_axis_mask >> i & 1)
    if taken > rank:
        raise ValueError(f"Index out of range using input dim {rank}; input has only {rank} dims")
    layout: list[Any] = []
    for i in items:
        if i == ellipsis:
            layout += [_Axis(None)] * (rank - taken)
        elif spec.new_axis_mask >> i & 1:
            layout.append(NEW)
        else:
            layout.append(_Axis(i))
    if ellipsis is None:
        layout += [_Axis(None)] * (rank - taken)
    return layout


def _canonical(index: int, size: int, low: int, high: int) -> int:
    """Return an index from the front, clipped to ``low..high``."""
    index = index + size if index < 0 else index
    return min(max(index, low), high)


def _axis_slice(spec: SliceSpec, item: int, size: int, axis: int) -> slice | int:
    """Return the index of one axis of known size; ValueError where the item cannot apply."""
    begin, end, stride = spec.begin[item], spec.end[item], spec.strides[item]
    if stride == 0:
        raise ValueError(f"strides[{item}] must be non-zero")
    assert begin is not None  # noqa: S101  (callers pass full specs)
    assert end is not None  # noqa: S101
    assert stride is not None  # noqa: S101
    if spec.shrink_axis_mask >> item & 1:
        if stride < 0:
            raise ValueError("only stride 1 allowed on non-range indexing.")
        index = 0 if spec.begin_mask >> item & 1 else begin
        index = index + size if index < 0 else index
        if not 0 <= index < size:
            raise ValueError(f"slice index {begin} of dimension {axis} out of bounds.")
        return index
    low, high = (0, size) if stride > 0 else (-1, size - 1)
    first = (low if stride > 0 else high) if spec.begin_mask >> item & 1 else _canonical(begin, size, low, high)
    last = (high if stride > 0 else low) if spec.end_mask >> item & 1 else _canonical(end, size, low, high)
    count = max(0, -(-(last - first) // stride))
    if count == 0:
        return slice(0, 0, 1)
    stop = first + count * stride
    return slice(first, stop if stop >= 0 else None, stride)


def resolve(spec: SliceSpec, shape: tuple[int, ...]) -> tuple[tuple[slice | int, ...], tuple[int, ...]]:
    """Return the index that takes the slice from an array of the given shape, and the output's shape.

    The index has one entry an axis of the input. Inserted axes are in the shape only: any array library can take the
    slice and reshape it.

    Raises
    ------
    ValueError
        If the spec does not fit the shape: TensorFlow's sentence.
    """
    index: list[slice | int] = []
    dims: list[int] = []
    for entry in _layout(spec, len(shape)):
        if entry is NEW:
            dims.append(1)
            continue
        axis = len(index)
        part = slice(0, shape[axis], 1) if entry.item is None else _axis_slice(spec, entry.item, shape[axis], axis)
        index.append(part)
        if isinstance(part, slice):
            dims.append(len(range(*part.indices(shape[axis]))))
    return tuple(index), tuple(dims)


def static_shape(spec: SliceSpec, shape: Dims) -> Dims:
    """Return what is known of the output's shape where sizes or indices may be unknown (None).

    Raises
    ------
    ValueError
        If the spec cannot fit: TensorFlow's sentence.
    """
    dims: list[int | None] = []
    axis = 0
    for entry in _layout(spec, len(shape)):
        if entry is NEW:
            dims.append(1)
            continue
        size = shape[axis]
        if entry.item is None:
            dims.append(size)
        else:
            dims += _static_axis(spec, entry.item, size, axis)
        axis += 1
    return tuple(dims)


def _static_axis(spec: SliceSpec, item: int, size: int | None, axis: int) -> list[int | None]:
    """Return the sizes that one item leaves of an axis: one, or none where it drops the axis."""
    begin, end, stride = spec.begin[item], spec.end[item], spec.strides[item]
    if stride == 0:
        raise ValueError(f"strides[{item}] must be non-zero")
    shrink = bool(spec.shrink_axis_mask >> item & 1)
    if shrink and (begin is None or size is None or stride is None):
        return []
    begin_free, end_free = bool(spec.begin_mask >> item & 1), bool(spec.end_mask >> item & 1)
    if shrink or (
        size is not None and stride is not None and (begin_free or begin is not None) and (end_free or end is not None)
    ):
        filled = _with_item(spec, item, begin or 0, (begin or 0) + 1 if shrink and end is None else end or 0)
        part = _axis_slice(filled, item, size or 0, axis)
        return [len(range(*part.indices(size or 0)))] if isinstance(part, slice) else []
    return [_size_of_unknown(begin, end, stride, begin_free=begin_free, end_free=end_free)]


def _with_item(spec: SliceSpec, item: int, begin: int, end: int) -> SliceSpec:
    """Return a spec with numbers for one item."""
    begins, ends = list(spec.begin), list(spec.end)
    begins[item], ends[item] = begin, end
    masks = (spec.begin_mask, spec.end_mask, spec.ellipsis_mask, spec.new_axis_mask, spec.shrink_axis_mask)
    return SliceSpec(begins, ends, spec.strides, *masks)


def _size_of_unknown(
    begin: int | None, end: int | None, stride: int | None, *, begin_free: bool, end_free: bool
) -> int | None:
    """Return the size of a slice of an axis of unknown size, where the numbers alone decide it: an empty one."""
    if stride is None or begin_free or end_free or begin is None or end is None or (begin < 0) != (end < 0):
        return None
    empty = end <= begin if stride > 0 else end >= begin
    return 0 if empty else None
