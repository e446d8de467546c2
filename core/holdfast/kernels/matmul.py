"""Kernels of products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.contracts import Array, KernelRequest
from holdfast.errors import InvalidArgumentError
from holdfast.kernels.half_precision import widened
from holdfast.kernels.registry import Pure, generic
from holdfast.kernels.shape_text import shape_text


def _check_matrices(a: Array, b: Array, inner: int, other: int) -> None:
    """Raise TensorFlow's errors for what cannot be multiplied; the numbers are axes of the two."""
    for i, x in enumerate((a, b)):
        if x.ndim != 2:
            raise InvalidArgumentError(None, None, f"In[{i}] is not a matrix")
    if a.shape[inner] != b.shape[other]:
        raise InvalidArgumentError(
            None, None, f"Matrix size-incompatible: In[0]: {shape_text(a.shape)}, In[1]: {shape_text(b.shape)}"
        )


def _product(xp: Any, request: KernelRequest) -> Callable[[Array, Array], Array]:
    """Return the product of two matrices, transposed as the attributes say."""
    transpose_a, transpose_b = request.attrs["transpose_a"], request.attrs["transpose_b"]
    inner, other = int(not transpose_a), int(transpose_b)

    def compute(a: Array, b: Array) -> Array:
        _check_matrices(a, b, inner, other)
        return xp.matmul(xp.matrix_transpose(a) if transpose_a else a, xp.matrix_transpose(b) if transpose_b else b)

    return compute


@generic("MatMul")
def _(xp: Any, request: KernelRequest) -> Pure:
    return Pure(widened(xp, request, _product(xp, request)))


@generic("SparseMatMul")
def _(xp: Any, request: KernelRequest) -> Pure:
    product = _product(xp, request)
    # The output is float32, whatever the factors are.
    return Pure(widened(xp, request, lambda a, b: product(*(xp.astype(x, xp.float32, copy=False) for x in (a, b)))))


def _check_batches(x: Array, y: Array, inner: int, other: int, adjoints: tuple[bool, bool]) -> None:
    """Raise TensorFlow's errors for batches that cannot be multiplied; the numbers are axes of the two."""
    texts = shape_text(x.shape), shape_text(y.shape)
    if x.ndim != y.ndim:
        raise InvalidArgumentError(None, None, f"In[0] and In[1] has different ndims: {texts[0]} vs. {texts[1]}")
    if x.ndim < 2:
        raise InvalidArgumentError(None, None, f"In[0] and In[1] ndims must be >= 2: {x.ndim}")
    for i in range(x.ndim - 2):
        if x.shape[i] != y.shape[i]:
            raise InvalidArgumentError(
                None, None, f"In[0].dim({i}) and In[1].dim({i}) must be the same: {texts[0]} vs {texts[1]}"
            )
    if x.shape[inner] != y.shape[other]:
        flags = " ".join(str(int(flag)) for flag in adjoints)
        raise InvalidArgumentError(
            None,
            None,
            f"In[0] mismatch In[1] shape: {x.shape[inner]} vs. {y.shape[other]}: {texts[0]} {texts[1]} {flags}",
        )


@generic("BatchMatMul")
def _(xp: Any, request: KernelRequest) -> Pure:
    adjoints = request.attrs["adj_x"], request.attrs["adj_y"]
    inner, other = -2 if adjoints[0] else -1, -1 if adjoints[1] else -2
    is_complex = request.input_dtypes[0].is_complex

    def adjoint(x: Array) -> Array:
        turned = xp.matrix_transpose(x)
        return xp.conj(turned) if is_complex else turned

    def compute(x: Array, y: Array) -> Array:
        _check_batches(x, y, inner, other, adjoints)
        return xp.matmul(adjoint(x) if adjoints[0] else x, adjoint(y) if adjoints[1] else y)

    return Pure(widened(xp, request, compute))
