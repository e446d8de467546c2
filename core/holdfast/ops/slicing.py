"""Parts of tensors: slice, strided_slice, and Python's indexing of tensors."""

from __future__ import annotations

import builtins
from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import default
from holdfast.graph.op_def import define_op, integer, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import OPERATORS, Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.ops.joining import concat
from holdfast.ops.reshaping import reshape
from holdfast.ops.sequences import ones_like
from holdfast.ops.shape_queries import rank, shape
from holdfast.ops.stacking import stack
from holdfast.ops.static import constant_value_as_shape, partial_value
from holdfast.ops.strided import SliceSpec, static_shape

__all__ = ["newaxis", "slice", "strided_slice"]

newaxis = None
"""In an index: a new axis of size 1."""

_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _slice_shape(op: Operation) -> list[shapes.TensorShape]:
    value, begin, size = op.inputs
    count = shape_rules.of_rank(shape_rules.merged(begin.shape, size.shape), 1)[0]
    ndims = value.shape.ndims if value.shape.ndims is not None else count
    if ndims is None:
        return [shapes.unknown_shape()]
    if count is not None and count != ndims:
        raise ValueError(f"Shape must be rank {count} but is rank {ndims}")
    dims = shape_rules.of_rank(value.shape, ndims)
    sizes, begins = partial_value(size, ndims), partial_value(begin, ndims)
    result: list[int | None] = []
    for dim, first, wanted in zip(dims, begins, sizes, strict=True):
        if wanted != -1:
            result.append(wanted)
        else:
            result.append(None if dim is None or first is None or first > dim else dim - first)
    return [shapes.TensorShape(result)]


def _strided_slice_shape(op: Operation) -> list[shapes.TensorShape]:
    value, *numbers = op.inputs
    for tensor in numbers:
        shape_rules.check_rank(tensor.shape, 1)
    merged = numbers[0].shape
    for tensor in numbers[1:]:
        merged = shape_rules.merged(merged, tensor.shape)
    count = shape_rules.of_rank(merged, 1)[0]
    dims = value.shape.as_tuple()
    if count is None or dims is None:
        return [shapes.unknown_shape()]
    spec = SliceSpec.from_attrs(op.attrs, *(partial_value(tensor, count) for tensor in numbers))
    return [shapes.TensorShape(static_shape(spec, dims))]


def _strided_slice_grad_shape(op: Operation) -> list[shapes.TensorShape]:
    return [constant_value_as_shape(op.inputs[0])]


_INDEX = type_attr(dtypes.int32, dtypes.int64)
_STRIDED_ATTRS = {"T": type_attr(), "Index": _INDEX, **{mask: integer(0) for mask in _MASKS}}

define_op(
    "Slice",
    "input: T, begin: Index, size: Index -> output: T",
    attrs={"T": type_attr(), "Index": _INDEX},
    shape=_slice_shape,
)
define_op(
    "StridedSlice",
    "input: T, begin: Index, end: Index, strides: Index -> output: T",
    attrs=_STRIDED_ATTRS,
    shape=_strided_slice_shape,
)
define_op(
    "StridedSliceGrad",
    "shape: Index, begin: Index, end: Index, strides: Index, dy: T -> output: T",
    attrs=_STRIDED_ATTRS,
    shape=_strided_slice_grad_shape,
)


@register_gradient("Slice")
def _slice_gradient(op: Operation, grad: Tensor) -> Any:
    value, begin, _ = op.inputs
    ndims = rank(value)
    taken = shape(op.outputs[0])
    column = stack([ndims, 1])
    before = reshape(begin, column)
    after = reshape(shape(value) - taken - begin, column)
    return [apply_op("Pad", grad, concat([before, after], 1)).outputs[0], None, None]


@register_gradient("StridedSlice")
def _strided_slice_gradient(op: Operation, grad: Tensor) -> Any:
    value, begin, end, strides = op.inputs
    whole = shape(value, out_type=begin.dtype.base_dtype)
    masks = {mask: op.attrs[mask] for mask in _MASKS}
    return [apply_op("StridedSliceGrad", whole, begin, end, strides, grad, **masks).outputs[0], None, None, None]


@register_gradient("StridedSliceGrad")
def _strided_slice_grad_gradient(op: Operation, grad: Tensor) -> Any:
    _, begin, end, strides, _ = op.inputs
    masks = {mask: op.attrs[mask] for mask in _MASKS}
    return [None, None, None, None, apply_op("StridedSlice", grad, begin, end, strides, **masks).outputs[0]]


def slice(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """Return the part of a tensor that begins at ``begin`` and has shape ``size``; -1 there means: to the end.

    Raises
    ------
    ValueError
        If the vectors do not fit the rank.
    """
    return apply_op("Slice", input_, begin, size, name=name).outputs[0]


def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return a strided part of a tensor: what ``input_[begin:end:strides]`` does, with the syntax as bit masks.

    Parameters
    ----------
    begin, end, strides
        Vectors of integers, one item an axis; by default the strides are 1.
    begin_mask, end_mask
        Items whose ``begin`` or ``end`` does not count: from the first, to the last element.
    ellipsis_mask
        The item that stands for all axes without one.
    new_axis_mask
        Items that insert an axis of size 1.
    shrink_axis_mask
        Items that take one element and drop the axis.
    var
        Accepted as TensorFlow does; slices of variables are assigned by the variable itself.

    Raises
    ------
    ValueError
        If the slice is known not to fit the tensor.
    """
    if strides is None:
        strides = ones_like(begin)
    masks = (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
    op = apply_op("StridedSlice", input_, begin, end, strides, name=name, **dict(zip(_MASKS, masks, strict=True)))
    return op.outputs[0]


class _Index:
    """A Python index as the vectors and masks of a strided slice."""

    def __init__(self) -> None:
        self.begin: list[Any] = []
        self.end: list[Any] = []
        self.strides: list[Any] = []
        self.masks = dict.fromkeys(_MASKS, 0)

    def _add(self, begin: Any, end: Any, stride: Any, *masks: str) -> None:
        for mask in masks:
            self.masks[mask] |= 1 << len(self.begin)
        self.begin.append(begin)
        self.end.append(end)
        self.strides.append(stride)

    def add(self, item: Any) -> None:
        """Add one item between the brackets."""
        if isinstance(item, builtins.slice):
            masks = [name for name, part in (("begin_mask", item.start), ("end_mask", item.stop)) if part is None]
            begin, end = (0 if part is None else part for part in (item.start, item.stop))
            self._add(begin, end, 1 if item.step is None else item.step, *masks)
        elif item is Ellipsis:
            self._add(0, 0, 1, "ellipsis_mask")
        elif item is newaxis:
            self._add(0, 0, 1, "new_axis_mask")
        else:
            if isinstance(item, (str, bytes)) or (isinstance(item, Tensor) and item.dtype.base_dtype is dtypes.bool):
                raise TypeError(
                    f"Indices are integers, slices, ..., tf.newaxis or integer scalars; got {item!r}. "
                    "Use tf.boolean_mask to choose elements by a mask."
                )
            self._add(item, item + 1, 1, "shrink_axis_mask")

    def vectors(self) -> list[Tensor]:
        """Return begin, end and strides as tensors of one dtype."""
        if not self.begin:
            return [constant([], dtypes.int32)] * 3
        vectors = [stack(part) for part in (self.begin, self.end, self.strides)]
        wide = dtypes.int64
        if any(vector.dtype == wide for vector in vectors):
            from holdfast.ops.casting import cast

            vectors = [vector if vector.dtype == wide else cast(vector, wide) for vector in vectors]
        return vectors


def getitem(tensor: Any, key: Any, var: Any = None) -> Tensor:
    """Return ``tensor[key]``: integers (also scalar tensors), slices with steps, ``...`` and ``tf.newaxis``."""
    index = _Index()
    items = key if isinstance(key, (list, tuple)) else (key,)
    for item in items:
        index.add(item)
    values = [*index.begin, *index.end, *index.strides]
    with default.name_scope(None, "strided_slice", [tensor, *values]) as scope:
        begin, end, strides = index.vectors()
        return strided_slice(tensor, begin, end, strides, **index.masks, var=var, name=scope)


OPERATORS["__getitem__"] = getitem
