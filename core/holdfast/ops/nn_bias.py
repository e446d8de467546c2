"""Biases: a number for each channel, added everywhere; and the layers that are made of it."""

from __future__ import annotations

from typing import Any

from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import define_op, register_gradient, string, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.nn_activations import relu
from holdfast.ops.sequences import zeros_like
from holdfast.shapes import TensorShape

__all__ = ["bias_add", "relu_layer", "xw_plus_b"]

_NUMBER = type_attr(*number_types.NUMBERS)
_LAYOUT = string(b"NHWC", (b"NHWC", b"NCHW"))


def _channel(op: Operation, value: TensorShape) -> tuple[tuple[int | None, ...] | None, int]:
    """Return the dimensions of the biased tensor, as far as they are known, and which is that of the channels."""
    channels_first = op.attrs.get("data_format") == b"NCHW"
    dims = shape_rules.of_rank_at_least(value, 3 if channels_first else 2)
    return dims, -3 if channels_first else -1


def _bias_add_shape(op: Operation) -> list[TensorShape]:
    dims, axis = _channel(op, op.inputs[0].shape)
    (bias,) = shape_rules.of_rank(op.inputs[1].shape, 1)
    if dims is None:
        return [TensorShape(None)]
    shape_rules.check_equal_dimensions(dims[axis], bias)
    merged = list(dims)
    merged[axis] = bias if dims[axis] is None else dims[axis]
    return [TensorShape(merged)]


def _bias_add_grad_shape(op: Operation) -> list[TensorShape]:
    dims, axis = _channel(op, op.inputs[0].shape)
    return [TensorShape([None if dims is None else dims[axis]])]


define_op(
    "BiasAdd",
    "value: T, bias: T -> output: T",
    attrs={"T": _NUMBER, "data_format": _LAYOUT},
    shape=_bias_add_shape,
)
define_op("BiasAddV1", "value: T, bias: T -> output: T", attrs={"T": _NUMBER}, shape=_bias_add_shape)
define_op(
    "BiasAddGrad",
    "out_backprop: T -> output: T",
    attrs={"T": _NUMBER, "data_format": _LAYOUT},
    shape=_bias_add_grad_shape,
)


@register_gradient("BiasAdd", "BiasAddV1")
def _bias_add_gradient(op: Operation, grad: Tensor) -> list[Tensor]:
    layout = op.attrs.get("data_format")
    return [grad, apply_op("BiasAddGrad", grad, data_format=layout).outputs[0]]


@register_gradient("BiasAddGrad")
def _bias_add_second(op: Operation, grad: Tensor) -> Tensor:
    return apply_op("BiasAdd", zeros_like(op.inputs[0]), grad, data_format=op.attrs["data_format"]).outputs[0]


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """Return ``value`` with ``bias`` added to its channels.

    Parameters
    ----------
    value
        At least two-dimensional.
    bias
        A vector with one element a channel, of the dtype of ``value``.
    data_format
        ``"NHWC"`` (default): the channels are the last axis; ``"NCHW"``: the third from the end.

    Raises
    ------
    ValueError
        If the shapes cannot fit or the format is none of these.
    """
    with name_scope(name, "BiasAdd", [value, bias]) as scope:
        value = convert_to_tensor(value, name="input")
        bias = convert_to_tensor(bias, dtype=value.dtype.base_dtype, name="bias")
        return apply_op("BiasAdd", value, bias, data_format=data_format, name=scope).outputs[0]


def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """Return ``matmul(x, weights) + biases`` for two matrices and a vector."""
    with name_scope(name, "xw_plus_b", [x, weights, biases]) as scope:
        return bias_add(_product(x, weights), convert_to_tensor(biases, name="biases"), name=scope)


def relu_layer(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """Return ``relu(matmul(x, weights) + biases)`` for two matrices and a vector."""
    with name_scope(name, "relu_layer", [x, weights, biases]) as scope:
        return relu(bias_add(_product(x, weights), convert_to_tensor(biases, name="biases")), name=scope)


def _product(x: Any, weights: Any) -> Tensor:
    """Return the matrix product."""
    x = convert_to_tensor(x, name="x")
    weights = convert_to_tensor(weights, name="weights")
    return apply_op("MatMul", x, weights).outputs[0]
