"""Cross entropies over classes that exclude each other."""

from __future__ import annotations

from typing import Any

from holdfast import dtypes
from holdfast.graph import name_scope
from holdfast.graph.conversion import convert_to_tensor
from holdfast.graph.op_def import define_op, register_gradient, type_attr
from holdfast.graph.operation import Operation
from holdfast.graph.tensor import Tensor
from holdfast.ops import number_types, shape_rules
from holdfast.ops.apply import apply_op
from holdfast.ops.casting import cast
from holdfast.ops.nn_softmax import checked_dim, flatten_outer_dims, move_to_end, softmax
from holdfast.ops.reshaping import expand_dims, reshape
from holdfast.ops.shape_queries import rank, shape
from holdfast.shapes import TensorShape

__all__ = ["softmax_cross_entropy_with_logits", "sparse_softmax_cross_entropy_with_logits"]

_FLOATING = type_attr(*number_types.FLOATING)
_HALF = (dtypes.float16, dtypes.bfloat16)
_NO_SECOND = (
    "Currently there is no way to take the second derivative of sparse_softmax_cross_entropy_with_logits due to the "
    "fused implementation's interaction with tf.gradients()"
)


def _dense_shape(op: Operation) -> list[TensorShape]:
    logits, labels = op.inputs
    both = shape_rules.merged(TensorShape(shape_rules.of_rank(logits.shape, 2)), labels.shape)
    return [both[:1], both]


def _sparse_shape(op: Operation) -> list[TensorShape]:
    rows, classes = shape_rules.of_rank(op.inputs[0].shape, 2)
    (labels,) = shape_rules.of_rank(op.inputs[1].shape, 1)
    shape_rules.check_equal_dimensions(rows, labels)
    count = labels if rows is None else rows
    return [TensorShape([count]), TensorShape([count, classes])]


define_op(
    "SoftmaxCrossEntropyWithLogits",
    "features: T, labels: T -> loss: T, backprop: T",
    attrs={"T": _FLOATING},
    shape=_dense_shape,
)
define_op(
    "SparseSoftmaxCrossEntropyWithLogits",
    "features: T, labels: Tlabels -> loss: T, backprop: T",
    attrs={"T": _FLOATING, "Tlabels": type_attr(dtypes.int32, dtypes.int64, default=dtypes.int64)},
    shape=_sparse_shape,
)


def _for_each_row(grad: Tensor, rows: Tensor) -> Tensor:
    """Return rows, each times its element of a vector."""
    return expand_dims(grad, -1) * rows


@register_gradient("SoftmaxCrossEntropyWithLogits")
def _dense_gradient(op: Operation, grad_loss: Tensor, grad_grad: Tensor | None) -> list[Tensor | None]:
    grad = _for_each_row(grad_loss, op.outputs[1])
    if grad_grad is not None and grad_grad.op.type not in {"ZerosLike", "Zeros"}:
        # The second output is the first derivative: what comes back through it is a second one.
        classes = softmax(op.inputs[0])
        total = apply_op("Sum", grad_grad * classes, [-1], keep_dims=True).outputs[0]
        grad += (grad_grad - total) * classes
    return [grad, None]


@register_gradient("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_gradient(op: Operation, grad_loss: Tensor, _: Tensor | None) -> list[Tensor | None]:
    guarded = apply_op("PreventGradient", op.outputs[1], message=_NO_SECOND).outputs[0]
    return [_for_each_row(grad_loss, guarded), None]


def check_named(function: str, sentinel: Any, labels: Any, logits: Any) -> None:
    """Raise ValueError unless labels and logits were given, by name: which comes first differs between libraries."""
    if sentinel is not None:
        raise ValueError(f"Only call `{function}` with named arguments (labels=..., logits=..., ...)")
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided.")


def _precise(logits: Tensor) -> Tensor:
    """Return logits of half precision in single, others as they are."""
    return cast(logits, dtypes.float32) if logits.dtype.base_dtype in _HALF else logits


def _as(cost: Tensor, dtype: dtypes.DType) -> Tensor:
    """Return a loss in the dtype of the logits it was computed from."""
    return cast(cost, dtype) if dtype in _HALF else cost


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None
) -> Tensor:
    """Return the cross entropy of ``softmax(logits)`` against distributions over the classes.

    The gradient flows to the logits only.

    Parameters
    ----------
    labels
        Probabilities: along ``dim`` they should sum to 1. Same shape as ``logits``.
    logits
        Unscaled log probabilities; float16, float32 or float64.
    dim
        The dimension of the classes.

    Returns
    -------
    Tensor
        One loss for each distribution: the shape of ``logits`` without ``dim``, in its dtype.

    Raises
    ------
    ValueError
        If an argument is not given by name, or the shapes cannot fit.
    """
    check_named("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    logits = convert_to_tensor(logits)
    labels = convert_to_tensor(labels)
    found, precise_logits = logits.dtype.base_dtype, _precise(logits)
    labels = cast(labels, precise_logits.dtype)
    dim = checked_dim(dim, logits.shape.ndims)
    input_rank = rank(precise_logits)
    dims = logits.shape.as_tuple()
    if dim != -1:
        precise_logits = move_to_end(precise_logits, dim, input_rank)
        labels = move_to_end(labels, dim, input_rank)
    input_shape = shape(precise_logits)
    rows, targets = flatten_outer_dims(precise_logits), flatten_outer_dims(labels)
    cost = apply_op("SoftmaxCrossEntropyWithLogits", rows, targets, name=name).outputs[0]
    outer = apply_op("Slice", input_shape, [0], [apply_op("Sub", input_rank, 1).outputs[0]]).outputs[0]
    cost = reshape(cost, outer)
    if dims is not None:
        dim %= len(dims)
        cost.set_shape(dims[:dim] + dims[dim + 1 :])
    return _as(cost, found)


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """Return the cross entropy of ``softmax(logits)`` against one class for each.

    Parameters
    ----------
    labels
        Numbers of classes, int32 or int64; a label that is none raises InvalidArgumentError when it runs.
    logits
        Unscaled log probabilities, of one rank more: the last dimension is that of the classes.

    Returns
    -------
    Tensor
        One loss for each label, in the dtype of ``logits``.

    Raises
    ------
    ValueError
        If an argument is not given by name, or the shapes cannot fit.
    """
    check_named("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    with name_scope(name, "SparseSoftmaxCrossEntropyWithLogits", [labels, logits]):
        labels = convert_to_tensor(labels)
        logits = convert_to_tensor(logits)
        found, precise_logits = logits.dtype.base_dtype, _precise(logits)
        labels_shape = shape(labels)
        _check_ranks(labels.shape, logits.shape)
        if logits.shape.ndims == 2:
            return _as(_sparse_cost(precise_logits, labels, name), found)
        classes = shape(logits)[rank(logits) - 1]
        rows, flat = reshape(precise_logits, [-1, classes]), reshape(labels, [-1])
        cost = reshape(_sparse_cost(rows, flat, name), labels_shape)
        cost.set_shape(labels.shape)
        return _as(cost, found)


def _sparse_cost(logits: Tensor, labels: Tensor, name: str | None) -> Tensor:
    """Return the loss of each row."""
    return apply_op("SparseSoftmaxCrossEntropyWithLogits", logits, labels, name=name).outputs[0]


def _check_ranks(labels: TensorShape, logits: TensorShape) -> None:
    """Raise ValueError unless the logits may have a dimension more than the labels."""
    if logits.ndims == 0:
        raise ValueError(f"Logits cannot be scalars - received shape {logits}.")
    if logits.ndims is not None and labels.ndims is not None and labels.ndims != logits.ndims - 1:
        raise ValueError(
            f"Rank mismatch: Rank of labels (received {labels.ndims}) should equal rank of logits minus 1 "
            f"(received {logits.ndims})."
        )
