"""Softmax and its losses for any logits, on NumPy and on the strict array API."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.kernels import nn_softmax  # noqa: F401  (fills the table)
from holdfast.kernels.registry import GENERIC

LOGITS = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-1e300, 1e300)
)


def run(xp: Any, op_type: str, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
    """Run a kernel over an array namespace."""
    found = tuple(dtypes.as_dtype(array.dtype) for array in inputs)
    kernel: Any = GENERIC[op_type](xp, KernelRequest(op_type, "x", {}, found, found[:1] * 2))
    with np.errstate(all="ignore"):
        return [np.asarray(output) for output in kernel(None, *(xp.asarray(array) for array in inputs))]


@pytest.mark.parametrize("xp", [np, array_api_strict])
@settings(max_examples=50)
@given(logits=LOGITS)
def test_probabilities(xp: Any, logits: NDArray[np.float64]) -> None:
    """A softmax is not negative and sums to 1; its logarithm is what log_softmax gives."""
    (result,) = run(xp, "Softmax", logits)
    assert np.all(result >= 0)
    np.testing.assert_allclose(result.sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(np.exp(run(xp, "LogSoftmax", logits)[0]), result, atol=1e-15)


@pytest.mark.parametrize("xp", [np, array_api_strict])
@settings(max_examples=50)
@given(logits=LOGITS, seed=st.integers(0, 99))
def test_cross_entropy(xp: Any, logits: NDArray[np.float64], seed: int) -> None:
    """The loss is never negative nor NaN, its gradient sums to 0, and sparse labels are dense ones."""
    labels = np.asarray(np.random.default_rng(seed).integers(0, logits.shape[1], logits.shape[0]))
    loss, grad = run(xp, "SparseSoftmaxCrossEntropyWithLogits", logits, labels)
    assert np.all(loss >= 0)
    np.testing.assert_allclose(grad.sum(axis=-1), 0, atol=1e-14)
    dense = run(xp, "SoftmaxCrossEntropyWithLogits", logits, np.eye(logits.shape[1])[labels])
    np.testing.assert_array_equal(dense[0], loss)
    np.testing.assert_array_equal(dense[1], grad)
