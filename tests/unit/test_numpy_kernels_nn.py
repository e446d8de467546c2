"""Kernels of numpy-cpu for networks, against the generic ones: bias, softmax, losses, convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes, errors
from holdfast.contracts import KernelRequest
from holdfast.kernels.catalogue import load_kernels
from holdfast_numpy.kernels.catalogue import overrides
from holdfast_numpy.kernels.registry import fallback

load_kernels()

_CONTEXT: Any = None
_ROUNDING = {np.dtype(np.float32): 3e-6, np.dtype(np.float64): 1e-13}


def _draw(*shape: int, dtype: Any = np.float32) -> NDArray[Any]:
    return np.asarray(np.random.default_rng(3).normal(0, 1, shape).astype(dtype))


def _native(value: Any) -> NDArray[Any]:
    """Return a value in native byte order, which the generic kernels do not care for."""
    array = np.asarray(value)
    return array.astype(array.dtype.newbyteorder("="))


def _check(op_type: str, attrs: dict[str, Any], *inputs: Any, outputs: int = 1, exact: bool = False) -> None:
    """Compare the override with the generic kernel, by call and into buffers full of NaN."""
    kinds = tuple(dtypes.as_dtype(x.dtype) for x in inputs)
    real = next(kind for kind in kinds if kind.is_floating)
    request = KernelRequest(op_type, "op", attrs, kinds, (real,) * outputs)
    kernel: Any = overrides()[op_type](np, request)
    with np.errstate(all="ignore"):
        expected = tuple(_native(value) for value in fallback(request)(_CONTEXT, *inputs))
        called = kernel(_CONTEXT, *inputs)
        buffers = tuple(np.full(value.shape, np.nan, value.dtype) for value in expected)
        kernel.into(_CONTEXT, buffers, *inputs)
    for want, *found in zip(expected, called, buffers, strict=True):
        np.testing.assert_array_equal(found[0], found[1])
        tolerance = 0 if exact else _ROUNDING[want.dtype] * max(1, float(np.abs(want).max(initial=0)))
        np.testing.assert_allclose(np.asarray(found[0]), want, rtol=0, atol=tolerance, strict=True)


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), (2, 3, 5), (17, 8, 8, 32), (16, 8, 8, 33)])
def test_bias(shape: tuple[int, ...]) -> None:
    """Sums are exact, a few rows at a time or not; the gradient adds up within rounding."""
    value = _draw(*shape)
    _check("BiasAdd", {"data_format": b"NHWC"}, value, _draw(shape[-1]), exact=True)
    _check("BiasAdd", {"data_format": b"NHWC"}, value[::-1], _draw(shape[-1]), exact=True)
    _check("BiasAddGrad", {"data_format": b"NHWC"}, value)
    _check("BiasAddGrad", {"data_format": b"NHWC"}, value.astype(np.float64))


def test_bias_refuses_what_does_not_fit() -> None:
    """The errors are the generic kernel's; channels that come first are left to it."""
    kinds = (dtypes.float32,) * 2
    request = KernelRequest("BiasAdd", "op", {"data_format": b"NHWC"}, kinds, kinds[:1])
    kernel: Any = overrides()["BiasAdd"](np, request)
    with pytest.raises(errors.InvalidArgumentError, match="Must provide as many biases as the last dimension"):
        kernel(_CONTEXT, _draw(2, 3), _draw(1))
    first = KernelRequest("BiasAdd", "op", {"data_format": b"NCHW"}, kinds, kinds[:1])
    assert overrides()["BiasAdd"](np, first) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 7), (1, 1), (0, 3), (3, 0), (2, 3, 4), (9,), (700, 120)])
def test_softmax(shape: tuple[int, ...], dtype: Any) -> None:
    """Rows of any number and length, more than a block of them too."""
    for op_type in ("Softmax", "LogSoftmax"):
        _check(op_type, {}, _draw(*shape, dtype=dtype))
        _check(op_type, {}, _draw(*shape, dtype=dtype) * 500)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 7), (1, 1), (0, 3), (700, 120)])
def test_cross_entropy(shape: tuple[int, ...], dtype: Any) -> None:
    """Losses and gradients of labels as distributions and as classes; large logits do not overflow."""
    logits, labels = _draw(*shape, dtype=dtype), np.abs(_draw(*shape[::-1], dtype=dtype)).T
    labels = labels / np.maximum(labels.sum(1, keepdims=True), 1)
    classes = np.random.default_rng(4).integers(0, shape[1], shape[0])
    for scale in (1, 300):
        _check("SoftmaxCrossEntropyWithLogits", {}, logits * dtype(scale), labels, outputs=2)
        for kind in (np.int32, np.int64):
            inputs = logits * dtype(scale), classes.astype(kind)
            _check("SparseSoftmaxCrossEntropyWithLogits", {}, *inputs, outputs=2)


def test_cross_entropy_refuses_labels_that_are_no_class() -> None:
    """A label outside the range is named, one below zero too."""
    kinds = (dtypes.float32, dtypes.int32), (dtypes.float32, dtypes.float32)
    kernel: Any = overrides()["SparseSoftmaxCrossEntropyWithLogits"](
        np, KernelRequest("SparseSoftmaxCrossEntropyWithLogits", "op", {}, *kinds)
    )
    for bad in (-1, 3):
        with pytest.raises(errors.InvalidArgumentError, match=f"Received a label value of {bad} which is outside"):
            kernel(_CONTEXT, _draw(2, 3), np.array([0, bad], np.int32))


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 10_000])
def test_l2_loss(size: int) -> None:
    """Half the sum of squares, of a scalar and of a view too."""
    for dtype in (np.float32, np.float64):
        _check("L2Loss", {}, _draw(size, dtype=dtype))
        _check("L2Loss", {}, _draw(size, dtype=dtype)[::2])
    _check("L2Loss", {}, np.float32(3))


@pytest.mark.parametrize("padding", [b"SAME", b"VALID"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (2, 2), (3, 3)])
@pytest.mark.parametrize("sizes", [(3, 3), (1, 1), (4, 2), (5, 5)])
@pytest.mark.parametrize("channels", [(1, 3), (5, 4), (2, 9)])
def test_convolution(
    channels: tuple[int, int], sizes: tuple[int, int], strides: tuple[int, int], padding: bytes
) -> None:
    """Forward and both gradients, for every way the patches are laid out."""
    images, kernel = _draw(3, 7, 6, channels[0]), _draw(*sizes, *channels)
    attrs = {"strides": [1, *strides, 1], "padding": padding, "data_format": b"NHWC"}
    kinds = (dtypes.float32,) * 2
    (result,) = fallback(KernelRequest("Conv2D", "op", attrs, kinds, kinds[:1]))(_CONTEXT, images, kernel)
    grad = _draw(*result.shape)
    _check("Conv2D", attrs, images, kernel)
    _check("Conv2DBackpropInput", attrs, np.array(images.shape, np.int32), kernel, grad)
    _check("Conv2DBackpropFilter", attrs, images, np.array(kernel.shape, np.int32), grad)


def test_convolution_of_many_images_and_of_none() -> None:
    """A batch is taken in parts; an empty one, and a window larger than the image, are the generic kernel's."""
    attrs = {"strides": [1, 1, 1, 1], "padding": b"SAME", "data_format": b"NHWC"}
    images, kernel = _draw(40, 12, 12, 16, dtype=np.float64), _draw(3, 3, 16, 8, dtype=np.float64)
    _check("Conv2D", attrs, images, kernel)
    _check("Conv2D", attrs, images[::2], kernel[::-1])
    _check("Conv2DBackpropFilter", attrs, images, np.array(kernel.shape, np.int32), _draw(40, 12, 12, 8, dtype=float))
    _check("Conv2DBackpropInput", attrs, np.array(images.shape, np.int32), kernel, _draw(40, 12, 12, 8, dtype=float))
    _check("Conv2D", attrs, images[:0], kernel)
    _check("Conv2D", {**attrs, "padding": b"VALID"}, images[:, :2], kernel)


@pytest.mark.parametrize("padding", [b"SAME", b"VALID"])
@pytest.mark.parametrize("window, stride", [(2, 2), (3, 2), (2, 1), (1, 1), (1, 2), (2, 3)])
def test_max_pooling(window: int, stride: int, padding: bytes) -> None:
    """Values are exact, and of equal elements the first in its window has the gradient."""
    attrs = {"ksize": [1, window, window, 1], "strides": [1, stride, stride, 1], "padding": padding}
    attrs["data_format"] = b"NHWC"
    value = np.round(_draw(70, 7, 6, 5) * 2) / 2
    kinds = (dtypes.float32,)
    (pooled,) = fallback(KernelRequest("MaxPool", "op", attrs, kinds, kinds))(_CONTEXT, value)
    _check("MaxPool", attrs, value, exact=True)
    _check("MaxPoolGrad", attrs, value, pooled, _draw(*pooled.shape))
    _check("MaxPool", attrs, value[:0], exact=True)


def test_other_byte_orders_are_read_as_numbers() -> None:
    """Feeds keep the byte order that they have; no memory that is used again takes it over."""
    swapped = np.dtype(np.float32).newbyteorder()
    attrs = {"ksize": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "padding": b"SAME", "data_format": b"NHWC"}
    for order in (swapped, np.dtype(np.float32)):
        value, kernel = _draw(2, 5, 4, 3).astype(order), _draw(2, 2, 3, 2).astype(order)
        _check("Softmax", {}, _draw(3, 4).astype(order))
        _check("SoftmaxCrossEntropyWithLogits", {}, _draw(3, 4).astype(order), _draw(3, 4).astype(order), outputs=2)
        _check("MaxPoolGrad", attrs, value, value, value.astype(np.float32))
        _check("Conv2D", attrs, value, kernel)
        _check("L2Loss", {}, value)
