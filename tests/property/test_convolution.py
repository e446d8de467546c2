"""Convolution and pooling against naive loops, on NumPy and on the strict array API."""

from __future__ import annotations

import itertools
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.kernels import nn_conv, nn_pool  # noqa: F401  (they fill the table)
from holdfast.kernels.registry import GENERIC
from holdfast.kernels.windows import Windows

FLOAT = NDArray[np.float64]


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    """Return a batch of images, a window, strides and padding that fit."""
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    padding = draw(st.sampled_from([b"SAME", b"VALID"]))
    most = (height, width) if padding == b"VALID" else (5, 5)
    return {
        "shape": (draw(st.integers(0, 3)), height, width, draw(st.integers(1, 3))),
        "window": (draw(st.integers(1, most[0])), draw(st.integers(1, most[1]))),
        "strides": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "padding": padding,
        "seed": draw(st.integers(0, 9)),
    }


def run(xp: Any, op_type: str, attrs: dict[str, Any], *inputs: NDArray[Any]) -> NDArray[Any]:
    """Run a kernel over an array namespace."""
    found = tuple(dtypes.as_dtype(array.dtype) for array in inputs)
    kernel: Any = GENERIC[op_type](xp, KernelRequest(op_type, "x", attrs, found, found[-1:]))
    (result,) = kernel(None, *(xp.asarray(array) for array in inputs))
    return np.asarray(result)


def places(geometry: dict[str, Any]) -> list[tuple[tuple[int, int], list[tuple[int, int, int, int]]]]:
    """Return, for each window, its place and the (row, column) of each element with its place in the window."""
    _, height, width, _ = geometry["shape"]
    windows = Windows.of(
        geometry["shape"], (1, *geometry["window"], 1), (1, *geometry["strides"], 1), geometry["padding"]
    )
    rows, columns = windows.spans[1:3]
    result = []
    for i, j in itertools.product(range(rows.count), range(columns.count)):
        inside = [
            (i * rows.stride - rows.before + a, j * columns.stride - columns.before + b, a, b)
            for a, b in itertools.product(range(rows.window), range(columns.window))
        ]
        result.append(((i, j), [p for p in inside if 0 <= p[0] < height and 0 <= p[1] < width]))
    return result


def attributes(geometry: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a node."""
    return {
        "strides": [1, *geometry["strides"], 1],
        "ksize": [1, *geometry["window"], 1],
        "padding": geometry["padding"],
        "data_format": b"NHWC",
    }


@pytest.mark.parametrize("xp", [np, array_api_strict])
@settings(max_examples=40)
@given(geometry=geometries())
def test_convolution_and_its_gradients_agree_with_loops(xp: Any, geometry: dict[str, Any]) -> None:
    """A convolution is a sum over the window; its gradients are its transposes."""
    draw = np.random.default_rng(geometry["seed"])
    images: FLOAT = np.asarray(draw.normal(size=geometry["shape"]), np.float64)
    kernel: FLOAT = np.asarray(draw.normal(size=(*geometry["window"], geometry["shape"][3], 2)), np.float64)
    found = places(geometry)
    counts = tuple(size + 1 for size in found[-1][0])
    expected = np.zeros((images.shape[0], *counts, 2))
    grad: FLOAT = np.asarray(draw.normal(size=expected.shape), np.float64)
    to_images, to_kernel = np.zeros_like(images), np.zeros_like(kernel)
    for (i, j), elements in found:
        for row, column, a, b in elements:
            expected[:, i, j] += images[:, row, column] @ kernel[a, b]
            to_images[:, row, column] += grad[:, i, j] @ kernel[a, b].T
            to_kernel[a, b] += images[:, row, column].T @ grad[:, i, j]
    attrs = attributes(geometry)
    np.testing.assert_allclose(run(xp, "Conv2D", attrs, images, kernel), expected, atol=1e-12)
    sizes = np.array(images.shape, np.int32), np.array(kernel.shape, np.int32)
    np.testing.assert_allclose(run(xp, "Conv2DBackpropInput", attrs, sizes[0], kernel, grad), to_images, atol=1e-12)
    np.testing.assert_allclose(run(xp, "Conv2DBackpropFilter", attrs, images, sizes[1], grad), to_kernel, atol=1e-12)


@pytest.mark.parametrize("xp", [np, array_api_strict])
@settings(max_examples=40)
@given(geometry=geometries())
def test_pooling_and_its_gradients_agree_with_loops(xp: Any, geometry: dict[str, Any]) -> None:
    """Pooling is a reduction over the window, without padding; of equal elements the first has the gradient."""
    draw = np.random.default_rng(geometry["seed"])
    images: FLOAT = draw.integers(-2, 3, size=geometry["shape"]).astype(np.float64)
    found = places(geometry)
    shape = (images.shape[0], *(size + 1 for size in found[-1][0]), images.shape[3])
    largest, mean = np.zeros(shape), np.zeros(shape)
    grad: FLOAT = np.asarray(draw.normal(size=shape), np.float64)
    to_largest, to_mean = np.zeros_like(images), np.zeros_like(images)
    for (i, j), elements in found:
        rows, columns = [p[0] for p in elements], [p[1] for p in elements]
        values = images[:, rows, columns]
        largest[:, i, j], mean[:, i, j] = values.max(axis=1), values.mean(axis=1)
        first = values.argmax(axis=1)
        for n, c in itertools.product(range(shape[0]), range(shape[3])):
            to_largest[n, rows[first[n, c]], columns[first[n, c]], c] += grad[n, i, j, c]
        for row, column in zip(rows, columns, strict=True):
            to_mean[:, row, column] += grad[:, i, j] / len(elements)
    attrs = attributes(geometry)
    np.testing.assert_array_equal(run(xp, "MaxPool", attrs, images), largest)
    np.testing.assert_allclose(run(xp, "AvgPool", attrs, images), mean, atol=1e-13)
    np.testing.assert_allclose(run(xp, "MaxPoolGrad", attrs, images, largest, grad), to_largest, atol=1e-13)
    sizes = np.array(images.shape, np.int32)
    np.testing.assert_allclose(run(xp, "AvgPoolGrad", attrs, sizes, grad), to_mean, atol=1e-13)
