"""Convolution and pooling: static shapes, messages and kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.errors import InvalidArgumentError, UnimplementedError
from holdfast.graph import get_default_graph
from holdfast.kernels import nn_bias, nn_conv, nn_pool  # noqa: F401  (they fill the table)
from holdfast.kernels.registry import GENERIC
from holdfast.ops import nn_pool as pooling
from holdfast.ops.identities import placeholder
from holdfast.ops.nn_bias import bias_add
from holdfast.ops.nn_conv import conv2d, conv2d_backprop_input, conv2d_transpose


def tensor(shape: list[int | None] | None, dtype: dtypes.DType = dtypes.float32) -> Any:
    """Return a placeholder."""
    return placeholder(dtype, shape)


def run(op_type: str, attrs: dict[str, Any], *inputs: Any) -> NDArray[Any]:
    """Run a kernel; the output has the dtype of the last input."""
    arrays = [np.asarray(value) for value in inputs]
    found = tuple(dtypes.as_dtype(array.dtype) for array in arrays)
    attrs = {"strides": [1, 1, 1, 1], "padding": b"SAME", "data_format": b"NHWC", **attrs}
    kernel: Any = GENERIC[op_type](np, KernelRequest(op_type, "x", attrs, found, found[-1:]))
    (result,) = kernel(None, *arrays)
    assert result.dtype == arrays[-1].dtype
    return np.asarray(result)


@pytest.mark.parametrize(
    "size, strides, padding, expected",
    [
        ([2, 8, 8, 3], [1, 1, 1, 1], "SAME", [2, 8, 8, 4]),
        ([2, 8, 8, 3], [1, 2, 3, 1], "SAME", [2, 4, 3, 4]),
        ([2, 8, 8, 3], [1, 2, 3, 1], "VALID", [2, 3, 2, 4]),
        ([None, None, 8, 3], [1, 1, 1, 1], "SAME", [None, None, 8, 4]),
        (None, [1, 1, 1, 1], "SAME", [None, None, None, 4]),
    ],
)
def test_shape_of_a_convolution(size: Any, strides: list[int], padding: str, expected: list[int | None]) -> None:
    """The static shape counts the windows that fit."""
    assert conv2d(tensor(size), tensor([3, 3, 3, 4]), strides, padding).shape.as_list() == expected


def test_shape_of_a_convolution_with_channels_first() -> None:
    """With NCHW the channels are the second axis; strides are in the same order."""
    result = conv2d(tensor([2, 3, 8, 8]), tensor([3, 3, 3, 4]), [1, 1, 2, 2], "SAME", data_format="NCHW")
    assert result.shape.as_list() == [2, 4, 4, 4]


@pytest.mark.parametrize(
    "images, kernel, arguments, message",
    [
        ([2, 8, 8, 5], [3, 3, 3, 4], {}, "Dimensions must be equal, but are 5 and 3"),
        ([2, 2, 2, 3], [3, 3, 3, 4], {"padding": "VALID"}, "Negative dimension size caused by subtracting 3 from 2"),
        ([2, 8, 8, 3], [3, 3, 3, 4], {"strides": [1, 1]}, "requires the stride attribute to contain 4 values"),
        ([2, 8, 8, 3], [3, 3, 3, 4], {"strides": [1, 0, 1, 1]}, "Stride must be > 0, but got 0"),
        ([2, 8, 8], [3, 3, 3, 4], {}, "Shape must be rank 4 but is rank 3"),
        ([2, 8, 8, 3], [3, 3, 3], {}, "Shape must be rank 4 but is rank 3"),
        ([2, 8, 8, 3], [3, 3, 3, 4], {"padding": "X"}, 'passed string \'X\' not in: "SAME", "VALID"'),
    ],
)
def test_convolutions_that_cannot_be(images: Any, kernel: Any, arguments: dict[str, Any], message: str) -> None:
    """What cannot fit is refused when the graph is built, in TensorFlow's words."""
    with pytest.raises(ValueError, match=message):
        conv2d(tensor(images), tensor(kernel), **{"strides": [1, 1, 1, 1], "padding": "SAME", **arguments})


def test_strides_must_be_a_list() -> None:
    """A number is no list of strides."""
    with pytest.raises(TypeError, match="Expected list for 'strides' argument to 'conv2d' Op, not 1"):
        conv2d(tensor(None), tensor(None), 1, "SAME")  # type: ignore[arg-type]


def test_transposed_convolution() -> None:
    """The transpose is the gradient op under the name of the scope, with the shape that was asked for."""
    value, kernel = tensor([2, 4, 4, 3]), tensor([3, 3, 5, 3])
    result = conv2d_transpose(value, kernel, [2, 8, 8, 5], [1, 2, 2, 1])
    assert (result.name, result.op.type) == ("conv2d_transpose:0", "Conv2DBackpropInput")
    assert result.shape.as_list() == [2, 8, 8, 5]
    with pytest.raises(ValueError, match="output_shape does not match filter's output channels, 6 != 5"):
        conv2d_transpose(value, kernel, [2, 8, 8, 6], [1, 2, 2, 1])
    with pytest.raises(ValueError, match="input channels does not match filter's input channels, 3 != 4"):
        conv2d_transpose(value, tensor([3, 3, 5, 4]), [2, 8, 8, 5], [1, 2, 2, 1])
    with pytest.raises(ValueError, match=r"output_shape must have shape \(4,\), got \(1, 4\)"):
        conv2d_transpose(value, kernel, [[2, 8, 8, 5]], [1, 2, 2, 1])
    with pytest.raises(ValueError, match="padding must be either VALID or SAME: X"):
        conv2d_transpose(value, kernel, [2, 8, 8, 5], [1, 2, 2, 1], padding="X")
    with pytest.raises(ValueError, match="data_format has to be either NCHW or NHWC"):
        conv2d_transpose(value, kernel, [2, 8, 8, 5], [1, 2, 2, 1], data_format="X")


def test_gradient_op_has_the_shape_that_it_is_told() -> None:
    """The shape of a gradient comes from its constant input."""
    kernel, grad = tensor([3, 3, 3, 4]), tensor([2, 8, 8, 4])
    assert conv2d_backprop_input([2, 8, 8, 3], kernel, grad, [1, 1, 1, 1], "SAME").shape.as_list() == [2, 8, 8, 3]
    unknown = conv2d_backprop_input(tensor([4], dtypes.int32), kernel, grad, [1, 1, 1, 1], "SAME")
    assert unknown.shape.as_list() == [None] * 4


@pytest.mark.parametrize("function", [pooling.max_pool, pooling.avg_pool])
def test_pooling(function: Any) -> None:
    """Static shapes and messages of pooling."""
    window = [1, 2, 2, 1]
    assert function(tensor([2, 7, 8, 3]), window, window, "SAME").shape.as_list() == [2, 4, 4, 3]
    assert function(tensor([2, 7, 8, 3]), window, window, "VALID").shape.as_list() == [2, 3, 4, 3]
    assert function(tensor(None), window, window, "SAME").shape.as_list() == [None] * 4
    with pytest.raises(ValueError, match="Shape must be rank 4 but is rank 3"):
        function(tensor([2, 3, 4]), window, window, "SAME")
    with pytest.raises(ValueError, match="Negative dimension size caused by subtracting 2 from 1"):
        function(tensor([2, 1, 1, 3]), window, window, "VALID")
    with pytest.raises(ValueError, match="list of length 3 less than minimum 4"):
        function(tensor(None), [1, 2, 2], window, "SAME")
    with pytest.raises(TypeError, match="Expected list for 'ksize' argument"):
        function(tensor(None), 2, window, "SAME")


def test_names_of_pooling_and_bias() -> None:
    """Each is one node; the scope is its name."""
    pooling.max_pool(tensor(None), [1, 2, 2, 1], [1, 2, 2, 1], "SAME", name="pool")
    bias_add(tensor([2, 3]), [1.0, 2.0, 3.0])
    names = [op.name for op in get_default_graph().get_operations()]
    assert names == ["Placeholder", "pool", "Placeholder_1", "BiasAdd/bias", "BiasAdd"]


def test_shapes_of_a_bias() -> None:
    """A bias settles the number of channels, or is refused."""
    assert bias_add(tensor([None, None]), tensor([3])).shape.as_list() == [None, 3]
    assert bias_add(tensor([2, None, 4, 5]), tensor([3]), data_format="NCHW").shape.as_list() == [2, 3, 4, 5]
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 3 and 4"):
        bias_add(tensor([2, 3]), tensor([4]))
    with pytest.raises(ValueError, match="Shape must be at least rank 2 but is rank 1"):
        bias_add(tensor([2]), tensor([2]))


def test_max_pool_gradient_goes_to_the_first_of_equals() -> None:
    """Of several largest elements the first one of the window, row by row, has the gradient."""
    image = np.array([[1, 3, 3], [3, 2, 3], [0, 0, 0]], np.float32).reshape(1, 3, 3, 1)
    attrs = {"ksize": [1, 2, 2, 1], "padding": b"VALID"}
    pooled = run("MaxPool", attrs, image)
    assert pooled.reshape(2, 2).tolist() == [[3, 3], [3, 3]]
    grad = run("MaxPoolGrad", attrs, image, pooled, np.array([1, 2, 4, 8], np.float32).reshape(1, 2, 2, 1))
    assert grad.reshape(3, 3).tolist() == [[0, 3, 0], [4, 0, 8], [0, 0, 0]]
    back = run("MaxPoolGradGrad", attrs, image, pooled, np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1))
    assert back.reshape(2, 2).tolist() == [[1, 1], [3, 5]]


def test_average_leaves_padding_out() -> None:
    """A window over the edge is averaged over what lies inside."""
    image = np.array([[1, 2, 3]], np.float32).reshape(1, 1, 3, 1)
    attrs = {"ksize": [1, 1, 2, 1], "strides": [1, 1, 2, 1]}
    assert run("AvgPool", attrs, image).ravel().tolist() == [1.5, 3.0]
    grad = run("AvgPoolGrad", attrs, np.array([1, 1, 3, 1], np.int32), np.array([2, 5], np.float32).reshape(1, 1, 2, 1))
    assert grad.ravel().tolist() == [1.0, 1.0, 5.0]


def test_pooling_of_integers_and_over_channels() -> None:
    """max_pool takes integers, and windows over channels."""
    image = np.array([-5, -9, 3, 4], np.int32).reshape(1, 1, 1, 4)
    attrs = {"ksize": [1, 1, 1, 2], "strides": [1, 1, 1, 2]}
    assert run("MaxPool", attrs, image).ravel().tolist() == [-5, 4]


def test_kernels_refuse_what_they_cannot_do() -> None:
    """Strides of batches, windows over batches, and shapes that cannot fit."""
    image, kernel = np.ones((2, 4, 4, 3), np.float32), np.ones((3, 3, 3, 2), np.float32)
    with pytest.raises(InvalidArgumentError, match="strides in the batch and depth dimensions"):
        run("Conv2D", {"strides": [2, 1, 1, 1]}, image, kernel)
    with pytest.raises(InvalidArgumentError, match="input and filter must have the same depth: 3 vs 2"):
        run("Conv2D", {}, image, kernel[:, :, :2])
    with pytest.raises(InvalidArgumentError, match="actual = 3, computed = 4"):
        run("Conv2DBackpropInput", {}, np.array([2, 4, 4, 3]), kernel, np.ones((2, 3, 4, 2), np.float32))
    with pytest.raises(InvalidArgumentError, match="same batch size, got input batch: 3 and outbackprop batch: 2"):
        run("Conv2DBackpropInput", {}, np.array([3, 4, 4, 3]), kernel, np.ones((2, 4, 4, 2), np.float32))
    with pytest.raises(UnimplementedError, match="Pooling is not yet supported on the batch dimension"):
        run("MaxPool", {"ksize": [2, 1, 1, 1]}, image)
    with pytest.raises(UnimplementedError, match="Non-spatial pooling"):
        run("AvgPool", {"ksize": [1, 1, 1, 2]}, image)
    with pytest.raises(InvalidArgumentError, match=r"as many biases as the last dimension .* \[2\] vs. \[2,3\]"):
        run("BiasAdd", {}, np.ones((2, 3), np.float32), np.ones(2, np.float32))


def test_bias_of_channels_first() -> None:
    """With NCHW a bias belongs to the third axis from the end, and so does its gradient."""
    value = np.zeros((1, 2, 1, 2), np.float32)
    result = run("BiasAdd", {"data_format": b"NCHW"}, value, np.array([1, 2], np.float32))
    assert result.tolist() == [[[[1, 1]], [[2, 2]]]]
    assert run("BiasAddGrad", {"data_format": b"NCHW"}, result).tolist() == [2, 4]
    assert run("BiasAddGrad", {}, np.array([[1, 2], [3, 4]], np.int32)).tolist() == [4, 6]


def test_half_precision_convolution_sums_in_single() -> None:
    """A float16 convolution rounds once, at the end."""
    image, kernel = np.full((1, 1, 4096, 1), 0.1, np.float16), np.full((1, 4096, 1, 1), 0.1, np.float16)
    result = run("Conv2D", {"padding": b"VALID"}, image, kernel)
    exact = 4096 * np.float32(np.float16(0.1)) ** 2
    assert result.ravel()[0] == np.float16(exact)
