"""split: a tensor cut into parts along an axis."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import conversion
from holdfast.graph.op_def import define_op, integer, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.joining import concat
from holdfast.ops.static import constant_value

__all__ = ["split"]


def _axis(op: Operation, tensor: Tensor, rank: int) -> int | None:
    """Return the axis that a scalar names, None if it is not known; ValueError if there is no such axis."""
    value = constant_value(tensor)
    return None if value is None else shape_rules.axis_in(int(value.reshape(-1)[0]), rank)


def _split_shape(op: Operation) -> list[shapes.TensorShape]:
    split_dim, value = op.inputs
    count, dims = op.attrs["num_split"], value.shape.as_tuple()
    shape_rules.check_rank(split_dim.shape, 0)
    if dims is None:
        return [shapes.unknown_shape()] * count
    axis = _axis(op, split_dim, len(dims))
    if axis is None:
        return [shapes.unknown_shape(len(dims))] * count
    size = dims[axis]
    if size is not None and size % count:
        raise ValueError(f"Dimension size must be evenly divisible by {count} but is {size}")
    part = None if size is None else size // count
    return [shapes.TensorShape([*dims[:axis], part, *dims[axis + 1 :]])] * count


def _split_v_shape(op: Operation) -> list[shapes.TensorShape]:
    value, size_splits, split_dim = op.inputs
    count, dims = op.attrs["num_split"], value.shape.as_tuple()
    shape_rules.check_rank(split_dim.shape, 0)
    listed = shape_rules.of_rank(size_splits.shape, 1)[0]
    shape_rules.check_equal_dimensions(listed, count)
    if dims is None:
        return [shapes.unknown_shape()] * count
    axis = _axis(op, split_dim, len(dims))
    if axis is None:
        return [shapes.unknown_shape(len(dims))] * count
    sizes = _static_sizes(size_splits, dims[axis], count)
    return [shapes.TensorShape([*dims[:axis], size, *dims[axis + 1 :]]) for size in sizes]


def _static_sizes(size_splits: Tensor, total: int | None, count: int) -> list[int | None]:
    """Return what is known of the parts' sizes."""
    known = constant_value(size_splits)
    if known is None:
        return [total if count == 1 else None] * count
    return part_sizes(known.tolist(), total)


def part_sizes(sizes: list[int], total: int | None) -> list[int | None]:
    """Return the sizes of parts with -1 resolved to what is left; ValueError if they cannot make up the total."""
    if sizes.count(-1) > 1:
        raise ValueError("size_splits can only have one -1")
    given = sum(size for size in sizes if size != -1)
    if total is None:
        return [None if size == -1 else size for size in sizes]
    if given > total or (-1 not in sizes and given != total) or any(size < -1 for size in sizes):
        raise ValueError(
            "Sum of output sizes must match the size of the original Tensor along the split dimension or the sum of "
            "the positive sizes must be less if it contains a -1"
        )
    return [total - given if size == -1 else size for size in sizes]


define_op(
    "Split",
    "split_dim: int32, value: T -> output: num_split * T",
    attrs={"num_split": integer(minimum=1), "T": type_attr()},
    shape=_split_shape,
)
define_op(
    "SplitV",
    "value: T, size_splits: Tlen, split_dim: int32 -> output: num_split * T",
    attrs={
        "num_split": integer(minimum=1),
        "T": type_attr(),
        "Tlen": type_attr(dtypes.int32, dtypes.int64, default=dtypes.int64),
    },
    shape=_split_v_shape,
)


@register_gradient("Split")
def _split_gradient(op: Operation, *grads: Tensor) -> Any:
    return [None, concat(list(grads), op.inputs[0])]


@register_gradient("SplitV")
def _split_v_gradient(op: Operation, *grads: Tensor) -> Any:
    return [concat(list(grads), op.inputs[2]), None, None]


def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str = "split"
) -> list[Tensor]:
    """Return the parts of a tensor along an axis that they keep.

    Parameters
    ----------
    num_or_size_splits
        The number of equal parts, a Python integer; or their sizes, of which one may be -1: what is left.
    num
        Number of parts, where the number of sizes is not known statically.

    Raises
    ------
    ValueError
        If the parts cannot make up the axis, or their number is not known.
    """
    size_splits = conversion.convert_to_tensor(num_or_size_splits)
    if size_splits.shape.ndims == 0 and size_splits.dtype.is_integer:
        return apply_op("Split", axis, value, num_split=num_or_size_splits, name=name).outputs
    if num is None:
        dims = size_splits.shape.as_tuple()
        num = dims[0] if dims else None
        if num is None:
            raise ValueError(f"Cannot infer num from shape {num_or_size_splits}")
    return apply_op("SplitV", value, size_splits, axis, num_split=num, name=name).outputs
