from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest

from holdfast import dtypes, errors
from holdfast.contracts import KernelRequest
from holdfast.graph import Graph
from holdfast.kernels.array_backend import ArrayDevice
from holdfast.ops import arg_reductions, cumulative, norms, reductions
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from tests.unit.evaluation import run

REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "Sum": (reductions.reduce_sum, np.sum),
    "Mean": (reductions.reduce_mean, np.mean),
    "Prod": (reductions.reduce_prod, np.prod),
    "Min": (reductions.reduce_min, np.min),
    "Max": (reductions.reduce_max, np.max),
}
X = np.array([[[1, 2, 3], [4, 5, 6]], [[7, -8, 9], [-1, 2, 5]]])
AXES = [None, 0, -1, (0, 2), (1,), (), (0, 1, 2)]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keep_dims", [False, True])
@pytest.mark.parametrize("op_type", REDUCTIONS)
def test_values_and_static_shapes(op_type: str, axis: Any, keep_dims: bool) -> None:
    """Values agree with NumPy's for any axes, and the shape is known before."""
    function, reference = REDUCTIONS[op_type]
    x = X.astype(np.float64)
    result = function(constant(x), axis, keep_dims)
    expected = reference(x, axis=axis, keepdims=keep_dims)
    assert result.shape.as_list() == list(expected.shape)
    np.testing.assert_allclose(run(result), expected, rtol=1e-14)


@pytest.mark.parametrize("op_type", ["Sum", "Prod", "Min", "Max"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float16, np.float32, np.uint8])
def test_dtypes_are_kept(op_type: str, dtype: Any) -> None:
    """The result has the input's dtype; integers wrap around."""
    function, reference = REDUCTIONS[op_type]
    x = np.abs(X).astype(dtype)
    result = run(function(constant(x), 2))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, reference(x.astype(np.int64), axis=2).astype(dtype))


def test_names() -> None:
    """A known rank gives a constant of all axes, an unknown one a range; axes that are given lie below the node."""
    with Graph().as_default() as graph:
        reductions.reduce_sum(placeholder(dtypes.float32, [2, 3], name="x"))
        reductions.reduce_sum(placeholder(dtypes.float32, [2, 3], name="y"), 1, name="rows")
        assert [op.name for op in graph.get_operations()] == [
            "x",
            "Const",
            "Sum",
            "y",
            "rows/reduction_indices",
            "rows",
        ]
    with Graph().as_default() as graph:
        reductions.reduce_mean(placeholder(dtypes.float32, name="x"))
        names = ["x", "Rank", "range/start", "range/delta", "range", "Mean"]
        assert [op.name for op in graph.get_operations()] == names


def test_shapes_that_are_partly_known() -> None:
    """Unknown sizes stay unknown; axes that are known only later leave the rank open, or all sizes."""
    x, axes = placeholder(dtypes.float32, [None, 3]), placeholder(dtypes.int32, [None])
    assert reductions.reduce_sum(x, 1).shape.as_list() == [None]
    assert reductions.reduce_sum(x, axes).shape.ndims is None
    assert reductions.reduce_sum(x, axes, keep_dims=True).shape.as_list() == [None, None]
    assert reductions.reduce_sum(placeholder(dtypes.float32), 0).shape.ndims is None


def test_axes_that_are_not_there() -> None:
    """They are refused when the graph is built, or else when it runs."""
    x = placeholder(dtypes.float32, [2, 3])
    with pytest.raises(ValueError, match=r"^Invalid reduction dimension 2 for input with 2 dimensions"):
        reductions.reduce_sum(x, 2)
    with pytest.raises(ValueError, match=r"^Shape must be at most rank 1 but is rank 2 for 'Sum"):
        reductions.reduce_sum(x, [[0]])
    with pytest.raises(ValueError, match=r"^Can't specify both axis' and 'reduction_indices'\.$"):
        reductions.reduce_sum(x, axis=0, reduction_indices=0)
    u = placeholder(dtypes.float32)
    with pytest.raises(errors.InvalidArgumentError, match=r"^Invalid reduction dimension \(1 for input with 1 dim"):
        run(reductions.reduce_sum(u, 1), {u: np.ones(2, np.float32)})


def test_axes_that_are_fed() -> None:
    """Axes may come from anywhere; one that is named twice counts once."""
    axes = placeholder(dtypes.int32, [None])
    total = reductions.reduce_sum(constant(X.astype(np.float32)), axes)
    np.testing.assert_array_equal(run(total, {axes: [0, -3]}), X.sum(axis=0))
    assert run(reductions.reduce_sum([[1.0, 2.0]], reduction_indices=1)).tolist() == [3.0]


def test_of_nothing() -> None:
    """Without elements, each reduction gives what leaves any other element as it is."""
    nothing = constant(np.zeros((0, 2), np.float32))
    assert run(reductions.reduce_sum(nothing, 0)).tolist() == [0.0, 0.0]
    assert run(reductions.reduce_prod(nothing, 0)).tolist() == [1.0, 1.0]
    assert run(reductions.reduce_max(nothing, 0)).tolist() == [-np.inf] * 2
    assert run(reductions.reduce_min(nothing, 0, keep_dims=True)).tolist() == [[np.inf] * 2]
    assert np.isnan(run(reductions.reduce_mean(nothing)))
    assert run(reductions.reduce_min(constant(np.zeros(0, np.int32)))) == 2**31 - 1
    assert run(reductions.reduce_mean(constant(np.zeros(0, np.int32)))) == 0
    assert run(reductions.reduce_all(constant(np.zeros(0, np.bool_)))) == np.True_
    assert run(reductions.reduce_any(constant(np.zeros(0, np.bool_)))) == np.False_


def test_means_of_integers_are_truncated() -> None:
    """They are computed exactly and rounded towards zero."""
    for values, expected in (([1, 2], 1), ([-1, -2], -1), ([3, 5, 5], 4), ([2**31 - 1] * 3, 2**31 - 1)):
        result = run(reductions.reduce_mean(constant(values, dtypes.int32)))
        assert (result, result.dtype) == (expected, np.int32)
    assert run(reductions.reduce_mean(constant([200, 100], dtypes.uint8))) == 150


def test_half_precision_is_summed_in_float32() -> None:
    """5000 ones are 5000, though float16 cannot count further than 2048 by ones."""
    ones = constant(np.ones(5000, np.float16))
    for dtype in (np.float16, dtypes.bfloat16.as_numpy_dtype):
        ones = constant(np.ones(5000, dtype))
        total, mean = run([reductions.reduce_sum(ones), reductions.reduce_mean(ones)])
        assert total.dtype == mean.dtype == dtype
        assert float(total) == float(dtype(5000))
        assert float(mean) == 1.0


def test_bools() -> None:
    """All and any."""
    b = constant([[True, False], [True, True]])
    assert run(reductions.reduce_all(b, 1)).tolist() == [False, True]
    assert run(reductions.reduce_any(b, 0, keep_dims=True)).tolist() == [[True, True]]


def test_logsumexp() -> None:
    """It neither overflows nor turns what is infinite into NaN."""
    x = constant([[1000.0, 1000.0], [-np.inf, -np.inf], [0.0, 1.0]])
    expected = [1000 + np.log(2), -np.inf, np.log1p(np.e)]
    np.testing.assert_allclose(run(reductions.reduce_logsumexp(x, 1)), expected, rtol=1e-6)
    assert reductions.reduce_logsumexp(x, [1], keep_dims=True).shape.as_list() == [3, 1]
    assert reductions.reduce_logsumexp(x).shape.as_list() == []


def test_count_nonzero() -> None:
    """It counts as int64, or as what is asked for."""
    x = constant([[0.0, 1.0], [2.0, 3.0]])
    result = run(reductions.count_nonzero(x, 0))
    assert (result.tolist(), result.dtype) == ([1, 2], np.int64)
    assert run(reductions.count_nonzero(x, dtype=dtypes.int32)).dtype == np.int32


@pytest.mark.parametrize("function,reference", [(arg_reductions.argmax, np.argmax), (arg_reductions.argmin, np.argmin)])
def test_arg_reductions(function: Callable[..., Any], reference: Callable[..., Any]) -> None:
    """The first index of the extreme, as int64 or int32."""
    x = np.array([[3.0, 1.0, 3.0], [0.0, 2.0, 0.0]])
    for axis in (0, 1, -1):
        result = run(function(constant(x), axis))
        assert result.dtype == np.int64
        np.testing.assert_array_equal(result, reference(x, axis=axis))
    assert run(function(constant(x), 0, output_type=dtypes.int32)).dtype == np.int32
    np.testing.assert_array_equal(run(function(constant(x), dimension=1)), reference(x, axis=1))


def test_arg_reductions_refuse() -> None:
    """Axes that are not there or are empty, and two names for one axis."""
    x = placeholder(dtypes.float32, [2, 3])
    with pytest.raises(ValueError, match=r"^Dimension \(2\) must be in the range \[-2, 2\), where 2 is the number of"):
        arg_reductions.argmax(x, 2)
    with pytest.raises(ValueError, match=r"^Cannot specify both 'axis' and 'dimension'$"):
        arg_reductions.argmin(x, axis=0, dimension=1)
    with pytest.raises(ValueError, match=r"^Shape must be rank 0 but is rank 1"):
        arg_reductions.argmax(x, [0])
    with pytest.raises(errors.InvalidArgumentError, match=r"^Reduction axis 0 is empty in shape \[0,3\]"):
        run(arg_reductions.argmax(constant(np.zeros((0, 3))), 0))
    u = placeholder(dtypes.float32)
    with pytest.raises(errors.InvalidArgumentError, match=r"^Expected dimension in the range \[-1, 1\), but got 1"):
        run(arg_reductions.argmax(u, 1), {u: [1.0]})


@pytest.mark.parametrize(
    "exclusive,reverse,sums,products",
    [
        (False, False, [1, 3, 6], [1, 2, 6]),
        (True, False, [0, 1, 3], [1, 1, 2]),
        (False, True, [6, 5, 3], [6, 6, 3]),
        (True, True, [5, 3, 0], [6, 3, 1]),
    ],
)
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.float32, np.float16])
def test_running_sums_and_products(
    exclusive: bool, reverse: bool, sums: list[int], products: list[int], dtype: Any
) -> None:
    """From either end, with the element itself or without, along any axis."""
    x = np.array([[1, 2, 3], [0, 0, 0]], dtype)
    for function, expected in ((cumulative.cumsum, sums), (cumulative.cumprod, products)):
        rows = run(function(constant(x), 1, exclusive, reverse))
        columns = run(function(constant(x.T), 0, exclusive, reverse))
        assert rows.dtype == dtype
        assert rows[0].tolist() == expected
        np.testing.assert_array_equal(columns.T, rows)


@pytest.mark.parametrize("function", [cumulative.cumsum, cumulative.cumprod])
def test_running_along_no_axis(function: Callable[..., Any]) -> None:
    """There must be such an axis, and one only."""
    with pytest.raises(
        errors.InvalidArgumentError, match=r"^ScanOp: Expected scan axis in the range \[-1, 1\), but got 2"
    ):
        run(function(constant([1, 2, 3]), 2))
    with pytest.raises(errors.InvalidArgumentError, match=r"^ScanOp: axis must be a scalar, not \[1\]"):
        run(function(constant([1, 2, 3]), [0]))


@pytest.mark.parametrize("order", ["euclidean", 1, 2, np.inf, 3, 1.5])
@pytest.mark.parametrize("axis", [0, 1])
def test_vector_norms(order: Any, axis: int) -> None:
    """Norms along an axis agree with NumPy's."""
    x = np.array([[3.0, -4.0, 1.0], [1.0, 2.0, -2.0]])
    expected = np.linalg.norm(x, 2 if order == "euclidean" else order, axis)
    np.testing.assert_allclose(run(norms.norm(constant(x), order, axis)), expected, rtol=1e-12)


@pytest.mark.parametrize("order", ["euclidean", "fro", 1, np.inf])
def test_matrix_norms(order: Any) -> None:
    """Norms over a pair of axes agree with NumPy's."""
    x = np.arange(24.0).reshape(2, 3, 4) - 7
    expected = np.linalg.norm(x, "fro" if order == "euclidean" else order, (1, 2), keepdims=True)
    np.testing.assert_allclose(run(norms.norm(constant(x), order, [1, 2], keep_dims=True)), expected, rtol=1e-12)


def test_norms_that_are_not_there() -> None:
    """The order and the axes must be those of a norm."""
    x = placeholder(dtypes.float32, [2, 3])
    with pytest.raises(ValueError, match=r"^'ord' must be a supported vector norm, got fro$"):
        norms.norm(x, "fro")
    with pytest.raises(ValueError, match=r"^'ord' must be a supported vector norm, got 0$"):
        norms.norm(x, 0)
    with pytest.raises(ValueError, match=r"^'ord' must be a supported matrix norm in .*, got 2$"):
        norms.norm(x, 2, [0, 1])
    with pytest.raises(ValueError, match=r"^'axis' must be None, an integer, or a tuple of 2 unique integers$"):
        norms.norm(x, axis=[0, 1, 2])


@pytest.mark.parametrize("op_type", [*REDUCTIONS, "ArgMax", "Cumsum"])
def test_kernels_need_the_standard_only(op_type: str) -> None:
    """They run on a namespace that has nothing but the array API."""
    attrs = {"keep_dims": False, "exclusive": True, "reverse": True}
    output = dtypes.int64 if op_type == "ArgMax" else dtypes.float64
    request = KernelRequest(op_type, "node", attrs, (dtypes.float64, dtypes.int32), (output,))
    kernel: Any = ArrayDevice(array_api_strict).kernel(request)
    x, axis = X.astype(np.float64), np.array(1, np.int32)
    (result,) = kernel(None, array_api_strict.asarray(x), array_api_strict.asarray(axis))
    on_numpy: Any = ArrayDevice(np).kernel(request)
    (reference,) = on_numpy(None, x, axis)
    np.testing.assert_array_equal(np.asarray(result), reference)
