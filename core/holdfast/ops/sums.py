"""Sums of several tensors, and products with a scalar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast.dtypes import as_dtype
from holdfast.graph import conversion
from holdfast.graph.default import name_scope
from holdfast.graph.indexed_slices import IndexedSlices
from holdfast.graph.op_def import define_op, integer, register_gradient, shape_attr, type_attr
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.elementwise import node
from holdfast.ops.number_types import NUMBERS
from holdfast.shapes import as_shape, unknown_shape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.shapes import TensorShape

__all__ = ["accumulate_n", "add_n", "scalar_mul"]

_NOT_ALIKE = "inputs must be a list of at least one Tensor with the same dtype and shape"


def _add_n_shape(op: Operation) -> list[TensorShape]:
    shape = op.inputs[-1].shape
    for i in reversed(range(len(op.inputs) - 1)):
        try:
            shape = shape_rules.merged(op.inputs[i].shape, shape)
        except ValueError as error:
            raise ValueError(f"{error}\n\tFrom merging shape {i} with other shapes.") from None
    return [shape]


define_op(
    "AddN",
    "inputs: N * T -> sum: T",
    attrs={"N": integer(minimum=1), "T": type_attr(*NUMBERS)},
    shape=_add_n_shape,
)
define_op(
    "AccumulateNV2",
    "inputs: N * T -> sum: T",
    attrs={"N": integer(minimum=1), "T": type_attr(*NUMBERS), "shape": shape_attr()},
    shape=_add_n_shape,
)


@register_gradient("AddN", "AccumulateNV2")
def _sum_gradient(op: Operation, grad: Any) -> list[Any]:
    return [grad] * len(op.inputs)


def _convert(inputs: Any) -> list[Tensor]:
    """Return tensors from a list of values.

    Raises
    ------
    ValueError
        If it is not a list with at least one that converts.
    """
    if isinstance(inputs, Tensor):
        bool(inputs)  # raises: one tensor is no list, and has no truth value
    if not isinstance(inputs, Sequence) or not inputs:
        raise ValueError(_NOT_ALIKE)
    tensors = []
    for value in inputs:
        tensor = conversion.convert_to_tensor_or_indexed_slices(value)
        tensors.append(conversion.convert_to_tensor(tensor) if isinstance(tensor, IndexedSlices) else tensor)
    if not all(isinstance(tensor, Tensor) for tensor in tensors):
        raise ValueError(_NOT_ALIKE)
    return tensors


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """Return the sum of tensors of one shape and dtype, elementwise.

    Raises
    ------
    ValueError
        If ``inputs`` is no list, is empty, or the shapes differ.
    TypeError
        If the dtypes differ.
    """
    tensors = _convert(inputs)
    if len(tensors) > 1:
        return node("AddN", tensors, name=name)
    return node("Identity", tensors[0], name=name) if name else tensors[0]


def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Tensor:
    """Return the sum of tensors of one shape and dtype, elementwise, as one operation.

    Parameters
    ----------
    inputs
        The tensors.
    shape
        Their shape, as far as the caller knows more of it than they do.
    tensor_dtype
        Their dtype, if the caller wants it checked.

    Raises
    ------
    ValueError
        If ``inputs`` is no list, is empty, or shapes or dtypes differ.
    TypeError
        If they are not of ``tensor_dtype``.
    """
    tensors = _convert(inputs)
    dtype = tensors[0].dtype.base_dtype
    if any(tensor.dtype.base_dtype != dtype for tensor in tensors):
        raise ValueError(_NOT_ALIKE)
    merged = unknown_shape() if shape is None else as_shape(shape)
    for tensor in tensors:
        merged = merged.merge_with(tensor.shape)
    if tensor_dtype is not None and as_dtype(tensor_dtype) != dtype:
        raise TypeError(f"tensor_dtype is {as_dtype(tensor_dtype)}, but input is of type {dtype}")
    if len(tensors) == 1:
        return tensors[0]
    with name_scope(name, "AccumulateN", tensors) as scope:
        result = node("AccumulateNV2", tensors, shape=merged, name=scope)
        result.set_shape(merged)
        return result


def scalar_mul(scalar: Any, x: Any) -> Any:
    """Return a tensor, or IndexedSlices, times a scalar.

    Raises
    ------
    ValueError
        If ``scalar`` is not known to be one.
    """
    factor = conversion.convert_to_tensor(scalar, dtype=x.dtype.base_dtype, name="scalar")
    if factor.shape.ndims != 0:
        raise ValueError(f"Only scalar multiply works, got shape {factor.shape}")
    if isinstance(x, IndexedSlices):
        return IndexedSlices(factor * x.values, x.indices, x.dense_shape)
    return factor * x
