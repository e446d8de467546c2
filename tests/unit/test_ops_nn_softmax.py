"""Softmax and cross entropies: nodes, messages and kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.graph import get_default_graph
from holdfast.kernels import nn_softmax as kernels  # noqa: F401  (fills the table)
from holdfast.kernels.registry import GENERIC
from holdfast.ops import nn_losses
from holdfast.ops.identities import placeholder
from holdfast.ops.nn_cross_entropy import (
    softmax_cross_entropy_with_logits,
    sparse_softmax_cross_entropy_with_logits,
)
from holdfast.ops.nn_softmax import log_softmax, softmax


def run(op_type: str, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
    """Run a kernel whose outputs have the dtype of the first input."""
    found = tuple(dtypes.as_dtype(array.dtype) for array in inputs)
    count = 2 if "CrossEntropy" in op_type else 1
    kernel: Any = GENERIC[op_type](np, KernelRequest(op_type, "x", {}, found, found[:1] * count))
    outputs = [np.asarray(output) for output in kernel(None, *inputs)]
    assert [output.dtype for output in outputs] == [inputs[0].dtype] * count
    return outputs


def tensor(shape: list[int | None] | None, dtype: dtypes.DType = dtypes.float32) -> Any:
    """Return a placeholder."""
    return placeholder(dtype, shape)


def test_softmax_of_a_matrix_is_one_node() -> None:
    """Where no dimension must be moved there is one node."""
    assert softmax(tensor([2, 3]), name="s").op.type == "Softmax"
    assert log_softmax(tensor([2, 3]), dim=1).name == "LogSoftmax:0"


@pytest.mark.parametrize("dim", [-3, -2, -1, 0, 1, 2])
def test_softmax_along_any_dimension_keeps_the_shape(dim: int) -> None:
    """The static shape of a softmax is that of the logits."""
    assert softmax(tensor([2, None, 4]), dim=dim).shape.as_list() == [2, None, 4]


def test_softmax_refuses_a_dimension_that_is_not_there() -> None:
    """A dimension out of range, and any of a scalar, is a ValueError."""
    with pytest.raises(ValueError, match=r"dim must be in the range \[-2, 2\) for logits of rank 2, got 5"):
        softmax(tensor([2, 3]), dim=5)
    with pytest.raises(ValueError, match="scalar"):
        softmax(tensor([]))


def test_nodes_of_the_cross_entropy() -> None:
    """The node of the loss has the user's name, the rest TensorFlow's."""
    loss = softmax_cross_entropy_with_logits(labels=tensor([2, 3]), logits=tensor([2, 3]), name="xe")
    assert loss.name == "Reshape_2:0"
    assert get_default_graph().get_operation_by_name("xe").type == "SoftmaxCrossEntropyWithLogits"
    assert loss.shape.as_list() == [2]


def test_cross_entropy_drops_the_dimension_of_the_classes() -> None:
    """The loss has the shape of the logits without the classes."""
    logits = tensor([2, None, 4])
    assert softmax_cross_entropy_with_logits(labels=logits, logits=logits, dim=1).shape.as_list() == [2, 4]
    assert softmax_cross_entropy_with_logits(labels=logits, logits=logits).shape.as_list() == [2, None]


def test_cross_entropy_of_half_precision_stays_half() -> None:
    """float16 logits are computed in float32 and give a float16 loss."""
    logits = tensor([2, 3], dtypes.float16)
    loss = softmax_cross_entropy_with_logits(labels=logits, logits=logits)
    assert loss.dtype == dtypes.float16
    assert loss.op.inputs[0].dtype == dtypes.float32


@pytest.mark.parametrize(
    "function",
    [
        softmax_cross_entropy_with_logits,
        sparse_softmax_cross_entropy_with_logits,
        nn_losses.sigmoid_cross_entropy_with_logits,
    ],
)
def test_losses_take_named_arguments_only(function: Any) -> None:
    """Positional arguments, and a missing one, are refused with TensorFlow's words."""
    with pytest.raises(ValueError, match=f"Only call `{function.__name__}` with named arguments"):
        function(tensor([2, 3]), tensor([2, 3]))
    with pytest.raises(ValueError, match=r"Both labels and logits must be provided\."):
        function(labels=tensor([2, 3]))


def test_shapes_that_cannot_fit() -> None:
    """Static shapes are compared when the graph is built."""
    with pytest.raises(ValueError, match="Dimension 1 in both shapes must be equal, but are 4 and 3"):
        softmax_cross_entropy_with_logits(labels=tensor([2, 3]), logits=tensor([2, 4]))
    with pytest.raises(ValueError, match="Rank of labels \\(received 2\\) should equal rank of logits minus 1"):
        sparse_softmax_cross_entropy_with_logits(labels=tensor([2, 3], dtypes.int32), logits=tensor([2, 3]))
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 2 and 4"):
        sparse_softmax_cross_entropy_with_logits(labels=tensor([4], dtypes.int32), logits=tensor([2, 3]))
    with pytest.raises(ValueError, match=r"logits and labels must have the same shape \(\(2, 4\) vs \(2, 3\)\)"):
        nn_losses.sigmoid_cross_entropy_with_logits(labels=tensor([2, 3]), logits=tensor([2, 4]))
    with pytest.raises(ValueError, match="logits and targets must have the same shape"):
        nn_losses.weighted_cross_entropy_with_logits(tensor([2, 3]), tensor([2, 4]), 2.0)
    with pytest.raises(ValueError, match="log_input and targets must have the same shape"):
        nn_losses.log_poisson_loss(tensor([2, 3]), tensor([2, 4]))


def test_sparse_cross_entropy_of_more_dimensions_keeps_the_labels_shape() -> None:
    """Labels of any rank give a loss of their shape."""
    loss = sparse_softmax_cross_entropy_with_logits(labels=tensor([2, 5], dtypes.int64), logits=tensor([2, 5, 3]))
    assert loss.shape.as_list() == [2, 5]


def test_softmax_does_not_overflow() -> None:
    """Logits of any size give probabilities."""
    (result,) = run("Softmax", np.array([[1000.0, 1000.0, -1000.0]], np.float32))
    assert result.tolist() == [[0.5, 0.5, 0.0]]
    (result,) = run("LogSoftmax", np.array([[1000.0, -1000.0]], np.float32))
    assert result.tolist() == [[0.0, -2000.0]]


def test_softmax_of_no_classes() -> None:
    """An empty row stays empty."""
    assert run("Softmax", np.zeros((2, 0), np.float32))[0].shape == (2, 0)


def test_cross_entropy_and_its_gradient() -> None:
    """The loss is the log of the sum of exponentials less the chosen logits; the second output is its gradient."""
    logits = np.array([[1.0, 2.0, 3.0], [1000.0, 0.0, 0.0]])
    labels = np.array([[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]])
    loss, grad = run("SoftmaxCrossEntropyWithLogits", logits, labels)
    total = np.log(np.exp([1.0, 2.0, 3.0]).sum())
    np.testing.assert_allclose(loss, [total - 2.5, 1000.0], rtol=1e-14)
    np.testing.assert_allclose(grad[1], [1.0, -1.0, 0.0], atol=1e-15)


def test_sparse_agrees_with_dense() -> None:
    """A label is the distribution that has all of its weight there."""
    logits = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    labels = np.array([0, 4, 2, 2])
    sparse = run("SparseSoftmaxCrossEntropyWithLogits", logits, labels)
    dense = run("SoftmaxCrossEntropyWithLogits", logits, np.eye(5, dtype=np.float32)[labels])
    for left, right in zip(sparse, dense, strict=True):
        np.testing.assert_array_equal(left, right)


def test_kernels_refuse_what_does_not_fit() -> None:
    """Shapes and labels that cannot fit are InvalidArgumentErrors that say what was found."""
    logits = np.ones((2, 3), np.float32)
    with pytest.raises(InvalidArgumentError, match=r"logits_size=\[2,3\] labels_size=\[2,2\]"):
        run("SoftmaxCrossEntropyWithLogits", logits, logits[:, :2])
    with pytest.raises(InvalidArgumentError, match=r"logits shape \[2,3\] and labels shape \[3\]"):
        run("SparseSoftmaxCrossEntropyWithLogits", logits, np.zeros(3, np.int32))
    with pytest.raises(
        InvalidArgumentError,
        match=r"Received a label value of 3 which is outside the valid range of \[0, 3\)\.  Label values: 0 3",
    ):
        run("SparseSoftmaxCrossEntropyWithLogits", logits, np.array([0, 3], np.int32))
