"""pad and tile: tensors made larger from their own elements or a constant."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import conversion
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.op_def import define_op, register_gradient, string, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.reshaping import reshape, transpose
from holdfast.ops.sequences import range as range_of
from holdfast.ops.shape_queries import rank, shape, size
from holdfast.ops.slicing import slice as slice_of
from holdfast.ops.stacking import stack
from holdfast.ops.static import constant_value, constant_value_as_shape

__all__ = ["pad", "tile"]

_INDEX = type_attr(dtypes.int32, dtypes.int64, default=dtypes.int32)
_MIRROR = {"T": type_attr(), "Tpaddings": _INDEX, "mode": string(allowed=(b"REFLECT", b"SYMMETRIC"))}


def _pad_shape(op: Operation) -> list[shapes.TensorShape]:
    value, paddings = op.inputs[:2]
    rows, columns = shape_rules.of_rank(paddings.shape, 2)
    shape_rules.check_equal_dimensions(columns, 2)
    ndims = rows if rows is not None else value.shape.ndims
    if ndims is None:
        return [shapes.unknown_shape()]
    dims = shape_rules.of_rank(value.shape, ndims)
    known = constant_value(paddings)
    if known is None:
        return [shapes.unknown_shape(ndims)]
    if (known < 0).any():
        raise ValueError("Paddings must be non-negative")
    sign = -1 if op.type == "MirrorPadGrad" else 1
    added = known.sum(axis=1).tolist()
    return [shapes.TensorShape([None if d is None else d + sign * n for d, n in zip(dims, added, strict=True)])]


def _tile_shape(op: Operation) -> list[shapes.TensorShape]:
    value, multiples = op.inputs
    count = shape_rules.of_rank(multiples.shape, 1)[0]
    times = constant_value_as_shape(multiples).as_tuple()
    ndims = value.shape.ndims if value.shape.ndims is not None else count
    if ndims is None:
        return [shapes.unknown_shape()]
    if count is not None and count != ndims:
        raise ValueError(f"Shape must be rank {ndims} but is rank {count}")
    dims = shape_rules.of_rank(value.shape, ndims)
    if times is None:
        return [shapes.unknown_shape(ndims)]
    sizes = [None if d is None or n is None else d * n for d, n in zip(dims, times, strict=True)]
    return [shapes.TensorShape(sizes)]


define_op(
    "Pad",
    "input: T, paddings: Tpaddings -> output: T",
    attrs={"T": type_attr(), "Tpaddings": _INDEX},
    shape=_pad_shape,
)
define_op(
    "PadV2",
    "input: T, paddings: Tpaddings, constant_values: T -> output: T",
    attrs={"T": type_attr(), "Tpaddings": _INDEX},
    shape=_pad_shape,
)
define_op("MirrorPad", "input: T, paddings: Tpaddings -> output: T", attrs=_MIRROR, shape=_pad_shape)
define_op("MirrorPadGrad", "input: T, paddings: Tpaddings -> output: T", attrs=_MIRROR, shape=_pad_shape)
define_op(
    "Tile",
    "input: T, multiples: Tmultiples -> output: T",
    attrs={"T": type_attr(), "Tmultiples": _INDEX},
    shape=_tile_shape,
)


@register_gradient("Pad", "PadV2")
def _pad_gradient(op: Operation, grad: Tensor) -> Any:
    value, paddings = op.inputs[:2]
    # The first column: how much was put in front.
    column = slice_of(paddings, [0, 0], stack([rank(value), 1]))
    begin = reshape(column, [-1])
    part = slice_of(grad, begin, shape(value, out_type=begin.dtype.base_dtype))
    return [part, None] if op.type == "Pad" else [part, None, None]


@register_gradient("MirrorPad")
def _mirror_pad_gradient(op: Operation, grad: Tensor) -> Any:
    return [apply_op("MirrorPadGrad", grad, op.inputs[1], mode=op.attrs["mode"]).outputs[0], None]


@register_gradient("MirrorPadGrad")
def _mirror_pad_grad_gradient(op: Operation, grad: Tensor) -> Any:
    return [apply_op("MirrorPad", grad, op.inputs[1], mode=op.attrs["mode"]).outputs[0], None]


@register_gradient("Tile")
def _tile_gradient(op: Operation, grad: Any) -> Any:
    from holdfast.ops.reductions import reduce_sum

    value, multiples = op.inputs
    if isinstance(grad, IndexedSlices):
        grad = conversion.convert_to_tensor(grad)
    # Each axis becomes two, the repetitions and the axis itself; the repetitions are summed.
    pairs = stack([multiples, shape(value, out_type=multiples.dtype.base_dtype)])
    split_shape = reshape(transpose(pairs), [-1])
    axes = range_of(0, size(split_shape), 2)
    result = reduce_sum(reshape(grad, split_shape), axes)
    result.set_shape(value.shape)
    return [result, None]


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0
) -> Tensor:
    """Return ``tensor`` with elements added before and after each axis.

    Parameters
    ----------
    paddings
        Integers of shape ``[rank, 2]``: how many before, how many after.
    mode
        ``CONSTANT``, ``REFLECT`` (mirrored without the border element) or ``SYMMETRIC`` (with it); in any case.
    constant_values
        Scalar that ``CONSTANT`` adds.

    Raises
    ------
    ValueError
        If the mode is unknown or the paddings do not fit.
    """
    mode = mode.upper()
    if mode in {"REFLECT", "SYMMETRIC"}:
        return apply_op("MirrorPad", tensor, paddings, mode=mode, name=name).outputs[0]
    if mode != "CONSTANT":
        raise ValueError(f"Unknown padding mode: {mode}")
    if isinstance(constant_values, (int, float)) and constant_values == 0:
        return apply_op("Pad", tensor, paddings, name=name).outputs[0]
    return apply_op("PadV2", tensor, paddings, constant_values, name=name).outputs[0]


def tile(input: Any, multiples: Any, name: str | None = None) -> Tensor:
    """Return ``input`` repeated ``multiples[i]`` times along axis i.

    Raises
    ------
    ValueError
        If there is not one multiple an axis.
    """
    return apply_op("Tile", input, multiples, name=name).outputs[0]
