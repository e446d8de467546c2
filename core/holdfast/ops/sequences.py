"""Tensors made of nothing: zeros, ones, fill, linspace, range, eye, one_hot."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes, shapes
from holdfast.dtypes import DType
from holdfast.graph import conversion, default
from holdfast.graph.op_def import define_op, integer, not_differentiable, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.constants import constant
from holdfast.ops.ranges import range_size
from holdfast.ops.static import constant_value, constant_value_as_shape

__all__ = ["fill", "linspace", "one_hot", "ones", "ones_like", "range", "zeros", "zeros_like"]

_INDEX = (dtypes.int32, dtypes.int64)


def _fill_shape(op: Operation) -> list[shapes.TensorShape]:
    dims, value = op.inputs
    shape_rules.of_rank(dims.shape, 1)
    known = constant_value(dims)
    if known is not None and (known < 0).any():
        raise ValueError("Fill dimensions must be >= 0")
    shape_rules.of_rank(value.shape, 0)
    return [constant_value_as_shape(dims)]


def _linspace_shape(op: Operation) -> list[shapes.TensorShape]:
    for tensor in op.inputs:
        shape_rules.of_rank(tensor.shape, 0)
    num = constant_value(op.inputs[2])
    if num is not None and num <= 0:
        raise ValueError(f"Requires num > 0: {num}")
    return [shapes.vector(None if num is None else int(num))]


def _range_shape(op: Operation) -> list[shapes.TensorShape]:
    for tensor in op.inputs:
        shape_rules.of_rank(tensor.shape, 0)
    values = [constant_value(tensor) for tensor in op.inputs]
    if any(value is None for value in values):
        return [shapes.vector(None)]
    return [shapes.vector(range_size(*(value[()] for value in values if value is not None)))]


def _one_hot_shape(op: Operation) -> list[shapes.TensorShape]:
    indices, depth = op.inputs[:2]
    axis = op.attrs["axis"]
    for tensor in op.inputs[1:]:
        shape_rules.of_rank(tensor.shape, 0)
    if axis < -1:
        raise ValueError("axis must be >= -1")
    size = constant_value(depth)
    if size is not None and size < 0:
        raise ValueError(f"depth must be non-negative, got: {size}")
    dims = indices.shape.as_tuple()
    if dims is None:
        return [shapes.unknown_shape()]
    if axis > len(dims):
        raise ValueError(f"Expected axis to be -1 or between [0, {len(dims)}].  But received: {axis}")
    at = len(dims) if axis == -1 else axis
    return [shapes.TensorShape([*dims[:at], None if size is None else int(size), *dims[at:]])]


define_op("Fill", "dims: int32, value: T -> output: T", attrs={"T": type_attr()}, shape=_fill_shape)
define_op("ZerosLike", "x: T -> y: T", attrs={"T": type_attr()}, shape=shape_rules.first_input)
define_op(
    "OnesLike",
    "x: T -> y: T",
    attrs={
        "T": type_attr(dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64, dtypes.complex64, dtypes.complex128)
    },
    shape=shape_rules.first_input,
)
define_op(
    "LinSpace",
    "start: T, stop: T, num: Tidx -> output: T",
    attrs={"T": type_attr(dtypes.float32, dtypes.float64), "Tidx": type_attr(*_INDEX, default=dtypes.int32)},
    shape=_linspace_shape,
)
define_op(
    "Range",
    "start: Tidx, limit: Tidx, delta: Tidx -> output: Tidx",
    attrs={"Tidx": type_attr(dtypes.float32, dtypes.float64, *_INDEX, default=dtypes.int32)},
    shape=_range_shape,
)
define_op(
    "OneHot",
    "indices: TI, depth: int32, on_value: T, off_value: T -> output: T",
    attrs={
        "axis": integer(-1),
        "T": type_attr(),
        "TI": type_attr(dtypes.uint8, *_INDEX, default=dtypes.int64),
    },
    shape=_one_hot_shape,
)
not_differentiable("ZerosLike", "OnesLike", "LinSpace", "Range", "OneHot")


@register_gradient("Fill")
def _fill_gradient(op: Operation, grad: Tensor) -> Any:
    from holdfast.ops.reductions import reduce_sum

    return [None, reduce_sum(grad)]


def _zero(dtype: DType) -> Any:
    """Return the Python value that zeros of a dtype are made of."""
    if dtype is dtypes.bool:
        return False
    return "" if dtype is dtypes.string else 0


def _filled(shape: Any, value: Any, dtype: DType, name: str) -> Tensor:
    """Return a constant where the shape is known to Python, else a Fill."""
    try:
        return constant(value, dtype, shapes.as_shape(shape), name)
    except (TypeError, ValueError):
        dims = conversion.convert_to_tensor(shape, dtypes.int32, name="shape")
        return fill(dims, constant(value, dtype), name)


def zeros(shape: Any, dtype: Any = dtypes.float32, name: str | None = None) -> Tensor:
    """Return a tensor of zeros (False, empty strings).

    Parameters
    ----------
    shape
        A shape, a list of integers or a vector of int32.

    Raises
    ------
    ValueError
        If the shape is not fully known and no tensor, or has a negative size.
    """
    wanted = dtypes.as_dtype(dtype).base_dtype
    with default.name_scope(name, "zeros", [shape]) as scope:
        return _filled(shape, _zero(wanted), wanted, scope)


def ones(shape: Any, dtype: Any = dtypes.float32, name: str | None = None) -> Tensor:
    """Return a tensor of ones (True); see :func:`zeros`."""
    wanted = dtypes.as_dtype(dtype).base_dtype
    with default.name_scope(name, "ones", [shape]) as scope:
        return _filled(shape, wanted is dtypes.bool or 1, wanted, scope)


def fill(dims: Any, value: Any, name: str | None = None) -> Tensor:
    """Return a tensor of shape ``dims``, an int32 vector, with the scalar ``value`` everywhere.

    Raises
    ------
    ValueError
        If a dimension is negative or ``value`` is no scalar.
    """
    return apply_op("Fill", dims, value, name=name).outputs[0]


def zeros_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Return zeros of the shape of ``tensor``.

    Parameters
    ----------
    dtype
        Dtype of the result; by default that of ``tensor``.
    optimize
        Whether a statically known shape makes a constant.
    """
    from holdfast.ops.shape_queries import shape_internal

    with default.name_scope(name, "zeros_like", [tensor]) as scope:
        tensor = conversion.convert_to_tensor(tensor, name="tensor")
        wanted = tensor.dtype.base_dtype if dtype is None else dtypes.as_dtype(dtype).base_dtype
        if tensor.shape.is_fully_defined() and (optimize or wanted is dtypes.string):
            return zeros(tensor.shape, wanted, scope)
        if wanted is not tensor.dtype.base_dtype and dtype is not None:
            return zeros(shape_internal(tensor, optimize=optimize), wanted, scope)
        return apply_op("ZerosLike", tensor, name=scope).outputs[0]


def ones_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Return ones of the shape of ``tensor``; see :func:`zeros_like`."""
    from holdfast.ops.shape_queries import shape_internal

    with default.name_scope(name, "ones_like", [tensor]) as scope:
        tensor = conversion.convert_to_tensor(tensor, name="tensor")
        ones_shape = shape_internal(tensor, optimize=optimize)
        wanted = tensor.dtype.base_dtype if dtype is None else dtypes.as_dtype(dtype)
        result = ones(ones_shape, wanted, scope)
        result.set_shape(tensor.shape)
        return result


def linspace(start: Any, stop: Any, num: Any, name: str | None = None) -> Tensor:
    """Return ``num`` evenly spaced floats from ``start`` to ``stop``, both included.

    Raises
    ------
    ValueError
        If ``num`` is not positive.
    """
    return apply_op("LinSpace", start, stop, num, name=name).outputs[0]


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Tensor:
    """Return the numbers from ``start`` to before ``limit`` in steps of ``delta``; ``range(n)`` begins with 0.

    Parameters
    ----------
    dtype
        Dtype of the result; by default the widest among the arguments (int32, int64, float32, float64).

    Raises
    ------
    ValueError
        If ``delta`` is 0 or leads away from ``limit``.
    """
    if limit is None:
        start, limit = 0, start
    with default.name_scope(name, "Range", [start, limit, delta]) as scope:
        values = [
            conversion.convert_to_tensor(value, dtype, name=part)
            for value, part in ((start, "start"), (limit, "limit"), (delta, "delta"))
        ]
        if dtype is None:
            values = _of_one_dtype(values)
        return apply_op("Range", *values, name=scope).outputs[0]


_WIDTHS = (dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)


def _of_one_dtype(values: list[Tensor]) -> list[Tensor]:
    """Return scalars cast to the widest dtype among them."""
    from holdfast.ops.casting import cast

    for tensor in values:
        if tensor.dtype.base_dtype not in _WIDTHS:
            names = ", ".join(d.name for d in _WIDTHS)
            raise TypeError(f"range takes numbers of type {names}; found {tensor.dtype.name} ({tensor}).")
    widest = max((tensor.dtype.base_dtype for tensor in values), key=_WIDTHS.index)
    return [cast(tensor, widest) for tensor in values]


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return ``indices`` with one more axis of size ``depth``: ``on_value`` at the index, ``off_value`` elsewhere.

    Parameters
    ----------
    on_value, off_value
        Scalars of one dtype; by default 1 and 0.
    axis
        Where the new axis goes; by default last.
    dtype
        Dtype of the result; by default that of the values, float32 if there are none.

    Raises
    ------
    TypeError
        If the dtypes disagree.
    """
    with default.name_scope(name, "one_hot", [indices, depth, on_value, off_value, axis, dtype]) as scope:
        given = {"on_value": on_value, "off_value": off_value}
        found = {
            key: conversion.convert_to_tensor(value).dtype.base_dtype
            for key, value in given.items()
            if value is not None
        }
        wanted = _one_hot_dtype(found, dtype)
        if on_value is None:
            on_value = conversion.convert_to_tensor(1, wanted, name="on_value")
        if off_value is None:
            off_value = conversion.convert_to_tensor(0, wanted, name="off_value")
        op = apply_op(
            "OneHot", indices, depth, on_value, off_value, axis=-1 if axis is None else axis, T=wanted, name=scope
        )
        return op.outputs[0]


def _one_hot_dtype(found: dict[str, DType], dtype: Any) -> DType:
    """Return the dtype of a one_hot; TypeError if the given values disagree with it."""
    if dtype is not None:
        for key, value in found.items():
            if value != dtype:
                raise TypeError(f"dtype {value} of {key} does not match dtype parameter {dtypes.as_dtype(dtype)}")
        return dtypes.as_dtype(dtype)
    if len(set(found.values())) > 1:
        raise TypeError(f"dtype {found['on_value']} of on_value does not match dtype {found['off_value']} of off_value")
    return next(iter(found.values()), dtypes.float32)
