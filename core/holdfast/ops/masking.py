"""Elements chosen by booleans: where, boolean_mask, sequence_mask."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, not_differentiable, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.ops.gathering import gather
from holdfast.ops.joining import concat
from holdfast.ops.reshaping import expand_dims, reshape, squeeze
from holdfast.ops.sequences import zeros_like
from holdfast.ops.shape_queries import shape

__all__ = ["boolean_mask", "sequence_mask", "where"]


def _where_shape(op: Operation) -> list[shapes.TensorShape]:
    return [shapes.TensorShape([None, op.inputs[0].shape.ndims])]


def _select_shape(op: Operation) -> list[shapes.TensorShape]:
    condition, first, second = (tensor.shape for tensor in op.inputs)
    result = shape_rules.merged(first, second)
    chosen, dims = condition.as_tuple(), result.as_tuple()
    if chosen is None or not chosen or dims is None:
        return [result]
    if len(chosen) == 1:
        # A vector chooses rows.
        of_rows = shapes.TensorShape(dims[:1])
        merged = shape_rules.merged(condition, of_rows).as_tuple() or ()
        return [shapes.TensorShape([*merged, *dims[1:]])]
    return [shape_rules.merged(result, condition)]


define_op("Where", "input: bool -> index: int64", shape=_where_shape)
define_op("Select", "condition: bool, t: T, e: T -> output: T", attrs={"T": type_attr()}, shape=_select_shape)
not_differentiable("Where")


@register_gradient("Select")
def _select_gradient(op: Operation, grad: Tensor) -> Any:
    condition, first, _ = op.inputs
    zeros = zeros_like(first)
    chosen = apply_op("Select", condition, grad, zeros).outputs[0]
    other = apply_op("Select", condition, zeros, grad).outputs[0]
    return [None, chosen, other]


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """Return ``x`` where ``condition`` is true and ``y`` elsewhere; without them, the positions where it is true.

    Parameters
    ----------
    condition
        Booleans of the shape of ``x``, a vector that chooses rows, or a scalar.
    x, y
        Tensors of one shape and dtype; nothing is broadcast.

    Returns
    -------
    Tensor
        Without ``x`` and ``y``, int64 of shape ``[number of true elements, rank]``.

    Raises
    ------
    ValueError
        If only one of ``x`` and ``y`` is given, or the shapes differ.
    """
    if x is None and y is None:
        return apply_op("Where", condition, name=name).outputs[0]
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    return apply_op("Select", condition, x, y, name=name).outputs[0]


def boolean_mask(tensor: Any, mask: Any, name: str = "boolean_mask") -> Tensor:
    """Return the elements, or rows, of ``tensor`` where ``mask`` is true.

    Parameters
    ----------
    mask
        Booleans of static rank K whose shape is that of the first K axes of ``tensor``; these become one.

    Raises
    ------
    ValueError
        If the mask is a scalar, its rank is not known, or its shape does not fit.
    """
    with default.name_scope(name, "boolean_mask", [tensor, mask]):
        tensor = conversion.convert_to_tensor(tensor, name="tensor")
        mask = conversion.convert_to_tensor(mask, name="mask")
        ndims = mask.shape.ndims
        if ndims == 0:
            raise ValueError("mask cannot be scalar.")
        if ndims is None:
            raise ValueError(
                "Number of mask dimensions must be specified, even if some dimensions are None.  E.g. shape=[None] is "
                "ok, but shape=None is not."
            )
        tensor.shape[:ndims].assert_is_compatible_with(mask.shape)
        return _masked_rows(tensor, mask, ndims)


def _masked_rows(tensor: Tensor, mask: Tensor, ndims: int) -> Tensor:
    """Return the chosen rows, the first axes flattened to one."""
    from holdfast.ops.reductions import reduce_prod

    leading = reduce_prod(shape(tensor)[:ndims], [0])
    tensor_dims = tensor.shape.as_tuple()
    rows = reshape(tensor, concat([[leading], shape(tensor)[ndims:]], 0))
    if tensor_dims is not None:
        first = shapes.TensorShape(tensor_dims[:ndims]).num_elements()
        rows.set_shape([first, *tensor_dims[ndims:]])
    flat = reshape(mask, [-1])
    return gather(rows, squeeze(where(flat), [1]))


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = dtypes.bool, name: str | None = None) -> Tensor:
    """Return a mask of the first positions of each row: ``mask[..., j]`` is true if ``j < lengths[...]``.

    Parameters
    ----------
    lengths
        Integers.
    maxlen
        Size of the last axis; by default the largest length.

    Raises
    ------
    ValueError
        If ``maxlen`` is not a scalar.
    """
    from holdfast.ops.casting import cast
    from holdfast.ops.comparison import less
    from holdfast.ops.reductions import reduce_max

    with default.name_scope(name, "SequenceMask", [lengths, maxlen]):
        lengths = conversion.convert_to_tensor(lengths)
        maxlen = reduce_max(lengths) if maxlen is None else conversion.convert_to_tensor(maxlen)
        if maxlen.shape.ndims not in {None, 0}:
            raise ValueError("maxlen must be scalar for sequence_mask")
        row = apply_op("Range", constant(0, maxlen.dtype), maxlen, constant(1, maxlen.dtype)).outputs[0]
        column = apply_op("Cast", expand_dims(lengths, -1), DstT=maxlen.dtype.base_dtype).outputs[0]
        result = less(row, column)
        wanted = dtypes.as_dtype(dtype)
        return result if wanted is dtypes.bool else cast(result, wanted)
