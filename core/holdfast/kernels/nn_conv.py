"""Kernels of two-dimensional convolution and its gradients: one matrix product over extracted patches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text
from holdfast.kernels.windows import Windows

_PATCH_ELEMENTS = 1 << 20
"""Patches are extracted for about as many elements at a time: few enough to stay in a processor's cache."""


def _refuse(message: str) -> InvalidArgumentError:
    """Return the error for inputs that do not fit."""
    return InvalidArgumentError(None, None, message)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """One convolution's attributes; arrays are in the order batch, height, width, channels within."""

    xp: Any
    strides: tuple[int, ...]
    padding: bytes
    channels_first: bool

    @classmethod
    def of(cls, xp: Any, request: KernelRequest) -> _Convolution:
        """Return what the attributes of a node say."""
        strides, channels_first = tuple(request.attrs["strides"]), request.attrs["data_format"] == b"NCHW"
        ordered = tuple(strides[i] for i in (0, 2, 3, 1)) if channels_first else strides
        return cls(xp, ordered, request.attrs["padding"], channels_first)

    def channels_last(self, array: Array) -> Array:
        """Return an array of the op's layout with its channels last; a view."""
        return self.xp.permute_dims(array, (0, 2, 3, 1)) if self.channels_first else array

    def in_layout(self, array: Array) -> Array:
        """Return an array with its channels last in the op's layout."""
        return self.xp.permute_dims(array, (0, 3, 1, 2)) if self.channels_first else array

    def sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape of the op's layout with the channels last."""
        return (sizes[0], sizes[2], sizes[3], sizes[1]) if self.channels_first else sizes

    def windows(self, sizes: tuple[int, ...], filter_sizes: tuple[int, ...]) -> Windows:
        """Return the windows over an input; ``sizes`` with the channels last."""
        if self.strides[0] != 1 or self.strides[3] != 1:
            raise _refuse(
                "Current implementation does not yet support strides in the batch and depth dimensions; expected 1, "
                f"got {self.strides[0]} for the batch and {self.strides[3]} for the depth."
            )
        return Windows.of(sizes, (1, *filter_sizes[:2], 1), self.strides, self.padding)

    def batches(self, windows: Windows) -> Iterator[tuple[slice, Windows]]:
        """Yield parts of the batch, and the windows over one, small enough for patches to be extracted at once."""
        batch, height, width, depth = windows.spans
        per_image = height.count * width.count * height.window * width.window * depth.size
        step = max(1, _PATCH_ELEMENTS // max(1, per_image))
        for start in range(0, batch.size, step):
            size = min(step, batch.size - start)
            span = type(batch).of(size, 1, 1, b"VALID")
            yield slice(start, start + size), Windows((span, height, width, depth))

    def patches(self, array: Array, windows: Windows) -> Array:
        """Return the patches under the windows, one a row."""
        xp, (batch, height, width, depth) = self.xp, windows.spans
        rows, columns = batch.size * height.count * width.count, height.window * width.window * depth.size
        if windows.trivial:
            return xp.reshape(array, (rows, columns))
        padded = windows.pad(xp, array)
        return xp.reshape(xp.stack([padded[part] for part in windows.parts()], axis=3), (rows, columns))

    def forward(self, images: Array, kernel: Array) -> Array:
        """Return the convolution; the inputs fit."""
        windows = self.windows(images.shape, kernel.shape)
        matrix = self.xp.reshape(kernel, (math.prod(kernel.shape[:3]), kernel.shape[3]))
        shape = (*windows.counts[:3], kernel.shape[3])
        result = self.xp.empty(shape, dtype=images.dtype)
        for part, some in self.batches(windows):
            result[part, ...] = self.xp.reshape(
                self.patches(images[part, ...], some) @ matrix, (some.spans[0].size, *shape[1:])
            )
        return result

    def to_filter(self, images: Array, filter_sizes: tuple[int, ...], grad: Array) -> Array:
        """Return the gradient of the filter."""
        xp = self.xp
        result = xp.zeros((math.prod(filter_sizes[:3]), filter_sizes[3]), dtype=grad.dtype)
        for part, some in self.batches(self.windows(images.shape, filter_sizes)):
            patches = self.patches(images[part, ...], some)
            rows = xp.reshape(grad[part, ...], (patches.shape[0], filter_sizes[3]))
            result += xp.matrix_transpose(patches) @ rows
        return xp.reshape(result, filter_sizes)

    def to_input(self, sizes: tuple[int, ...], kernel: Array, grad: Array) -> Array:
        """Return the gradient of the input."""
        xp = self.xp
        matrix = xp.matrix_transpose(xp.reshape(kernel, (math.prod(kernel.shape[:3]), kernel.shape[3])))
        result = xp.empty(sizes, dtype=grad.dtype)
        for part, some in self.batches(self.windows(sizes, kernel.shape)):
            count = some.spans[0].size * math.prod(some.counts[1:3])
            patches = xp.reshape(grad[part, ...], (count, kernel.shape[3])) @ matrix
            result[part, ...] = self.overlay(patches, some)
        return result

    def overlay(self, patches: Array, windows: Windows) -> Array:
        """Return the sum of patches, each laid where it was taken."""
        xp, (_, height, width, depth) = self.xp, windows.spans
        if windows.trivial:
            return xp.reshape(patches, windows.counts)
        layers = xp.reshape(patches, (*windows.counts[:3], height.window * width.window, depth.size))
        result = windows.blank(xp, patches.dtype)
        for i, part in enumerate(windows.parts()):
            result[part] += layers[:, :, :, i, :]
        return windows.unpad(result)


def _check_backprop(name: str, windows: Windows, kernel: tuple[int, ...], grad: tuple[int, ...]) -> None:
    """Raise unless a gradient has the shape of the convolution's output; shapes with the channels last."""
    batch, _, _, depth = windows.spans
    if kernel[2] != depth.size:
        raise _refuse(f"{name}: input and filter must have the same depth, got {depth.size} and {kernel[2]}")
    if grad[3] != kernel[3]:
        raise _refuse(f"{name}: filter and out_backprop must have the same out_depth, got {kernel[3]} and {grad[3]}")
    if grad[0] != batch.size:
        raise _refuse(
            f"{name}: input and out_backprop must have the same batch size, got input batch: {batch.size} and "
            f"outbackprop batch: {grad[0]}"
        )
    for span, found in zip(windows.spans[1:3], grad[1:3], strict=True):
        if span.count != found:
            raise _refuse(
                f"{name}: Size of out_backprop doesn't match computed: actual = {found}, computed = {span.count}; "
                f"input: {span.size} filter: {span.window} stride: {span.stride}"
            )


@generic("Conv2D")
def _(xp: Any, request: KernelRequest) -> Pure:
    convolution = _Convolution.of(xp, request)

    def compute(images: Array, kernel: Array) -> Array:
        if images.ndim != 4:
            raise _refuse(f"input must be 4-dimensional{shape_text(images.shape)}")
        if kernel.ndim != 4:
            raise _refuse(f"filter must be 4-dimensional: {shape_text(kernel.shape)}")
        images = convolution.channels_last(images)
        if images.shape[3] != kernel.shape[2]:
            raise _refuse(f"input and filter must have the same depth: {images.shape[3]} vs {kernel.shape[2]}")
        return convolution.in_layout(convolution.forward(images, kernel))

    return Pure(widened(xp, request, compute))


@generic("Conv2DBackpropInput")
def _(xp: Any, request: KernelRequest) -> Pure:
    convolution, name = _Convolution.of(xp, request), request.op_type

    def compute(input_sizes: Array, kernel: Array, grad: Array) -> Array:
        sizes = int_tuple(input_sizes)
        if len(sizes) != 4 or kernel.ndim != 4 or grad.ndim != 4:
            raise _refuse(
                f"{name}: input, filter and out_backprop must be 4-dimensional, got input sizes {list(sizes)}, filter "
                f"{shape_text(kernel.shape)} and out_backprop {shape_text(grad.shape)}"
            )
        sizes, grad = convolution.sizes(sizes), convolution.channels_last(grad)
        _check_backprop(name, convolution.windows(sizes, kernel.shape), kernel.shape, grad.shape)
        return convolution.in_layout(convolution.to_input(sizes, kernel, grad))

    return Pure(widened(xp, request, compute))


@generic("Conv2DBackpropFilter")
def _(xp: Any, request: KernelRequest) -> Pure:
    convolution, name = _Convolution.of(xp, request), request.op_type

    def compute(images: Array, filter_sizes: Array, grad: Array) -> Array:
        sizes = int_tuple(filter_sizes)
        if len(sizes) != 4 or images.ndim != 4 or grad.ndim != 4:
            raise _refuse(
                f"{name}: input, filter and out_backprop must be 4-dimensional, got input {shape_text(images.shape)}, "
                f"filter sizes {list(sizes)} and out_backprop {shape_text(grad.shape)}"
            )
        images, grad = convolution.channels_last(images), convolution.channels_last(grad)
        _check_backprop(name, convolution.windows(images.shape, sizes), sizes, grad.shape)
        return convolution.to_filter(images, sizes, grad)

    return Pure(widened(xp, request, compute))
