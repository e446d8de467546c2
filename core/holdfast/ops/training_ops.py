"""Update steps of optimisers, one node a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import dtypes
from holdfast.graph.op_def import boolean, define_op, type_attr
from holdfast.ops.apply import apply_op
from holdfast.ops.shape_rules import check_equal_dimensions, check_rank, merged
from holdfast.ops.state_ops import NUMBERS
from holdfast.shapes import TensorShape

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor

_T = {"T": type_attr(*NUMBERS)}
_INDICES = {"Tindices": type_attr(dtypes.int32, dtypes.int64)}
_LOCKING = {"use_locking": boolean(default=False)}
_NESTEROV = {"use_nesterov": boolean(default=False)}
# Hyper-parameters by their names in the signatures; all other inputs have the variable's shape.
_SCALARS = frozenset(["alpha", "lr", "momentum", "beta1_power", "beta2_power", "beta1", "beta2", "epsilon"])


def _dense_shape(op: Operation) -> list[TensorShape]:
    shape = op.inputs[0].shape
    for arg, tensor in zip(op.op_def.inputs, op.inputs, strict=True):
        if arg.name in _SCALARS:
            check_rank(tensor.shape, 0)
        else:
            shape = merged(shape, tensor.shape)
    return [shape]


def _sparse_shape(op: Operation) -> list[TensorShape]:
    inputs = {arg.name: tensor.shape for arg, tensor in zip(op.op_def.inputs, op.inputs, strict=True)}
    shape = merged(inputs["var"], inputs["accum"])
    for name in _SCALARS & inputs.keys():
        check_rank(inputs[name], 0)
    check_rank(inputs["indices"], 1)
    rows, grad = inputs["indices"].as_tuple(), inputs["grad"].as_tuple()
    if grad is not None and rows is not None:
        check_equal_dimensions(grad[0] if grad else None, rows[0])
    dims = shape.as_tuple()
    if dims is not None and grad is not None:
        merged(TensorShape((None, *dims[1:])), inputs["grad"])
    return [shape]


define_op(
    "ApplyGradientDescent",
    "var: Ref(T), alpha: T, delta: T -> out: Ref(T)",
    attrs=_T | _LOCKING,
    shape=_dense_shape,
    effects=True,
)
define_op(
    "ApplyMomentum",
    "var: Ref(T), accum: Ref(T), lr: T, grad: T, momentum: T -> out: Ref(T)",
    attrs=_T | _LOCKING | _NESTEROV,
    shape=_dense_shape,
    effects=True,
)
define_op(
    "SparseApplyMomentum",
    "var: Ref(T), accum: Ref(T), lr: T, grad: T, indices: Tindices, momentum: T -> out: Ref(T)",
    attrs=_T | _INDICES | _LOCKING | _NESTEROV,
    shape=_sparse_shape,
    effects=True,
)
define_op(
    "ApplyAdam",
    "var: Ref(T), m: Ref(T), v: Ref(T), beta1_power: T, beta2_power: T, lr: T, beta1: T, beta2: T, epsilon: T, grad: T "
    "-> out: Ref(T)",
    attrs=_T | _LOCKING | _NESTEROV,
    shape=_dense_shape,
    effects=True,
)


def apply_gradient_descent(
    var: Any, alpha: Any, delta: Any, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Subtract ``alpha * delta`` from a variable; return its reference."""
    return apply_op("ApplyGradientDescent", var, alpha, delta, use_locking=use_locking, name=name).outputs[0]


def apply_momentum(
    var: Any,
    accum: Any,
    lr: Any,
    grad: Any,
    momentum: Any,
    use_locking: bool = False,
    use_nesterov: bool = False,
    name: str | None = None,
) -> Tensor:
    """Update a variable by the momentum scheme; return its reference.

    ``accum = accum * momentum + grad``, then ``var -= lr * accum``; with ``use_nesterov``
    ``var -= lr * grad + lr * momentum * accum``.
    """
    inputs = (var, accum, lr, grad, momentum)
    op = apply_op("ApplyMomentum", *inputs, use_locking=use_locking, use_nesterov=use_nesterov, name=name)
    return op.outputs[0]


def sparse_apply_momentum(
    var: Any,
    accum: Any,
    lr: Any,
    grad: Any,
    indices: Any,
    momentum: Any,
    use_locking: bool = False,
    use_nesterov: bool = False,
    name: str | None = None,
) -> Tensor:
    """Update the rows ``indices`` of a variable as :func:`apply_momentum` does; all others keep their momentum."""
    inputs = (var, accum, lr, grad, indices, momentum)
    op = apply_op("SparseApplyMomentum", *inputs, use_locking=use_locking, use_nesterov=use_nesterov, name=name)
    return op.outputs[0]


def apply_adam(
    var: Any,
    m: Any,
    v: Any,
    beta1_power: Any,
    beta2_power: Any,
    lr: Any,
    beta1: Any,
    beta2: Any,
    epsilon: Any,
    grad: Any,
    use_locking: bool = False,
    use_nesterov: bool = False,
    name: str | None = None,
) -> Tensor:
    """Update a variable by Adam (Kingma and Ba, 2014; its section 2 form with ``epsilon`` hat); return its reference.

    ``m += (grad - m) * (1 - beta1)`` and ``v += (grad**2 - v) * (1 - beta2)``; then, with
    ``lr_t = lr * sqrt(1 - beta2_power) / (1 - beta1_power)``, ``var -= lr_t * m / (sqrt(v) + epsilon)``. With
    ``use_nesterov`` ``m * beta1 + grad * (1 - beta1)`` stands for the last ``m``.
    """
    inputs = (var, m, v, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad)
    op = apply_op("ApplyAdam", *inputs, use_locking=use_locking, use_nesterov=use_nesterov, name=name)
    return op.outputs[0]
