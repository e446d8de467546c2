"""Parts of tensors: TensorFlow's text for them, and the arithmetic of regions."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.contracts import Index, TensorSlice
from holdfast.errors import InvalidArgumentError

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """A part of a tensor and the tensor that it is part of."""

    full_shape: tuple[int, ...]
    """Shape of the whole tensor."""
    slice: TensorSlice
    """Where the part lies in it."""

    @property
    def index(self) -> Index:
        """The part as an index of the whole tensor."""
        return index_of(self.slice)

    def __str__(self) -> str:
        """Return TensorFlow's text: ``7 2 3,2:0,2``."""
        dimensions = " ".join(map(str, self.full_shape))
        extents = ":".join(f"{start},{size}" for start, size in zip(self.slice.start, self.slice.shape, strict=True))
        return f"{dimensions} {extents}"


def index_of(part: TensorSlice) -> Index:
    """Return a part as slices."""
    return tuple(slice(start, start + size) for start, size in zip(part.start, part.shape, strict=True))


def slice_of(index: Index) -> TensorSlice:
    """Return slices with known bounds as a part."""
    return TensorSlice(tuple(i.start for i in index), tuple(i.stop - i.start for i in index))


def parse_slice_spec(spec: str | bytes) -> SliceSpec | None:
    """Read one of the strings that ``SaveV2`` and ``RestoreV2`` take as ``shape_and_slices``.

    Parameters
    ----------
    spec
        Empty for a whole tensor; else the dimensions of the full tensor, separated by spaces, and then
        ``start,length`` or ``-`` (all of it) of each dimension, separated by colons: ``"7 2 3,2:-"``.

    Returns
    -------
    None for a whole tensor.

    Raises
    ------
    InvalidArgumentError
        If the text has another form, or the part lies outside the tensor.
    """
    text = spec.decode("utf-8", "replace") if isinstance(spec, bytes) else spec
    if not text:
        return None
    *dimensions, extents = text.split(" ")
    parts = extents.split(":")
    if not dimensions or len(parts) != len(dimensions) or not all(map(_NUMBER.fullmatch, dimensions)):
        raise _spec_error(text, "expected the dimensions and one start,length or - a dimension, such as '7 2 3,2:-'")
    full = tuple(map(int, dimensions))
    bounds = [_parse_extent(text, part, size) for part, size in zip(parts, full, strict=True)]
    return SliceSpec(full, TensorSlice(tuple(b[0] for b in bounds), tuple(b[1] for b in bounds)))


def _parse_extent(spec: str, extent: str, size: int) -> tuple[int, int]:
    """Read ``start,length`` or ``-`` of a dimension of `size`."""
    if extent == "-":
        return 0, size
    numbers = extent.split(",")
    if len(numbers) != 2 or not all(map(_NUMBER.fullmatch, numbers)):
        raise _spec_error(spec, f"{extent!r} is no start,length")
    start, length = map(int, numbers)
    if start + length > size:
        raise _spec_error(spec, f"{extent!r} ends outside a dimension of {size}")
    return start, length


def _spec_error(spec: str, fault: str) -> InvalidArgumentError:
    """Return the error about a spec."""
    return InvalidArgumentError(None, None, f"Can't parse shape_and_slice {spec[:200]!r}: {fault}.")


def intersect(first: TensorSlice, second: TensorSlice) -> TensorSlice | None:
    """Return what two parts of one tensor have in common; None if that is nothing."""
    start = tuple(map(max, first.start, second.start))
    stop = tuple(
        min(a + n, b + m) for a, n, b, m in zip(first.start, first.shape, second.start, second.shape, strict=True)
    )
    shape = tuple(end - begin for begin, end in zip(start, stop, strict=True))
    return None if any(size <= 0 for size in shape) else TensorSlice(start, shape)


def within(part: TensorSlice, frame: TensorSlice) -> Index:
    """Return a part as an index of a frame that contains it."""
    return tuple(
        slice(start - origin, start - origin + size)
        for start, size, origin in zip(part.start, part.shape, frame.start, strict=True)
    )


def first_overlap(parts: Sequence[TensorSlice]) -> tuple[TensorSlice, TensorSlice] | None:
    """Return two parts that have something in common, or None."""
    ordered = sorted(parts, key=lambda part: part.start)
    for number, part in enumerate(ordered):
        for other in ordered[number + 1 :]:
            if part.start and other.start[0] >= part.start[0] + part.shape[0]:
                break  # the others begin further on still
            if intersect(part, other) is not None:
                return part, other
    return None


def covers(parts: Sequence[TensorSlice], shape: tuple[int, ...]) -> bool:
    """Whether parts without overlap make up the whole tensor."""
    return sum(math.prod(part.shape) for part in parts) == math.prod(shape)


def normal_index(index: Index | None, shape: tuple[int, ...], name: str) -> Index:
    """Return an index with its bounds filled in; InvalidArgumentError if it does not fit the shape."""
    if index is None:
        return tuple(slice(0, size) for size in shape)
    try:
        bounds = [slice.indices(i, size) for i, size in zip(index, shape, strict=False)]
        fits = len(index) == len(shape) and all(step == 1 for _, _, step in bounds)
    except (TypeError, ValueError):  # no slices, or none of integers
        fits = False
    if not fits:
        raise InvalidArgumentError(
            None,
            None,
            f"Tensor {name!r} of shape {list(shape)} is read with one slice of step 1 a dimension, not {index}.",
        )
    return tuple(slice(start, max(start, stop)) for start, stop, _ in bounds)
