"""Where the largest and the least elements are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph.op_def import define_op, type_attr
from holdfast.ops import shape_rules
from holdfast.ops.elementwise import node
from holdfast.ops.number_types import INDICES, NUMBERS
from holdfast.ops.static import known_value
from holdfast.shapes import TensorShape, scalar, unknown_shape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

__all__ = ["arg_max", "arg_min", "argmax", "argmin"]


def _arg_shape(op: Operation) -> list[TensorShape]:
    dims = op.inputs[0].shape.as_tuple()
    shape_rules.check_rank(op.inputs[1].shape, 0)
    if dims is None:
        return [unknown_shape()]
    rank = len(dims)
    if rank <= 1:
        return [scalar()]
    known = known_value(op.inputs[1])
    if known is None:
        return [unknown_shape(rank - 1)]
    axis = int(known)
    if not -rank <= axis < rank:
        raise ValueError(
            f"Dimension ({axis}) must be in the range [{-rank}, {rank}), where {rank} is the number of dimensions in "
            "the input."
        )
    axis %= rank
    return [TensorShape(dims[:axis] + dims[axis + 1 :])]


for _op_type in ("ArgMax", "ArgMin"):
    define_op(
        _op_type,
        "input: T, dimension: Tidx -> output: output_type",
        attrs={
            "T": type_attr(*NUMBERS),
            "Tidx": type_attr(*INDICES, default=dtypes.int32),
            "output_type": type_attr(*INDICES, default=dtypes.int64),
        },
        shape=_arg_shape,
    )


def argmax(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: Any = dtypes.int64
) -> Tensor:
    """Return the index of the largest element along an axis; of equal ones, the first.

    Parameters
    ----------
    input
        Real numbers.
    axis
        One axis; the first by default.
    dimension
        Old name of ``axis``.
    output_type
        int64 or int32.

    Raises
    ------
    ValueError
        If there is no such axis, or both names are given.
    InvalidArgumentError
        When it runs, if the axis has no elements.
    """
    return node("ArgMax", input, _axis(axis, dimension), output_type=output_type, name=name)


def argmin(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: Any = dtypes.int64
) -> Tensor:
    """Return the index of the least element along an axis; as :func:`argmax` else."""
    return node("ArgMin", input, _axis(axis, dimension), output_type=output_type, name=name)


def _axis(axis: Any, dimension: Any) -> Any:
    """Return the axis a caller asks for."""
    if dimension is not None:
        if axis is not None:
            raise ValueError("Cannot specify both 'axis' and 'dimension'")
        return dimension
    return 0 if axis is None else axis


def arg_max(input: Any, dimension: Any, output_type: Any = dtypes.int64, name: str | None = None) -> Tensor:
    """As :func:`argmax`: its old form."""
    return node("ArgMax", input, dimension, output_type=output_type, name=name)


def arg_min(input: Any, dimension: Any, output_type: Any = dtypes.int64, name: str | None = None) -> Tensor:
    """As :func:`argmin`: its old form."""
    return node("ArgMin", input, dimension, output_type=output_type, name=name)
