"""Convolution of images with the channels last, and its gradients: products of matrices over a reused workspace.

Sums are formed in another order than by the generic kernels; they agree within the rounding of such a sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.arguments import int_tuple
from holdfast.kernels.windows import Span
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.patches import Patches
from holdfast_numpy.kernels.registry import fallback, is_real, override

Shape: TypeAlias = tuple[int, ...]

_MOST_OUTPUTS = 4
"""The gradient of the input is a convolution itself where there are at most so many times as many outputs as inputs:
else the patches of outputs would be much larger than those of inputs that can be laid over each other instead."""


def _geometry(request: KernelRequest) -> Callable[[Shape, Shape], Patches | None]:
    """Return the function from the sizes of images and filter to the windows; None: not for these kernels."""
    strides, padding = request.attrs["strides"], request.attrs["padding"]
    known: dict[tuple[Shape, Shape], Patches | None] = {}

    def find(images: Shape, kernel: Shape) -> Patches | None:
        if len(images) != 4 or len(kernel) != 4 or images[3] != kernel[2] or strides[0] != 1 or strides[3] != 1:
            return None
        if 0 in images or 0 in kernel:
            return None
        height, width = (Span.of(images[i], kernel[i - 1], strides[i], padding) for i in (1, 2))
        return Patches(height, width, images[3]) if height.count and width.count else None

    def geometry(images: Shape, kernel: Shape) -> Patches | None:
        key = images, kernel
        if key not in known:
            known[key] = find(images, kernel)
        return known[key]

    return geometry


def _usual(request: KernelRequest) -> bool:
    """Whether this is for float32 or float64 with the channels last."""
    return is_real(request) and request.attrs["data_format"] == b"NHWC"


def _kernel(request: KernelRequest, shape_of: Callable[..., Shape | None], steps: Callable[..., None]) -> Computed:
    """Return the kernel from the output's shape (None: the generic kernel does) and steps ``(out, *inputs)``."""
    rest: Callable[..., Array] = fallback(request).function
    dtype = request.output_dtypes[0].as_numpy_dtype

    def compute(*inputs: Array) -> Array:
        shape = shape_of(*inputs)
        if shape is None:
            return rest(*inputs)
        out = np.empty(shape, dtype)
        steps(out, *inputs)
        return out

    def write(out: Array, *inputs: Array) -> None:
        if shape_of(*inputs) is None or not out.flags.c_contiguous:
            np.copyto(out, rest(*inputs))
        else:
            steps(out, *inputs)

    return Computed(compute, write)


def _output_shape(patches: Patches | None, images: Shape, kernel: Shape) -> Shape | None:
    """Return the shape of a convolution."""
    return None if patches is None else (images[0], patches.height.count, patches.width.count, kernel[3])


@override("Conv2D")
def _(request: KernelRequest) -> Kernel | None:
    if not _usual(request):
        return None
    geometry = _geometry(request)

    def shape_of(images: Array, kernel: Array) -> Shape | None:
        return _output_shape(geometry(images.shape, kernel.shape), images.shape, kernel.shape)

    def steps(out: Array, images: Array, kernel: Array) -> None:
        patches: Any = geometry(images.shape, kernel.shape)
        _convolve(out, images, patches, kernel.reshape(-1, kernel.shape[3]))

    return _kernel(request, shape_of, steps)


def _convolve(out: Array, images: Array, patches: Patches, matrix: Array) -> None:
    """Write the product of all patches with a matrix."""
    for part in patches.parts(len(images)):
        target = out[part]
        patches.rows(images[part]).dot(matrix, target.reshape(-1, target.shape[3]))


@override("Conv2DBackpropInput")
def _(request: KernelRequest) -> Kernel | None:
    if not _usual(request):
        return None
    geometry = _geometry(request)

    def shape_of(input_sizes: Array, kernel: Array, grad: Array) -> Shape | None:
        sizes = int_tuple(input_sizes)
        expected = _output_shape(geometry(sizes, kernel.shape), sizes, kernel.shape)
        return sizes if expected is not None and grad.shape == expected else None

    def steps(out: Array, input_sizes: Array, kernel: Array, grad: Array) -> None:
        patches: Any = geometry(out.shape, kernel.shape)
        inputs, outputs = kernel.shape[2:]
        if patches.height.stride == patches.width.stride == 1 and outputs <= _MOST_OUTPUTS * inputs:
            turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
            _convolve(out, grad, patches.of_gradient(outputs), turned.reshape(-1, inputs))
            return
        matrix = kernel.reshape(-1, outputs).T
        for part in patches.parts(len(grad)):
            some = grad[part]
            rows = patches.rows_memory(len(some), out.dtype)
            some.reshape(-1, outputs).dot(matrix, rows)
            patches.overlay(rows, out[part])

    return _kernel(request, shape_of, steps)


@override("Conv2DBackpropFilter")
def _(request: KernelRequest) -> Kernel | None:
    if not _usual(request):
        return None
    geometry = _geometry(request)

    def shape_of(images: Array, filter_sizes: Array, grad: Array) -> Shape | None:
        sizes = int_tuple(filter_sizes)
        expected = _output_shape(geometry(images.shape, sizes), images.shape, sizes)
        return sizes if expected is not None and grad.shape == expected else None

    def steps(out: Array, images: Array, filter_sizes: Array, grad: Array) -> None:
        patches: Any = geometry(images.shape, out.shape)
        outputs = grad.shape[3]
        total = out.reshape(-1, outputs)
        for i, part in enumerate(patches.parts(len(images))):
            product = patches.rows(images[part]).T, grad[part].reshape(-1, outputs)
            if i:
                total += product[0].dot(product[1])
            else:
                product[0].dot(product[1], total)

    return _kernel(request, shape_of, steps)
