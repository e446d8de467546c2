"""Pooling over windows of images, with its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast import dtypes
from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import AttrDef, define_op, list_of, register_gradient, string, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.nn_windows import LAYOUT, PADDING, check_four, checked_list, layout_of, window_count
from holdfast.ops.sequences import zeros_like
from holdfast.ops.shape_queries import shape
from holdfast.ops.static import constant_value_as_shape
from holdfast.shapes import TensorShape

__all__ = ["avg_pool", "max_pool"]

_REAL = number_types.ORDERED
_FLOATING = type_attr(*number_types.FLOATING)
_WINDOW = {"ksize": list_of("int", minimum=4), "strides": list_of("int", minimum=4), "padding": PADDING}


def _pool_shape(op: Operation) -> list[TensorShape]:
    """Return the shape of pooled images; max_pool may pool over the channels too."""
    check_four(op, op.attrs["strides"], "stride")
    check_four(op, op.attrs["ksize"], "ksize")
    layout, padding = layout_of(op), op.attrs["padding"]
    if layout == "NCHW_VECT_C":
        shape_rules.of_rank(op.inputs[0].shape, 5)
        return [TensorShape([None] * 5)]
    pooled = "HWC" if op.type == "MaxPool" else "HW"
    dims = shape_rules.of_rank(op.inputs[0].shape, 4)
    return [
        TensorShape(
            window_count(size, window, stride, padding) if axis in pooled else size
            for axis, size, window, stride in zip(layout, dims, op.attrs["ksize"], op.attrs["strides"], strict=True)
        )
    ]


def _max_pool_grad_shape(op: Operation) -> list[TensorShape]:
    return [TensorShape(shape_rules.of_rank(op.inputs[0].shape, 4))]


def _max_pool_grad_grad_shape(op: Operation) -> list[TensorShape]:
    return [shape_rules.merged(TensorShape([None] * 4), op.inputs[1].shape)]


def _avg_pool_grad_shape(op: Operation) -> list[TensorShape]:
    said = constant_value_as_shape(op.inputs[0])
    return [TensorShape(shape_rules.of_rank(said, 4))]


def _attrs(kind: AttrDef, layout: AttrDef = LAYOUT) -> dict[str, AttrDef]:
    """Return the attributes of a pooling op."""
    return {**_WINDOW, "data_format": layout, "T": kind}


_SOURCES = "orig_input: T, orig_output: T, grad: T -> output: T"
define_op(
    "MaxPool",
    "input: T -> output: T",
    attrs={
        "T": type_attr(*_REAL, dtypes.qint8, default=dtypes.float32),
        **_WINDOW,
        "data_format": string(b"NHWC", (b"NHWC", b"NCHW", b"NCHW_VECT_C")),
    },
    shape=_pool_shape,
)
define_op("MaxPoolGrad", _SOURCES, attrs=_attrs(type_attr(*_REAL, default=dtypes.float32)), shape=_max_pool_grad_shape)
define_op("MaxPoolGradGrad", _SOURCES, attrs=_attrs(type_attr(*_REAL)), shape=_max_pool_grad_grad_shape)
define_op("AvgPool", "value: T -> output: T", attrs=_attrs(_FLOATING), shape=_pool_shape)
define_op(
    "AvgPoolGrad",
    "orig_input_shape: int32, grad: T -> output: T",
    attrs=_attrs(_FLOATING),
    shape=_avg_pool_grad_shape,
)


def _same(op: Operation, op_type: str, *inputs: Any) -> Tensor:
    """Return an op of the same attributes."""
    attrs = {name: op.attrs[name] for name in (*_WINDOW, "data_format")}
    return apply_op(op_type, *inputs, **attrs).outputs[0]


@register_gradient("MaxPool")
def _max_pool_gradient(op: Operation, grad: Tensor) -> Tensor:
    return _same(op, "MaxPoolGrad", op.inputs[0], op.outputs[0], grad)


@register_gradient("MaxPoolGrad", "MaxPoolGradGrad")
def _max_pool_second(op: Operation, grad: Tensor) -> list[Tensor]:
    value, pooled, _ = op.inputs
    other = "MaxPoolGradGrad" if op.type == "MaxPoolGrad" else "MaxPoolGrad"
    return [zeros_like(value), zeros_like(pooled), _same(op, other, value, pooled, grad)]


@register_gradient("AvgPool")
def _avg_pool_gradient(op: Operation, grad: Tensor) -> Tensor:
    return _same(op, "AvgPoolGrad", shape(op.inputs[0]), grad)


@register_gradient("AvgPoolGrad")
def _avg_pool_second(op: Operation, grad: Tensor) -> list[Tensor | None]:
    return [None, _same(op, "AvgPool", grad)]


def max_pool(
    value: Any,
    ksize: Sequence[int],
    strides: Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Return the largest element of each window.

    Where several elements are the largest, the gradient goes to the first of them, row by row.

    Parameters
    ----------
    value
        Images ``[batch, height, width, channels]``, in the order of ``data_format``; real.
    ksize, strides
        Size of a window and distance of two, four integers each in the order of ``data_format``; those of the batch
        must be 1.
    padding
        ``"SAME"``: windows may reach over the edge; ``"VALID"``: they may not.
    data_format
        ``"NHWC"`` or ``"NCHW"``.

    Raises
    ------
    TypeError
        If ``ksize`` or ``strides`` is no list.
    ValueError
        If the shape, window, strides, padding or format do not fit.
    """
    with name_scope(name, "MaxPool", [value]) as scope:
        return _pool("MaxPool", convert_to_tensor(value, name="input"), ksize, strides, padding, data_format, scope)


def avg_pool(
    value: Any,
    ksize: Sequence[int],
    strides: Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """Return the mean of each window, of those elements that are not padding.

    Parameters, and what is raised, as for :func:`max_pool`; floating point, and no windows over channels.
    """
    with name_scope(name, "AvgPool", [value]) as scope:
        return _pool("AvgPool", convert_to_tensor(value, name="value"), ksize, strides, padding, data_format, scope)


def _pool(op_type: str, value: Tensor, ksize: Any, strides: Any, padding: str, data_format: str, scope: str) -> Tensor:
    """Return a pooling op."""
    function = "max_pool" if op_type == "MaxPool" else "avg_pool"
    return apply_op(
        op_type,
        value,
        ksize=checked_list(ksize, "ksize", function),
        strides=checked_list(strides, "strides", function),
        padding=padding,
        data_format=data_format,
        name=scope,
    ).outputs[0]
