"""The windows of a convolution as rows of a matrix, in memory that is used again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from holdfast.kernels.windows import Span
from holdfast_numpy.kernels.blocks import Floats, workspace

_PART_ELEMENTS = 1 << 18
"""Patches are laid out for about as many elements at a time, so that the product finds them in the cache."""
_THIN = 4
"""Up to as many channels the places within a window vary slowest: a copy of them has long runs along the width."""
_PADDED, _PATCHES = 0, 1


@dataclass(frozen=True, slots=True)
class Patches:
    """The windows over images of one size, with the channels last."""

    height: Span
    """Windows along the height."""
    width: Span
    """Windows along the width."""
    depth: int
    """Channels."""

    @property
    def columns(self) -> int:
        """Elements of a patch."""
        return self.height.window * self.width.window * self.depth

    @property
    def per_image(self) -> int:
        """Patches of an image."""
        return self.height.count * self.width.count

    @property
    def trivial(self) -> bool:
        """Whether every window is one element and every element one window."""
        return all(span.window == span.stride == 1 for span in (self.height, self.width))

    def parts(self, batch: int) -> Iterator[slice]:
        """Yield the parts of a batch to take one after the other."""
        step = batch if self.trivial else max(1, _PART_ELEMENTS // (self.per_image * self.columns))
        for start in range(0, batch, step):
            yield slice(start, min(start + step, batch))

    def rows(self, images: Floats) -> Floats:
        """Return the patches of some images, one a row, in workspace that the next call overwrites."""
        count = len(images)
        if self.trivial:
            return images.reshape(count * self.per_image, self.depth)
        padded = self._pad(images)
        batch, line, place, channel = padded.strides
        high, wide = self.height, self.width
        windows = as_strided(
            padded,
            (count, high.count, wide.count, high.window, wide.window, self.depth),
            (batch, line * high.stride, place * wide.stride, line, place, channel),
        )
        matrix = workspace((count * self.per_image, self.columns), images.dtype, _PATCHES)
        if self.depth > _THIN:
            np.copyto(matrix.reshape(windows.shape), windows)
            return matrix
        turned = windows.transpose(3, 4, 5, 0, 1, 2)
        np.copyto(matrix.reshape(turned.shape), turned)
        return matrix.reshape(self.columns, -1).T

    def overlay(self, rows: Floats, out: Floats) -> None:
        """Write the sum of patches, each laid where it was taken from, to some images."""
        count, (high, wide) = len(out), (self.height, self.width)
        layers = rows.reshape(count, high.count, wide.count, high.window, wide.window, self.depth)
        padded = self._blank(count, out.dtype)
        padded.fill(0)
        for i in range(high.window):
            for j in range(wide.window):
                target = padded[:, high.at(i), wide.at(j)]
                np.add(target, layers[:, :, :, i, j], target)
        np.copyto(out, self._inside(padded))

    def rows_memory(self, count: int, dtype: np.dtype[Any]) -> Floats:
        """Return workspace for the patches of so many images, to be laid over each other."""
        return workspace((count * self.per_image, self.columns), dtype, _PATCHES)

    def _pad(self, images: Floats) -> Floats:
        """Return images with their padding; themselves where there is none."""
        if not any((self.height.before, self.height.after, self.width.before, self.width.after)):
            return images
        padded = self._blank(len(images), images.dtype)
        padded.fill(0)
        np.copyto(self._inside(padded), images)
        return padded

    def _blank(self, count: int, dtype: np.dtype[Any]) -> Floats:
        """Return workspace for padded images."""
        sizes = (span.before + span.size + span.after for span in (self.height, self.width))
        return workspace((count, *sizes, self.depth), dtype, _PADDED)

    def _inside(self, padded: Floats) -> Floats:
        """Return what is not padding."""
        top, left = self.height.before, self.width.before
        return padded[:, top : top + self.height.size, left : left + self.width.size]

    def of_gradient(self, depth: int) -> Patches:
        """Return the windows over the output's gradient, of some channels, that give the input's; for strides of 1."""
        return Patches(_reversed(self.height), _reversed(self.width), depth)


def _reversed(span: Span) -> Span:
    """Return the windows over the output that each element of the input went into."""
    before = span.window - 1 - span.before
    return Span(span.count, span.window, 1, span.size, before, span.size + span.window - 1 - span.count - before)
