"""Random ops: nodes, seeds and messages of the graph, and the distributions and streams of the kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes
from holdfast.contracts import KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.graph import get_default_graph, set_random_seed
from holdfast.kernels import random_ops as kernels  # noqa: F401  (fills the table)
from holdfast.kernels.registry import HOST
from holdfast.ops import random_ops as ops
from holdfast.ops.identities import placeholder
from holdfast.ops.random_crop import random_crop
from holdfast.runtime import Session

N = 20000


class Context:
    """What a kernel asks of a run: keys from the op's name and its seeds, and a count of executions."""

    def __init__(self, execution: int = 0) -> None:
        self.execution = execution

    def random_key(self, op_name: str, seed: int, seed2: int) -> tuple[int, int, int]:
        return seed, seed2, self.execution


def draw(op_type: str, *inputs: Any, dtype: Any = np.float32, seed: int = 1, execution: int = 0) -> NDArray[Any]:
    """Run one execution of a random op."""
    arrays = [np.asarray(value) for value in inputs]
    found = tuple(dtypes.as_dtype(array.dtype) for array in arrays)
    attrs = {"seed": seed, "seed2": 2}
    kernel: Any = HOST[op_type](KernelRequest(op_type, "x", attrs, found, (dtypes.as_dtype(dtype),)))
    (result,) = kernel(Context(execution), *arrays)
    assert result.dtype == dtype
    return np.asarray(result)


def vector(*shape: int) -> NDArray[np.int32]:
    """Return a shape as an input."""
    return np.array(shape, np.int32)


def node_names() -> list[str]:
    """Return the names of all nodes in order."""
    return [op.name for op in get_default_graph().get_operations()]


def distance(sample: NDArray[Any], cdf: Any) -> float:
    """Return the greatest distance between a sample's distribution function and the exact one (Kolmogorov, Smirnov)."""
    ordered = np.sort(sample.astype(np.float64).ravel())
    exact = np.array([cdf(x) for x in ordered])
    steps = np.arange(ordered.size + 1) / ordered.size
    return float(max(np.max(steps[1:] - exact), np.max(exact - steps[:-1])))


def normal_cdf(x: float) -> float:
    """Return the distribution function of the standard normal distribution."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def test_nodes_of_random_normal() -> None:
    """random_normal has TensorFlow's nodes."""
    ops.random_normal([2, 3])
    prefix = "random_normal"
    inner = [f"{prefix}/{name}" for name in ("shape", "mean", "stddev", "RandomStandardNormal", "mul")]
    assert node_names() == [*inner, prefix]


def test_nodes_of_random_uniform() -> None:
    """random_uniform scales floats, and has the bounds as inputs for integers."""
    ops.random_uniform([2], -1, 1, name="a")
    ops.random_uniform([2], 0, 10, dtypes.int32, name="b")
    inner = ["shape", "min", "max", "RandomUniform", "sub", "mul"]
    assert node_names() == [*(f"a/{name}" for name in inner), "a", "b/shape", "b/min", "b/max", "b"]
    assert get_default_graph().get_operation_by_name("b").type == "RandomUniformInt"


def test_static_shapes() -> None:
    """A shape that is known in part is known of the result in part."""
    assert ops.random_normal([]).shape.as_list() == []
    assert ops.random_normal(placeholder(dtypes.int64, [2])).shape.as_list() == [None, None]
    assert ops.multinomial(placeholder(dtypes.float32, [None, 3]), 5).shape.as_list() == [None, 5]
    assert ops.random_gamma([5], placeholder(dtypes.float32, [2, 1]), [[1.0, 2.0]]).shape.as_list() == [5, 2, 2]
    assert ops.random_poisson([1.0, 2.0], [5]).shape.as_list() == [5, 2]
    assert ops.random_shuffle(placeholder(dtypes.string, [4, None])).shape.as_list() == [4, None]
    assert random_crop(placeholder(dtypes.float32, [8, None, 3]), [4, 4, 3]).shape.as_list() == [4, 4, 3]


def test_messages() -> None:
    """What cannot be is refused when the graph is built."""
    with pytest.raises(ValueError, match=r"Must specify maxval for integer dtype tf\.int32"):
        ops.random_uniform([2], dtype=dtypes.int32)
    with pytest.raises(ValueError, match=r"Invalid dtype tf\.uint8"):
        ops.random_uniform([2], dtype=dtypes.uint8)
    with pytest.raises(TypeError, match=r"Expected int32, got 0\.0 of type 'float' instead"):
        ops.random_normal([2], dtype=dtypes.int32)
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 0"):
        ops.random_normal(3)
    with pytest.raises(ValueError, match="Shape must be rank 2 but is rank 1"):
        ops.multinomial([1.0, 2.0], 5)
    with pytest.raises(ValueError, match="must be non-negative but is -1"):
        ops.multinomial([[1.0, 2.0]], -1)


def test_seeds_of_nodes() -> None:
    """Without seeds both are 0; with one of the graph, the second is the number of nodes made so far."""

    def seeds(tensor: Any) -> tuple[int, int]:
        return tensor.op.attrs["seed"], tensor.op.attrs["seed2"]

    assert seeds(ops.random_shuffle([1])) == (0, 0)
    assert seeds(ops.random_shuffle([1], seed=5)) == (87654321, 5)
    set_random_seed(11)
    assert seeds(ops.random_shuffle([1], seed=5)) == (11, 5)
    made = len(node_names())
    assert seeds(ops.random_shuffle([1])) == (11, made)


def test_random_ops_are_stateful() -> None:
    """Two equal random nodes are two draws: neither folded nor merged."""
    assert ops.random_normal([2]).op.inputs[0].op.inputs[0].op.op_def.stateful


def test_same_key_same_numbers() -> None:
    """A stream depends on its seeds and on how often the op has run, and on nothing else."""
    first = draw("RandomUniform", vector(100))
    np.testing.assert_array_equal(draw("RandomUniform", vector(100)), first)
    assert not np.intersect1d(draw("RandomUniform", vector(100), execution=1, dtype=np.float64), first).size
    assert not np.array_equal(draw("RandomUniform", vector(100), seed=2), first)


def test_executions_are_disjoint() -> None:
    """No part of one execution's stream is seen in another's, however long it is."""
    parts = [draw("RandomUniform", vector(N), dtype=np.float64, execution=i) for i in (0, 1, 2, 2**64)]
    assert np.unique(np.concatenate(parts)).size == 4 * N


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    """The shape of a draw does not change its stream."""
    np.testing.assert_array_equal(draw("RandomUniform", vector(10, 10)).ravel()[:7], draw("RandomUniform", vector(7)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_uniform(dtype: Any) -> None:
    """Uniform numbers are at least 0, below 1, and evenly spread."""
    sample = draw("RandomUniform", vector(N), dtype=dtype)
    assert sample.min() >= 0
    assert sample.max() < 1
    assert distance(sample, lambda x: x) < 1.63 / math.sqrt(N) + 2.0**-11


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_normal(dtype: Any) -> None:
    """Normal numbers have mean 0, deviation 1 and the right distribution."""
    sample = draw("RandomStandardNormal", vector(N), dtype=dtype).astype(np.float64)
    assert abs(sample.mean()) < 3 / math.sqrt(N)
    assert abs(sample.var() - 1) < 3 * math.sqrt(2 / N)
    assert distance(sample, normal_cdf) < 1.63 / math.sqrt(N) + 1e-3


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_truncated_normal(dtype: Any) -> None:
    """Truncated normal numbers are nearer than 2, and distributed as the others are within these bounds."""
    sample = draw("TruncatedNormal", vector(100, N // 100), dtype=dtype)
    assert np.abs(sample).max() < 2
    inside = normal_cdf(2) - normal_cdf(-2)
    assert distance(sample, lambda x: (normal_cdf(x) - normal_cdf(-2)) / inside) < 1.63 / math.sqrt(N) + 1e-3


def test_uniform_integers() -> None:
    """Integers are uniform from the lower bound up to, but without, the upper one."""
    low, high = np.int32(-3), np.int32(4)
    sample = draw("RandomUniformInt", vector(N), low, high, dtype=np.int32)
    values, counts = np.unique(sample, return_counts=True)
    assert values.tolist() == list(range(-3, 4))
    assert np.abs(counts - N / 7).max() < 4 * math.sqrt(N / 7)


def test_uniform_integers_of_the_whole_range() -> None:
    """Bounds may be as far apart as the dtype allows."""
    limits = np.iinfo(np.int64)
    sample = draw("RandomUniformInt", vector(1000), np.int64(limits.min), np.int64(limits.max), dtype=np.int64)
    assert sample.min() < -(2**62)
    assert sample.max() > 2**62


def test_uniform_integers_need_a_range() -> None:
    """Bounds that leave nothing are an error, unless nothing is asked for."""
    with pytest.raises(InvalidArgumentError, match="Need minval < maxval, got 5 >= 5"):
        draw("RandomUniformInt", vector(2), np.int32(5), np.int32(5), dtype=np.int32)
    with pytest.raises(InvalidArgumentError, match=r"minval must be 0-D, got shape \[1\]"):
        draw("RandomUniformInt", vector(2), np.array([5], np.int32), np.int32(6), dtype=np.int32)
    assert draw("RandomUniformInt", vector(0), np.int32(5), np.int32(5), dtype=np.int32).shape == (0,)


def test_shapes_that_are_none() -> None:
    """A shape must be a vector of sizes."""
    with pytest.raises(InvalidArgumentError, match="Dimension -2 must be >= 0"):
        draw("RandomStandardNormal", vector(-2))
    with pytest.raises(InvalidArgumentError, match=r"shape must be a vector of \{int32,int64\}, got shape \[\]"):
        draw("RandomStandardNormal", np.int32(2))


def test_shuffle() -> None:
    """A shuffle permutes the first dimension, of any dtype, with all orders equally likely."""
    rows = np.arange(12, dtype=np.int8).reshape(6, 2)
    result = draw("RandomShuffle", rows, dtype=np.int8)
    assert sorted(result.tolist()) == rows.tolist()
    assert result.tolist() != rows.tolist()
    words = np.array([b"a", b"b", b"c"], object)
    assert sorted(draw("RandomShuffle", words, dtype=object)) == [b"a", b"b", b"c"]
    assert draw("RandomShuffle", np.float32(3)) == 3
    orders = [tuple(draw("RandomShuffle", vector(0, 1, 2), dtype=np.int32, execution=i)) for i in range(600)]
    assert min(orders.count(order) for order in set(orders)) > 60
    assert len(set(orders)) == 6


def test_multinomial() -> None:
    """Classes are drawn with the softmax of the logits; one that is not finite is never drawn."""
    weights = np.array([0.1, 0.2, 0.0, 0.7])
    with np.errstate(divide="ignore"):
        logits = np.stack([np.log(weights), np.log(weights[::-1]) + 1000]).astype(np.float32)
    sample = draw("Multinomial", logits, np.int32(N), dtype=np.int64)
    for row, expected in zip(sample, (weights, weights[::-1]), strict=True):
        found = np.bincount(row, minlength=4) / N
        assert np.abs(found - expected).max() < 4 * math.sqrt(0.25 / N)
        assert found[expected == 0] == 0


def test_multinomial_refuses_what_has_no_classes() -> None:
    """Rows without a class that has a probability, and wrong ranks, are errors."""
    with pytest.raises(InvalidArgumentError, match=r"num_classes should be positive, got 0"):
        draw("Multinomial", np.zeros((2, 0), np.float32), np.int32(1), dtype=np.int64)
    with pytest.raises(InvalidArgumentError, match=r"logits\[1\] has no finite element"):
        draw("Multinomial", np.array([[0.0], [-np.inf]], np.float32), np.int32(1), dtype=np.int64)
    with pytest.raises(InvalidArgumentError, match=r"logits should be a matrix, got shape \[2\]"):
        draw("Multinomial", np.zeros(2, np.float32), np.int32(1), dtype=np.int64)
    with pytest.raises(InvalidArgumentError, match="num_samples should be nonnegative, got -1"):
        draw("Multinomial", np.zeros((2, 2), np.float32), np.int32(-1), dtype=np.int64)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gamma(dtype: Any) -> None:
    """Gamma numbers have the mean and the variance alpha, one column for each alpha."""
    alpha = np.array([0.5, 1.0, 9.0], dtype)
    sample = draw("RandomGamma", vector(N), alpha, dtype=dtype).astype(np.float64)
    assert sample.shape == (N, 3)
    # The variance of the sample's variance is (2 + 6 / alpha) alpha^2 / n.
    for column, a in zip(sample.T, alpha.astype(float), strict=True):
        assert abs(column.mean() - a) < 4 * math.sqrt(a / N)
        assert abs(column.var() - a) < 4 * a * math.sqrt((2 + 6 / a) / N) + 1e-3
    assert distance(sample[:, 1], lambda x: 1 - math.exp(-x)) < 1.63 / math.sqrt(N) + 1e-3
    with pytest.raises(InvalidArgumentError, match=r"alpha must not be negative, got -1\.0"):
        draw("RandomGamma", vector(1), np.array([-1], dtype), dtype=dtype)


def test_poisson() -> None:
    """Poisson numbers are counts with the rate as mean and variance."""
    sample = draw("RandomPoisson", vector(N), np.array([0.0, 3.0], np.float32)).astype(np.float64)
    assert sample.shape == (N, 2)
    assert not sample[:, 0].any()
    assert np.array_equal(sample, np.round(sample))
    assert abs(sample[:, 1].mean() - 3) < 4 * math.sqrt(3 / N)
    assert abs(sample[:, 1].var() - 3) < 4 * math.sqrt((3 + 2 * 9) / N)
    with pytest.raises(InvalidArgumentError, match="rate is out of range"):
        draw("RandomPoisson", vector(1), np.float32(-1))


def test_a_stream_does_not_depend_on_the_order_of_ops() -> None:
    """In a session, what an op draws depends on how often it was run, not on what else was."""
    first, second = ops.random_normal([4], seed=1), ops.random_uniform([4], seed=2)
    with Session() as session:
        together = session.run([first, second])
        again = session.run([first, second])
    with Session() as session:
        alone = [session.run(second), session.run(second), session.run(first)]
    np.testing.assert_array_equal(alone[0], together[1])
    np.testing.assert_array_equal(alone[1], again[1])
    np.testing.assert_array_equal(alone[2], together[0])


def test_sessions_without_seeds_differ() -> None:
    """Without any seed each session draws numbers of its own, and each op its own."""
    first, second = ops.random_uniform([4]), ops.random_uniform([4])
    drawn = []
    for _ in range(2):
        with Session() as session:
            drawn += session.run([first, second])
    assert len({tuple(values) for values in drawn}) == 4
