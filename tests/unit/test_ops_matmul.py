from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast import dtypes, errors
from holdfast.graph import Graph
from holdfast.ops.constants import constant
from holdfast.ops.identities import placeholder
from holdfast.ops.matmul import matmul
from holdfast.ops.tensordot import tensordot
from tests.unit.evaluation import run

A = np.arange(6.0).reshape(2, 3) - 2
B = np.arange(12.0).reshape(3, 4) - 5


def _adjoint(x: NDArray[Any]) -> NDArray[Any]:
    turned: NDArray[Any] = np.conj(np.swapaxes(x, -1, -2))
    return turned


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.complex64, np.complex128])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_matrices(dtype: Any, transpose_a: bool, transpose_b: bool) -> None:
    """Products of matrices, transposed or not, in their own dtype."""
    a, b = A.astype(dtype), B.astype(dtype)
    product = matmul(a.T if transpose_a else a, b.T if transpose_b else b, transpose_a, transpose_b)
    result = run(product)
    assert product.op.type == "MatMul"
    assert result.dtype == dtype
    np.testing.assert_allclose(result, (A @ B).astype(dtype))


@pytest.mark.parametrize("adjoint_a", [False, True])
@pytest.mark.parametrize("adjoint_b", [False, True])
@pytest.mark.parametrize("batch", [(), (5,), (2, 2)])
def test_adjoints(adjoint_a: bool, adjoint_b: bool, batch: tuple[int, ...]) -> None:
    """Adjoints of complex matrices and of batches of them."""
    random = np.random.default_rng(0)
    a, b = (
        random.standard_normal((*batch, *shape)) + 1j * random.standard_normal((*batch, *shape))
        for shape in ((2, 3), (3, 4))
    )
    product = matmul(
        _adjoint(a) if adjoint_a else a, _adjoint(b) if adjoint_b else b, adjoint_a=adjoint_a, adjoint_b=adjoint_b
    )
    assert product.op.type == ("BatchMatMul" if batch else "MatMul")
    np.testing.assert_allclose(run(product), a @ b)


def test_batches_are_transposed_by_conjugating_first() -> None:
    """The op for batches knows adjoints only: a transpose of complex matrices conjugates before it."""
    x = np.arange(12.0).reshape(2, 2, 3) * (1 + 1j)
    product = matmul(x, x, transpose_b=True)
    assert product.op.inputs[1].op.type == "Conj"
    np.testing.assert_allclose(run(product), x @ np.swapaxes(x, -1, -2))


def test_names_and_static_shapes() -> None:
    """The node is named MatMul for batches too; sizes are known as far as the factors tell."""
    with Graph().as_default():
        a, b = placeholder(dtypes.float32, [None, 3]), placeholder(dtypes.float32, [3, 4])
        product = matmul(a, b)
        assert (product.op.name, product.shape.as_list()) == ("MatMul", [None, 4])
        batches = matmul(placeholder(dtypes.float32, [5, 2, 3]), placeholder(dtypes.float32, [None, 3, 4]))
        assert (batches.op.name, batches.op.type) == ("MatMul_1", "BatchMatMul")
        assert batches.shape.as_list() == [5, 2, 4]
        unknown = placeholder(dtypes.float32)
        assert matmul(unknown, b).shape.as_list() == [None, 4]
        assert matmul(unknown, unknown).shape.ndims is None


def test_shapes_that_do_not_fit() -> None:
    """They are refused when the graph is built, in TensorFlow's words."""
    a, b = placeholder(dtypes.float32, [2, 3]), placeholder(dtypes.float32, [5, 2, 3])
    with pytest.raises(ValueError, match=r"^Dimensions must be equal, but are 3 and 2 for 'MatMul' \(op: 'MatMul'\)"):
        matmul(a, a)
    with pytest.raises(ValueError, match=r"^Shape must be rank 2 but is rank 3 for 'MatMul_1' \(op: 'MatMul'\)"):
        matmul(a, b)
    with pytest.raises(ValueError, match=r"^Dimension 0 in both shapes must be equal, but are 5 and 6 for "):
        matmul(b, placeholder(dtypes.float32, [6, 3, 3]))
    with pytest.raises(ValueError, match=r"^Only one of transpose_a and adjoint_a can be True\.$"):
        matmul(a, a, transpose_a=True, adjoint_a=True)
    with pytest.raises(ValueError, match=r"^Only one of transpose_b and adjoint_b can be True\.$"):
        matmul(a, a, transpose_b=True, adjoint_b=True)


@pytest.mark.parametrize(
    "x,y,message",
    [
        ((2, 3), (2, 3), r"In\[0\] mismatch In\[1\] shape: 3 vs\. 2: \[2,3\] \[2,3\] 0 0"),
        ((5, 2, 3), (4, 3, 3), r"In\[0\]\.dim\(0\) and In\[1\]\.dim\(0\) must be the same: \[5,2,3\] vs \[4,3,3\]"),
        ((2, 3), (4, 3, 3), r"In\[0\] and In\[1\] has different ndims: \[2,3\] vs\. \[4,3,3\]"),
        ((3,), (3,), r"In\[0\] and In\[1\] ndims must be >= 2: 1"),
    ],
)
def test_fed_batches_that_do_not_fit(x: tuple[int, ...], y: tuple[int, ...], message: str) -> None:
    """What is known only when it runs is refused then."""
    a, b = placeholder(dtypes.float32), placeholder(dtypes.float32)
    with pytest.raises(errors.InvalidArgumentError, match=f"^{message}"):
        run(matmul(a, b), {a: np.ones(x, np.float32), b: np.ones(y, np.float32)})


def test_fed_matrices_that_do_not_fit() -> None:
    """The same for the op of matrices."""
    a, b = placeholder(dtypes.float32, [None, None]), placeholder(dtypes.float32)
    with pytest.raises(
        errors.InvalidArgumentError, match=r"^Matrix size-incompatible: In\[0\]: \[2,3\], In\[1\]: \[2,3\]"
    ):
        run(matmul(a, b), {a: np.ones((2, 3), np.float32), b: np.ones((2, 3), np.float32)})
    with pytest.raises(errors.InvalidArgumentError, match=r"^In\[1\] is not a matrix"):
        run(matmul(a, b), {a: np.ones((2, 3), np.float32), b: np.ones(3, np.float32)})


def test_sparse_factors() -> None:
    """The hint is kept in the graph; values are the same."""
    product = matmul(A.astype(np.float32), B.astype(np.float32), a_is_sparse=True)
    assert product.op.type == "SparseMatMul"
    np.testing.assert_allclose(run(product), A @ B)


def test_empty_matrices() -> None:
    """A sum over no products is zero."""
    assert run(matmul(np.ones((2, 0)), np.ones((0, 3)))).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("dtype", [dtypes.bfloat16, dtypes.float16])
def test_half_precision_sums_in_float32(dtype: dtypes.DType) -> None:
    """The sum of 5000 products is exact until it is rounded, once."""
    ones = np.ones((1, 5000), dtype.as_numpy_dtype)
    result = run(matmul(constant(ones), constant(ones.T)))
    assert result.dtype == ones.dtype
    assert float(result[0, 0]) == float(dtype.as_numpy_dtype(5000))


@pytest.mark.parametrize("axes", [1, 2, [[1], [0]], [[2, 0], [0, 2]], [-1, 0]])
@pytest.mark.parametrize("known", [True, False])
def test_tensordot(axes: Any, known: bool) -> None:
    """Contractions agree with NumPy's, with shapes that are known before and without."""
    random = np.random.default_rng(1)
    a = random.standard_normal((4, 2, 3))
    shape = {1: (3, 5), 2: (2, 3, 4)}.get(axes if isinstance(axes, int) else 0, (3, 5, 4))
    b = random.standard_normal((2, 5, 4) if axes == [[1], [0]] else shape)
    x, y = (placeholder(dtypes.float64, v.shape if known else None) for v in (a, b))
    result, expected = tensordot(x, y, axes), np.tensordot(a, b, axes)
    if known:
        assert result.shape.as_list() == list(expected.shape)
    assert result.op.name == "Tensordot"
    np.testing.assert_allclose(run(result, {x: a, y: b}), expected)


def test_tensordot_refuses() -> None:
    """There must be pairs of axes."""
    x = placeholder(dtypes.float32, [2, 3])
    with pytest.raises(ValueError, match=r"^'axes' must be at least 1\.$"):
        tensordot(x, x, 0)
    with pytest.raises(ValueError, match=r"^Different number of contraction axes 'a' and 'b', 1 != 2\.$"):
        tensordot(x, x, [[0], [0, 1]])
    with pytest.raises(ValueError, match=r"^Axis -3 to contract is not in the range \[-2, 2\)"):
        tensordot(x, x, 3)
    with pytest.raises(ValueError, match=r"^'axes' must be an integer or have length 2\.$"):
        tensordot(x, x, [0, 1, 2])
