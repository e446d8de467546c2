"""Convolution, max(0, x) and the largest of each 2 x 2, forward and back, in NumPy with arrays that are made once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]


class Convolution:
    """One such stage of a net; it changes its filters and biases in place.

    Parameters
    ----------
    shape
        Of the images: NHWC.
    filters, biases
        HWIO, square, and O.
    padding
        Zeros on each side.
    """

    def __init__(self, shape: tuple[int, int, int, int], filters: Array, biases: Array, padding: int) -> None:
        batch, height, width, channels = shape
        size, _, _, maps = filters.shape
        self._size, self._padding = size, padding
        self._filters, self._biases = filters, biases
        self._padded = np.zeros((batch, height + 2 * padding, width + 2 * padding, channels), np.float32)
        out = (batch, height + 2 * padding - size + 1, width + 2 * padding - size + 1)
        self._windows = np.empty((*out, size, size, channels), np.float32)
        self._maps = np.empty((*out, maps), np.float32)
        self._slopes = np.empty_like(self._maps)
        self._pooled = np.empty((batch, out[1] // 2, out[2] // 2, maps), np.float32)
        self._change = np.empty((size * size * channels, maps), np.float32)

    def forward(self, images: Array) -> Array:
        """Return the result, in an array that the next call writes to."""
        inner = slice(self._padding, self._padding + images.shape[1])
        self._padded[:, inner, inner] = images
        views = sliding_window_view(self._padded, (self._size, self._size), axis=(1, 2))
        np.copyto(self._windows, views.transpose(0, 1, 2, 4, 5, 3))
        maps = self._maps
        np.dot(self._rows(), self._matrix(), out=maps.reshape(-1, maps.shape[-1]))
        maps += self._biases
        np.maximum(maps, 0, out=maps)
        corners = [maps[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        np.maximum(corners[0], corners[1], out=self._pooled)
        np.maximum(self._pooled, corners[2], out=self._pooled)
        return np.maximum(self._pooled, corners[3], out=self._pooled)

    def backward(self, slope: Array, rate: float, *, first: bool = False) -> Array:
        """Change filters and biases; return the gradient of the images, which the first stage does not need."""
        maps, slopes = self._maps, self._slopes
        slope = slope * (self._pooled > 0)
        for i in (0, 1):
            for j in (0, 1):
                np.multiply(slope, maps[:, i::2, j::2] == self._pooled, out=slopes[:, i::2, j::2])
        flat = slopes.reshape(-1, slopes.shape[-1])
        np.dot(self._rows().T, flat, out=self._change)
        back = slope if first else self._image_slope(flat)
        self._change *= np.float32(rate)
        matrix = self._matrix()
        matrix -= self._change
        self._biases -= np.float32(rate) * flat.sum(axis=0)
        return back

    def _rows(self) -> Array:
        """Return the windows as rows of a matrix."""
        return self._windows.reshape(-1, self._change.shape[0])

    def _matrix(self) -> Array:
        """Return the filters as the columns of one."""
        return self._filters.reshape(self._change.shape)

    def _image_slope(self, flat: Array) -> Array:
        """Add up what each image element contributed to."""
        slopes = np.dot(flat, self._matrix().T).reshape(self._windows.shape)
        _, height, width = self._maps.shape[:3]
        padded = np.zeros_like(self._padded)
        for i in range(self._size):
            for j in range(self._size):
                padded[:, i : i + height, j : j + width] += slopes[:, :, :, i, j]
        cut = slice(self._padding, padded.shape[1] - self._padding)
        return padded[:, cut, cut]
