"""concat: tensors joined along an axis that they have."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import conversion, default
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.op_def import define_op, integer, not_differentiable, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.identities import identity
from holdfast.ops.shape_queries import rank, shape, shape_n
from holdfast.ops.static import constant_value

__all__ = ["concat"]

_INDEX = (dtypes.int32, dtypes.int64)


def joined(parts: list[shapes.TensorShape], axis: int | None) -> shapes.TensorShape:
    """Return the static shape of a concatenation; ValueError if the parts cannot fit."""
    ranks = [part.ndims for part in parts if part.ndims is not None]
    if not ranks:
        return shapes.unknown_shape()
    rank = ranks[0]
    if rank == 0:
        raise ValueError("Can't concatenate scalars (use tf.stack instead)")
    for part in parts:
        shape_rules.check_rank(part, rank)
    if axis is None:
        return shapes.unknown_shape(rank)
    needed = axis + 1 if axis >= 0 else -axis
    if needed > rank:
        raise ValueError(f"Shape must be at least rank {needed} but is rank {rank}")
    axis %= rank
    total: int | None = 0
    rest = shapes.unknown_shape(rank)
    for part in parts:
        dims = shape_rules.of_rank(part, rank)
        total = None if total is None or dims[axis] is None else total + (dims[axis] or 0)
        rest = shape_rules.merged(rest, shapes.TensorShape([*dims[:axis], None, *dims[axis + 1 :]]))
    known = shape_rules.of_rank(rest, rank)
    return shapes.TensorShape([*known[:axis], total, *known[axis + 1 :]])


def _concat_shape(op: Operation) -> list[shapes.TensorShape]:
    *values, axis = op.inputs if op.type == "ConcatV2" else (*op.inputs[1:], op.inputs[0])
    shape_rules.check_rank(axis.shape, 0)
    at = constant_value(axis)
    return [joined([value.shape for value in values], None if at is None else int(at))]


def _concat_offset_shape(op: Operation) -> list[shapes.TensorShape]:
    return [tensor.shape for tensor in op.inputs[1:]]


define_op(
    "Concat",
    "concat_dim: int32, values: N * T -> output: T",
    attrs={"N": integer(minimum=2), "T": type_attr()},
    shape=_concat_shape,
)
define_op(
    "ConcatV2",
    "values: N * T, axis: Tidx -> output: T",
    attrs={"N": integer(minimum=2), "T": type_attr(), "Tidx": type_attr(*_INDEX, default=dtypes.int32)},
    shape=_concat_shape,
)
define_op(
    "ConcatOffset",
    "concat_dim: int32, shape: N * int32 -> offset: N * int32",
    attrs={"N": integer(minimum=2)},
    shape=_concat_offset_shape,
)
not_differentiable("ConcatOffset")


@register_gradient("Concat")
def _concat_gradient(op: Operation, grad: Any) -> Any:
    return [None, *_parts_of(grad, list(op.inputs[1:]), op.inputs[0])]


@register_gradient("ConcatV2")
def _concat_v2_gradient(op: Operation, grad: Any) -> Any:
    return [*_parts_of(grad, list(op.inputs[:-1]), op.inputs[-1]), None]


def _parts_of(grad: Any, values: list[Tensor], axis: Tensor) -> list[Any]:
    """Return the gradients of the joined tensors: the slices of the gradient that they became."""
    from holdfast.ops.slicing import slice as slice_of

    if isinstance(grad, IndexedSlices):
        grad = conversion.convert_to_tensor(grad)
    from_front = axis % rank(values[0])
    sizes = [shape(value) for value in values[:1]]
    if all(value.shape.is_fully_defined() for value in values):
        sizes += [shape(value) for value in values[1:]]
    else:
        sizes = shape_n(values)
    offsets = apply_op("ConcatOffset", from_front, sizes).outputs
    return [slice_of(grad, begin, size) for begin, size in zip(offsets, sizes, strict=True)]


def concat(values: Any, axis: Any, name: str = "concat") -> Tensor:
    """Return tensors joined along an axis that they have.

    Parameters
    ----------
    values
        Tensors of one dtype whose shapes agree but for ``axis``; a single one is passed on.
    axis
        int32 scalar; negative ones count from the end.

    Raises
    ------
    TypeError
        If the dtypes differ.
    ValueError
        If the shapes cannot fit.
    """
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        with default.name_scope(name) as scope:
            dim = conversion.convert_to_tensor(axis, dtypes.int32, name="concat_dim")
            shape_rules.check_rank(dim.shape, 0)
            return identity(values[0], scope)
    return apply_op("ConcatV2", values, axis, name=name).outputs[0]
