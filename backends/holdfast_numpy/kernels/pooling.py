"""The largest element of each window of images, and its gradient: a few images at a time, in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from holdfast.contracts import Array, Kernel, KernelRequest
from holdfast.kernels.windows import Windows
from holdfast_numpy.kernels.abilities import Computed
from holdfast_numpy.kernels.blocks import workspace
from holdfast_numpy.kernels.choosing import keep
from holdfast_numpy.kernels.registry import fallback, is_real, override

Shape: TypeAlias = tuple[int, ...]

_PART_ELEMENTS = 1 << 18
_PADDED, _MASK, _LEFT, _SHARE = 2, 3, 4, 5
_BOOL = np.dtype(np.bool_)


class _Pooling:
    """The windows over one shape of input, and the parts of the batch to take one after the other."""

    def __init__(self, shape: Shape, request: KernelRequest) -> None:
        attrs = request.attrs
        self._window, self._strides, self._padding = attrs["ksize"], attrs["strides"], attrs["padding"]
        self._row = shape[1:]
        self._windows: dict[int, Windows] = {}
        self.whole = self.windows(shape[0])
        size = int(np.prod(self._row))
        step = max(1, _PART_ELEMENTS // max(1, size))
        self.parts = [slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]
        self.apart = all(span.stride >= span.window for span in self.whole.spans)
        """Whether no element is in two windows."""

    def windows(self, count: int) -> Windows:
        """Return the windows over so many images."""
        found = self._windows.get(count)
        if found is None:
            found = Windows.of((count, *self._row), self._window, self._strides, self._padding)
            self._windows[count] = found
        return found

    def padded(self, images: Array, fill: float) -> Array:
        """Return images with their padding, in workspace; themselves where there is none."""
        windows = self.windows(len(images))
        if not windows.padded:
            return images
        result = self.blank(windows, images.dtype, fill)
        np.copyto(windows.unpad(result), images)
        return result

    def blank(self, windows: Windows, dtype: Any, fill: float) -> Array:
        """Return workspace full of one number."""
        result = workspace(tuple(s.before + s.size + s.after for s in windows.spans), dtype, _PADDED)
        result.fill(fill)
        return result


def _poolings(request: KernelRequest) -> Callable[[Shape], _Pooling | None] | None:
    """Return the function from an input's shape to its windows; None: for the generic kernel."""
    attrs = request.attrs
    batch_alone = attrs["ksize"][0] == 1 and attrs["strides"][0] == 1
    if not is_real(request) or attrs["data_format"] != b"NHWC" or not batch_alone:
        return None
    known: dict[Shape, _Pooling] = {}

    def find(shape: Shape) -> _Pooling | None:
        if len(shape) != 4 or 0 in shape:
            return None
        found = known.get(shape)
        if found is None:
            found = known[shape] = _Pooling(shape, request)
        return found if all(found.whole.counts) else None

    return find


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
        if shape_of(*inputs) is None:
            np.copyto(out, rest(*inputs))
        else:
            steps(out, *inputs)

    return Computed(compute, write)


@override("MaxPool")
def _(request: KernelRequest) -> Kernel | None:
    poolings = _poolings(request)
    if poolings is None:
        return None

    def shape_of(value: Array) -> Shape | None:
        found = poolings(value.shape)
        return None if found is None else found.whole.counts

    def steps(out: Array, value: Array) -> None:
        pooling: Any = poolings(value.shape)
        for part in pooling.parts:
            target, images = out[part], value[part]
            padded = pooling.padded(images, -np.inf)
            first, *rest = [padded[place] for place in pooling.windows(len(images)).parts()]
            np.maximum(first, rest.pop() if rest else first, out=target)
            for elements in rest:
                np.maximum(target, elements, out=target)

    return _kernel(request, shape_of, steps)


@override("MaxPoolGrad")
def _(request: KernelRequest) -> Kernel | None:
    poolings = _poolings(request)
    if poolings is None:
        return None

    def shape_of(value: Array, pooled: Array, grad: Array) -> Shape | None:
        found = poolings(value.shape)
        if found is None or not pooled.shape == grad.shape == found.whole.counts:
            return None
        return tuple(value.shape)

    def steps(out: Array, value: Array, pooled: Array, grad: Array) -> None:
        pooling: Any = poolings(value.shape)
        for part in pooling.parts:
            _give_back(pooling, out[part], value[part], pooled[part], grad[part])

    return _kernel(request, shape_of, steps)


def _give_back(pooling: _Pooling, out: Array, value: Array, pooled: Array, grad: Array) -> None:
    """Give each window's gradient to the first of its largest elements."""
    windows = pooling.windows(len(value))
    here, left = (workspace(grad.shape, _BOOL, number) for number in (_MASK, _LEFT))
    left.fill(True)
    if windows.padded or not pooling.apart:
        padded = np.full([s.before + s.size + s.after for s in windows.spans], -np.inf, value.dtype)
        np.copyto(windows.unpad(padded), value)
        target = pooling.blank(windows, grad.dtype, 0)
    else:
        padded, target = value, out
        target.fill(0)
    share = None if pooling.apart else workspace(grad.shape, grad.dtype, _SHARE)
    for place in windows.parts():
        np.equal(padded[place], pooled, here)
        np.logical_and(here, left, here)
        np.logical_xor(left, here, left)
        if share is None:
            keep(target[place], here, grad)
        else:
            keep(share, here, grad)
            np.add(target[place], share, target[place])
    if target is not out:
        np.copyto(out, windows.unpad(target))
