"""Windows that slide over arrays: the geometry of convolution and pooling."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.contracts import Array


@dataclass(frozen=True, slots=True)
class Span:
    """Windows along one axis."""

    size: int
    """Length of the axis."""
    window: int
    """Length of a window."""
    stride: int
    """Distance between the starts of two windows."""
    count: int
    """Number of windows."""
    before: int
    """Padding before the first element."""
    after: int
    """Padding behind the last one."""

    @classmethod
    def of(cls, size: int, window: int, stride: int, padding: bytes) -> Span:
        """Return the windows that ``SAME`` or ``VALID`` padding gives."""
        if padding == b"VALID":
            return cls(size, window, stride, max(0, -(-(size - window + 1) // stride)), 0, 0)
        count = -(-size // stride)
        total = max(0, (count - 1) * stride + window - size)
        return cls(size, window, stride, count, total // 2, total - total // 2)

    def at(self, offset: int) -> slice:
        """Return where the elements lie, in the padded axis, that are ``offset`` behind the start of their window."""
        return slice(offset, offset + (self.count - 1) * self.stride + 1, self.stride) if self.count else slice(0, 0)

    def occupancy(self) -> list[int]:
        """Return how many elements that are not padding each window has."""
        starts = (i * self.stride - self.before for i in range(self.count))
        return [min(start + self.window, self.size) - max(start, 0) for start in starts]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows over all axes of an array, one span each."""

    spans: tuple[Span, ...]
    """Windows along each axis."""

    @classmethod
    def of(cls, shape: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: bytes) -> Windows:
        """Return the windows over an array of a shape."""
        return cls(tuple(Span.of(*numbers, padding) for numbers in zip(shape, window, strides, strict=True)))

    @property
    def counts(self) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        return tuple(span.count for span in self.spans)

    @property
    def padded(self) -> bool:
        """Whether any window reaches over the edge."""
        return any(span.before or span.after for span in self.spans)

    @property
    def trivial(self) -> bool:
        """Whether every window is one element and every element one window."""
        return all(span.window == span.stride == 1 for span in self.spans)

    def parts(self) -> Iterator[tuple[slice, ...]]:
        """Yield, for each place within a window in row-major order, the index of the elements there."""
        for place in itertools.product(*(range(span.window) for span in self.spans)):
            yield tuple(span.at(offset) for span, offset in zip(self.spans, place, strict=True))

    def blank(self, xp: Any, dtype: Any, fill: float = 0) -> Array:
        """Return a padded array full of one number."""
        return xp.full(tuple(s.before + s.size + s.after for s in self.spans), fill, dtype=dtype)

    def pad(self, xp: Any, array: Array, fill: float = 0) -> Array:
        """Return an array with its padding; the array itself where there is none."""
        if not self.padded:
            return array
        result = self.blank(xp, array.dtype, fill)
        result[self._inside()] = array
        return result

    def unpad(self, array: Array) -> Array:
        """Return the part of a padded array that is not padding; a view."""
        return array[self._inside()] if self.padded else array

    def _inside(self) -> tuple[slice, ...]:
        """Return where the array lies within its padding."""
        return tuple(slice(s.before, s.before + s.size) for s in self.spans)
