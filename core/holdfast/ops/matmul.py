"""Products of matrices, and of batches of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.op_def import boolean, define_op, register_gradient, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.casting import cast
from holdfast.ops.complex_numbers import conj
from holdfast.ops.elementwise import node
from holdfast.ops.number_types import MATRIX_ELEMENTS
from holdfast.shapes import TensorShape, unknown_shape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = ["matmul"]

_SPARSE_ELEMENTS = (dtypes.float32, dtypes.bfloat16)


def _matmul_shape(op: Operation) -> list[TensorShape]:
    a, b = (shape_rules.of_rank(tensor.shape, 2) for tensor in op.inputs)
    if op.attrs["transpose_a"]:
        a = a[::-1]
    if op.attrs["transpose_b"]:
        b = b[::-1]
    shape_rules.check_equal_dimensions(a[1], b[0])
    return [TensorShape([a[0], b[1]])]


def _batch_matmul_shape(op: Operation) -> list[TensorShape]:
    x, y = (shape_rules.of_rank_at_least(tensor.shape, 2) for tensor in op.inputs)
    batch = shape_rules.merged(_batch_of(x), _batch_of(y)).as_tuple()
    # Matrices of unknown sizes, where not even the rank is known.
    rows, inner = (x or (None, None))[-2:]
    other, columns = (y or (None, None))[-2:]
    if op.attrs["adj_x"]:
        rows, inner = inner, rows
    if op.attrs["adj_y"]:
        other, columns = columns, other
    shape_rules.check_equal_dimensions(inner, other)
    return [unknown_shape() if batch is None else TensorShape([*batch, rows, columns])]


def _batch_of(dims: tuple[int | None, ...] | None) -> TensorShape:
    """Return the shape of a batch, without its matrices'."""
    return TensorShape(None if dims is None else dims[:-2])


_TRANSPOSES = {"transpose_a": boolean(False), "transpose_b": boolean(False)}
define_op(
    "MatMul",
    "a: T, b: T -> product: T",
    attrs={**_TRANSPOSES, "T": type_attr(*MATRIX_ELEMENTS)},
    shape=_matmul_shape,
)
define_op(
    "SparseMatMul",
    "a: Ta, b: Tb -> product: float32",
    attrs={
        **_TRANSPOSES,
        "a_is_sparse": boolean(False),
        "b_is_sparse": boolean(False),
        "Ta": type_attr(*_SPARSE_ELEMENTS, default=dtypes.float32),
        "Tb": type_attr(*_SPARSE_ELEMENTS, default=dtypes.float32),
    },
    shape=_matmul_shape,
)
define_op(
    "BatchMatMul",
    "x: T, y: T -> output: T",
    attrs={"T": type_attr(*MATRIX_ELEMENTS), "adj_x": boolean(False), "adj_y": boolean(False)},
    shape=_batch_matmul_shape,
)


def _product(op_type: str, flags: tuple[str, str], x: Tensor, y: Tensor, turn_x: bool, turn_y: bool) -> Tensor:
    """Multiply two factors, each turned or not."""
    turns: dict[str, Any] = dict(zip(flags, (turn_x, turn_y), strict=True))
    return node(op_type, x, y, **turns)


def _factor_gradients(op_type: str, flags: tuple[str, str], turned: Any, factors: Any, grad: Tensor) -> list[Tensor]:
    """Return the gradients of the factors of a product, in the form that needs no transposed copies."""
    (x, y), (x_turned, y_turned) = factors, turned
    if x_turned:
        grad_x = _product(op_type, flags, y, grad, y_turned, True)
    else:
        grad_x = _product(op_type, flags, grad, y, False, not y_turned)
    if y_turned:
        grad_y = _product(op_type, flags, grad, x, True, x_turned)
    else:
        grad_y = _product(op_type, flags, x, grad, not x_turned, False)
    return [grad_x, grad_y]


@register_gradient("MatMul")
def _matmul_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    flags = ("transpose_a", "transpose_b")
    factors = [conj(tensor) for tensor in op.inputs]
    return _factor_gradients("MatMul", flags, [op.attrs[flag] for flag in flags], factors, grad)


@register_gradient("SparseMatMul")
def _sparse_matmul_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    flags = ("transpose_a", "transpose_b")
    factors = [cast(tensor, dtypes.float32) for tensor in op.inputs]
    grads = _factor_gradients("MatMul", flags, [op.attrs[flag] for flag in flags], factors, grad)
    return [cast(found, tensor.dtype) for found, tensor in zip(grads, op.inputs, strict=True)]


@register_gradient("BatchMatMul")
def _batch_matmul_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    flags = ("adj_x", "adj_y")
    return _factor_gradients("BatchMatMul", flags, [op.attrs[flag] for flag in flags], op.inputs, grad)


def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return the product of two matrices, or of the matrices of two batches.

    Parameters
    ----------
    a, b
        Of shapes ``[..., n, k]`` and ``[..., k, m]``, with the same leading sizes, and of one dtype: floating point,
        complex or int32.
    transpose_a, transpose_b
        Transpose the last two axes first.
    adjoint_a, adjoint_b
        Transpose and conjugate.
    a_is_sparse, b_is_sparse
        Whether most elements are zero; recorded in the graph for float32.

    Raises
    ------
    ValueError
        If the shapes do not fit, or one factor is to be transposed and adjoint.
    """
    with name_scope(name, "MatMul", [a, b]) as scope:
        if transpose_a and adjoint_a:
            raise ValueError("Only one of transpose_a and adjoint_a can be True.")
        if transpose_b and adjoint_b:
            raise ValueError("Only one of transpose_b and adjoint_b can be True.")
        a = conversion.convert_to_tensor(a, name="a")
        b = conversion.convert_to_tensor(b, name="b")
        sparse = a_is_sparse or b_is_sparse
        if not sparse and all(t.shape.ndims is None or t.shape.ndims > 2 for t in (a, b)):
            # The op for batches knows adjoints, the one for matrices transposes.
            a, b = conj(a) if transpose_a else a, conj(b) if transpose_b else b
            return node("BatchMatMul", a, b, adj_x=transpose_a or adjoint_a, adj_y=transpose_b or adjoint_b, name=scope)
        a, b = conj(a) if adjoint_a else a, conj(b) if adjoint_b else b
        turns = {"transpose_a": transpose_a or adjoint_a, "transpose_b": transpose_b or adjoint_b}
        if sparse and a.dtype.base_dtype in _SPARSE_ELEMENTS and b.dtype.base_dtype in _SPARSE_ELEMENTS:
            return node("SparseMatMul", a, b, a_is_sparse=a_is_sparse, b_is_sparse=b_is_sparse, name=scope, **turns)
        return node("MatMul", a, b, name=scope, **turns)
