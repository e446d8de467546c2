"""Matrices and their diagonals: eye, matrix_diag, matrix_set_diag, matrix_diag_part, diag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from holdfast import dtypes, shapes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.joining import concat
from holdfast.ops.sequences import ones, zeros
from holdfast.ops.shape_queries import known_shape, shape

__all__ = ["diag", "eye", "matrix_diag", "matrix_diag_part", "matrix_set_diag"]


def _matrix_diag_shape(op: Operation) -> list[shapes.TensorShape]:
    dims = shape_rules.of_rank_at_least(op.inputs[0].shape, 1)
    return [shapes.TensorShape(None if dims is None else [*dims, dims[-1]])]


def _matrix_diag_part_shape(op: Operation) -> list[shapes.TensorShape]:
    dims = shape_rules.of_rank_at_least(op.inputs[0].shape, 2)
    if dims is None:
        return [shapes.unknown_shape()]
    return [shapes.TensorShape([*dims[:-2], _smaller(dims[-2], dims[-1])])]


def _smaller(first: int | None, second: int | None) -> int | None:
    """Return the smaller of two sizes, None where it is not known."""
    return None if first is None or second is None else min(first, second)


def _matrix_set_diag_shape(op: Operation) -> list[shapes.TensorShape]:
    matrix, diagonal = op.inputs
    dims = shape_rules.of_rank_at_least(matrix.shape, 2)
    shape_rules.of_rank_at_least(diagonal.shape, 1)
    if dims is None:
        return [shapes.unknown_shape()]
    rows, columns = dims[-2:]
    wanted = shapes.TensorShape([*dims[:-2], _smaller(rows, columns)])
    batch = (shape_rules.merged(wanted, diagonal.shape).as_tuple() or ())[:-1]
    return [shapes.TensorShape([*batch, rows, columns])]


def _diag_shape(op: Operation) -> list[shapes.TensorShape]:
    dims = shape_rules.of_rank_at_least(op.inputs[0].shape, 1)
    return [shapes.TensorShape(None if dims is None else [*dims, *dims])]


_DIAGONAL = (
    dtypes.float32,
    dtypes.float64,
    dtypes.int32,
    dtypes.int64,
    dtypes.complex64,
    dtypes.complex128,
)

define_op("MatrixDiag", "diagonal: T -> output: T", attrs={"T": type_attr()}, shape=_matrix_diag_shape)
define_op("MatrixDiagPart", "input: T -> diagonal: T", attrs={"T": type_attr()}, shape=_matrix_diag_part_shape)
define_op("MatrixSetDiag", "input: T, diagonal: T -> output: T", attrs={"T": type_attr()}, shape=_matrix_set_diag_shape)
define_op("Diag", "diagonal: T -> output: T", attrs={"T": type_attr(*_DIAGONAL)}, shape=_diag_shape)


@register_gradient("MatrixDiag")
def _matrix_diag_gradient(op: Operation, grad: Tensor) -> Any:
    return matrix_diag_part(grad)


@register_gradient("MatrixDiagPart")
def _matrix_diag_part_gradient(op: Operation, grad: Tensor) -> Any:
    dims = op.inputs[0].shape.as_tuple()
    if dims is not None and dims[-2] is not None and dims[-2] == dims[-1]:
        return matrix_diag(grad)
    return matrix_set_diag(zeros(shape(op.inputs[0]), grad.dtype), grad)


@register_gradient("MatrixSetDiag")
def _matrix_set_diag_gradient(op: Operation, grad: Tensor) -> Any:
    matrix, diagonal = op.inputs
    grad.set_shape(matrix.shape)
    nothing = zeros(known_shape(diagonal), grad.dtype)
    return [matrix_set_diag(grad, nothing), matrix_diag_part(grad)]


@register_gradient("Diag")
def _diag_gradient(op: Operation, grad: Tensor) -> Any:
    from holdfast.ops.reductions import reduce_prod
    from holdfast.ops.reshaping import reshape

    size = reduce_prod(shape(op.inputs[0]))
    return reshape(matrix_diag_part(reshape(grad, [size, size])), shape(op.inputs[0]))


def matrix_diag(diagonal: Any, name: str | None = None) -> Tensor:
    """Return matrices with the given diagonals and zeros elsewhere: ``[..., n]`` becomes ``[..., n, n]``."""
    return apply_op("MatrixDiag", diagonal, name=name).outputs[0]


def matrix_diag_part(input: Any, name: str | None = None) -> Tensor:
    """Return the diagonals of matrices: ``[..., m, n]`` becomes ``[..., min(m, n)]``."""
    return apply_op("MatrixDiagPart", input, name=name).outputs[0]


def matrix_set_diag(input: Any, diagonal: Any, name: str | None = None) -> Tensor:
    """Return matrices with their diagonals replaced.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    return apply_op("MatrixSetDiag", input, diagonal, name=name).outputs[0]


def diag(diagonal: Any, name: str | None = None) -> Tensor:
    """Return a tensor of twice the rank with the given diagonal and zeros elsewhere."""
    return apply_op("Diag", diagonal, name=name).outputs[0]


def eye(
    num_rows: Any,
    num_columns: Any = None,
    batch_shape: Sequence[int] | Any = None,
    dtype: Any = dtypes.float32,
    name: str | None = None,
) -> Tensor:
    """Return an identity matrix, or a batch of them.

    Parameters
    ----------
    num_rows, num_columns
        Integers or int32 scalars; by default as many columns as rows.
    batch_shape
        Leading dimensions: a list of integers or an int32 vector.
    """
    with default.name_scope(name, "eye", [num_rows, num_columns, batch_shape]):
        is_square = num_columns is None
        batch_shape = [] if batch_shape is None else batch_shape
        num_columns = num_rows if num_columns is None else num_columns
        if any(isinstance(part, Tensor) for part in (num_rows, num_columns, batch_shape)):
            from holdfast.ops.arithmetic import minimum

            batch_shape = conversion.convert_to_tensor(batch_shape, dtypes.int32, name="shape")
            diagonal_shape: Any = concat((batch_shape, [minimum(num_rows, num_columns)]), 0)
            matrix_shape: Any = None if is_square else concat((batch_shape, [num_rows, num_columns]), 0)
        else:
            batch = list(batch_shape)
            diagonal_shape = [*batch, int(np.minimum(num_rows, num_columns))]
            matrix_shape = [*batch, num_rows, num_columns]
        diagonal = ones(diagonal_shape, dtype)
        return matrix_diag(diagonal) if is_square else matrix_set_diag(zeros(matrix_shape, dtype), diagonal)
