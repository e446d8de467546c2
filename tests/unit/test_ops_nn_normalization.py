"""Normalization, dropout and ranking: nodes, messages, and values of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.graph import get_default_graph
from holdfast.kernels import nn_batch_norm, nn_top_k  # noqa: F401  (they fill the table)
from holdfast.kernels.registry import GENERIC
from holdfast.ops.identities import placeholder
from holdfast.ops.nn_dropout import dropout, zero_fraction
from holdfast.ops.nn_fused_batch_norm import fused_batch_norm
from holdfast.ops.nn_normalization import (
    batch_norm_with_global_normalization,
    batch_normalization,
    l2_normalize,
    moments,
    normalize_moments,
    sufficient_statistics,
    weighted_moments,
)
from holdfast.ops.nn_top_k import in_top_k, top_k


def tensor(shape: list[int | None] | None, dtype: dtypes.DType = dtypes.float32) -> Any:
    """Return a placeholder."""
    return placeholder(dtype, shape)


def run(op_type: str, attrs: dict[str, Any], outputs: list[Any], *inputs: Any) -> list[NDArray[Any]]:
    """Run a kernel on NumPy arrays; its outputs must have the given dtypes."""
    arrays = [np.asarray(value) for value in inputs]
    found = tuple(dtypes.as_dtype(array.dtype) for array in arrays)
    wanted = tuple(dtypes.as_dtype(dtype) for dtype in outputs)
    kernel: Any = GENERIC[op_type](np, KernelRequest(op_type, "x", attrs, found, wanted))
    results = [np.asarray(result) for result in kernel(None, *arrays)]
    assert [result.dtype for result in results] == outputs
    return results


def node_names(scope: str) -> list[str]:
    """Return the names below a scope."""
    names = [op.name for op in get_default_graph().get_operations()]
    return [name.removeprefix(f"{scope}/") for name in names if name.startswith(f"{scope}/")]


def test_nodes_of_batch_normalization() -> None:
    """Offset and scale are left out where they are None."""
    x, v = tensor([2, 3]), tensor([3])
    batch_normalization(x, v, v, v, v, 1e-3, name="full")
    batch_normalization(x, v, v, None, None, 1e-3, name="bare")
    batch_norm_with_global_normalization(x, v, v, v, v, 1e-3, scale_after_normalization=False, name="global")
    assert node_names("full") == ["add/y", "add", "Rsqrt", "mul", "mul_1", "mul_2", "sub", "add_1"]
    assert node_names("bare") == ["add/y", "add", "Rsqrt", "mul", "Neg", "mul_1", "add_1"]
    assert node_names("global") == ["add/y", "add", "Rsqrt", "mul", "mul_1", "sub", "add_1"]


def test_shapes_of_moments() -> None:
    """Moments drop the dimensions that they reduce, unless they are to be kept; half precision stays half."""
    x = tensor([2, 3, None], dtypes.float16)
    mean, variance = moments(x, [0, 1])
    assert (mean.shape.as_list(), mean.dtype, variance.dtype) == ([None], dtypes.float16, dtypes.float16)
    kept, _ = moments(x, [1], keep_dims=True)
    assert kept.shape.as_list() == [2, 1, None]
    weighted, _ = weighted_moments(tensor([2, 3]), [0], tensor([2, 1]))
    assert weighted.shape.as_list() == [3]


def test_sufficient_statistics() -> None:
    """The count is a constant where the shape is known; statistics give the moments."""
    count, mean_ss, variance_ss, shift = sufficient_statistics(tensor([2, 3]), [0])
    assert (count.op.type, shift) == ("Const", None)
    assert float(count.op.attrs["value"]) == 2
    mean, variance = normalize_moments(count, mean_ss, variance_ss, None)
    assert mean.shape.as_list() == variance.shape.as_list() == [3]
    dynamic, *_ = sufficient_statistics(tensor([None, 3]), [0], shift=1.0)
    assert dynamic.name == "sufficient_statistics_1/count:0"


def test_l2_normalize_keeps_the_shape() -> None:
    """The result is named like the scope."""
    result = l2_normalize(tensor([2, 3]), 1, name="unit")
    assert (result.name, result.shape.as_list()) == ("unit:0", [2, 3])


def test_dropout_messages() -> None:
    """A probability out of range, and integers, are refused."""
    for keep_prob, shown in ((0.0, "0"), (1.5, "1.5")):
        with pytest.raises(ValueError, match=rf"a float in the range \(0, 1\], got {shown}$"):
            dropout(tensor([2]), keep_prob)
    with pytest.raises(ValueError, match="Got a <dtype: 'int32'> tensor instead"):
        dropout(tensor([2], dtypes.int32), 0.5)
    with pytest.raises(ValueError, match=r"Shapes \(2,\) and \(\) are incompatible"):
        dropout(tensor([2]), tensor([2]))


def test_dropout_of_nothing_is_the_input() -> None:
    """With a probability of 1 there is nothing to draw."""
    x = tensor([2])
    assert dropout(x, 1.0) is x


def test_noise_of_dropout_may_be_broadcast() -> None:
    """The random decisions have the shape that was asked for."""
    result = dropout(tensor([2, 3]), 0.5, noise_shape=[2, 1], name="d")
    assert result.shape.as_list() == [2, 3]
    assert get_default_graph().get_tensor_by_name("d/Floor:0").shape.as_list() == [2, 1]


def test_zero_fraction_is_a_scalar() -> None:
    """The fraction is float32, whatever is counted."""
    result = zero_fraction(tensor([2, 3], dtypes.int64))
    assert (result.dtype, result.shape.as_list()) == (dtypes.float32, [])


def test_fused_batch_norm_shapes_and_messages() -> None:
    """The number of channels must agree; statistics are given or computed, not both."""
    x, v = tensor([2, 4, 4, None]), tensor([3])
    y, mean, variance = fused_batch_norm(x, v, v)
    assert [t.shape.as_list() for t in (y, mean, variance)] == [[2, 4, 4, 3], [3], [3]]
    assert fused_batch_norm(tensor(None, dtypes.float16), v, v)[0].op.type == "FusedBatchNormV2"
    with pytest.raises(ValueError, match="Both 'mean' and 'variance' must be None if is_training is True"):
        fused_batch_norm(x, v, v, v, v)
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 3 and 4"):
        fused_batch_norm(tensor([2, 4, 4, 3]), tensor([4]), v)
    assert fused_batch_norm(x, v, v, epsilon=0)[0].op.attrs["epsilon"] == float(np.float32(1.001e-5))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_fused_batch_norm_of_one_channel(dtype: Any) -> None:
    """In training the variance is told without bias, and used with it."""
    attrs = {"epsilon": 0.0, "data_format": b"NHWC", "is_training": True}
    op_type = "FusedBatchNorm" if dtype == np.float32 else "FusedBatchNormV2"
    x, one, none = np.array([1, 3], dtype).reshape(2, 1, 1, 1), np.ones(1, np.float32), np.zeros(0, np.float32)
    single = [np.float32] * 4
    y, mean, told, _, used = run(op_type, attrs, [dtype, *single], x, one * 2, one, none, none)
    assert (mean[0], told[0], used[0]) == (2.0, 2.0, 1.0)
    assert y.ravel().tolist() == [-1.0, 3.0]


def test_fused_batch_norm_takes_images() -> None:
    """Anything but a batch of images is an error."""
    attrs = {"epsilon": 0.0, "data_format": b"NHWC", "is_training": True}
    one = np.ones(1, np.float32)
    with pytest.raises(InvalidArgumentError, match=r"input must be 4-dimensional\[2,1\]"):
        run("FusedBatchNorm", attrs, [np.float32] * 5, np.ones((2, 1), np.float32), one, one, one, one)


def test_top_k_messages() -> None:
    """What is known to be too short, negative or no scalar is refused when the graph is built."""
    assert top_k(tensor([2, 3]), 2).indices.shape.as_list() == [2, 2]
    assert top_k(tensor([2, 3]), tensor([], dtypes.int32)).values.shape.as_list() == [2, None]
    with pytest.raises(ValueError, match="input must have last dimension >= k = 4 but is 3"):
        top_k(tensor([2, 3]), 4)
    with pytest.raises(ValueError, match="must be non-negative but is -1"):
        top_k(tensor([3]), -1)
    with pytest.raises(ValueError, match="Shape must be at least rank 1 but is rank 0"):
        top_k(tensor([]), 1)


def test_top_k_of_equals_takes_the_first() -> None:
    """Equal elements come in their own order, NaN before all."""
    values, indices = run("TopKV2", {}, [np.float32, np.int32], np.array([1, 3, 3, 2, 3], np.float32), np.int32(4))
    assert (values.tolist(), indices.tolist()) == ([3, 3, 3, 2], [1, 2, 4, 3])
    values, _ = run("TopKV2", {}, [np.float32, np.int32], np.array([1, np.nan, 3], np.float32), np.int32(2))
    assert np.isnan(values[0])
    values, indices = run("TopKV2", {}, [np.uint8, np.int32], np.zeros((2, 0, 3), np.uint8), np.int32(2))
    assert values.shape == indices.shape == (2, 0, 2)


def test_top_k_kernel_refuses_what_cannot_be() -> None:
    """A k that the graph did not know is checked when it runs."""
    row = np.ones(2, np.float32)
    with pytest.raises(InvalidArgumentError, match="must have at least k columns, got 2 and k = 3"):
        run("TopKV2", {}, [np.float32, np.int32], row, np.int32(3))
    with pytest.raises(InvalidArgumentError, match="Need k >= 0, got -3"):
        run("TopKV2", {}, [np.float32, np.int32], row, np.int32(-3))


def test_in_top_k() -> None:
    """Ties count as hits; a row that is not finite never does."""
    predictions = np.array([[1, 2, 3], [3, 2, 1], [np.nan, 1, 2], [1, 2, 2]], np.float32)
    (result,) = run("InTopKV2", {}, [np.bool_], predictions, np.array([2, 2, 2, 1]), np.int64(1))
    assert result.tolist() == [True, False, False, True]
    with pytest.raises(InvalidArgumentError, match="targets are out of range: expected 0 or more and less than 3"):
        run("InTopKV2", {}, [np.bool_], predictions, np.array([0, 0, 0, 7]), np.int64(1))
    assert in_top_k(tensor([2, 3]), tensor([2], dtypes.int32), 1, name="hit").name == "hit/hit:0"
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 2 and 3"):
        in_top_k(tensor([2, 3]), tensor([3], dtypes.int32), 1)
